"""Intervals by the percentile bootstrap (Efron and Tibshirani 1993, chapter 13), for many statistics of the same resamples at once.

A resample is written as how often each record was drawn, so that a statistic is a function of counts, and statistics of the same
records, or of two runs over them, are paired by being asked about the same counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.sphere import Floats

RESAMPLES = 1000
_CHUNK = 2_000_000
"""Counts that are held at once: 16 MB."""

Statistic = Callable[[Floats], Floats]
"""From how often each of n records was drawn [b, n] to values [b, k]; NaN where a resample does not define one."""


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


def resampled(n: int, statistics: Sequence[Statistic], resamples: int = RESAMPLES, seed: int = 0) -> list[tuple[Floats, Floats]]:
    """For each statistic of n records its values [k] and its draws [resamples, k], all from the same resamples."""
    parts: list[list[Floats]] = [[] for _ in statistics]
    for counts in counts_of_resamples(n, resamples, seed):
        for part, statistic in zip(parts, statistics, strict=True):
            part.append(statistic(counts))
    once = np.ones((1, n))
    return [(statistic(once)[0], np.concatenate(part)) for part, statistic in zip(parts, statistics, strict=True)]


def counts_of_resamples(n: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each of n records is drawn [b, n] in n draws with replacement, in chunks; the same on every machine (PCG64)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    size = max(1, min(resamples, _CHUNK // max(n, 1)))
    for start in range(0, resamples, size):
        b = min(size, resamples - start)
        if not n:
            yield np.zeros((b, 0))
            continue
        cells = rng.integers(0, n, size=(b, n)) + n * np.arange(b)[:, None]
        yield np.bincount(cells.ravel(), minlength=n * b).reshape(b, n).astype(np.float64)


def ratios(top: Floats, bottom: Floats) -> Statistic:
    """Σ top / Σ bottom over records, for `top` and `bottom` [n, k]; NaN where nothing counts."""
    top, bottom = on_grid(top), on_grid(bottom)

    def of(counts: Floats) -> Floats:
        above, below = counts @ top, counts @ bottom
        return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)

    return of


def means(values: Floats) -> Statistic:
    """Means of `values` [n, k]; NaN marks a record that is not in the denominator."""
    known = ~np.isnan(values)
    return ratios(np.where(known, values, 0.0), known.astype(np.float64))


def on_grid(values: Floats) -> Floats:
    """Values [n, k] on a binary grid so fine (2⁻⁵² of n times the largest of a column) and so coarse that every sum of n of them is exact.

    Sums are then the same in every order of addition: for any number of threads, any linear algebra library, any order of rows.
    """
    largest = np.abs(values).max(axis=0, initial=0.0) * max(len(values), 1)
    step = np.exp2(np.ceil(np.log2(np.maximum(largest, 1e-200))) - 52)
    return np.asarray(np.round(values / step) * step)


def quantile(values: Floats, share: float = 0.5) -> Statistic:
    """The quantile of `values` [n], which may be infinite; those that are NaN are left out.

    The mean of the two values between which the share falls, where it falls between two (definition 2 of Hyndman and Fan 1996):
    at 0.5 the median.
    """
    order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    ordered = values[order]

    def of(counts: Floats) -> Floats:
        if not len(order):
            return np.full((len(counts), 1), np.nan)
        upto = np.cumsum(counts[:, order], axis=1)
        size = upto[:, -1]
        below, above = np.ceil(share * size) - 1, np.minimum(np.floor(share * size), size - 1)
        low, high = (ordered[np.minimum((upto <= rank[:, None]).sum(axis=1), len(order) - 1)] for rank in (below, above))
        return np.where(size > 0, _middle(low, high), np.nan)[:, None]

    return of


def _middle(low: Floats, high: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.isinf(high), np.where(np.isinf(low), low, high), (low + high) / 2.0))
