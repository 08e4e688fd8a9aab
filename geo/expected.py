"""The point of highest expected score under a probability map."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from geo.cells import KEY_ORDER, Cells, Ints, side_km
from geo.score import Score
from geo.sphere import EARTH_RADIUS_KM, Floats, destination, haversine_km, lat_lon, unit_vectors

POINT_MASS = 1.0 / 256.0
"""Neighbouring cells that hold no more than this together are asked as one point with a spread."""
_START_MASS = 1.0 / 32.0
_CLIMBS = 2
_FINEST_KM = 0.05
# Three radii of equal weight for a plane Gaussian of standard deviation 1: its quantiles 1/6, 1/2 and 5/6.
_RINGS = np.sqrt(-2.0 * np.log(1.0 - np.array([1.0, 3.0, 5.0]) / 6.0))
_SHARP_KM = 2.0


def best_point(cells: Cells, mass: Floats, score: Score, among: NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """The point (degrees) with the highest `E[score(distance)]`, inside the cells `among` [n] where those hold any mass."""
    if among is not None and not mass[among].any():
        among = None
    expected = _expectation(cells, mass, score, among)
    lat, lon = _starts(cells, mass if among is None else np.where(among, mass, 0.0))
    value = expected(lat, lon)
    tops: list[int] = []
    for row in np.argsort(-value, kind="stable"):
        # Climbs from starts near each other would end at one point.
        if all(float(haversine_km(lat[row], lon[row], lat[top], lon[top])) > 200.0 for top in tops):
            tops.append(int(row))
        if len(tops) == _CLIMBS or value[row] < 0.9 * value.max():
            break
    _, best_lat, best_lon = max(_climb(float(value[top]), float(lat[top]), float(lon[top]), expected) for top in tops)
    return best_lat, best_lon


def gathered(cells: Cells, mass: Floats, most: float) -> tuple[Floats, Floats, Floats]:
    """A map as few points: unit vectors [m, 3], masses [m] and spreads [m] (km along each axis).

    Cells are joined with their neighbours up the HEALPix tree as long as they hold no more than `most` together; a point is
    their mean, and mean and spread are exact for what they hold.
    """
    held = np.flatnonzero(mass > 1e-10)
    mass, keys, area_km2 = mass[held], cells.keys[held], side_km(cells.order[held]) ** 2
    moments = np.stack([mass, *(mass * cells.vectors[held].T), mass * area_km2 / 12.0])
    running = np.concatenate([np.zeros((5, 1)), np.cumsum(moments, axis=1)], axis=1)
    node, order = np.arange(12, dtype=np.int64), 0
    ends: list[Ints] = []
    while len(node):
        bounds = np.searchsorted(keys, np.stack([node, node + 1]) << (2 * (KEY_ORDER - order)))
        part = running[0, bounds[1]] - running[0, bounds[0]]
        whole = (bounds[1] - bounds[0] <= 1) | (part <= most)
        ends.append(bounds[:, whole & (part > 0)])
        node, order = (node[~whole, None] * 4 + np.arange(4)).ravel(), order + 1
    first, last = np.concatenate(ends, axis=1)
    sums = (running[:, last] - running[:, first]).T
    weight = sums[:, 0]
    mean = sums[:, 1:4] / weight[:, None]
    length = np.linalg.norm(mean, axis=1)
    # For points on a sphere the mean square distance to their mean is 1 - |mean|²; half of it belongs to each axis.
    variance = 0.5 * EARTH_RADIUS_KM**2 * np.maximum(1.0 - length**2, 0.0) + sums[:, 4] / weight
    return mean / length[:, None], weight, np.sqrt(variance)


def _expectation(cells: Cells, mass: Floats, score: Score, among: NDArray[np.bool_] | None) -> Callable[[Floats, Floats], Floats]:
    """Expected score as a function of points [k]; minus infinity outside of `among`."""
    vectors, weight, spread = gathered(cells, mass, POINT_MASS)
    wide = spread > _SHARP_KM
    vectors = np.concatenate([vectors[~wide], np.repeat(vectors[wide], 3, axis=0)]).T
    weight = np.concatenate([weight[~wide], np.repeat(weight[wide] / 3.0, 3)])
    off_km = np.concatenate([spread[~wide], np.outer(spread[wide], _RINGS).ravel()])

    def expected(lat: Floats, lon: Floats) -> Floats:
        dots = unit_vectors(lat, lon) @ vectors
        distance = np.hypot(EARTH_RADIUS_KM * np.arccos(np.clip(dots, -1.0, 1.0)), off_km)
        value = np.asarray(score(distance) @ weight)
        return value if among is None else np.where(among[cells.rows_at(lat, lon)], value, -math.inf)

    return expected


def _starts(cells: Cells, mass: Floats) -> tuple[Floats, Floats]:
    """Where to begin: means of parts of the map, the mean of it all, and its densest and heaviest cells."""
    vectors, _, _ = gathered(cells, mass / mass.sum(), _START_MASS)
    dense = np.argpartition(-mass / cells.area_km2, 8)[:8]
    heavy = np.argpartition(-mass, 8)[:8]
    return lat_lon(np.concatenate([vectors, [mass @ cells.vectors + 1e-12], cells.vectors[dense], cells.vectors[heavy]]))


def _climb(value: float, lat: float, lon: float, expected: Callable[[Floats, Floats], Floats]) -> tuple[float, float, float]:
    """Pattern search on the sphere: the best value found and its point."""
    bearings, step_km = np.arange(0.0, 360.0, 60.0), 100.0
    for _ in range(200):
        around_lat, around_lon = destination(lat, lon, bearings, step_km)
        values = expected(around_lat, around_lon)
        top = int(np.argmax(values))
        if values[top] > value:
            value, lat, lon = float(values[top]), float(around_lat[top]), float(around_lon[top])
        elif (step_km := step_km / 2.5) < _FINEST_KM:
            break
        bearings = bearings + 17.0
    return value, lat, lon
