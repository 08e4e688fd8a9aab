"""How good a guess is, by its distance: the one home of these formulas for beliefs, evaluations and rewards."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import Floats

THRESHOLDS_KM = (1.0, 25.0, 200.0, 750.0, 2500.0)
"""Street, city, region, country, continent (Hays & Efros 2008; Vo et al. 2017); a hit is strictly nearer."""

Score = Callable[[ArrayLike], Floats]


def geoscore(distance_km: ArrayLike) -> Floats:
    """GeoGuessr's world score, 5000·exp(−d/1492.7) (PIGEON, section 4.1); 5000 is a perfect guess."""
    return np.asarray(5000.0 * np.exp(-np.asarray(distance_km, dtype=np.float64) / 1492.7))


def hit(radius_km: float) -> Score:
    """1 within `radius_km` (strictly), else 0."""

    def score(distance_km: ArrayLike) -> Floats:
        return np.asarray(np.asarray(distance_km) < radius_km, dtype=np.float64)

    return score


def score_named(name: str) -> Score:
    """`geoscore`, or `hit@25` for the hit rate at 25 km. Raises ValueError for anything else."""
    if name == "geoscore":
        return geoscore
    if match := re.fullmatch(r"hit@(\d+(?:\.\d+)?)", name):
        return hit(float(match[1]))
    raise ValueError(f"no score is called {name!r}; use geoscore or hit@KM")
