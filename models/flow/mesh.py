"""A density over the Earth on equal-area cells that are small where the mass is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.cells import KEY_ORDER, Cells, keys_at
from geo.sphere import Floats, lat_lon

COARSE, FINEST = 2, 8
"""Orders of the first cells (1,630 km) and of the smallest ones (25 km)."""
_MOST_MASS = 1.0 / 128.0
"""A cell with more than this is split."""
_ROUNDS = 6
_MOST_CELLS = 4000

LogDensity = Callable[[Floats], Floats]
"""Natural logarithm of the density per steradian [n] at unit vectors [n, 3]."""


@dataclass(frozen=True, eq=False)
class CellDensity:
    """Cells [n] that cover the sphere, and the probability [n] of each."""

    cells: Cells
    mass: Floats
    """Sums to 1."""
    integral: float
    """What it summed to before it was made to: 1 for a density that the cells are fine enough for."""

    def gain_bits(self) -> float:
        """What the density tells beyond a uniform Earth: the Kullback-Leibler divergence, in bits. At most that of the cells."""
        share = self.cells.area_km2 / self.cells.area_km2.sum()
        held = self.mass > 0
        return float((self.mass[held] * np.log2(self.mass[held] / share[held])).sum())


def cell_density(log_density: LogDensity, samples: Floats, coarse: int = COARSE, finest: int = FINEST) -> CellDensity:
    """The density on cells, asked at their centres.

    Samples [s, 3] of the same distribution say where cells must be small before the density is asked: a peak between the centres of coarse
    cells would not be seen. Then cells that turn out to hold more than 1/128 are split until none is left, or the finest order is reached.
    """
    cells = _around(samples, coarse, finest)
    mass = _mass(log_density, cells)
    for _ in range(_ROUNDS):
        heavy = np.flatnonzero((mass > _MOST_MASS * mass.sum()) & (cells.order < finest))
        if not len(heavy) or len(cells) + 3 * len(heavy) > _MOST_CELLS:
            break
        kids = cells.children(heavy)
        mass = np.concatenate([np.delete(mass, heavy), _mass(log_density, kids)])
        left = np.append(np.delete(np.arange(len(cells)), heavy), len(cells) + np.arange(len(kids)))
        cells = Cells.joined([cells, kids], left)
    total = float(mass.sum())
    return CellDensity(cells, mass / max(total, 1e-300), total)


def _around(samples: Floats, coarse: int, finest: int) -> Cells:
    """Cells of the coarse order, split where more than 1/128 of the samples lie in one."""
    keys = np.sort(keys_at(*lat_lon(samples)))
    most = max(2.0, _MOST_MASS * len(keys))
    order, ipix = np.full(12 * 4**coarse, coarse), np.arange(12 * 4**coarse, dtype=np.int64)
    kept: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    while True:
        shift = 2 * (KEY_ORDER - order)
        count = np.searchsorted(keys, (ipix + 1) << shift) - np.searchsorted(keys, ipix << shift)
        split = (count > most) & (order < finest)
        kept.append((order[~split], ipix[~split]))
        if not split.any():
            break
        order, ipix = np.repeat(order[split] + 1, 4), (ipix[split, None] * 4 + np.arange(4)).ravel()
    return Cells.of(np.concatenate([k[0] for k in kept]), np.concatenate([k[1] for k in kept]))


def _mass(log_density: LogDensity, cells: Cells) -> Floats:
    """Density at the centre times area, in steradians."""
    area = 4.0 * np.pi / (12.0 * 4.0**cells.order)
    return np.asarray(np.exp(log_density(cells.vectors)) * area)
