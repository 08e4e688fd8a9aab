"""One system's rows as numbers with intervals: in all, by split, and as means over the parts of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evals.metrics.agent import agent_summary
from evals.metrics.bootstrap import RESAMPLES, Estimate, estimate, mean_draws, median_draws, rounded
from evals.metrics.calibration import answer_claims, area_under_risk, calibration_error, curves, ranked_claims
from evals.metrics.density import K, cloud_match
from evals.metrics.glossary import METRICS, within
from evals.metrics.values import distances, mean_values, oracle_distances
from evals.row import LEVELS, Row
from geo.score import THRESHOLDS_KM
from geo.sphere import Floats

__all__ = ["METRICS", "columns_of", "parts_of", "summarise"]

MOST_VALUES = 30
"""A column with more values is not tabled value by value."""
_MOST_PARTS = 400
_MACRO = ("geoscore", *(within(t) for t in THRESHOLDS_KM), *LEVELS)
_MOST_POINTS = 5000


def summarise(
    rows: Sequence[Row], *, resamples: int = RESAMPLES, seed: int = 0, columns: Sequence[str] | None = None
) -> dict[str, Any]:
    """Metrics, calibration, the agent's doings and splits of one system, as JSON that is equal on every machine.

    `columns` names the splits; by default all that the rows have. The order of rows does not matter.
    """
    rows = sorted(rows, key=lambda row: row.id)
    columns = columns_of(rows) if columns is None else columns
    splits, macro = {}, {}
    for column in columns:
        parts = parts_of(rows, column)
        if len(parts) <= MOST_VALUES and column != "country":
            splits[column] = {
                value: {"n": len(part), "metrics": metrics_of(part, resamples, seed)} for value, part in parts.items()
            }
        if len(parts) > 1:
            macro[column] = macro_of(parts, resamples, seed)
    return {
        "n": len(rows), "metrics": metrics_of(rows, resamples, seed), "calibration": curves(rows), "clouds": clouds(rows),
        "agent": agent_summary(rows, resamples, seed), "splits": splits, "macro": macro,
    }  # fmt: skip


def columns_of(rows: Sequence[Row]) -> list[str]:
    """What rows may be split by: kind, country, and the columns of theirs that have more than one value and are no ids."""
    names = ["kind", "country", *dict.fromkeys(name for row in rows for name in row.columns)]
    return [
        name for name in names if 1 < len({_value(row, name) for row in rows} - {""}) <= min(_MOST_PARTS, max(2, len(rows) // 2))
    ]


def parts_of(rows: Sequence[Row], column: str) -> dict[str, list[Row]]:
    """Rows by their value in a column, in the order of the values; rows without one are left out."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        if value := _value(row, column):
            parts.setdefault(value, []).append(row)
    return dict(sorted(parts.items()))


def _value(row: Row, column: str) -> str:
    return row.kind if column == "kind" else row.truth.country or "" if column == "country" else row.columns.get(column, "")


def metrics_of(rows: Sequence[Row], resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Every metric that can be computed, by name, in the order of the glossary."""
    found: dict[str, Estimate] = {}
    values = mean_values(rows)
    means, draws = mean_draws(np.stack(list(values.values()), axis=1), resamples, seed)
    for column, (name, numbers) in enumerate(values.items()):
        found[name] = estimate(float(means[column]), draws[:, column], int((~np.isnan(numbers)).sum()))
    for name, far in (("median_km", distances(rows)), ("oracle_median_km", _oracle(rows))):
        found[name] = estimate(*median_draws(far, resamples, seed), int((~np.isnan(far)).sum()))
    for name, claims in (("ece_answer", answer_claims(rows)), ("ece_ranked", ranked_claims(rows))):
        found[name] = calibration_error(*claims, len(rows), resamples=resamples, seed=seed)
    found["aurc"] = area_under_risk(rows, resamples, seed)
    return {name: found[name].to_json() for name in METRICS if name in found and found[name].n}


def _oracle(rows: Sequence[Row]) -> Floats:
    return oracle_distances(rows) if any(row.ranked for row in rows) else np.full(len(rows), np.nan)


def macro_of(parts: Mapping[str, Sequence[Row]], resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Means over the parts of a split, each part counting the same; the bootstrap draws within parts. `n` counts parts."""
    values, draws = [], []
    for number, part in enumerate(parts.values()):
        numbers = mean_values(part)
        value, drawn = mean_draws(np.stack([numbers[name] for name in _MACRO], axis=1), resamples, seed + number)
        values.append(value)
        draws.append(drawn)
    table, spread = np.array(values), np.array(draws)
    found = {}
    for column, name in enumerate(_MACRO):
        known = ~np.isnan(table[:, column])
        if known.any():
            found[name] = estimate(
                float(table[known, column].mean()), spread[known, :, column].mean(axis=0), int(known.sum())
            ).to_json()
    return found


def clouds(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Precision, recall, density and coverage of the answers against the true places (`density.py`); None for too few.

    Of more than 5,000 records an even choice stands for all.
    """
    placed = [row for row in rows if row.truth.lat is not None]
    chosen = (
        [placed[i] for i in np.unique(np.linspace(0, len(placed) - 1, min(len(placed), _MOST_POINTS)).astype(int))]
        if placed
        else []
    )
    guesses = [(row.answer.lat, row.answer.lon) for row in chosen if row.answer]
    if min(len(guesses), len(chosen)) <= K:
        return None
    match = cloud_match(guesses, [(row.truth.lat, row.truth.lon) for row in chosen])
    return {
        "k": K,
        "answers": len(guesses),
        "truths": len(chosen),
        **{name: rounded(value) for name, value in vars(match).items()},
    }
