"""Which country's polygon holds a point: exact, vectorised, without a geometry library.

A regular grid of 0.25° holds in each cell the country of one reference point. A cell that a border touches also lists the
edges that touch it, each labelled with the exclusive or of the codes on its two sides. A cell is convex, so only its
own edges can be crossed on the way from the reference point to a query, and the query's code is the reference's code with
the labels of all crossed edges folded in by exclusive or. Countries do not overlap, so that this equals the even-odd
rule applied to each country, at the antimeridian and at the poles too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.ragged import ranges, slices
from geo.sphere import Floats, wrap_lon

CELL_DEG = 0.25
ROWS, COLUMNS = 720, 1440
# Off the lattice of the polygons' vertices, so that no edge ever passes through a reference point.
REFERENCE_X, REFERENCE_Y = 0.51370191, 0.48730917


@dataclass(frozen=True)
class Borders:
    """Borders as edges sorted into cells. Codes are 0 for sea and country index + 1 for land."""

    cells: NDArray[np.uint8]
    """Code of the reference point of each cell [ROWS * COLUMNS], rows from the south."""
    rows: NDArray[np.int32]
    """Row of each cell [ROWS * COLUMNS] in `starts`, -1 where no border touches it."""
    starts: NDArray[np.int64]
    """Where the edges of each border cell begin in `edges` [n + 1]."""
    edges: NDArray[np.int32]
    """Edge i runs from vertex i to vertex i + 1."""
    x: Floats
    y: Floats
    label: NDArray[np.uint8]
    """Exclusive or of the codes on both sides of each edge."""
    patch_box: Floats
    """South, west, north, east of the boxes [k, 4] inside which a code is read as another."""
    patch_code: NDArray[np.uint8]
    """The code and what it is read as [k, 2]."""

    def codes_at(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.uint8]:
        """Codes [n] at points [n] in degrees; a point exactly on a border gets one of its sides."""
        y = np.clip(np.atleast_1d(np.asarray(lat, dtype=np.float64)), -90.0, 90.0)
        x = np.atleast_1d(wrap_lon(lon))
        cell = cell_at(y, x)
        codes = self.cells[cell]
        row = self.rows[cell]
        at_border = np.flatnonzero(row >= 0)
        if len(at_border):
            # Sorted, so that the pairs of a slice are close together in memory.
            at_border = at_border[np.argsort(row[at_border], kind="stable")]
            counts = self.starts[row[at_border] + 1] - self.starts[row[at_border]]
            for slice_ in slices(counts):
                part = at_border[slice_]
                codes[part] ^= self._crossed(x[part], y[part], cell[part], row[part], counts[slice_])
        for (south, west, north, east), (code, other) in zip(self.patch_box, self.patch_code, strict=True):
            codes[(codes == code) & (y >= south) & (y <= north) & (x >= west) & (x <= east)] = other
        return codes

    def _crossed(self, x: Floats, y: Floats, cell: NDArray[np.int64], row: NDArray[np.int32], counts: NDArray[np.int64]
                 ) -> NDArray[np.uint8]:  # fmt: skip
        """Exclusive or of the labels between each point and the reference of its cell."""
        ref_x, ref_y = reference_points(cell)
        starts = np.cumsum(counts) - counts
        edge = self.edges[ranges(self.starts[row], counts)]
        ax, ay, bx, by = self.x[edge], self.y[edge], self.x[edge + 1], self.y[edge + 1]
        px, py, rx, ry = (np.repeat(v, counts) for v in (x, y, ref_x, ref_y))
        dx, dy, ex, ey = px - rx, py - ry, bx - ax, by - ay
        # The side of a vertex depends on that vertex alone, so that a way through a vertex is counted once.
        apart = (dx * (ay - ry) > dy * (ax - rx)) != (dx * (by - ry) > dy * (bx - rx))
        apart &= (ex * (py - ay) > ey * (px - ax)) != (ex * (ry - ay) > ey * (rx - ax))
        return np.bitwise_xor.reduceat(np.where(apart, self.label[edge], np.uint8(0)), starts)


def cell_at(lat: Floats, lon: Floats) -> NDArray[np.int64]:
    """Index of the grid cell of points with latitude in [-90, 90] and longitude in [-180, 180)."""
    row = np.minimum(((lat + 90.0) / CELL_DEG).astype(np.int64), ROWS - 1)
    return np.asarray(row * COLUMNS + np.minimum(((lon + 180.0) / CELL_DEG).astype(np.int64), COLUMNS - 1))


def reference_points(cell: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Longitude and latitude of the reference points of cells."""
    x = (cell % COLUMNS).astype(np.float64) + REFERENCE_X
    y = (cell // COLUMNS).astype(np.float64) + REFERENCE_Y
    return x * CELL_DEG - 180.0, y * CELL_DEG - 90.0


def load_borders() -> Borders:
    """The borders shipped with the package, from Natural Earth at 1:10 million (`geo/data/README.md`)."""
    with (files("geo") / "data" / "borders.npz").open("rb") as file, np.load(file) as data:
        return borders_of(data)


def borders_of(data: Mapping[str, NDArray[Any]]) -> Borders:
    """Borders from their stored form: the vertices, cells and edges as steps from one to the next."""
    vertices = np.cumsum(data["steps"].astype(np.int32), axis=0) * data["scale"] + data["origin"]
    x, y = np.ascontiguousarray(vertices[:, 0]), np.ascontiguousarray(vertices[:, 1])
    counts = data["counts"].astype(np.int64)
    rows = np.full(ROWS * COLUMNS, -1, dtype=np.int32)
    rows[np.cumsum(data["border_cells"].astype(np.int64))] = np.arange(len(counts))
    starts, edges = np.concatenate([[0], np.cumsum(counts)]), np.cumsum(data["edge_steps"], dtype=np.int32)
    return Borders(data["cells"], rows, starts, edges, x, y,
                   np.repeat(data["line_label"], data["line_length"]), data["patch_box"], data["patch_code"])  # fmt: skip
