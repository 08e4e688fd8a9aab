"""Whether stated probabilities and radii can be believed: reliability, expected calibration error, risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.metrics.bootstrap import RESAMPLES, Estimate, counts_of, draws_of_rows, estimate, rounded
from evals.metrics.values import CITY_KM, distances, probabilities
from evals.row import Row
from geo.sphere import Floats

BINS = 10
WRONG_KM = 25.0
"""Risk counts an answer this far away, or farther, as wrong."""


def answer_claims(rows: Sequence[Row]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Probabilities [m] of answers lying within 50 km, whether they do [m], and the record of each [m]."""
    stated, far = probabilities(rows), distances(rows)
    known = np.flatnonzero(~np.isnan(stated))
    return stated[known], (far[known] < CITY_KM).astype(np.float64), known


def ranked_claims(rows: Sequence[Row]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Probabilities [m] of all ranked places of holding the truth, whether they do [m], and the record of each [m]."""
    claims = [(p.probability, float(p.holds), i) for i, row in enumerate(rows) for p in row.ranked if p.holds is not None]
    table = np.array(claims, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2].astype(np.int64)


def bin_of(stated: Floats, equal_mass: bool = False) -> NDArray[np.int64]:
    """The bin [m], 0 to 9, of each probability: tenths, or bins with equally many (Nguyen and O'Connor 2015)."""
    if equal_mass:
        ranks = np.empty(len(stated), dtype=np.int64)
        ranks[np.argsort(stated, kind="stable")] = np.arange(len(stated))
        return ranks * BINS // max(len(stated), 1)
    return np.clip((stated * BINS).astype(np.int64), 0, BINS - 1)


def calibration_error(stated: Floats, held: Floats, record: NDArray[np.int64], n: int, equal_mass: bool = False,
                      resamples: int = RESAMPLES, seed: int = 0) -> Estimate:  # fmt: skip
    """Expected calibration error: Σ over bins of |Σ (stated − held)| / m (Guo et al. 2017, equation 3).

    `record` [m] says which of the `n` records a claim belongs to; the bootstrap draws whole records.
    """
    if not len(stated):
        return Estimate(None, None, None, 0)
    gaps, sizes = np.zeros((n, BINS)), np.bincount(record, minlength=n).astype(np.float64)
    np.add.at(gaps, (record, bin_of(stated, equal_mass)), stated - held)
    draws = [_error(counts_of(rows, n) @ gaps, counts_of(rows, n) @ sizes) for rows in draws_of_rows(n, resamples, seed)]
    return estimate(float(_error(gaps.sum(axis=0)[None], np.array([sizes.sum()]))[0]), np.concatenate(draws), len(stated))


def _error(gaps: Floats, size: Floats) -> Floats:
    return np.where(size > 0, np.abs(gaps).sum(axis=1) / np.maximum(size, 1.0), np.nan)


def reliability(stated: Floats, held: Floats) -> list[dict[str, Any]]:
    """For each tenth that holds claims: mean stated probability, share that held, and how many."""
    bins = bin_of(stated)
    return [
        {"stated": rounded(float(stated[bins == b].mean())), "held": rounded(float(held[bins == b].mean())), "n": int((bins == b).sum())}
        for b in np.unique(bins)
    ]  # fmt: skip


def risk_and_coverage(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """Coverage [m] and risk [m] when only the surest answers are given, one more at each point (El-Yaniv and Wiener 2010).

    Coverage is the share of all records with coordinates that is answered, risk the share of these answers that are wrong. Records
    without an answer, or whose answer states no probability, are never covered.
    """
    sure, wrong, _, n = _by_confidence(rows)
    count = np.arange(1, len(sure) + 1)
    return count / max(n, 1), np.cumsum(wrong) / count


def _by_confidence(rows: Sequence[Row]) -> tuple[Floats, Floats, NDArray[np.int64], int]:
    """Probabilities [m] from the surest on, whether each answer is wrong [m], its record [m], and how many records have coordinates."""
    stated, far = probabilities(rows), distances(rows)
    known = np.flatnonzero(~np.isnan(stated))
    order = known[np.argsort(-stated[known], kind="stable")]
    return stated[order], (far[order] >= WRONG_KM).astype(np.float64), order, int((~np.isnan(far)).sum())


def area_under_risk(rows: Sequence[Row], resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Mean risk over the coverages that are reached (AURC; Geifman and El-Yaniv 2017)."""
    sure, wrong, record, _ = _by_confidence(rows)
    if not len(sure):
        return Estimate(None, None, None, 0)
    draws = [_area(counts_of(drawn, len(rows))[:, record], wrong) for drawn in draws_of_rows(len(rows), resamples, seed)]
    return estimate(float(_area(np.ones((1, len(sure))), wrong)[0]), np.concatenate(draws), len(sure))


def _area(counts: Floats, wrong: Floats) -> Floats:
    """AURC [b] when each answer counts so often [b, m]."""
    given = np.cumsum(counts, axis=1)
    risk = np.cumsum(counts * wrong, axis=1) / np.maximum(given, 1.0)
    total = given[:, -1]
    return np.where(total > 0, (risk * counts).sum(axis=1) / np.maximum(total, 1.0), np.nan)


def curves(rows: Sequence[Row], points: int = 50) -> dict[str, Any]:
    """Reliability of answers and ranked places, risk against coverage at some points, and the run's own."""
    coverage, risk = risk_and_coverage(rows)
    at = np.unique(np.linspace(0, len(coverage) - 1, min(points, len(coverage))).round().astype(np.int64))
    answer, ranked = answer_claims(rows)[:2], ranked_claims(rows)[:2]
    return {
        "answers": reliability(*answer), "ranked": reliability(*ranked),
        "risk_coverage": [{"coverage": rounded(float(coverage[i])), "risk": rounded(float(risk[i]))} for i in at],
        "wrong_from_km": WRONG_KM,
    }  # fmt: skip
