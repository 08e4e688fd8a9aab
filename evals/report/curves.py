"""Points of the page's curves that no summary holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.metrics.values import distances
from evals.row import Row
from geo.sphere import Floats

Z95 = 1.959964


@dataclass(frozen=True)
class Share:
    """A share of `n` at `x` with its 95 % interval."""

    x: float
    value: float
    low: float
    high: float
    n: int


def share_of(value: float, n: int, x: float = 0.0) -> Share:
    """A share of `n` (at least 1) and its Wilson score interval (Wilson 1927)."""
    z2 = Z95**2
    middle = (value + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * float(np.sqrt(value * (1 - value) / n + z2 / (4 * n * n)))
    return Share(x, value, max(0.0, middle - half), min(1.0, middle + half), n)


def distance_curve(rows: Sequence[Row], at_km: Floats) -> Floats:
    """Share [m] of the records with coordinates that are strictly nearer than each distance [m]; NaN where there is none."""
    far = distances(rows)
    ordered = np.sort(far[~np.isnan(far)])
    if not len(ordered):
        return np.full(len(at_km), np.nan)
    return np.asarray(np.searchsorted(ordered, at_km, side="left") / len(ordered))
