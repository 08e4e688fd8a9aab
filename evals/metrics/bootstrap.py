"""Intervals by the percentile bootstrap (Efron and Tibshirani 1993, chapter 13), for many statistics of the same resamples at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats

RESAMPLES = 1000
_CHUNK = 4_000_000
"""Resampled records that are held at once."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, None where it is not finite, and how many records it rests on."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    def to_json(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def rounded(value: float) -> float | None:
    """A number to 6 significant digits, so that machines agree; None where it is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def estimate(value: float, draws: Floats, n: int) -> Estimate:
    """The estimate of a statistic from its values on resamples [b]. A draw that could not be computed (NaN) does not count."""
    known = draws[~np.isnan(draws)]
    if not n or not len(known) or math.isnan(value):
        return Estimate(None, None, None, n)
    # `inverted_cdf` takes values that were drawn, so that an infinite one never becomes a NaN by interpolation.
    low, high = np.quantile(known, [0.025, 0.975], method="inverted_cdf")
    return Estimate(rounded(value), rounded(float(low)), rounded(float(high)), n)


def draws_of_rows(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Rows [b, n] drawn with replacement, in chunks of resamples; the same on every machine (PCG64)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    size = max(1, min(resamples, _CHUNK // max(n, 1)))
    for start in range(0, resamples, size):
        yield rng.integers(0, n, size=(min(size, resamples - start), n))


def counts_of(rows: NDArray[np.int64], n: int) -> Floats:
    """How often each of n records [b, n] was drawn."""
    offset = n * np.arange(len(rows))[:, None]
    return np.bincount((rows + offset).ravel(), minlength=n * len(rows)).reshape(len(rows), n).astype(np.float64)


def ratio_draws(top: Floats, bottom: Floats, resamples: int = RESAMPLES, seed: int = 0) -> tuple[Floats, Floats]:
    """Values [k] and draws [resamples, k] of Σ top / Σ bottom over records, for `top` and `bottom` [n, k]. NaN where nothing counts.

    A mean over the records that count has their values as `top` and 1 as `bottom`, and 0 for the others.
    """
    n = len(top)
    if not n:
        return np.full(top.shape[1], np.nan), np.full((resamples, top.shape[1]), np.nan)
    parts = []
    for rows in draws_of_rows(n, resamples, seed):
        counts = counts_of(rows, n)
        parts.append(_ratio(counts @ top, counts @ bottom))
    return _ratio(top.sum(axis=0), bottom.sum(axis=0)), np.concatenate(parts)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan)


def mean_draws(values: Floats, resamples: int = RESAMPLES, seed: int = 0) -> tuple[Floats, Floats]:
    """Means [k] and their draws [resamples, k] of `values` [n, k]; NaN marks a record that is not in the denominator."""
    known = ~np.isnan(values)
    return ratio_draws(np.where(known, values, 0.0), known.astype(np.float64), resamples, seed)


def median_draws(values: Floats, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, Floats]:
    """The median and its draws [resamples] of `values` [n], which may be infinite; those that are NaN are left out."""
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), np.full(resamples, np.nan)
    ordered = np.sort(known)
    parts = []
    for rows in draws_of_rows(len(known), resamples, seed):
        # Of sorted values the median is at the median rank.
        ranks = np.partition(rows, [(len(known) - 1) // 2, len(known) // 2], axis=1)
        parts.append(_middle(ordered[ranks[:, (len(known) - 1) // 2]], ordered[ranks[:, len(known) // 2]]))
    low, high = ordered[(len(known) - 1) // 2], ordered[len(known) // 2]
    return float(_middle(low, high)), np.concatenate(parts)


def _middle(low: Floats, high: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.isinf(high), np.where(np.isinf(low), low, high), (low + high) / 2.0))
