"""Reliability, calibration errors and risk against their formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.metrics.bootstrap import resampled
from evals.metrics.calibration import (
    Claims,
    answer_claims,
    area_under_risk,
    bin_of,
    by_confidence,
    calibration_error,
    curves,
    ranked_claims,
    reliability,
    risk_and_coverage,
)
from evals.record import Truth
from evals.row import Row
from geo.score import geoscore
from tests.evals.metrics.cases import row


def error(stated: np.ndarray, held: np.ndarray, equal_mass: bool = False) -> float:
    claims = Claims(stated, held, np.arange(len(stated)))
    ((value, _),) = resampled(len(stated), [calibration_error(claims, len(stated), equal_mass)], 5)
    return float(value[0])


def area(rows: list[Row], risk: str = "25km") -> float:
    ((value, _),) = resampled(len(rows), [area_under_risk(by_confidence(rows, risk))], 5)
    return float(value[0])


def test_the_error_by_hand() -> None:
    stated, held = np.array([0.1, 0.15, 0.8, 0.9]), np.array([0.0, 1.0, 1.0, 0.0])
    # bins 1: |0.25 - 1|, 8: |0.8 - 1|, 9: |0.9 - 0|, over four claims
    assert error(stated, held) == pytest.approx((0.75 + 0.2 + 0.9) / 4)
    assert np.isnan(error(stated[:0], held[:0]))


def test_the_error_of_claims_that_share_a_record() -> None:
    claims = Claims(np.array([0.9, 0.9, 0.1]), np.array([1.0, 0.0, 0.0]), np.array([0, 0, 1]))
    ((value, draws),) = resampled(2, [calibration_error(claims, 2)], 400)
    assert value[0] == pytest.approx((0.8 + 0.1) / 3)
    # two of the first record: 1.6/4; one of each: 0.9/3; two of the second: 0.2/2
    assert {round(float(d), 6) for d in draws[:, 0]} == {0.4, 0.3, 0.1}


def test_calibrated_claims_have_little_error() -> None:
    rng = np.random.default_rng(0)
    stated = rng.uniform(size=20_000)
    held = (rng.uniform(size=20_000) < stated).astype(float)
    assert error(stated, held) < 0.02
    assert error(stated, held, equal_mass=True) < 0.02
    for equal_mass in (False, True):
        bins = reliability(Claims(stated, held, np.arange(20_000)), equal_mass)
        assert all(abs(b["stated"] - b["held"]) < 0.04 for b in bins)
        assert sum(b["n"] for b in bins) == 20_000


def test_bins() -> None:
    assert bin_of(np.array([0.0, 0.0999, 0.1, 0.95, 1.0])).tolist() == [0, 0, 1, 9, 9]
    equal = bin_of(np.random.default_rng(1).uniform(size=100) ** 4, equal_mass=True)
    assert np.bincount(equal).tolist() == [10] * 10
    assert len(set(bin_of(np.full(100, 0.3), equal_mass=True).tolist())) == 1, "equal ones stay together"


def test_claims_come_from_rows() -> None:
    rows = [row("a", 10, p=0.9, ranked=((0.6, 5.0, True), (0.2, 900.0, False))), row("b", None), row("c", 60, p=0.4)]
    claims = answer_claims(rows)
    assert (claims.stated.tolist(), claims.held.tolist(), claims.record.tolist()) == ([0.9, 0.4], [1.0, 0.0], [0, 2])
    claims = ranked_claims(rows)
    assert (claims.stated.tolist(), claims.held.tolist(), claims.record.tolist()) == ([0.6, 0.2], [1.0, 0.0], [0, 0])


def test_risk_and_coverage_by_hand() -> None:
    rows = [row("a", 1, p=0.9), row("b", 500, p=0.8), row("c", 2, p=0.3), row("d", None)]
    coverage, risk = risk_and_coverage(rows)
    assert coverage.tolist() == [0.25, 0.5, 0.75]
    assert risk.tolist() == pytest.approx([0.0, 0.5, 1 / 3])
    assert area(rows) == pytest.approx((0 + 0.5 + 1 / 3) / 3)
    found = curves(rows)
    assert found["risk_coverage"][-1] == {"coverage": 0.75, "risk": pytest.approx(1 / 3, abs=1e-5)}
    assert found["operating_point"]["25km"] == {"coverage": 0.75, "risk": pytest.approx(1 / 3, abs=1e-5), "n": 3}


def test_other_risks() -> None:
    rows = [row("a", 1, p=0.9), row("b", 500, p=0.8), row("c", 200, p=0.3)]
    assert area(rows, "country") == pytest.approx((0 + 0.5 + 1 / 3) / 3), "within 300 km the country is right"
    losses = 5000.0 - geoscore([1.0, 500.0, 200.0])
    assert area(rows, "geoscore") == pytest.approx(np.mean([losses[:k].mean() for k in (1, 2, 3)]))


def test_equally_sure_answers_are_given_together() -> None:
    """Whichever of them is listed first, the risk is that of all."""
    rows = [row("a", 1, p=0.5), row("b", 500, p=0.5), row("c", 500, p=0.2)]
    assert area(rows) == area(rows[::-1]) == pytest.approx((0.5 + 0.5 + 2 / 3) / 3)
    coverage, risk = risk_and_coverage(rows)
    assert (coverage.tolist(), risk.tolist()) == (pytest.approx([2 / 3, 1.0]), pytest.approx([0.5, 2 / 3]))


def test_a_truth_without_a_point_has_a_country_risk_alone() -> None:
    known = replace(row("a", 1, p=0.9), truth=Truth(country="PT"), distance_km=None)
    assert by_confidence([known], "country").loss.tolist() == [0.0]
    assert by_confidence([known]).n == 0
    assert np.isnan(area([known]))


def test_nothing_stated() -> None:
    rows = [row("a", None), row("b", 10, p=None)]
    assert np.isnan(area(rows))
    found = curves(rows)
    assert found["risk_coverage"] == []
    assert found["operating_point"]["25km"] == {"coverage": 0.5, "risk": 0.0, "n": 1}, "an answer without a probability is one"
