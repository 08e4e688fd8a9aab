"""The nearest of many points on the sphere: exact and vectorised, with numpy alone.

Distances are compared as chords, which order points as great circles do and obey the triangle inequality too: where `c` is the
centre of a cell of radius `r`, only points with `|p - c| <= min |p - c| + 2 r` can be the nearest of any point of
the cell. Cells are those of HEALPix (nested); children inherit the list of their parent and prune it. Only cells that hold
queries are entered, and a cell is left as soon as asking its list directly costs less than splitting it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import healpix
import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.ragged import Ints, ranges, slices
from geo.sphere import EARTH_RADIUS_KM, Floats, destination, unit_vectors

_DEEPEST = 13
# Splitting a cell keeps about this share of its list.
_KEPT = 0.6


@dataclass(frozen=True)
class Candidates:
    """For cells of one order, sorted by number: the points that may be the nearest of somewhere in each."""

    order: int
    cells: Ints
    starts: Ints
    points: NDArray[np.int32]


class Nearest:
    """Finds the nearest of `lat, lon` [n] in degrees; `table` may hold the candidates of all cells of one order."""

    def __init__(self, lat: ArrayLike, lon: ArrayLike, table: Candidates | None = None) -> None:
        self._xyz = unit_vectors(lat, lon).reshape(-1, 3)
        if not len(self._xyz):
            raise ValueError("there are no points to search among")
        n = len(self._xyz)
        self.table = table or Candidates(0, np.arange(12), np.arange(13) * n, np.tile(np.arange(n, dtype=np.int32), 12))

    def query(self, lat: ArrayLike, lon: ArrayLike) -> tuple[NDArray[np.int32], Floats]:
        """Index of the nearest point and its distance in km, both [m], for queries [m]."""
        lat, lon = np.atleast_1d(np.asarray(lat, dtype=np.float64)), np.atleast_1d(np.asarray(lon, dtype=np.float64))
        index = np.zeros(len(lat), dtype=np.int32)
        chord2 = np.zeros(len(lat))
        if not len(lat):
            return index, chord2
        xyz = unit_vectors(lat, lon)
        if len(lat) == 1:
            return self._one(float(lat[0]), float(lon[0]), xyz)
        pixel = healpix.ang2pix(1 << _DEEPEST, lon, lat, nest=True, lonlat=True)
        order = np.argsort(pixel, kind="stable")
        xyz, pixel = xyz[order], pixel[order]
        found, found2 = np.zeros(len(lat), dtype=np.int32), np.zeros(len(lat))
        cells: Candidates | None = _occupied(self.table, pixel)
        while cells is not None:
            cells = self._step(cells, xyz, pixel, found, found2)
        index[order], chord2[order] = found, found2
        return index, 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(np.sqrt(chord2) / 2.0, 1.0))

    def _one(self, lat: float, lon: float, xyz: Floats) -> tuple[NDArray[np.int32], Floats]:
        """The answer for a single query, without the detours that many are worth."""
        cell = int(healpix.ang2pix(1 << self.table.order, lon, lat, nest=True, lonlat=True))
        points = self.table.points[self.table.starts[cell] : self.table.starts[cell + 1]]
        chord2 = _chord2(self._xyz[points], xyz)
        best = int(np.argmin(chord2))
        km = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(np.sqrt(chord2[[best]]) / 2.0, 1.0))
        return points[[best]], km

    def _step(self, cells: Candidates, xyz: Floats, pixel: Ints, found: NDArray[np.int32], found2: Floats) -> Candidates | None:
        """Answers the queries of the cells that are not worth splitting, and splits the others one order down."""
        shift = 2 * (_DEEPEST - cells.order)
        first = np.searchsorted(pixel, cells.cells << shift)
        queries = np.searchsorted(pixel, (cells.cells + 1) << shift) - first
        children = _distinct(pixel >> (shift - 2)) if shift else np.empty(0, dtype=np.int64)
        parent = np.searchsorted(cells.cells, children >> 2)
        parent_ok = (parent < len(cells.cells)) & (cells.cells[np.minimum(parent, len(cells.cells) - 1)] == children >> 2)
        children, parent = children[parent_ok], parent[parent_ok]
        child_count = np.bincount(parent, minlength=len(cells.cells))
        split = (child_count < (1.0 - _KEPT) * queries) & (np.diff(cells.starts) > 4) & (shift > 2)
        done = np.flatnonzero(~split & (queries > 0))
        for part in slices(queries[done] * np.diff(cells.starts)[done]):
            self._answer(cells, done[part], first, queries, xyz, found, found2)
        keep = split[parent]
        return self.prune(cells, children[keep], parent[keep]) if keep.any() else None

    def _answer(self, cells: Candidates, rows: Ints, first: Ints, queries: Ints, xyz: Floats, found: NDArray[np.int32],
                found2: Floats) -> None:  # fmt: skip
        """Compares the queries of some cells with every point on the lists of those cells."""
        query = ranges(first[rows], queries[rows])
        row = np.repeat(rows, queries[rows])
        for part in slices(np.diff(cells.starts)[row]):
            counts = np.diff(cells.starts)[row[part]]
            points = cells.points[ranges(cells.starts[row[part]], counts)]
            starts = np.cumsum(counts) - counts
            chord2 = _chord2(self._xyz[points], np.repeat(xyz[query[part]], counts, axis=0))
            least = np.minimum.reduceat(chord2, starts)
            hit = np.flatnonzero(chord2 == np.repeat(least, counts))
            found[query[part]] = points[hit[np.searchsorted(hit, starts)]]
            found2[query[part]] = least

    def prune(self, cells: Candidates, children: Ints, parent: Ints) -> Candidates:
        """The lists of `children` [k], one order down, from those of the rows `parent` [k] of `cells`."""
        order = cells.order + 1
        lon, lat = healpix.pix2ang(1 << order, children, nest=True, lonlat=True)
        centre = unit_vectors(lat, lon)
        reach = 2.0 * cell_radius(order) * (1.0 + 1e-9) + 1e-12
        kept_points, kept_counts = [], []
        for part in slices(np.diff(cells.starts)[parent]):
            counts = np.diff(cells.starts)[parent[part]]
            points = cells.points[ranges(cells.starts[parent[part]], counts)]
            starts = np.cumsum(counts) - counts
            chord = np.sqrt(_chord2(self._xyz[points], np.repeat(centre[part], counts, axis=0)))
            near = chord <= np.repeat(np.minimum.reduceat(chord, starts) + reach, counts)
            kept_points.append(points[near])
            kept_counts.append(np.add.reduceat(near, starts, dtype=np.int64))
        starts = np.concatenate([[0], np.cumsum(np.concatenate(kept_counts))])
        return Candidates(order, children, starts, np.concatenate(kept_points))

    def tightened(self, cells: Candidates) -> Candidates:
        """The same lists without the points that one of nine others beats all over the cell.

        The others are the nearest of the centre and of eight points around it. A point `q` of the ball of radius `r` around the
        centre `c` is nearer to `b` than to `p` whenever `(b - p) . c > |b - p| r`.
        """
        radius = cell_radius(cells.order) * (1.0 + 1e-9) + 1e-12
        lon, lat = healpix.pix2ang(1 << cells.order, cells.cells, nest=True, lonlat=True)
        kept_points, kept_counts = [], []
        for part in slices(np.diff(cells.starts)):
            counts = np.diff(cells.starts)[part]
            points = cells.points[ranges(cells.starts[:-1][part], counts)]
            starts = np.cumsum(counts) - counts
            xyz, centre = self._xyz[points], np.repeat(unit_vectors(lat[part], lon[part]), counts, axis=0)
            keep = np.ones(len(points), dtype=bool)
            for bearing in (None, *range(0, 360, 45)):
                at = (
                    (lat[part], lon[part])
                    if bearing is None
                    else destination(lat[part], lon[part], bearing, radius * EARTH_RADIUS_KM)
                )
                chord2 = _chord2(xyz, np.repeat(unit_vectors(*at), counts, axis=0))
                hit = np.flatnonzero(chord2 == np.repeat(np.minimum.reduceat(chord2, starts), counts))
                ahead = np.repeat(xyz[hit[np.searchsorted(hit, starts)]], counts, axis=0) - xyz
                keep &= np.einsum("ij,ij->i", ahead, centre) <= np.linalg.norm(ahead, axis=1) * radius
            kept_points.append(points[keep])
            kept_counts.append(np.add.reduceat(keep, starts, dtype=np.int64))
        starts = np.concatenate([[0], np.cumsum(np.concatenate(kept_counts))])
        return Candidates(cells.order, cells.cells, starts, np.concatenate(kept_points))


def cell_radius(order: int) -> float:
    """The largest chord from the centre of a HEALPix cell of this order to one of its points (unit sphere).

    From the corner of the cell that touches the polar cap at its equatorial end (Gorski et al. 2005; healpy's max_pixrad).
    """
    nside = 1 << order
    z = 2.0 / 3.0
    a = np.array(
        [math.sqrt(1 - z * z) * math.cos(math.pi / (4 * nside)), math.sqrt(1 - z * z) * math.sin(math.pi / (4 * nside)), z]
    )
    z = 1.0 - (1.0 - 1.0 / nside) ** 2 / 3.0
    b = np.array([math.sqrt(1 - z * z), 0.0, z])
    return float(np.linalg.norm(a - b))


def all_candidates(nearest: Nearest, order: int) -> Candidates:
    """The candidates of every cell of an order, for `Nearest(table=...)`."""
    cells = nearest.table
    while cells.order < order:
        children = np.arange(12 * 4 ** (cells.order + 1))
        cells = nearest.prune(cells, children, children >> 2)
    return nearest.tightened(cells)


def _occupied(table: Candidates, pixel: Ints) -> Candidates:
    """The rows of a full table whose cells hold queries; `pixel` is sorted."""
    cells = _distinct(pixel >> 2 * (_DEEPEST - table.order))
    counts = table.starts[cells + 1] - table.starts[cells]
    points = table.points[ranges(table.starts[cells], counts)]
    return Candidates(table.order, cells, np.concatenate([[0], np.cumsum(counts)]), points)


def _distinct(numbers: Ints) -> Ints:
    """The distinct ones of sorted numbers."""
    return numbers[np.flatnonzero(np.diff(numbers, prepend=-1))]


def _chord2(a: Floats, b: Floats) -> Floats:
    difference = a - b
    return np.asarray(np.einsum("ij,ij->i", difference, difference))
