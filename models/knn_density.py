"""Where similar photos were taken, as a density over the Earth: Revisiting IM2GPS (Vo, Jacobs and Hays 2017, section 3.3).

    score(x) = Σ_{j ≤ k} d_j⁻ᵐ K_σ(x − x_j)

over the k nearest photos, d_j the distance of the vectors, with k = 100, m = 10 and σ = 4° as published. The kernel here is von
Mises-Fisher on the sphere, where the published code blurs a plane grid of degrees; the mode is found by mean shift and not on a grid,
and then snapped to the first neighbour, in the order of likeness, within 100 km of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from geo.evidence import Kernels
from geo.sphere import EARTH_RADIUS_KM, Floats, haversine_km, kappa_of_sigma, lat_lon, unit_vectors, vmf_log_density
from models.gallery.gallery import Hit

KM_OF_DEGREE = math.pi * EARTH_RADIUS_KM / 180.0

_LEAST_DISTANCE = 1e-3
"""Vectors nearer than this count as that near, so that a copy of the query outweighs everything and yet leaves numbers finite."""
_CLIMBS = 5
_STEPS = 200


@dataclass(frozen=True)
class KnnSettings:
    """The published numbers."""

    k: int = 100
    """How many neighbours count."""
    power: float = 10.0
    """m: a neighbour at half the distance counts 2^m times as much."""
    sigma_km: float = 4.0 * KM_OF_DEGREE
    """Standard deviation of the kernel along each axis: 4 degrees, 444.8 km."""
    snap_km: float = 100.0
    """The mode moves to the likest neighbour within this distance."""


def neighbour_weights(similarity: Floats, power: float) -> Floats:
    """d⁻ᵐ [k], summing to 1, from cosine similarities [k] of unit vectors: d² = 2 − 2·cos. No neighbours give none."""
    if not len(similarity):
        return np.zeros(0)
    distance = np.sqrt(np.maximum(2.0 - 2.0 * np.asarray(similarity, dtype=np.float64), _LEAST_DISTANCE**2))
    log_weight = -power * np.log(distance)
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


@dataclass(frozen=True, eq=False)
class NeighbourDensity:
    """Neighbours [k] in the order of likeness, with their weights, and one kernel width."""

    lat: Floats
    lon: Floats
    weight: Floats
    sigma_km: float

    @classmethod
    def of(cls, hits: Sequence[Hit], settings: KnnSettings | None = None) -> NeighbourDensity:
        """The density of what a gallery found, likest first. Raises ValueError for no hits."""
        settings = settings or KnnSettings()
        if not hits:
            raise ValueError("no neighbours, no density")
        hits = hits[: settings.k]
        lat, lon, similarity = np.array([(hit.row.lat, hit.row.lon, hit.similarity) for hit in hits], dtype=np.float64).T
        return cls(lat, lon, neighbour_weights(similarity, settings.power), settings.sigma_km)

    def kernels(self) -> Kernels:
        """The density as a likelihood."""
        return Kernels(
            tuple(self.lat.tolist()), tuple(self.lon.tolist()), (self.sigma_km,) * len(self.lat), tuple(self.weight.tolist())
        )

    def log_at(self, lat: Floats, lon: Floats) -> Floats:
        """Log density per steradian at points [n]."""
        return self._log_at(unit_vectors(lat, lon))

    def mode(self) -> tuple[float, float]:
        """The point of highest density, by mean shift from the best neighbours: x ← Σ w K(x, x_j) x_j, which never descends."""
        value = self._log_at(self._vectors)
        starts = self._vectors[np.argsort(-value, kind="stable")[:_CLIMBS]]
        best = max((self._climb(start) for start in starts), key=lambda point: float(self._log_at(point[None])[0]))
        lat, lon = lat_lon(best)
        return float(lat), float(lon)

    def guess(self, snap_km: float = KnnSettings.snap_km) -> tuple[float, float]:
        """The mode, moved to the first neighbour in the order of likeness that lies within `snap_km` of it."""
        lat, lon = self.mode()
        near = np.flatnonzero(haversine_km(lat, lon, self.lat, self.lon) <= snap_km)
        return (float(self.lat[near[0]]), float(self.lon[near[0]])) if len(near) else (lat, lon)

    @cached_property
    def _vectors(self) -> Floats:
        return unit_vectors(self.lat, self.lon)

    def _log_at(self, points: Floats) -> Floats:
        terms = vmf_log_density(points @ self._vectors.T, kappa_of_sigma(self.sigma_km))
        with np.errstate(divide="ignore"):
            terms = terms + np.log(self.weight)
        top = terms.max(axis=1, keepdims=True)
        return np.asarray(top[:, 0] + np.log(np.exp(terms - top).sum(axis=1)))

    def _climb(self, start: Floats) -> Floats:
        point, kappa = start, float(kappa_of_sigma(self.sigma_km))
        for _ in range(_STEPS):
            pull = self.weight * np.exp(kappa * (self._vectors @ point - 1.0))
            moved = pull @ self._vectors
            moved = moved / np.linalg.norm(moved)
            if float(moved @ point) > 1.0 - 1e-14:
                break
            point = moved
        return point
