"""Whether something is near a place that is known only as a belief: P = Σ wᵢ·1[dᵢ ≤ r] over points of the belief."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import haversine_km, spherical_mean
from tools.osm.filters import Filter
from tools.osm.shape import boxes_around, point
from tools.osm.store import OsmStore
from tools.quote import clean

WIDEST = 3.0
"""A belief whose 90 % radius is more than this many times the radius asked about is too wide to say anything."""
MOST_POINTS = 2_000
_SHARE = 0.9


@dataclass(frozen=True)
class NearbyProbability:
    """What a belief and an extract say together. The true share lies between `share` and `share + uncovered`."""

    share: float
    """Of the belief's mass: where something was found within the radius."""
    uncovered: float
    """Of the mass: outside the extract, or so near its edge that what lies beyond would count, with nothing found on this side."""
    radius_m: float
    radius_90_m: float
    """Of the circle around the middle of the points that holds 90 % of the mass; infinite where they have no middle."""

    @property
    def can_say(self) -> bool:
        return self.radius_90_m <= WIDEST * self.radius_m


def nearby_probability(
    store: OsmStore, points: ArrayLike, weights: ArrayLike, radius_m: float, filters: Sequence[Filter]
) -> NearbyProbability:
    """The share of a belief within `radius_m` of what any of the filters holds for.

    `points` are [n, 2] (lat, lon, degrees) with `weights` [n] that need not sum to 1. Where the belief is too wide to say, no point is
    looked up and both shares are those of ignorance (0 and 1). Raises ValueError for points or weights that are none, and OsmError.
    """
    where, mass = _checked(points, weights)
    radius_90_m = _radius_m(where, mass)
    if radius_90_m > WIDEST * radius_m:
        return NearbyProbability(0.0, 1.0, radius_m, radius_90_m)
    share = uncovered = 0.0
    for (lat, lon), weight in zip(where.tolist(), mass.tolist(), strict=True):
        if len(store.distances(lat, lon, radius_m, filters)):
            share += weight
        elif not covers_circle(store, lat, lon, radius_m):
            uncovered += weight
    return NearbyProbability(min(share, 1.0), min(uncovered, 1.0), radius_m, radius_90_m)


def say_probability(what: str, found: NearbyProbability) -> str:
    """`a pharmacy within 300 m: 83 %`, and what limits it."""
    head = f"{clean(what, 80)} within {found.radius_m:,.0f} m"
    if not found.can_say:
        wide = f"within {found.radius_90_m:,.0f} m at best" if np.isfinite(found.radius_90_m) else "nowhere in particular"
        return f"{head}: cannot say; the place itself is known {wide} (90 %), more than {WIDEST:.0f} times as far"
    if found.uncovered >= 0.995:
        return f"{head}: cannot say; this extract does not cover the place"
    if found.uncovered >= 0.005:
        return (
            f"{head}: {_percent(found.share)} to {_percent(found.share + found.uncovered)}; the extract does not cover the rest"
        )
    return f"{head}: {_percent(found.share)}"


def _percent(share: float) -> str:
    """Whole per cent; `under 1 %` and `over 99 %` where nothing is certain."""
    if 0.0 < share < 0.005:
        return "under 1 %"
    return "over 99 %" if 0.995 <= share < 1.0 - 1e-9 else f"{100.0 * min(share, 1.0):.0f} %"


def covers_circle(store: OsmStore, lat: float, lon: float, radius_m: float) -> bool:
    """Whether a circle lies in the extract's box."""
    return all(
        store.covers(max(-90.0, min(90.0, edge_lat / 1e7)), edge_lon / 1e7)
        for south, west, north, east in boxes_around(point(lat, lon).box(), radius_m)
        for edge_lat in (south, north)
        for edge_lon in (west, east)
    )


def _checked(points: ArrayLike, weights: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    where, mass = np.asarray(points, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if where.ndim != 2 or where.shape[1:] != (2,) or mass.shape != where.shape[:1]:
        raise ValueError("points are [n, 2] and weights [n]")
    if not 1 <= len(where) <= MOST_POINTS:
        raise ValueError(f"between 1 and {MOST_POINTS:,} points of a belief are looked up, not {len(where):,}")
    if not np.isfinite(where).all() or np.abs(where[:, 0]).max() > 90 or np.abs(where[:, 1]).max() > 180:
        raise ValueError("a point of the belief is not on the Earth")
    if not (np.isfinite(mass).all() and mass.min() >= 0 and mass.sum() > 0):
        raise ValueError("the weights are finite, not negative, and not all 0")
    return where, mass / mass.sum()


def _radius_m(where: np.ndarray, mass: np.ndarray) -> float:
    middle = spherical_mean(where[:, 0], where[:, 1], mass)
    if middle is None:
        return float("inf")
    away = haversine_km(middle[0], middle[1], where[:, 0], where[:, 1]) * 1000.0
    order = np.argsort(away)
    row = int(np.searchsorted(np.cumsum(mass[order]), _SHARE - 1e-12))
    return float(away[order[min(row, len(order) - 1)]])
