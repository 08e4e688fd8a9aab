"""The bootstrap: denominators, closed forms, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics.bootstrap import counts_of, draws_of_rows, estimate, mean_draws, median_draws, ratio_draws, rounded


def test_the_spread_of_a_share_is_binomial() -> None:
    values = np.repeat([1.0, 0.0], [60, 140])[:, None]
    mean, draws = mean_draws(values, 4000, seed=1)
    assert mean[0] == pytest.approx(0.3)
    assert draws.std() == pytest.approx(np.sqrt(0.3 * 0.7 / 200), rel=0.05)
    found = estimate(float(mean[0]), draws[:, 0], 200)
    assert found.low == pytest.approx(0.3 - 1.96 * 0.0324, abs=0.01)
    assert found.high == pytest.approx(0.3 + 1.96 * 0.0324, abs=0.01)


def test_each_resample_draws_n_records() -> None:
    counts = np.concatenate([counts_of(rows, 7) for rows in draws_of_rows(7, 50, seed=0)])
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_chunks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(draws_of_rows(30, 40, seed=5)))
    monkeypatch.setattr("evals.metrics.bootstrap._CHUNK", 100)
    assert (np.concatenate(list(draws_of_rows(30, 40, seed=5))) == whole).all()


def test_what_does_not_count_is_left_out_of_the_denominator() -> None:
    mean, draws = mean_draws(np.array([[1.0], [np.nan], [0.0], [1.0]]), 500)
    assert mean[0] == pytest.approx(2 / 3)
    assert np.nanmax(draws) <= 1.0
    none, empty = mean_draws(np.full((3, 1), np.nan), 10)
    assert np.isnan(none).all()
    assert estimate(float(none[0]), empty[:, 0], 0).value is None
    value, _ = ratio_draws(np.zeros((0, 2)), np.zeros((0, 2)), 5)
    assert np.isnan(value).all()


def test_a_median_may_be_infinite() -> None:
    value, draws = median_draws(np.array([1.0, np.inf, np.inf]), 300)
    assert value == np.inf
    found = estimate(value, draws, 3)
    assert (found.value, found.high) == (None, None)
    assert found.low == 1.0
    even, _ = median_draws(np.array([1.0, 3.0, np.inf, np.nan, 2.0]), 10)
    assert even == 2.5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_medians_of_resamples_are_numpy_s(values: list[float]) -> None:
    array = np.array(values)
    median, draws = median_draws(array, 20, seed=3)
    assert median == pytest.approx(float(np.median(array)), nan_ok=True)
    ordered = np.sort(array)
    expected = np.concatenate([np.median(ordered[rows], axis=1) for rows in draws_of_rows(len(array), 20, seed=3)])
    assert draws == pytest.approx(expected)
    found = estimate(median, draws, len(array))
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.high


@pytest.mark.parametrize(
    ("value", "shown"), [(1 / 3, 0.333333), (float("inf"), None), (float("nan"), None), (123456.7, 123457.0)]
)
def test_rounding(value: float, shown: float | None) -> None:
    assert rounded(value) == shown
