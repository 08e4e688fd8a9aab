"""Country polygons from Natural Earth (TopoJSON of the npm package world-atlas) as the edge table of `geo/borders.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.borders import CELL_DEG, COLUMNS, ROWS, reference_points
from geo.ragged import ranges
from geo.sphere import Floats

# Polygons without an ISO code in the source, and who is taken to hold them (geo/data/README.md has the reasons). None is nobody.
NAMED: dict[str, str | None] = {
    "Dhekelia": "CY", "Akrotiri": "CY", "N. Cyprus": "CY", "Cyprus U.N. Buffer Zone": "CY", "Somaliland": "SO", "Kosovo": "XK",
    "USNB Guantanamo Bay": "CU", "Siachen Glacier": "IN", "Baikonur": "KZ", "Indian Ocean Ter.": "CX", "Coral Sea Is.": "AU",
    "Spratly Is.": None, "Clipperton I.": "FR", "Bajo Nuevo Bank": "CO", "Serranilla Bank": "CO", "Scarborough Reef": None,
}  # fmt: skip

# Parts of the source's countries that have ISO codes of their own: country, south, west, north, east, code.
PARTS: tuple[tuple[str, float, float, float, float, str], ...] = (
    ("FR", 2, -55, 6.2, -51, "GF"), ("FR", 15.7, -62, 16.7, -60.9, "GP"), ("FR", 14.2, -61.4, 15, -60.7, "MQ"),
    ("FR", -21.6, 55, -20.7, 56, "RE"), ("FR", -13.2, 44.8, -12.5, 45.5, "YT"), ("NO", 74, 5, 81.5, 37, "SJ"),
    ("RU", 44.2, 32.4, 46.3, 36.7, "UA"), ("NO", 70.6, -10, 71.4, -7, "SJ"), ("NO", -55, 3, -54, 4, "BV"),
    ("NL", 11.9, -68.6, 12.5, -68, "BQ"), ("NL", 17.3, -63.5, 17.8, -62.8, "BQ"), ("CX", -12.5, 96, -11.5, 97.5, "CC"),
    ("NZ", -9.6, -172.8, -8.3, -171, "TK"),
)  # fmt: skip

# Boxes inside which one country is read as another: the source has no Western Sahara west of the berm, where GeoNames' places
# are all in it, and its Vatican has shrunk to a line.
PATCHES: tuple[tuple[str, float, float, float, float, str], ...] = (
    ("MA", 20.7, -17.2, 27.6675, -8.6, "EH"), ("IT", 41.9002, 12.4457, 41.9075, 12.4584, "VA"),
)  # fmt: skip


def polygons(atlas: dict[str, Any], numeric: dict[int, str]) -> Iterator[tuple[str | None, list[list[int]]]]:
    """Country code and rings (lists of arc numbers) of every polygon; `numeric` maps ISO numbers to codes."""
    for geometry in atlas["objects"]["countries"]["geometries"]:
        name = geometry["properties"]["name"]
        code = numeric[int(geometry["id"])] if geometry.get("id") else NAMED[name]
        parts = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for rings in parts:
            yield _part_code(code, atlas, rings), rings


def _part_code(code: str | None, atlas: dict[str, Any], rings: list[list[int]]) -> str | None:
    lon, lat = arc_points(atlas, rings[0][0] if rings[0][0] >= 0 else ~rings[0][0])[0]
    for country, south, west, north, east, part in PARTS:
        if code == country and south <= lat <= north and west <= lon <= east:
            return part
    return code


def arc_points(atlas: dict[str, Any], arc: int) -> Floats:
    """Longitude and latitude [n, 2] of an arc."""
    transform = atlas["transform"]
    return np.asarray(np.cumsum(atlas["arcs"][arc], axis=0) * transform["scale"] + transform["translate"])


def ring_points(atlas: dict[str, Any], ring: list[int]) -> Floats:
    """Longitude and latitude [n, 2] of a closed ring."""
    parts = [arc_points(atlas, arc) if arc >= 0 else arc_points(atlas, ~arc)[::-1] for arc in ring]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def build_tables(atlas: dict[str, Any], numeric: dict[int, str], code_number: dict[str, int]) -> dict[str, NDArray[Any]]:
    """The arrays of `borders.npz`. `code_number` gives country index + 1."""
    label = np.zeros(len(atlas["arcs"]), dtype=np.uint8)
    for code, rings in polygons(atlas, numeric):
        for arc in (arc for ring in rings for arc in ring):
            label[arc if arc >= 0 else ~arc] ^= code_number[code] if code else 0
    lines, labels = [], []
    for arc in np.flatnonzero(label).tolist():
        for line in _cut(np.cumsum(atlas["arcs"][arc], axis=0)):
            lines.append(line)
            labels.append(label[arc])
    lattice = np.concatenate(lines)
    scale, origin = np.asarray(atlas["transform"]["scale"]), np.asarray(atlas["transform"]["translate"])
    vertices = lattice * scale + origin
    lengths = np.array([len(line) for line in lines])
    last = np.zeros(len(lattice), dtype=bool)
    last[np.cumsum(lengths) - 1] = True
    cell, edge = _touched(vertices, np.flatnonzero(~last))
    border_cells, counts = np.unique(cell, return_counts=True)
    vertex_label = np.repeat(np.array(labels, dtype=np.uint8), lengths)
    cells = _references(vertices, np.flatnonzero(~last), vertex_label)
    return {
        "scale": scale, "origin": origin, "steps": np.diff(lattice, axis=0, prepend=[[0, 0]]).astype(np.int32),
        "line_label": np.array(labels, dtype=np.uint8), "line_length": lengths.astype(np.int32), "cells": cells,
        "border_cells": np.diff(border_cells, prepend=0).astype(np.int32), "counts": counts.astype(np.uint16),
        "edge_steps": np.diff(edge, prepend=0).astype(np.int32),
        "patch_box": np.array([patch[1:5] for patch in PATCHES]),
        "patch_code": np.array([[code_number[patch[0]], code_number[patch[5]]] for patch in PATCHES], dtype=np.uint8),
    }  # fmt: skip


def _cut(lattice: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """An arc on the lattice (0 to 99,999 across) cut where it steps over the antimeridian."""
    width = 99_999
    jumps = np.flatnonzero(np.abs(np.diff(lattice[:, 0])) > width // 2)
    lines, start, head = [], 0, lattice[:0]
    for jump in jumps.tolist():
        (x0, y0), (x1, y1) = lattice[jump], lattice[jump + 1]
        side, other = (width, 0) if x0 > x1 else (0, width)
        run, rest = abs(side - x0), abs(x1 - other)
        y = y0 if run + rest == 0 else round(y0 + (y1 - y0) * run / (run + rest))
        lines.append(np.concatenate([head, lattice[start : jump + 1], [[side, y]]]))
        start, head = jump + 1, np.array([[other, y]])
    lines.append(np.concatenate([head, lattice[start:]]))
    return [line for line in lines if len(line) > 1]


def _touched(vertices: Floats, edge: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of a cell and an edge that touches it, sorted by cell, then by edge."""
    a, b = vertices[edge], vertices[edge + 1]
    limits, shift = np.array([COLUMNS, ROWS]), np.array([180.0, 90.0])
    low = np.clip(np.floor((np.minimum(a, b) + shift) / CELL_DEG - 1e-9), 0, limits - 1).astype(np.int64)
    high = np.clip(np.floor((np.maximum(a, b) + shift) / CELL_DEG + 1e-9), 0, limits - 1).astype(np.int64)
    wide = high - low + 1
    counts = wide.prod(axis=1)
    which = np.repeat(np.arange(len(edge)), counts)
    step = ranges(np.zeros(len(edge), dtype=np.int64), counts)
    column = low[which, 0] + step % wide[which, 0]
    row = low[which, 1] + step // wide[which, 0]
    # A cell whose four corners lie on one side of the edge's line is not touched.
    west, south = column * CELL_DEG - 180 - 1e-9, row * CELL_DEG - 90 - 1e-9
    ax, ay, dx, dy = a[which, 0], a[which, 1], (b - a)[which, 0], (b - a)[which, 1]
    size = CELL_DEG + 2e-9
    sides = np.stack([dx * (south + v - ay) - dy * (west + u - ax) for u in (0, size) for v in (0, size)])
    touches = (sides.min(axis=0) <= 0) & (sides.max(axis=0) >= 0)
    cell, edge = (row * COLUMNS + column)[touches], edge[which[touches]]
    order = np.lexsort([edge, cell])
    return cell[order], edge[order]


