"""The bootstrap: denominators, closed forms, determinism."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics.bootstrap import (
    Estimate,
    counts_of_resamples,
    estimate,
    means,
    on_grid,
    quantile,
    ratios,
    resampled,
    rounded,
)

_numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


def mean_of(values: list[float] | np.ndarray, resamples: int = 300) -> tuple[Estimate, np.ndarray]:
    column = np.asarray(values, dtype=np.float64)[:, None]
    ((value, draws),) = resampled(len(column), [means(column)], resamples, seed=1)
    return estimate(float(value[0]), draws[:, 0], int((~np.isnan(column)).sum())), draws[:, 0]


def test_the_spread_of_a_share_is_binomial() -> None:
    found, draws = mean_of(np.repeat([1.0, 0.0], [60, 140]), 4000)
    assert found.value == pytest.approx(0.3)
    assert draws.std() == pytest.approx(np.sqrt(0.3 * 0.7 / 200), rel=0.05)
    assert found.low == pytest.approx(0.3 - 1.96 * 0.0324, abs=0.01)
    assert found.high == pytest.approx(0.3 + 1.96 * 0.0324, abs=0.01)


def test_two_records_resample_as_two_coins() -> None:
    _, draws = mean_of([0.0, 1.0], 4000)
    shares = [float((draws == value).mean()) for value in (0.0, 0.5, 1.0)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_each_resample_draws_n_records() -> None:
    counts = np.concatenate(list(counts_of_resamples(7, 50, seed=0)))
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()


@pytest.mark.parametrize("n", [7, 30])
def test_chunks_do_not_change_the_draws(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(counts_of_resamples(n, 41, seed=5)))
    monkeypatch.setattr("evals.metrics.bootstrap._CHUNK", 3 * n + 1)
    parts = list(counts_of_resamples(n, 41, seed=5))
    assert len(parts) == 14
    assert (np.concatenate(parts) == whole).all()


def test_draws_are_the_same_on_every_machine() -> None:
    """PCG64 and its bounded integers are a fixed algorithm; these counts were written down once."""
    assert next(counts_of_resamples(5, 2, seed=0)).tolist() == [[0.0, 2.0, 1.0, 1.0, 1.0], [4.0, 0.0, 0.0, 0.0, 1.0]]


def test_what_does_not_count_is_left_out_of_the_denominator() -> None:
    found, draws = mean_of([1.0, np.nan, 0.0, 1.0])
    assert (found.value, found.n) == (pytest.approx(2 / 3, abs=1e-6), 3)
    assert np.nanmax(draws) <= 1.0
    assert mean_of([np.nan] * 3)[0] == Estimate(None, None, None, 0)
    ((value, draws),) = resampled(0, [ratios(np.zeros((0, 2)), np.zeros((0, 2)))], 5)
    assert np.isnan(value).all()
    assert draws.shape == (5, 2)


def test_sums_are_exact_in_every_order() -> None:
    values = on_grid(np.random.default_rng(0).lognormal(3.0, 3.0, size=(5000, 1)))[:, 0]
    sums = {float(values[order].sum()) for order in (np.arange(5000), np.arange(5000)[::-1], np.argsort(values))}
    assert len({*sums, float(sum(values.tolist())), float(values @ np.ones(5000))}) == 1


@given(_numbers)
def test_the_grid_changes_nothing_that_is_shown(values: list[float]) -> None:
    array = np.array(values)[:, None]
    assert np.abs(on_grid(array) - array).max() <= np.abs(array).max() * len(values) * 2.0**-51 + 1e-200


def test_a_median_may_be_infinite() -> None:
    ((value, draws),) = resampled(3, [quantile(np.array([1.0, np.inf, np.inf]))], 300)
    found = estimate(float(value[0]), draws[:, 0], 3)
    assert (found.value, found.high) == (None, None)
    assert found.low == 1.0
    ((even, _),) = resampled(5, [quantile(np.array([1.0, 3.0, np.inf, np.nan, 2.0]))], 10)
    assert even[0] == 2.5
    ((none, empty),) = resampled(2, [quantile(np.full(2, np.nan))], 10)
    assert np.isnan(none).all()
    assert np.isnan(empty).all()


@settings(max_examples=60, deadline=None)
@given(_numbers, st.sampled_from([0.1, 0.5, 0.9]))
def test_quantiles_of_resamples_are_numpy_s(values: list[float], share: float) -> None:
    array = np.array(values)
    ((value, draws),) = resampled(len(array), [quantile(array, share)], 20, seed=3)
    assert value[0] == pytest.approx(np.quantile(array, share, method="averaged_inverted_cdf"))
    counts = next(counts_of_resamples(len(array), 20, seed=3)).astype(int)
    expected = [np.quantile(np.repeat(array, row), share, method="averaged_inverted_cdf") for row in counts]
    assert draws[:, 0] == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_intervals_of_shares_hold_the_share(values: list[bool]) -> None:
    found, _ = mean_of([float(value) for value in values])
    assert found.low is not None
    assert found.value is not None
    assert found.high is not None
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@settings(max_examples=60, deadline=None)
@given(_numbers)
def test_draws_of_a_mean_lie_between_the_extremes(values: list[float]) -> None:
    found, draws = mean_of(values)
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert min(values) - slack <= draws.min()
    assert draws.max() <= max(values) + slack
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.high


def test_statistics_of_one_call_are_paired() -> None:
    values = np.random.default_rng(0).normal(size=(50, 1))
    (_, a), (_, b), (_, c), (_, d) = resampled(
        50, [means(values), means(values + 1), quantile(values[:, 0]), quantile(values[:, 0] + 1)]
    )
    assert b - a == pytest.approx(np.ones_like(a))
    assert d - c == pytest.approx(np.ones_like(c))


def test_a_ratio_of_sums_by_hand() -> None:
    """Of two records with 1 of 1 and 1 of 3 the ratio is 2/4, and every resample is one of three."""
    ((value, draws),) = resampled(2, [ratios(np.array([[1.0], [1.0]]), np.array([[1.0], [3.0]]))], 200)
    assert value[0] == 0.5
    assert {round(float(draw), 6) for draw in draws[:, 0]} == {1.0, 0.5, round(1 / 3, 6)}


def test_every_resample_of_three_records() -> None:
    """The bootstrap's own closed form: all 27 resamples, each as likely, give the variance (n − 1)/n · s² / n."""
    values = np.array([1.0, 2.0, 6.0])
    exact = np.var([np.mean(draw) for draw in itertools.product(values, repeat=3)])
    assert exact == pytest.approx(values.var() / 3)
    assert mean_of(values, 8000)[1].var() == pytest.approx(exact, rel=0.06)


@pytest.mark.parametrize(
    ("value", "shown"), [(1 / 3, 0.333333), (float("inf"), None), (float("nan"), None), (123456.7, 123457.0)]
)
def test_rounding(value: float, shown: float | None) -> None:
    assert rounded(value) == shown
