"""One system's rows as numbers with intervals: in all, by split, and as means over the parts of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evals.metrics.agent import agent_summary
from evals.metrics.bootstrap import RESAMPLES, Estimate, Statistic, estimate, means, quantile, resampled
from evals.metrics.calibration import answer_claims, area_under_risk, by_confidence, calibration_error, curves, ranked_claims
from evals.metrics.density import K, point_matches
from evals.metrics.glossary import EXTRA_KM, METRICS, within
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
    rows: Sequence[Row],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    columns: Sequence[str] | None = None,
    extra_km: Sequence[float] = (),
) -> dict[str, Any]:
    """Metrics, calibration, the agent's doings and splits of one system, as JSON that is equal on every machine.

    `columns` names the splits; by default all that the rows have. `extra_km` asks for further thresholds out of `EXTRA_KM`. The order
    of rows does not matter. Raises ValueError for another threshold.
    """
    if unknown := sorted(set(extra_km) - set(EXTRA_KM)):
        raise ValueError(
            f"no metric is defined within {unknown[0]:g} km; the further thresholds are {', '.join(f'{t:g}' for t in EXTRA_KM)} km"
        )
    rows = sorted(rows, key=lambda row: row.id)
    columns = columns_of(rows) if columns is None else columns
    splits, macro = {}, {}
    for column in columns:
        parts = parts_of(rows, column)
        if len(parts) <= MOST_VALUES and column != "country":
            splits[column] = {
                value: {"n": len(part), "metrics": metrics_of(part, resamples, seed, extra_km)} for value, part in parts.items()
            }
        if len(parts) > 1:
            macro[column] = macro_of(parts, resamples, seed)
    return {
        "n": len(rows), "metrics": metrics_of(rows, resamples, seed, extra_km), "calibration": curves(rows),
        "clouds": clouds(rows, resamples, seed), "agent": agent_summary(rows, resamples, seed), "splits": splits, "macro": macro,
    }  # fmt: skip


def columns_of(rows: Sequence[Row]) -> list[str]:
    """What rows may be split by: kind, country, and the columns of theirs that have more than one value and are no ids."""
    names = dict.fromkeys(["kind", "country", *(name for row in rows for name in row.columns)])
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


def metrics_of(rows: Sequence[Row], resamples: int = RESAMPLES, seed: int = 0, extra_km: Sequence[float] = ()) -> dict[str, Any]:
    """Every metric that can be computed, by name, in the order of the glossary."""
    values = mean_values(rows, extra_km)
    others = _other_statistics(rows)
    statistics = [means(np.stack(list(values.values()), axis=1)), *(statistic for statistic, _ in others.values())]
    (mean, draws), *rest = resampled(len(rows), statistics, resamples, seed)
    found: dict[str, Estimate] = {}
    for column, (name, numbers) in enumerate(values.items()):
        found[name] = estimate(float(mean[column]), draws[:, column], int((~np.isnan(numbers)).sum()))
    for (name, (_, n)), (value, drawn) in zip(others.items(), rest, strict=True):
        found[name] = estimate(float(value[0]), drawn[:, 0], n)
    return {name: found[name].to_json() for name in METRICS if name in found and found[name].n}


def _other_statistics(rows: Sequence[Row]) -> dict[str, tuple[Statistic, int]]:
    """Metrics that are no means over records, each with how much it rests on."""
    found: dict[str, tuple[Statistic, int]] = {}
    for name, far in (("median_km", distances(rows)), ("oracle_median_km", _oracle(rows))):
        found[name] = quantile(far), int((~np.isnan(far)).sum())
    for name, claims in (("ece_answer", answer_claims(rows)), ("ece_ranked", ranked_claims(rows))):
        for suffix in ("", "_equal_mass"):
            found[name + suffix] = calibration_error(claims, len(rows), bool(suffix)), len(claims.stated)
    for name, risk in (("aurc", "25km"), ("aurc_country", "country"), ("aurc_geoscore", "geoscore")):
        answers = by_confidence(rows, risk)
        found[name] = area_under_risk(answers), len(answers.record)
    return found


def _oracle(rows: Sequence[Row]) -> Floats:
    return oracle_distances(rows) if any(row.ranked for row in rows) else np.full(len(rows), np.nan)


def macro_of(parts: Mapping[str, Sequence[Row]], resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Means over the parts of a split, each part counting the same; `n` counts parts.

    The bootstrap draws within parts, so that a part of one record adds nothing to the width: with many of these the interval is too
    narrow. `singles` counts them.
    """
    values, draws, sizes = [], [], []
    for number, part in enumerate(parts.values()):
        found = mean_values(part)
        table = np.stack([found[name] for name in _MACRO], axis=1)
        ((value, drawn),) = resampled(len(part), [means(table)], resamples, seed + number)
        values.append(value)
        draws.append(drawn)
        sizes.append((~np.isnan(table)).sum(axis=0))
    mean, spread, size = np.array(values), np.array(draws), np.array(sizes)
    return {name: _macro_of_one(mean[:, i], spread[:, :, i], size[:, i]) for i, name in enumerate(_MACRO) if size[:, i].any()}


def _macro_of_one(values: Floats, draws: Floats, sizes: Floats) -> dict[str, Any]:
    """A metric's values [parts], draws [parts, resamples] and denominators [parts]."""
    known = sizes > 0
    found = estimate(float(values[known].mean()), draws[known].mean(axis=0), int(known.sum()))
    return {**found.to_json(), "singles": int((sizes == 1).sum())}


def clouds(rows: Sequence[Row], resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any] | None:
    """Precision, recall, density and coverage of the answers against the true places (`density.py`); None for too few.

    Of more than 5,000 records an even choice stands for all. Intervals of precision and density draw guesses before the true places as they
    are, those of recall and coverage true places before the guesses as they are.
    """
    placed = [row for row in rows if row.truth.lat is not None]
    chosen = [placed[i] for i in np.unique(np.linspace(0, len(placed) - 1, min(len(placed), _MOST_POINTS)).astype(int))]
    guesses = [(row.answer.lat, row.answer.lon) for row in chosen if row.answer]
    if min(len(guesses), len(chosen)) <= K:
        return None
    intervals = {}
    for name, values in vars(point_matches(guesses, [(row.truth.lat, row.truth.lon) for row in chosen])).items():
        ((mean, draws),) = resampled(len(values), [means(values[:, None])], resamples, seed)
        intervals[name] = estimate(float(mean[0]), draws[:, 0], len(values))
    return {
        "k": K, "answers": len(guesses), "truths": len(chosen),
        **{name: found.value for name, found in intervals.items()},
        "intervals": {name: found.to_json() for name, found in intervals.items()},
    }  # fmt: skip
