"""Geometry of an element: points of 1e-7 degrees, joined by arcs of great circles.

Lengths, areas and distances are those of the sphere of radius 6 371 008.8 m. Nothing is projected, so that neither the poles nor the
antimeridian are special.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.sphere import EARTH_RADIUS_KM, Floats, unit_vectors

EARTH_RADIUS_M = EARTH_RADIUS_KM * 1000.0
UNITS = 10_000_000
"""Of a degree: OpenStreetMap's own."""
MOST_VERTICES = 2_000_000
_LIMITS = np.array([90 * UNITS, 180 * UNITS])

Vertices = NDArray[np.int32]
"""[n, 2]: latitude and longitude in 1e-7 degrees."""
IntBox = tuple[int, int, int, int]
"""south, west, north, east in 1e-7 degrees; never across the antimeridian."""
WHOLE_EARTH: IntBox = (-90 * UNITS, -180 * UNITS, 90 * UNITS, 180 * UNITS)


@dataclass(frozen=True, eq=False)
class Shape:
    """Where an element is."""

    kind: str
    """`point`, `line` or `area`."""
    parts: tuple[Vertices, ...]
    """Points, lines, or closed rings; what an odd number of rings surrounds is inside."""

    def pack(self) -> bytes:
        """A form that `unpack` reads back: number of parts, their lengths, all vertices; little-endian."""
        head = struct.pack(f"<I{len(self.parts)}I", len(self.parts), *map(len, self.parts))
        return head + b"".join(part.astype("<i4").tobytes() for part in self.parts)

    @cached_property
    def vectors(self) -> list[Floats]:
        """The parts as unit vectors [n, 3]."""
        return [unit_vectors(part[:, 0] / UNITS, part[:, 1] / UNITS) for part in self.parts]

    def box(self) -> IntBox:
        """A box around it, arcs included; all longitudes where a part crosses the antimeridian or goes round a pole."""
        if self.kind == "point" and len(self.parts) == 1:
            lat, lon = self.parts[0][0].tolist()
            return lat, lon, lat, lon
        every = np.concatenate(self.parts)
        (south, west), (north, east) = every.min(axis=0).tolist(), every.max(axis=0).tolist()
        jumps = any(np.abs(np.diff(part[:, 1].astype(np.int64))).max(initial=0) > 180 * UNITS for part in self.parts)
        if jumps:
            west, east = WHOLE_EARTH[1], WHOLE_EARTH[3]
        around = [winding(part) for part in self.parts] if self.kind == "area" else []
        north = WHOLE_EARTH[2] if any(n > 0 for n in around) else north
        south = WHOLE_EARTH[0] if any(n < 0 for n in around) else south
        bulge = math.ceil(math.degrees(bulge_m(self) / EARTH_RADIUS_M) * UNITS)
        return max(south - bulge, WHOLE_EARTH[0]), west, min(north + bulge, WHOLE_EARTH[2]), east


def unpack(kind: str, blob: bytes) -> Shape:
    """The inverse of `Shape.pack`. Raises ValueError for anything else."""
    if len(blob) < 4:
        raise ValueError("a geometry that is cut off")
    (count,) = struct.unpack_from("<I", blob)
    if not 1 <= count <= MOST_VERTICES or len(blob) < 4 + 4 * count:
        raise ValueError("a geometry that is cut off")
    lengths = np.frombuffer(blob, "<u4", count, 4).astype(np.int64)
    vertices = np.frombuffer(blob, "<i4", offset=4 + 4 * count)
    if 2 * lengths.sum() != len(vertices) or not lengths.all() or len(vertices) > 2 * MOST_VERTICES:
        raise ValueError("a geometry whose parts do not add up")
    points = vertices.reshape(-1, 2)
    if (np.abs(points.astype(np.int64)) > _LIMITS).any():
        raise ValueError("a geometry that is not on the Earth")
    return Shape(kind, (points,) if count == 1 else tuple(np.split(points, np.cumsum(lengths)[:-1])))


