"""Precision, recall, density and coverage of generated places against true ones (Naeem et al. 2020), by great circles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.sphere import Floats, haversine_km

NEIGHBOURS = 3


@dataclass(frozen=True)
class Prdc:
    """Shares from 0 to 1, but for `density`, which may be higher."""

    precision: float
    """Of the generated places: the share within the neighbourhood of some true one."""
    recall: float
    """Of the true places: the share within the neighbourhood of some generated one."""
    density: float
    """In how many true neighbourhoods a generated place lies, over k; about 1 for the same distribution."""
    coverage: float
    """Of the true places: the share with a generated one in its neighbourhood."""


def prdc(true_lat: Floats, true_lon: Floats, lat: Floats, lon: Floats, k: int = NEIGHBOURS) -> Prdc:
    """Of generated places [m] against true ones [n], in degrees. A place's neighbourhood reaches to its k-th nearest neighbour of its own kind.

    Raises ValueError for no more than k places of a kind. Needs n·m numbers; `chunked_prdc` is for many.
    """
    if min(len(true_lat), len(lat)) <= k:
        raise ValueError(f"more than {k} places of each kind are needed")
    true_radius, radius = _radii(true_lat, true_lon, k), _radii(lat, lon, k)
    distance = haversine_km(true_lat[:, None], true_lon[:, None], lat, lon)
    inside = distance < true_radius[:, None]
    return Prdc(
        precision=float(inside.any(axis=0).mean()),
        recall=float((distance < radius).any(axis=1).mean()),
        density=float(inside.sum(axis=0).mean() / k),
        coverage=float((distance.min(axis=1) < true_radius).mean()),
    )


def chunked_prdc(true_lat: Floats, true_lon: Floats, lat: Floats, lon: Floats, k: int = NEIGHBOURS, parts: int = 20) -> Prdc:
    """The mean over `parts` consecutive parts of the pairs [n], as the paper's tables have it; figures depend on the size of a part."""
    rows = [part for part in np.array_split(np.arange(len(lat)), parts) if len(part)]
    each = [prdc(true_lat[part], true_lon[part], lat[part], lon[part], k) for part in rows]
    names = ("precision", "recall", "density", "coverage")
    return Prdc(*(float(np.mean([getattr(one, name) for one in each])) for name in names))


def _radii(lat: Floats, lon: Floats, k: int) -> Floats:
    """Distance in km [n] of each point to its k-th nearest other one."""
    distance = haversine_km(lat[:, None], lon[:, None], lat, lon)
    np.fill_diagonal(distance, 0.0)
    return np.asarray(np.partition(distance, k, axis=1)[:, k])
