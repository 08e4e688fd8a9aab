"""Distances in true metres between points and shapes, at any latitude.

All is done with unit vectors: the nearest point of an arc of a great circle is found in its own plane, so that there is no projection whose
scale could be wrong (Web Mercator makes 50 m of 25 m at 60° north), no pole and no antimeridian. Differences of vectors are taken before
products, which keeps a millimetre over any distance (`tests/tools/osm/test_distance.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats, bearing_deg, haversine_km, lat_lon, unit_vectors
from tools.osm.shape import EARTH_RADIUS_M, UNITS, Shape, Vertices, winding

_MOST_PAIRS = 200_000
"""Pairs of a point and an arc that are worked on together."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """Several shapes laid out for one pass over all of their arcs."""

    start: Floats
    end: Floats
    """Ends [s, 3] of the arcs; a point is an arc of length 0."""
    lon: Floats
    """Longitudes [s, 2] of both ends, degrees."""
    owner: NDArray[np.int64]
    """Which shape [s] each arc is of, ascending."""
    first: Floats
    """Latitude and longitude [p, 2] of the first vertex of each part."""
    is_area: NDArray[np.bool_]
    around_north: NDArray[np.bool_]
    """Of each shape [n]: whether its rings go round the north pole, an odd number of times."""

    @classmethod
    def of(cls, shapes: Sequence[Shape]) -> Shapes:
        parts = [part for shape in shapes for part in shape.parts]
        owners = np.repeat(np.arange(len(shapes)), [len(shape.parts) for shape in shapes])
        lengths = np.array([len(part) for part in parts], dtype=np.int64)
        flat = np.concatenate(parts).astype(np.float64) / UNITS if parts else np.empty((0, 2))
        vectors = unit_vectors(flat[:, 0], flat[:, 1])
        first = np.cumsum(lengths) - lengths
        arcs = np.maximum(lengths - 1, 1)
        begin = np.arange(int(arcs.sum())) - np.repeat(np.cumsum(arcs) - arcs, arcs) + np.repeat(first, arcs)
        finish = begin + np.repeat(lengths > 1, arcs)
        around = [sum(winding(part) > 0 for part in shape.parts) % 2 == 1 if shape.kind == "area" else False for shape in shapes]
        return cls(vectors[begin], vectors[finish], np.stack([flat[begin, 1], flat[finish, 1]], axis=1), np.repeat(owners, arcs), flat[first],
                   np.array([shape.kind == "area" for shape in shapes], dtype=np.bool_), np.array(around, dtype=np.bool_))  # fmt: skip

    @cached_property
    def normal(self) -> Floats:
        """Normals [s, 3] of the planes of the arcs, as long as the chord."""
        return np.cross(self.start, self.end - self.start)

    @cached_property
    def over_pole(self) -> NDArray[np.int64]:
        """Of each arc [s] whether it touches the north pole (1), the south pole (-1) or neither: all that it passes, it passes there."""
        ends = np.minimum(np.hypot(*self.start[:, :2].T), np.hypot(*self.end[:, :2].T)) < 1e-12
        opposite = np.abs(np.abs(self.lon[:, 0] - self.lon[:, 1]) - 180.0) < 1e-9
        return np.where(ends | opposite, np.where(self.start[:, 2] + self.end[:, 2] >= 0, 1, -1), 0)

    def nearest(self, lat: float, lon: float) -> tuple[Floats, Floats]:
        """Distance in metres [n] of each shape from a point, 0 inside an area, and its nearest point [n, 2], degrees."""
        here = unit_vectors(lat, lon)
        if not len(self.is_area):
            return np.empty(0), np.empty((0, 2))
        angle, foot = _to_arcs(here, self)
        first = np.searchsorted(self.owner, np.arange(len(self.is_area)))
        least = np.minimum.reduceat(angle, first)
        rows = np.flatnonzero(angle == least[self.owner])
        rows = rows[np.searchsorted(self.owner[rows], np.arange(len(self.is_area)))]
        foot_lat, foot_lon = lat_lon(foot[rows])
        points = np.stack([foot_lat, foot_lon], axis=1)
        within = self.contain(lat, lon)
        points[within] = lat, lon
        return np.where(within, 0.0, least * EARTH_RADIUS_M), points

    def contain(self, lat: float, lon: float) -> NDArray[np.bool_]:
        """Which of the shapes [n] are areas that a point lies in: the arcs north of it on its meridian are counted."""
        here = unit_vectors(lat, lon)
        a = (self.lon[:, 0] - lon + 180.0) % 360.0 - 180.0
        b = (self.lon[:, 1] - lon + 180.0) % 360.0 - 180.0
        opposite = np.abs(np.abs(self.lon[:, 0] - self.lon[:, 1]) - 180.0) < 1e-9
        # An arc between opposite meridians turns westwards by 180 degrees, as `winding` takes it.
        passed = np.where(opposite, (a >= 0) & (b < 0), ((a < 0) != (b < 0)) & (np.abs(a - b) < 180.0))
        crossing = np.flatnonzero(passed & self.is_area[self.owner])
        side = np.einsum("ij,ij->i", here - self.start[crossing], self.normal[crossing])
        north = np.where(a[crossing] < 0, side < 0, side > 0)
        north = np.where(self.over_pole[crossing] != 0, self.over_pole[crossing] > 0, north)
        count = np.bincount(self.owner[crossing[north]], minlength=len(self.is_area))
        return np.asarray(self.is_area & ((count % 2 == 1) != self.around_north))


def _to_arcs(here: Floats, shapes: Shapes) -> tuple[Floats, Floats]:
    """Angle [s] from one unit vector [3] to each arc, and the nearest point [s, 3] of it as a vector."""
    start, end, normal = shapes.start, shapes.end, shapes.normal
    chord, from_start, from_end = end - start, here - start, here - end
    beside = (_dot(from_start, chord - start * _dot(start, chord)[:, None]) > 0) & (
        _dot(from_end, -chord + end * _dot(end, chord)[:, None]) > 0
    )
    size = np.maximum(np.linalg.norm(normal, axis=1), 1e-300)
    height = np.clip(_dot(from_start, normal) / size, -1.0, 1.0)
    to_start, to_end = np.linalg.norm(from_start, axis=1), np.linalg.norm(from_end, axis=1)
    nearer = to_start <= to_end
    ends = 2.0 * np.arcsin(np.minimum(np.where(nearer, to_start, to_end) / 2.0, 1.0))
    foot = np.where(beside[:, None], here - (height / size)[:, None] * normal, np.where(nearer[:, None], start, end))
    return np.where(beside, np.arcsin(np.abs(height)), ends), foot


def inside(lat: float, lon: float, shape: Shape) -> bool:
    """Whether a point lies in an area."""
    return bool(Shapes.of([shape]).contain(lat, lon)[0])


def to_point(lat: float, lon: float, shapes: Sequence[Shape]) -> tuple[Floats, list[float | None]]:
    """Distances in metres [n] from a point to shapes, and the bearings of their nearest points, None where the distance is 0."""
    distance, nearest = Shapes.of(shapes).nearest(lat, lon)
    bearings = bearing_deg(lat, lon, nearest[:, 0], nearest[:, 1])
    return distance, [float(b) if d > 0 else None for d, b in zip(distance.tolist(), bearings.tolist(), strict=True)]


def points_m(lat: float, lon: float, vertices: Vertices) -> Floats:
    """Distances in metres [n] from a point to vertices [n, 2]."""
    return np.asarray(haversine_km(lat, lon, vertices[:, 0] / UNITS, vertices[:, 1] / UNITS) * 1000.0)


def between(a: Shape, b: Shape, at_most_m: float) -> float:
    """Metres between two shapes: 0 where they touch, cross, or one lies in the other; infinity where they are farther apart than asked."""
    return between_laid_out(Shapes.of([a]), Shapes.of([b]), at_most_m)


def between_laid_out(one: Shapes, other: Shapes, at_most_m: float) -> float:
    """The same for two shapes that are laid out already, each alone."""
    if _lies_in(one, other) or _lies_in(other, one):
        return 0.0
    ours = _cut(one, other, at_most_m)
    theirs = _cut(other, ours, at_most_m) if len(ours.owner) else other
    if not len(ours.owner) or not len(theirs.owner):
        return float("inf")
    if _cross(ours, theirs):
        return 0.0
    least = min(_least_angle(ours, theirs), _least_angle(theirs, ours)) * EARTH_RADIUS_M
    return least if least <= at_most_m else float("inf")


def _lies_in(shape: Shapes, area: Shapes) -> bool:
    """Whether the first vertex of any part lies in the area; parts that only cross its edge are found by their arcs."""
    return bool(area.is_area[0]) and any(bool(area.contain(lat, lon)[0]) for lat, lon in shape.first.tolist())


def _cut(keep: Shapes, other: Shapes, at_most_m: float) -> Shapes:
    """The arcs of `keep` that can lie within a distance of `other`, which is taken as the ball around its vertices."""
    every = np.concatenate([other.start, other.end])
    middle = (every.min(axis=0) + every.max(axis=0)) / 2.0
    reach = float(np.linalg.norm(every - middle, axis=1).max()) + at_most_m / EARTH_RADIUS_M
    # An arc leaves its chord, and the other's arcs the ball, by less than half a chord, however long they are.
    chord = np.linalg.norm(keep.end - keep.start, axis=1)
    bulge = float(np.linalg.norm(other.end - other.start, axis=1).max(initial=0.0)) / 2.0
    near = np.linalg.norm((keep.start + keep.end) / 2.0 - middle, axis=1) <= reach + chord + bulge
    if near.all():
        return keep
    return Shapes(keep.start[near], keep.end[near], keep.lon[near], keep.owner[near], keep.first, keep.is_area, keep.around_north)


def _least_angle(points: Shapes, arcs: Shapes) -> float:
    """The least angle between an end of an arc of the one and an arc of the other."""
    ends = np.unique(np.concatenate([points.start, points.end]), axis=0)
    step = max(_MOST_PAIRS // len(arcs.owner), 1)
    return min(float(_pair_angles(ends[i : i + step], arcs).min()) for i in range(0, len(ends), step))


def _pair_angles(points: Floats, arcs: Shapes) -> Floats:
    """Angles [p, s] between unit vectors [p, 3] and arcs [s]."""
    start, end, normal = arcs.start, arcs.end, arcs.normal
    chord = end - start
    # Products of differences: p·t - a·t would lose what a tangent of a short arc says.
    from_start, from_end = points[:, None, :] - start, points[:, None, :] - end
    at_start, at_end = chord - start * _dot(start, chord)[:, None], -chord + end * _dot(end, chord)[:, None]
    beside = (np.einsum("psk,sk->ps", from_start, at_start) > 0) & (np.einsum("psk,sk->ps", from_end, at_end) > 0)
    size = np.maximum(np.linalg.norm(normal, axis=1), 1e-300)
    height = np.abs(np.einsum("psk,sk->ps", from_start, normal)) / size
    ends = np.minimum(np.linalg.norm(from_start, axis=2), np.linalg.norm(from_end, axis=2))
    return np.asarray(np.where(beside, np.arcsin(np.minimum(height, 1.0)), 2.0 * np.arcsin(np.minimum(ends / 2.0, 1.0))))


def _cross(a: Shapes, b: Shapes) -> bool:
    """Whether any arc of the one crosses an arc of the other: the ends of each lie on both sides of the other's plane."""
    step = max(_MOST_PAIRS // len(b.owner), 1)
    for i in range(0, len(a.owner), step):
        start, end, normal = a.start[i : i + step], a.end[i : i + step], a.normal[i : i + step]
        b_start = np.einsum("abk,ak->ab", b.start[None] - start[:, None], normal)
        b_end = np.einsum("abk,ak->ab", b.end[None] - start[:, None], normal)
        a_start = np.einsum("abk,bk->ab", start[:, None] - b.start[None], b.normal)
        a_end = np.einsum("abk,bk->ab", end[:, None] - b.start[None], b.normal)
        # The planes also meet at the antipode, where the arcs themselves are not: short arcs lie in one half of the Earth.
        same_half = np.einsum("ak,bk->ab", start + end, b.start + b.end) > 0
        if bool(((b_start * b_end < 0) & (a_start * a_end < 0) & same_half).any()):
            return True
    return False


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("...k,...k->...", a, b))
