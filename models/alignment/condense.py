"""Many weighted kernels as few: the heaviest as they are, the others merged into one per cell of the Earth."""

from __future__ import annotations

import numpy as np

from geo.cells import KEY_ORDER, keys_at
from geo.evidence import Kernels
from geo.sphere import EARTH_RADIUS_KM, Floats, lat_lon, unit_vectors

MOST = 512
"""Kernels that are kept at most."""
_HELD = 0.99
"""Kernels that hold this share of the weight stand for all."""
_MERGE_ORDERS = (4, 3, 2)
"""The others are merged in HEALPix cells of the first of these orders (407, 815 and 1,630 km wide) of which few hold nearly all of them."""
_MERGED = 0.97


def condensed(lat: Floats, lon: Floats, sigma_km: Floats, weight: Floats, most: int = MOST) -> Kernels:
    """At most `most` kernels that have the weight of all, 1 in total, and the same mean and spread cell by cell; far tails are dropped.

    Where the heaviest `most` hold 99 % they are all that is kept. Else the heaviest half stays as it is, and the rest becomes one kernel in
    each cell of 407 km or more, with the variance of its parts. Raises ValueError when no weight is above 0.
    """
    weight = np.where(np.isfinite(weight), np.maximum(weight, 0.0), 0.0)
    if not weight.sum() > 0:
        raise ValueError("no kernel has any weight")
    weight = weight / weight.sum()
    order = np.argsort(-weight, kind="stable")
    held = np.cumsum(weight[order])
    needed = int(np.searchsorted(held, _HELD)) + 1
    if needed <= most:
        return _kernels(lat[order[:needed]], lon[order[:needed]], sigma_km[order[:needed]], weight[order[:needed]])
    top, rest = order[: most // 2], order[most // 2 :]
    merged = _merged(lat[rest], lon[rest], sigma_km[rest], weight[rest], most - most // 2)
    return _kernels(*(np.concatenate([a[top], b]) for a, b in zip((lat, lon, sigma_km, weight), merged, strict=True)))


def _merged(lat: Floats, lon: Floats, sigma_km: Floats, weight: Floats, most: int) -> tuple[Floats, Floats, Floats, Floats]:
    """One kernel for the kernels of each cell, the heaviest `most` of them."""
    for order in _MERGE_ORDERS:
        _, cell = np.unique(keys_at(lat, lon) >> 2 * (KEY_ORDER - order), return_inverse=True)
        mass = np.asarray(np.bincount(cell, weights=weight), dtype=np.float64)
        if np.sort(mass)[::-1][:most].sum() >= _MERGED * mass.sum():
            break
    xyz = unit_vectors(lat, lon)
    middle = np.array([np.bincount(cell, weights=weight * axis) for axis in xyz.T], dtype=np.float64).T
    middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-300)
    # The variance along one axis is half the mean square distance in the plane.
    square_km2 = ((xyz - middle[cell]) ** 2).sum(axis=1) * EARTH_RADIUS_KM**2
    variance = np.bincount(cell, weights=weight * (sigma_km**2 + square_km2 / 2.0)) / np.maximum(mass, 1e-300)
    keep = np.argsort(-mass, kind="stable")[:most]
    keep = keep[mass[keep] > 0]
    middle_lat, middle_lon = lat_lon(middle[keep])
    return middle_lat, middle_lon, np.sqrt(variance[keep]), np.asarray(mass[keep])


def _kernels(lat: Floats, lon: Floats, sigma_km: Floats, weight: Floats) -> Kernels:
    share = weight / weight.sum()
    return Kernels(*(tuple(column.tolist()) for column in (lat, lon, sigma_km, share)))
