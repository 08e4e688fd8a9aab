"""Whether stated probabilities and radii can be believed: reliability, expected calibration error, risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.metrics.bootstrap import Statistic, on_grid, rounded
from evals.metrics.values import CITY_KM, confidences, distances, level_values, probabilities
from evals.row import Row
from geo.score import geoscore
from geo.sphere import Floats

BINS = 10
WRONG_KM = 25.0
"""Risk counts an answer this far away, or farther, as wrong."""
RISKS = {"25km": "risk_coverage", "country": "risk_coverage_country", "geoscore": "risk_coverage_geoscore"}
"""What risk may be, with the name of its curve: the share of answers 25 km or farther off, the share in the wrong country, and what
the mean geoscore lacks of 5000."""


@dataclass(frozen=True)
class Claims:
    """Probabilities that were stated, and what came of them."""

    stated: Floats
    """[m], 0 to 1."""
    held: Floats
    """1 where it was so, else 0 [m]."""
    record: NDArray[np.int64]
    """Which record said so [m]."""


def answer_claims(rows: Sequence[Row]) -> Claims:
    """That an answer lies within 50 km of the truth."""
    stated, far = probabilities(rows), distances(rows)
    known = np.flatnonzero(~np.isnan(stated))
    return Claims(stated[known], (far[known] < CITY_KM).astype(np.float64), known)


def ranked_claims(rows: Sequence[Row]) -> Claims:
    """That the truth lies in a ranked place, for all of them."""
    claims = [(p.probability, float(p.holds), i) for i, row in enumerate(rows) for p in row.ranked if p.holds is not None]
    table = np.array(claims, dtype=np.float64).reshape(-1, 3)
    return Claims(table[:, 0], table[:, 1], table[:, 2].astype(np.int64))


def bin_of(stated: Floats, equal_mass: bool = False) -> NDArray[np.int64]:
    """The bin [m], 0 to 9, of each probability: tenths, or bins with equally many (Nguyen and O'Connor 2015; equal ones stay together)."""
    if equal_mass:
        below = np.searchsorted(np.sort(stated), stated, side="left")
        return np.asarray(below * BINS // max(len(stated), 1))
    return np.clip((stated * BINS).astype(np.int64), 0, BINS - 1)


def calibration_error(claims: Claims, n: int, equal_mass: bool = False) -> Statistic:
    """Expected calibration error: Σ over bins of |Σ (stated − held)| / m (Guo et al. 2017, equation 3), of claims by n records.

    Bins are those of all records, also in resamples, which draw whole records.
    """
    gaps, sizes = np.zeros((n, BINS)), np.bincount(claims.record, minlength=n).astype(np.float64)
    np.add.at(gaps, (claims.record, bin_of(claims.stated, equal_mass)), claims.stated - claims.held)
    gaps = on_grid(gaps)

    def of(counts: Floats) -> Floats:
        size = counts @ sizes
        return np.where(size > 0, np.abs(counts @ gaps).sum(axis=1) / np.maximum(size, 1.0), np.nan)[:, None]

    return of


def reliability(claims: Claims, equal_mass: bool = False) -> list[dict[str, Any]]:
    """For each bin that holds claims: mean stated probability, share that held, and how many."""
    bins, found = bin_of(claims.stated, equal_mass), []
    for b in np.unique(bins):
        inside = bins == b
        means = {"stated": claims.stated[inside].mean(), "held": claims.held[inside].mean()}
        found.append({**{name: rounded(float(mean)) for name, mean in means.items()}, "n": int(inside.sum())})
    return found


@dataclass(frozen=True)
class ByConfidence:
    """Answers that state a probability, the surest first."""

    loss: Floats
    """What each answer costs [m]."""
    record: NDArray[np.int64]
    """Its record [m]."""
    last: NDArray[np.int64]
    """For each answer the place of the last one that is as sure [m]: equally sure answers are given together."""
    given: Floats
    """What all the answers cost, also those that state no probability."""
    n: int
    """How many records have a truth to compare an answer with."""


def by_confidence(rows: Sequence[Row], risk: str = "25km") -> ByConfidence:
    """Answers in the order in which they would be withheld last. `risk` is one of RISKS."""
    loss, known = _losses(rows, risk)
    given = loss[np.array([row.answer is not None for row in rows], dtype=np.bool_) & known]
    stated = np.where(known, confidences(rows), np.nan)
    chosen = np.flatnonzero(~np.isnan(stated))
    record = chosen[np.argsort(-stated[chosen], kind="stable")]
    ordered = -stated[record]
    return ByConfidence(loss[record], record, np.searchsorted(ordered, ordered, side="right") - 1, given, int(known.sum()))


def _losses(rows: Sequence[Row], risk: str) -> tuple[Floats, NDArray[np.bool_]]:
    """What the answer of each record costs [n], and whether the truth says [n]."""
    if risk == "country":
        right = level_values(rows, "country")
        return 1.0 - right, ~np.isnan(right)
    far = distances(rows)
    return (far >= WRONG_KM).astype(np.float64) if risk == "25km" else 5000.0 - geoscore(far), ~np.isnan(far)


def risk_and_coverage(rows: Sequence[Row], risk: str = "25km") -> tuple[Floats, Floats]:
    """Coverage [m] and risk [m] when only the surest answers are given, down to each distinct probability (El-Yaniv and Wiener 2010).

    Coverage is the share of all records whose truth is known that is answered, risk the mean loss of these answers. Records without
    an answer, or whose answer states no probability, are never covered.
    """
    answers = by_confidence(rows, risk)
    ends = np.unique(answers.last)
    return (ends + 1) / max(answers.n, 1), np.cumsum(answers.loss)[ends] / (ends + 1)


def area_under_risk(answers: ByConfidence) -> Statistic:
    """Mean risk over the coverages that are reached (AURC; Geifman and El-Yaniv 2017), equally sure answers given together."""

    def of(counts: Floats) -> Floats:
        if not len(answers.record):
            return np.full((len(counts), 1), np.nan)
        times = counts[:, answers.record]
        given, lost = np.cumsum(times, axis=1)[:, answers.last], np.cumsum(times * answers.loss, axis=1)[:, answers.last]
        area = (lost / np.maximum(given, 1.0) * times).sum(axis=1)
        return np.where(given[:, -1] > 0, area / np.maximum(given[:, -1], 1.0), np.nan)[:, None]

    return of


def curves(rows: Sequence[Row], points: int = 50) -> dict[str, Any]:
    """Reliability of answers and ranked places in tenths and in bins of equal size, risk against coverage, and the run's own points."""
    answer, ranked = answer_claims(rows), ranked_claims(rows)
    return {
        "answers": reliability(answer), "ranked": reliability(ranked),
        "answers_equal_mass": reliability(answer, True), "ranked_equal_mass": reliability(ranked, True),
        **{name: _curve(rows, risk, points) for risk, name in RISKS.items()},
        "operating_point": {risk: _operating_point(by_confidence(rows, risk)) for risk in RISKS},
        "wrong_from_km": WRONG_KM,
    }  # fmt: skip


def _curve(rows: Sequence[Row], risk: str, points: int) -> list[dict[str, float | None]]:
    coverage, lost = risk_and_coverage(rows, risk)
    at = np.unique(np.linspace(0, len(coverage) - 1, min(points, len(coverage))).round().astype(np.int64))
    return [{"coverage": rounded(float(coverage[i])), "risk": rounded(float(lost[i]))} for i in at]


def _operating_point(answers: ByConfidence) -> dict[str, Any]:
    """Where the run itself stands: which share it answered, at which risk."""
    m = len(answers.given)
    return {
        "coverage": rounded(m / answers.n) if answers.n else None,
        "risk": rounded(float(answers.given.mean())) if m else None,
        "n": m,
    }
