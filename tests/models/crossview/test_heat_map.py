"""From likeness to probability."""

from __future__ import annotations

import numpy as np
import pytest

from models.crossview.heat_map import Calibration, Case, Reading, fitted, fitted_second, probabilities


def test_probabilities_are_bayes_by_hand():
    p, outside = probabilities(np.log([8.0, 1.0, 0.5, 2.0]), np.array([True, True, True, False]), 0.4)
    weights = np.array([8.0, 1.0, 0.5, 0.0]) * 0.6 / 3
    assert p == pytest.approx(weights / (weights.sum() + 0.4))
    assert outside == pytest.approx(0.4 / (weights.sum() + 0.4))


def test_huge_ratios_do_not_overflow_and_nothing_known_is_outside():
    p, outside = probabilities(np.array([2000.0, 0.0]), np.array([True, True]), 0.5)
    assert p.tolist() == [1.0, 0.0]
    assert outside == 0.0
    assert probabilities(np.array([-3000.0]), np.array([True]), 0.5)[1] == pytest.approx(1.0)
    for wrong in (0.0, 1.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            probabilities(np.zeros(2), np.array([True, True]), wrong)


def drawn(rng, n, shift, count=150):
    """Standard normal likeness; the true tile's is `shift` higher."""
    present, true, absent = [], [], []
    for _ in range(count):
        z, t = rng.normal(size=n), np.zeros(n, dtype=bool)
        t[0] = True
        z[0] += shift
        present.append(z)
        true.append(t)
        absent.append(rng.normal(size=n))
    return present, true, absent


def test_the_fit_finds_the_ratio_of_two_normals():
    """Of N(s, 1) over N(0, 1) the log ratio is s·z - s²/2."""
    slope, level = fitted(*drawn(np.random.default_rng(0), 300, 4.0))
    assert slope == pytest.approx(4.0, rel=0.25)
    assert level == pytest.approx(8.0, rel=0.35)


def test_probabilities_hold_what_they_say():
    rng = np.random.default_rng(1)
    slope, level = fitted(*drawn(rng, 300, 3.0))
    present, true, absent = drawn(rng, 300, 3.0, 400)
    read = [probabilities(slope * z - level, np.ones(300, dtype=bool), 0.5) for z in (*present, *absent)]
    outside, is_outside = np.array([out for _, out in read]), np.arange(800) >= 400
    for low, high in ((0.0, 0.4), (0.4, 0.7), (0.7, 1.0)):
        some = (outside >= low) & (outside < high)
        assert is_outside[some].mean() == pytest.approx(outside[some].mean(), abs=0.1)
    best = np.array([p.max() for p, _ in read])
    right = np.array([bool(t[p.argmax()]) for (p, _), t in zip(read, [*true, *[np.zeros(300, dtype=bool)] * 400], strict=True)])
    assert right.mean() == pytest.approx(best.mean(), abs=0.05)


def test_likeness_that_says_nothing_is_read_as_nothing():
    rng = np.random.default_rng(2)
    slope, level = fitted(*drawn(rng, 200, 0.0))
    p, outside = probabilities(slope * rng.normal(size=200) - level, np.ones(200, dtype=bool), 0.5)
    assert p.max() < 0.05
    assert 0.3 < outside < 0.8


def test_the_second_look_has_numbers_of_its_own():
    rng, cases = np.random.default_rng(3), []
    present, true, absent = drawn(rng, 200, 2.5)
    first = Reading(75, 180, *fitted(present, true, absent), 0.0, 0.0)
    for z, t in [*zip(present, true, strict=True), *((z, np.zeros(200, dtype=bool)) for z in absent)]:
        top = np.argsort(-z)[:5]
        cases.append(Case(z, t, top, z[top] + np.where(t[top], 3.0, 0.3) + rng.normal(0, 0.2, 5)))
    slope, level = fitted_second(first, cases)
    reading = Reading(75, 180, first.slope, first.level, slope, level)
    logs = reading.log_ratio(np.array([4.0, 7.0]), np.array([True, True]))
    assert logs[1] - logs[0] > first.slope * 2
    assert reading.log_ratio(np.array([4.0]), np.array([False]))[0] == pytest.approx(first.slope * 4 - first.level)


def test_calibrations_come_back_and_the_nearest_reading_is_taken():
    known = Calibration((Reading(60, 180, 1, 2, 3, 4), Reading(60, 20, 1, 2, 3, 4), Reading(360, 180, 1, 2, 3, 4)))
    assert Calibration.from_json(known.to_json()) == known
    assert (known.reading(70, 150).fov_deg, known.reading(70, 150).error_deg) == (60, 180)
    assert known.reading(300, 10).fov_deg == 360
    for wrong in ([], None, "x", [[1, 2]], [[0, 1, 1, 1, 1, 1]], [[60, 0, float("nan"), 1, 1, 1]]):
        with pytest.raises((ValueError, TypeError)):
            Calibration.from_json(wrong)
