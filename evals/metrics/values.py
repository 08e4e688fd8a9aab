"""Rows as arrays: for each metric that is a mean, one number a record, NaN where the record is not in the denominator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.trajectory import StopReason
from evals.metrics.glossary import CANDIDATE_KM, CANDIDATES, NEAR_KM, POOL, at_k, of_pool, within
from evals.row import LEVELS, Row, Verdicts
from geo.score import THRESHOLDS_KM, geoscore
from geo.sphere import Floats

NOT_RUN = "not_run"
FAILED = frozenset({NOT_RUN, *(reason.value for reason in StopReason if reason.failed)})
CITY_KM = 50.0
"""`Guess.probability` is that of the truth lying within this distance."""


def distances(rows: Sequence[Row]) -> Floats:
    """Distance [n] in km; infinite without an answer, NaN where the truth has no coordinates."""
    return np.array([np.nan if row.truth.lat is None else np.inf if row.distance_km is None else row.distance_km for row in rows])


def oracle_distances(rows: Sequence[Row], k: int | None = None) -> Floats:
    """Distance [n] in km of the nearest of the first k ranked places (of all for None), as in `distances`."""
    nearest = [min((p.distance_km for p in row.ranked[:k] if p.distance_km is not None), default=np.inf) for row in rows]
    return np.array([np.nan if row.truth.lat is None else near for row, near in zip(rows, nearest, strict=True)])


def pool_distances(rows: Sequence[Row], k: int | None = None) -> Floats:
    """Distance [n] in km of the nearest of the first k pooled candidates (of all for None), as in `distances`."""
    nearest = [min((row.candidates_km or ())[:k], default=np.inf) for row in rows]
    return np.array([np.nan if row.truth.lat is None else near for row, near in zip(rows, nearest, strict=True)])


def probabilities(rows: Sequence[Row]) -> Floats:
    """The answer's own probability [n] of lying within 50 km; NaN where none was stated or the truth has no coordinates."""
    return np.where(np.isnan(distances(rows)), np.nan, confidences(rows))


def confidences(rows: Sequence[Row]) -> Floats:
    """The answer's own probability [n], whatever is known of the truth; NaN where none was stated."""
    return _numbers([row.answer.probability if row.answer else None for row in rows])


def level_values(rows: Sequence[Row], level: str) -> Floats:
    """1 or 0 [n] by whether the answer is right at one of LEVELS; NaN where the truth does not say."""
    return _verdicts([row.levels for row in rows], level)


def mean_values(rows: Sequence[Row], extra_km: Sequence[float] = ()) -> dict[str, Floats]:
    """Values [n] of every metric that is a mean over records; `extra_km` are thresholds out of EXTRA_KM."""
    far = distances(rows)
    known = ~np.isnan(far)
    values: dict[str, Floats] = {
        "answered": np.array([float(row.answer is not None) for row in rows]),
        "geoscore": np.where(known, geoscore(np.where(known, far, 0.0)), np.nan),
        "mean_km_answered": np.where(np.isfinite(far), far, np.nan),
        **{within(t): _hits(far, t) for t in (*THRESHOLDS_KM, NEAR_KM, *extra_km)},
        **{level: level_values(rows, level) for level in LEVELS},
    }
    for matcher in ("final", "original"):
        for level in LEVELS:
            values[f"published_{matcher}_{level}"] = _verdicts([row.published.get(matcher, {}) for row in rows], level)
    values |= _judged(rows)
    if any(row.ranked for row in rows):
        for k in CANDIDATES:
            nearest = oracle_distances(rows, k)
            values |= {at_k(k, t): _hits(nearest, t) for t in CANDIDATE_KM}
    if any(row.candidates_km is not None for row in rows):
        for first in POOL:
            nearest = pool_distances(rows, first)
            values |= {of_pool(first, t): _hits(nearest, t) for t in THRESHOLDS_KM}
    return {**values, **_calibration(rows, far), **_spent(rows)}


def _hits(far: Floats, threshold_km: float) -> Floats:
    return np.where(np.isnan(far), np.nan, (far < threshold_km).astype(np.float64))


def _verdicts(verdicts: Sequence[Verdicts], level: str) -> Floats:
    found = [verdict.get(level) for verdict in verdicts]
    return np.array([np.nan if right is None else float(right) for right in found], dtype=np.float64)


def _judged(rows: Sequence[Row]) -> dict[str, Floats]:
    """A judge's verdicts, whether they are those of the exact metric, and where there is none; nothing where no judge was asked."""
    if all(row.judged is None for row in rows):
        return {}
    found = {"judge_failed": np.array([float(row.judged is None) for row in rows])}
    for level in LEVELS:
        judged, exact = _verdicts([row.judged or {} for row in rows], level), level_values(rows, level)
        equal = np.where(np.isnan(judged) | np.isnan(exact), np.nan, (judged == exact).astype(np.float64))
        found |= {f"judge_{level}": judged, f"judge_equal_{level}": equal}
    return found


def _calibration(rows: Sequence[Row], far: Floats) -> dict[str, Floats]:
    stated = probabilities(rows)
    return {
        **{f"coverage{q}": _covered(rows, far, f"radius{q}_km") for q in (50, 90)},
        "brier": np.where(np.isnan(stated), np.nan, (stated - (far < CITY_KM)) ** 2),
        **{name: _numbers([getattr(row, name) for row in rows]) for name in ("bits_uniform", "bits_prior")},
    }


def _covered(rows: Sequence[Row], far: Floats, name: str) -> Floats:
    radius = _numbers([getattr(row.answer, name) if row.answer else None for row in rows])
    return np.where(np.isnan(radius) | np.isnan(far), np.nan, (far <= radius).astype(np.float64))


def _spent(rows: Sequence[Row]) -> dict[str, Floats]:
    ran = np.array([row.stop != NOT_RUN for row in rows])
    spent: dict[str, Sequence[float | None]] = {
        "turns": [row.turns for row in rows],
        "calls": [len(row.calls) for row in rows],
        "calls_failed": [sum(not call.ok for call in row.calls) for row in rows],
        "tokens": [row.tokens_in + row.tokens_out for row in rows],
        "usd": [row.usd for row in rows],
        "seconds": [row.seconds for row in rows],
    }
    failed = np.array([float(row.stop in FAILED) for row in rows])
    return {"failed": failed, **{name: np.where(ran, _numbers(values), np.nan) for name, values in spent.items()}}


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
