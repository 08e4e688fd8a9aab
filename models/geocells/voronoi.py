"""Areas of the Voronoi cells of points on the sphere."""

from __future__ import annotations

import numpy as np

from geo.sphere import EARTH_AREA_KM2, EARTH_RADIUS_KM, Floats

_SAME = 1e-5
"""Generators this close (64 m) count as one and share its area: nearer ones are too flat for a hull in double precision."""
_FLAT = 1e-5
"""Points lie on one circle when they leave its plane by less than this part of what a sphere rises over their extent."""


def voronoi_areas_km2(generators: Floats) -> Floats:
    """Area [g] of what is nearer to each generator (unit vectors [g, 3]) than to any other; together the whole sphere.

    Any number of generators in any position: those within 64 m share their area; fewer than four, and those on one circle,
    have lunes as cells, of which `scipy.spatial.SphericalVoronoi` knows nothing. Raises ValueError for rows that are not unit
    vectors.
    """
    points = np.asarray(generators, dtype=np.float64).reshape(-1, 3)
    if not len(points):
        return np.zeros(0)
    if not np.allclose(np.linalg.norm(points, axis=1), 1.0, atol=1e-6):
        raise ValueError("generators are unit vectors")
    group = _groups(points)
    first = np.unique(group, return_index=True)[1]
    areas = _areas(points[first] / np.linalg.norm(points[first], axis=1, keepdims=True))
    return np.asarray(areas[group] / np.bincount(group)[group])


def _groups(points: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Number of the group of generators at one point [g], from 0."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    pairs = cKDTree(points).query_pairs(_SAME, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _areas(points: Floats) -> Floats:
    """Areas of generators [g, 3] that all differ."""
    middle = points.mean(axis=0)
    _, spread, axes = np.linalg.svd(points - middle)
    if len(points) < 4 or spread[-1] < _FLAT * spread[0] ** 2:
        return _lunes(points, axes[-1])
    from scipy.spatial import SphericalVoronoi

    return np.asarray(SphericalVoronoi(points, radius=1.0, threshold=1e-13).calculate_areas() * EARTH_RADIUS_KM**2)


def _lunes(points: Floats, axis: Floats) -> Floats:
    """Areas of generators [g, 3] on one circle around an axis: each has the lune halfway to its neighbours on the circle."""
    if len(points) < 3:  # of which every half is one, whatever circle they are taken to lie on
        return np.full(len(points), EARTH_AREA_KM2 / len(points))
    east = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    azimuth = np.arctan2(points @ np.cross(axis, east), points @ east)
    order = np.argsort(azimuth)
    gap = np.diff(azimuth[order], append=azimuth[order[0]] + 2.0 * np.pi)
    areas = np.empty(len(points))
    areas[order] = (gap + np.roll(gap, 1)) / (4.0 * np.pi) * EARTH_AREA_KM2
    return areas
