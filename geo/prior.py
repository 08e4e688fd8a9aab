"""Where photos are taken before anything is known about one: a density over the Earth from places and populations.

    density = 0.75 * people + 0.20 * land + 0.05 * everywhere

`people` spreads the square root of each place's population over the Earth, half by von Mises-Fisher kernels of 8 km and half by
kernels of 40 km; `land` is uniform on land other than Antarctica; each part integrates to 1. The square root stands between the
number of people, which puts nearly all photos into megacities, and the number of places, which ignores them. This is a
modelling choice: no photo collection went into it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import healpix
import numpy as np
from numpy.typing import ArrayLike

from geo.cells import KEY_ORDER, side_km
from geo.kernels import KernelSet
from geo.sphere import Floats

SHARES = (0.75, 0.20, 0.05)
KERNELS_KM = (8.0, 40.0)
HIDDEN_PEOPLE = 200
"""Population taken for places whose own is not known."""
STEP = 0.05
"""One level of the stored map is this much of a natural logarithm: values are good to 2.5 %."""
ORDER = 8
_CHUNK = 4096


def photo_density(lat: ArrayLike, lon: ArrayLike, cell_km: ArrayLike) -> Floats:
    """Photos per km² [n] relative to the mean over the Earth, each averaged over a cell of side `cell_km` at a point in degrees.

    Cells finer than the stored map (25 km) get the value of the stored cell that they lie in.
    """
    lat, lon, side = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (lat, lon, cell_km)))
    order = np.clip(np.round(np.log2(side_km(0) / side)), 0, ORDER).astype(np.int64)
    density = np.empty(len(lat))
    for level in np.unique(order):
        rows = order == level
        density[rows] = _map(int(level))[healpix.ang2pix(1 << int(level), lon[rows], lat[rows], nest=True, lonlat=True)]
    return density


def density_under(lat: ArrayLike, lon: ArrayLike, sigma_km: ArrayLike) -> Floats:
    """Mean of the photo density [n] under von Mises-Fisher kernels around points in degrees, from the points that stand for each kernel."""
    lat, lon, sigma = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (lat, lon, sigma_km)))
    density = np.empty(len(lat))
    for start in range(0, len(lat), _CHUNK):
        some = slice(start, start + _CHUNK)
        keys = KernelSet(lat[some], lon[some], sigma[some], np.ones(len(lat[some]))).spread_keys
        density[some] = _map(ORDER)[keys >> (2 * (KEY_ORDER - ORDER))].mean(axis=1)
    return density


@cache
def _map(order: int) -> Floats:
    """Density on all cells of an order, with mean 1."""
    if order < ORDER:
        return np.asarray(_map(order + 1).reshape(-1, 4).mean(axis=1))
    with (files("geo") / "data" / "density.npz").open("rb") as file, np.load(file) as data:
        density = np.exp(data["level"].astype(np.float64) * STEP)
    return np.asarray(density / density.mean())
