"""What a set of answers is worth. No answer counts as wrong; the denominator is always the number of photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geo.score import THRESHOLDS_KM, geoscore
from geo.sphere import Floats


@dataclass(frozen=True)
class Metrics:
    count: int
    answered: int
    within: dict[float, float]
    """Share of all photos whose answer is strictly nearer than each threshold in km."""
    median_km: float | None
    """Median distance over all photos, an answer that is missing counting as infinitely far; None when it is infinite."""
    mean_geoscore: float
    country: float | None
    """Share of photos with a known country whose answer names it."""
    coverage: dict[float, float]
    """For each share q: how many answers (of those given) have the truth inside their radius of q. Calibrated: q."""


def distance_metrics(distance_km: Floats, radii_km: dict[float, Floats], country_right: Sequence[bool | None]) -> Metrics:
    """Metrics of `distance_km` [n] (NaN: no answer), the radii stated for shares {0.5: [n], …}, and verdicts on the country."""
    given = ~np.isnan(distance_km)
    far = np.where(given, distance_km, np.inf)
    median = float(np.median(far)) if len(far) else np.inf
    verdicts = [v for v in country_right if v is not None]
    return Metrics(
        count=len(far),
        answered=int(given.sum()),
        within={t: float(np.mean(far < t)) if len(far) else 0.0 for t in THRESHOLDS_KM},
        median_km=median if np.isfinite(median) else None,
        mean_geoscore=float(np.mean(geoscore(far))) if len(far) else 0.0,
        country=float(np.mean(verdicts)) if verdicts else None,
        coverage={q: float(np.mean(far[given] <= r[given])) if given.any() else float("nan") for q, r in radii_km.items()},
    )
