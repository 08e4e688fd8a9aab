"""Two runs over the same records: paired differences, and which records got better and worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.metrics.bootstrap import RESAMPLES, Estimate, estimate, median_draws, ratio_draws, rounded
from evals.metrics.glossary import METRICS
from evals.metrics.summary import MOST_VALUES, columns_of, parts_of
from evals.metrics.values import distances, mean_values
from evals.row import LEVELS, Row
from geo.sphere import Floats

_NEARLY_EQUAL = 0.25
"""Distances that differ by less than this in log10(1 + km) are one."""


def compare(rows_a: Sequence[Row], rows_b: Sequence[Row], *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Differences b − a over the records that both have, in all and by split, by the paired bootstrap (Koehn 2004).

    Each has an interval and `above`, the share of resamples in which b has the higher value: near 0 or 1 the difference is real, near
    0.5 it is chance. Records of one run alone are counted and left out.
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
    """By metric: the values of both, and b − a over the records that count in both, with interval and `above`."""
    values_a, values_b = mean_values(a), mean_values(b)
    found: dict[str, Any] = {}
    for name in METRICS:
        if name in values_a and name in values_b:
            found[name] = _means(values_a[name], values_b[name], resamples, seed)
        elif name == "median_km":
            found[name] = _medians(distances(a), distances(b), resamples, seed)
    return {name: item for name, item in found.items() if item["n"]}


def _means(a: Floats, b: Floats, resamples: int, seed: int) -> dict[str, Any]:
    both = ~np.isnan(a) & ~np.isnan(b)
    top = np.where(both, b, 0.0) - np.where(both, a, 0.0)
    value, draws = ratio_draws(top[:, None], both[:, None].astype(np.float64), resamples, seed)
    means = [rounded(float(part[both].mean())) if both.any() else None for part in (a, b)]
    return _difference(means, estimate(float(value[0]), draws[:, 0], int(both.sum())), draws[:, 0])


def _medians(a: Floats, b: Floats, resamples: int, seed: int) -> dict[str, Any]:
    both = ~np.isnan(a) & ~np.isnan(b)
    (median_a, draws_a), (median_b, draws_b) = (median_draws(part[both], resamples, seed) for part in (a, b))
    with np.errstate(invalid="ignore"):  # two infinite medians have no difference
        draws, value = draws_b - draws_a, np.float64(median_b) - np.float64(median_a)
    return _difference([rounded(median_a), rounded(median_b)], estimate(float(value), draws, int(both.sum())), draws)


def _difference(values: Sequence[float | None], found: Estimate, draws: Floats) -> dict[str, Any]:
    known = draws[~np.isnan(draws)]
    above = float((known > 0).mean() + (known == 0).mean() / 2.0) if len(known) else None
    return {"a": values[0], "b": values[1], **found.to_json(), "above": rounded(above) if above is not None else None}


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
