"""How long and how large a shape is, and one point that stands for it."""

from __future__ import annotations

import numpy as np

from geo.sphere import Floats, lat_lon
from tools.osm.distance import inside
from tools.osm.shape import EARTH_RADIUS_M, UNITS, Shape, Vertices, arc_lengths_m


def length_m(shape: Shape) -> float:
    """Of all lines or rings together, in metres; 0 for points."""
    if shape.kind == "point":
        return 0.0
    return float(sum(arc_lengths_m(vectors).sum() for vectors in shape.vectors))


def area_m2(shape: Shape) -> float:
    """Of an area, its holes taken out; 0 for others. Rings are taken as small against the Earth."""
    if shape.kind != "area":
        return 0.0
    sizes = [abs(_ring_area(vectors)) for vectors in shape.vectors]
    return max(sum(-size if _is_hole(shape, i) else size for i, size in enumerate(sizes)), 0.0)


def representative(shape: Shape) -> tuple[float, float]:
    """A point of it: itself, halfway along its longest line, or the centre of its longest ring (a vertex where that lies outside)."""
    if shape.kind == "point":
        return _degrees(shape.parts[0][0])
    vectors = shape.vectors
    longest = max(range(len(vectors)), key=lambda i: float(arc_lengths_m(vectors[i]).sum()))
    return _centre(shape, longest, vectors[longest]) if shape.kind == "area" else _halfway(vectors[longest])


def _ring_area(vectors: Floats) -> float:
    """Square metres with a sign, by the shoelace formula in the plane that touches the middle."""
    middle = vectors.mean(axis=0)
    size = float(np.linalg.norm(middle))
    if size < 1e-9 or len(vectors) < 4:
        return 0.0
    off = vectors - vectors[0]
    return float(np.sum(np.cross(off[:-1], off[1:]) @ (middle / size)) / 2.0 * EARTH_RADIUS_M**2)


def _is_hole(shape: Shape, ring: int) -> bool:
    """Whether a ring takes away: its first vertex lies in an odd number of the others."""
    others = tuple(part for i, part in enumerate(shape.parts) if i != ring)
    return bool(others) and inside(*_degrees(shape.parts[ring][0]), Shape("area", others))


def _centre(shape: Shape, ring: int, vectors: Floats) -> tuple[float, float]:
    steps = arc_lengths_m(vectors)
    middle = (np.append(steps, 0.0) + np.insert(steps, 0, 0.0)) @ vectors
    if float(np.linalg.norm(middle)) > 1e-9:
        lat, lon = lat_lon(middle)
        if inside(float(lat), float(lon), shape):
            return float(lat), float(lon)
    return _degrees(shape.parts[ring][0])


def _halfway(vectors: Floats) -> tuple[float, float]:
    along = np.concatenate([[0.0], np.cumsum(arc_lengths_m(vectors))])
    row = int(np.clip(np.searchsorted(along, along[-1] / 2.0) - 1, 0, max(len(vectors) - 2, 0)))
    if len(vectors) == 1 or along[row + 1] == along[row]:
        lat, lon = lat_lon(vectors[row])
    else:
        share = (along[-1] / 2.0 - along[row]) / (along[row + 1] - along[row])
        lat, lon = lat_lon((1.0 - share) * vectors[row] + share * vectors[row + 1])
    return float(lat), float(lon)


def _degrees(vertex: Vertices) -> tuple[float, float]:
    return int(vertex[0]) / UNITS, int(vertex[1]) / UNITS