def point(lat: float, lon: float) -> Shape:
    """A single point, degrees."""
    return Shape("point", (np.array([[round(lat * UNITS), round(lon * UNITS)]], dtype=np.int32),))


def path(points: Sequence[tuple[float, float]], area: bool = False) -> Shape:
    """A line through points in degrees, or the area of the ring through them (closed here if it is not). Raises ValueError for no points."""
    if not points:
        raise ValueError("a line needs a point")
    closed = [*points, points[0]] if area and points[0] != points[-1] else points
    return Shape("area" if area else "line", (np.rint(np.array(closed) * UNITS).astype(np.int32),))


def bulge_m(shape: Shape) -> float:
    """How far an arc of the shape may leave the box of its vertices to the north or south: s²·tan φ/8R for an arc of length s.

    The latitude of a great circle bends away from that of its ends by as much, and by no more than half the arc near a pole.
    """
    if shape.kind == "point":
        return 0.0
    every = [(arc_lengths_m(vectors), np.abs(part[:-1, 0]), np.abs(part[1:, 0]))
             for vectors, part in zip(shape.vectors, shape.parts, strict=True) if len(part) > 1]  # fmt: skip
    if not every:
        return 0.0
    length = np.concatenate([item[0] for item in every])
    steepest = np.radians(np.concatenate([np.maximum(a, b) for _, a, b in every]) / UNITS)
    # The highest point of an arc lies between its ends, at most half of it nearer to the pole.
    steepest = np.minimum(steepest + length / EARTH_RADIUS_M / 2.0, np.pi / 2.0 - 1e-9)
    return float(np.minimum(length**2 * np.tan(steepest) / (8.0 * EARTH_RADIUS_M), length / 2.0).max())


def arc_lengths_m(vectors: Floats) -> Floats:
    """Lengths [n - 1] of the arcs between unit vectors [n, 3], metres."""
    chord = np.linalg.norm(np.diff(vectors, axis=0), axis=1)
    return np.asarray(2.0 * EARTH_RADIUS_M * np.arcsin(np.minimum(chord / 2.0, 1.0)))


def winding(part: Vertices) -> int:
    """Whether a ring goes round a pole: 1 the north pole, -1 the south pole, 0 neither."""
    turns = np.diff(part[:, 1].astype(np.int64))
    turns = np.mod(turns + 180 * UNITS, 360 * UNITS) - 180 * UNITS
    if abs(int(turns.sum())) < 180 * UNITS:
        return 0
    return 1 if int(part[:, 0].astype(np.int64).sum()) >= 0 else -1


def boxes_around(box: IntBox, margin_m: float) -> list[IntBox]:
    """The box with a margin, in metres, on all sides: one box, or two where it crosses the antimeridian."""
    south, west, north, east = (value / UNITS for value in box)
    angle = max(margin_m, 0.0) / EARTH_RADIUS_M
    up = math.degrees(angle) + 1.0 / UNITS
    south, north = south - up, north + up
    steep = math.radians(max(abs(box[0]), abs(box[2])) / UNITS)
    whole = south <= -90.0 or north >= 90.0 or math.sin(angle) >= math.cos(steep)
    aside = 180.0 if whole else math.degrees(math.asin(math.sin(angle) / math.cos(steep))) + 1.0 / UNITS
    low, high = max(math.floor(south * UNITS), WHOLE_EARTH[0]), min(math.ceil(north * UNITS), WHOLE_EARTH[2])
    if east - west + 2.0 * aside >= 360.0:
        return [(low, WHOLE_EARTH[1], high, WHOLE_EARTH[3])]
    left, right = math.floor((west - aside) * UNITS), math.ceil((east + aside) * UNITS)
    turn = 360 * UNITS
    if left < WHOLE_EARTH[1]:
        return [(low, left + turn, high, WHOLE_EARTH[3]), (low, WHOLE_EARTH[1], high, right)]
    if right > WHOLE_EARTH[3]:
        return [(low, left, high, WHOLE_EARTH[3]), (low, WHOLE_EARTH[1], high, right - turn)]
    return [(low, left, high, right)]
