"""Von Mises-Fisher kernels averaged over cells: exact in their mass for any width, and fast for many at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.cells import RUN, Cells, Ints, keys_at, side_km
from geo.sphere import EARTH_RADIUS_KM, Floats, destination, unit_vectors

SPREAD_POINTS = 128
"""Points that stand for a kernel too narrow for the cells around it."""
NARROW = 0.6
"""A kernel is too narrow for a cell when its standard deviation is below this part of the cell's side.

Sampled at cell centres with the variance of the cell added, a wider kernel keeps its mass within 1 %; one of a tenth of
the side would gain or lose a factor of two, as its place in the cell has it. On a pole itself, where cells are kites, a
kernel of about a cell's size is off by up to 11 %.
"""
_FAR = 24.0
"""Beyond kappa (1 - cos) = 24 a kernel is left out: exp(-24) is 4e-11 of its peak."""
_PAIRS = 512


class KernelSet:
    """The kernels [k] of one or several clues.

    `lat`, `lon` in degrees, `sigma_km`, `weight`; `clue` is the number of the clue, from 0, that each belongs to.
    """

    def __init__(
        self, lat: Floats, lon: Floats, sigma_km: Floats, weight: Floats, clue: Ints | None = None, n_clues: int = 1
    ) -> None:
        self.lat, self.lon, self.sigma_km, self.weight = lat, lon, sigma_km, weight
        self.clue = np.zeros(len(lat), dtype=np.int64) if clue is None else clue
        self.n_clues = n_clues

    @classmethod
    def stacked(cls, sets: Sequence[KernelSet]) -> KernelSet:
        """Several clues, each a set of one, as one set."""
        clue = np.repeat(np.arange(len(sets)), [len(one.lat) for one in sets])
        lat, lon, sigma_km, weight = (
            np.concatenate([getattr(one, n) for one in sets]) for n in ("lat", "lon", "sigma_km", "weight")
        )
        whole = cls(lat, lon, sigma_km, weight, clue, len(sets))
        for name in ("vectors", "spread_keys"):
            whole.__dict__[name] = np.concatenate([getattr(one, name) for one in sets])
        return whole

    @cached_property
    def vectors(self) -> Floats:
        """Unit vectors [k, 3] of the centres."""
        return unit_vectors(self.lat, self.lon)

    @cached_property
    def spread_keys(self) -> Ints:
        """Keys [k, SPREAD_POINTS] of points of equal weight that stand for each kernel."""
        rank = np.arange(SPREAD_POINTS)
        # A sunflower with Rayleigh radii is a plane Gaussian; a kernel so wide that the Earth curves is never too narrow.
        radius = np.sqrt(-2.0 * np.log1p(-(rank + 0.5) / SPREAD_POINTS))
        bearing = np.degrees(rank * (math.pi * (3.0 - math.sqrt(5.0))))
        sigma = np.minimum(self.sigma_km, 2000.0)
        return keys_at(*destination(self.lat[:, None], self.lon[:, None], bearing, sigma[:, None] * radius))

    def on(self, cells: Cells) -> Floats:
        """Density per steradian [n_clues, n] of each clue in cells [n], the mean over each cell."""
        if not len(cells) or not len(self.lat):
            return np.zeros((self.n_clues, len(cells)))
        middle, radius = cells.runs
        starts = np.arange(0, len(cells), RUN)
        largest = side_km(np.minimum.reduceat(cells.order, starts))[:, None]
        smallest = side_km(np.maximum.reduceat(cells.order, starts))[:, None]
        kappa = EARTH_RADIUS_KM**2 / (self.sigma_km**2 + largest**2 / 12.0)
        # The corner of a cell lies up to 1.4 sides from its centre, the last points of a narrow kernel 3.4 sigma from its own.
        reach = np.arccos(np.clip(1.0 - _FAR / kappa, -1.0, 1.0)) + radius[:, None] + 1.4 * largest / EARTH_RADIUS_KM
        near = middle @ self.vectors.T >= np.cos(np.minimum(reach, math.pi))
        out = np.zeros((self.n_clues, len(starts), RUN))
        for runs, kernels in _chunks(near & (self.sigma_km >= NARROW * smallest)):
            self._add_wide(out, cells, runs, kernels)
        density = out.reshape(self.n_clues, -1)[:, : len(cells)]
        narrow = np.flatnonzero((near & (self.sigma_km < NARROW * largest)).any(axis=0))
        return density + self._narrow(cells, narrow) if len(narrow) else density

    def _add_wide(self, out: Floats, cells: Cells, runs: NDArray[np.intp], kernels: NDArray[np.intp]) -> None:
        """Add kernel values at the centres of the cells of each run, for pairs [p] of a run and a kernel, sorted by run."""
        x, y, z, area = (part[runs] for part in cells.run_parts)
        mu, variance = self.vectors[kernels], self.sigma_km[kernels, None] ** 2
        kappa = EARTH_RADIUS_KM**2 / (variance + area / 12.0)
        value = x * mu[:, :1] + y * mu[:, 1:2] + z * mu[:, 2:] - 1.0
        value = kappa * np.exp(value * kappa) * (self.weight[kernels, None] / (2.0 * math.pi))
        if kappa.min() < 20.0:
            value /= -np.expm1(-2.0 * kappa)
        if variance.min() < NARROW**2 * area.max():
            value[variance < NARROW**2 * area] = 0.0
        clue = self.clue[kernels]
        first = np.flatnonzero(np.append(True, (np.diff(runs) != 0) | (np.diff(clue) != 0)))
        out[clue[first], runs[first]] += np.add.reduceat(value, first, axis=0)

    def _narrow(self, cells: Cells, kernels: NDArray[np.intp]) -> Floats:
        """Density [n_clues, n] of kernels in cells too coarse for them: the share of their points in each, over its area."""
        rows = cells.rows_of(self.spread_keys[kernels])
        level = cells.order[rows]
        counted = (rows >= 0) & (self.sigma_km[kernels, None] < NARROW * side_km(level))
        density = self.weight[kernels, None] / SPREAD_POINTS * (12.0 * 4.0**level / (4.0 * math.pi))
        place = self.clue[kernels, None] * len(cells) + rows
        shape = (self.n_clues, len(cells))
        return np.asarray(np.bincount(place[counted], weights=density[counted], minlength=math.prod(shape)).reshape(shape))


def _chunks(pairs: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The pairs that hold, some thousands at a time."""
    first, second = np.nonzero(pairs)
    for start in range(0, len(first), _PAIRS):
        yield first[start : start + _PAIRS], second[start : start + _PAIRS]
