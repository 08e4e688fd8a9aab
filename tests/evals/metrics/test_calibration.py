"""Reliability, calibration errors and risk against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from evals.metrics.calibration import (
    answer_claims,
    area_under_risk,
    bin_of,
    calibration_error,
    curves,
    ranked_claims,
    reliability,
    risk_and_coverage,
)
from tests.evals.metrics.cases import row


def test_the_error_by_hand() -> None:
    stated, held = np.array([0.1, 0.15, 0.8, 0.9]), np.array([0.0, 1.0, 1.0, 0.0])
    # bins 1: |0.25 - 1|, 8: |0.8 - 1|, 9: |0.9 - 0|, over four claims
    found = calibration_error(stated, held, np.arange(4), 4)
    assert found.value == pytest.approx((0.75 + 0.2 + 0.9) / 4)
    assert found.n == 4
    assert calibration_error(stated[:0], held[:0], np.arange(0), 4).value is None


def test_calibrated_claims_have_little_error() -> None:
    rng = np.random.default_rng(0)
    stated = rng.uniform(size=20_000)
    held = (rng.uniform(size=20_000) < stated).astype(float)
    for equal_mass in (False, True):
        value = calibration_error(stated, held, np.arange(20_000), 20_000, equal_mass, resamples=20).value
        assert value is not None
        assert value < 0.02
    assert all(abs(b["stated"] - b["held"]) < 0.04 for b in reliability(stated, held))


def test_bins() -> None:
    assert bin_of(np.array([0.0, 0.0999, 0.1, 0.95, 1.0])).tolist() == [0, 0, 1, 9, 9]
    equal = bin_of(np.random.default_rng(1).uniform(size=100) ** 4, equal_mass=True)
    assert np.bincount(equal).tolist() == [10] * 10


def test_claims_come_from_rows() -> None:
    rows = [row("a", 10, p=0.9, ranked=((0.6, 5.0, True), (0.2, 900.0, False))), row("b", None), row("c", 60, p=0.4)]
    stated, held, record = answer_claims(rows)
    assert (stated.tolist(), held.tolist(), record.tolist()) == ([0.9, 0.4], [1.0, 0.0], [0, 2])
    stated, held, record = ranked_claims(rows)
    assert (stated.tolist(), held.tolist(), record.tolist()) == ([0.6, 0.2], [1.0, 0.0], [0, 0])


def test_risk_and_coverage_by_hand() -> None:
    rows = [row("a", 1, p=0.9), row("b", 500, p=0.8), row("c", 2, p=0.3), row("d", None)]
    coverage, risk = risk_and_coverage(rows)
    assert coverage.tolist() == [0.25, 0.5, 0.75]
    assert risk.tolist() == pytest.approx([0.0, 0.5, 1 / 3])
    assert area_under_risk(rows).value == pytest.approx((0 + 0.5 + 1 / 3) / 3, abs=1e-5)
    assert curves(rows)["risk_coverage"][-1] == {"coverage": 0.75, "risk": pytest.approx(1 / 3, abs=1e-5)}


def test_nothing_stated() -> None:
    rows = [row("a", None), row("b", 10, p=None)]
    assert area_under_risk(rows).value is None
    assert curves(rows)["risk_coverage"] == []