def _references(vertices: Floats, edge: NDArray[np.int64], label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes of the reference points of all cells: down the antimeridian from the sea at the pole, then along each row."""
    x, y = vertices[:, 0], vertices[:, 1]
    codes = np.zeros(ROWS * COLUMNS, dtype=np.uint8)
    start = -180.0 + 1e-7
    crossing = edge[(x[edge] <= start) != (x[edge + 1] <= start)]
    at_y = y[crossing] + (start - x[crossing]) / (x[crossing + 1] - x[crossing]) * (y[crossing + 1] - y[crossing])
    for row in range(ROWS):
        ref_x, ref_y = reference_points(np.arange(row * COLUMNS, (row + 1) * COLUMNS))
        height = ref_y[0]
        west = np.bitwise_xor.reduce(label[crossing[at_y > height]], initial=np.uint8(0))
        here = edge[(y[edge] <= height) != (y[edge + 1] <= height)]
        at_x = x[here] + (height - y[here]) / (y[here + 1] - y[here]) * (x[here + 1] - x[here])
        order = np.argsort(at_x)
        order = order[at_x[order] > start]
        running = np.concatenate([[west], west ^ np.bitwise_xor.accumulate(label[here[order]])])
        codes[row * COLUMNS : (row + 1) * COLUMNS] = running[np.searchsorted(at_x[order], ref_x)]
    return codes
