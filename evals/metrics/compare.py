"""Two runs over the same records: paired differences, and which records got better and worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.metrics.bootstrap import RESAMPLES, estimate, means, quantile, resampled, rounded
from evals.metrics.glossary import METRICS
from evals.metrics.summary import MOST_VALUES, columns_of, parts_of
from evals.metrics.values import distances, mean_values
from evals.row import LEVELS, Row
from geo.sphere import Floats

_NEARLY_EQUAL = 0.25
"""Distances that differ by less than this in log10(1 + km) are one."""


def compare(rows_a: Sequence[Row], rows_b: Sequence[Row], *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Differences b − a over the records that both have, in all and by split, by the paired bootstrap (Koehn 2004).

    Each has an interval; `above`, the share of resamples in which b has the higher value (equal ones count half): near 0 or 1 the
    difference is real, near 0.5 it is chance; and `p`, two-sided: twice the smaller share of resamples at or beyond 0, with one added to
    both counts (Efron and Tibshirani 1993, section 15.4; Davison and Hinkley 1997, section 4.2). It does not know how many metrics and splits
    are looked at. Records of one run alone are counted and left out.
    """
    by_a, by_b = {row.id: row for row in rows_a}, {row.id: row for row in rows_b}
    common = sorted(by_a.keys() & by_b.keys())
    a, b = [by_a[key] for key in common], [by_b[key] for key in common]
    place = {key: number for number, key in enumerate(common)}
    splits: dict[str, Any] = {}
    for column in columns_of(a):
        parts = parts_of(a, column)
        if len(parts) <= MOST_VALUES:
            splits[column] = {value: {"n": len(part), "metrics": differences(part, [b[place[row.id]] for row in part], resamples, seed)}
                              for value, part in parts.items()}  # fmt: skip
    changes = sorted(
        (change(x, y) for x, y in zip(a, b, strict=True)), key=lambda item: (item["levels"], item["nearer"]), reverse=True
    )
    return {
        "n": len(common), "only_a": len(by_a) - len(common), "only_b": len(by_b) - len(common),
        "metrics": differences(a, b, resamples, seed), "splits": splits,
        "better": [item for item in changes if _is_better(item)],
        "worse": [item for item in reversed(changes) if _is_worse(item)],
    }  # fmt: skip


def differences(a: Sequence[Row], b: Sequence[Row], resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """By metric: the values of both, and b − a over the records that count in both, with interval, `above` and `p`."""
    values_a, values_b = mean_values(a), mean_values(b)
    names = [name for name in values_a if name in values_b]
    tables = [_where_both(np.stack([v[n] for n in names], axis=1), np.stack([w[n] for n in names], axis=1))
              for v, w in ((values_a, values_b), (values_b, values_a))]  # fmt: skip
    far = [_where_both(distances(one), distances(other)) for one, other in ((a, b), (b, a))]
    statistics = [*map(means, tables), *map(quantile, far)]
    (mean_a, draws_a), (mean_b, draws_b), (median_a, medians_a), (median_b, medians_b) = resampled(
        len(a), statistics, resamples, seed
    )
    sizes = (~np.isnan(tables[0])).sum(axis=0)
    found = {
        name: _difference(mean_a[i], mean_b[i], draws_b[:, i] - draws_a[:, i], int(sizes[i])) for i, name in enumerate(names)
    }
    with np.errstate(invalid="ignore"):  # two infinite medians have no difference
        apart = medians_b[:, 0] - medians_a[:, 0]
    found["median_km"] = _difference(median_a[0], median_b[0], apart, int((~np.isnan(far[0])).sum()))
    return {name: found[name] for name in METRICS if name in found and found[name]["n"]}


def _where_both(values: Floats, others: Floats) -> Floats:
    """The values, NaN where the others are."""
    return np.where(np.isnan(others), np.nan, values)


def _difference(a: np.float64, b: np.float64, draws: Floats, n: int) -> dict[str, Any]:
    with np.errstate(invalid="ignore"):
        apart = float(b - a)
    found = estimate(apart, draws, n)
    # Two infinite values are equal as far as anybody knows; their few finite draws say nothing.
    known = draws[~np.isnan(draws)] if not math.isnan(apart) else draws[:0]
    more, less = int((known > 0).sum()), int((known < 0).sum())
    tied = len(known) - more - less
    above = rounded((more + tied / 2) / len(known)) if len(known) else None
    p = rounded(min(1.0, 2 * (1 + tied + min(more, less)) / (1 + len(known)))) if len(known) else None
    return {"a": rounded(float(a)), "b": rounded(float(b)), **found.to_json(), "above": above, "p": p}


def change(a: Row, b: Row) -> dict[str, Any]:
    """What changed for one record: levels won less levels lost, and how much nearer it got in log10(1 + km)."""
    levels = sum(int(bool(b.levels.get(level))) - int(bool(a.levels.get(level))) for level in LEVELS)
    nearer = _log_km(a) - _log_km(b)
    return {"id": a.id, "levels": levels, "nearer": rounded(nearer), "km_a": a.distance_km, "km_b": b.distance_km}


def _log_km(row: Row) -> float:
    """log10(1 + km), a missing answer counting as the other side of the Earth and a bit."""
    return math.log10(1.0 + (row.distance_km if row.distance_km is not None else 25_000.0))


def _is_better(item: dict[str, Any]) -> bool:
    return bool(item["levels"] > 0 or (item["levels"] == 0 and item["nearer"] > _NEARLY_EQUAL))


def _is_worse(item: dict[str, Any]) -> bool:
    return bool(item["levels"] < 0 or (item["levels"] == 0 and item["nearer"] < -_NEARLY_EQUAL))
