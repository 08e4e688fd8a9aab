"""The losses against the published formulas written out, their gradients against differences, and torch against numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from models.ranker import losses, torch_losses
from models.ranker.losses import distance_regression, first_order, multi_order, second_order

RNG = np.random.default_rng(3)


def written_out(values: list[float], terms: int) -> float:
    """−(1/terms) Σ log[exp(v_i) / Σ_{j≥i} exp(v_j)], naively."""
    return -sum(math.log(math.exp(v) / sum(map(math.exp, values[i:]))) for i, v in enumerate(values[:terms])) / max(terms, 1)


def by_hand(scores: list[float], distance: list[float], k: int) -> tuple[float, float]:
    """First and second order of one list."""
    ranked = sorted(range(len(scores)), key=lambda i: distance[i])
    s, d = [scores[i] for i in ranked], [distance[i] for i in ranked]
    pairs = [(d[i] - d[j], s[i] - s[j]) for i in range(min(k, len(s))) for j in range(i + 1, len(s))]
    deltas = [delta for _, delta in sorted(pairs, key=lambda pair: pair[0])]
    return written_out(s, min(k, len(s))), written_out(deltas, len(deltas)) if deltas else 0.0


def batch(sizes: tuple[int, ...] = (7, 3, 1, 5, 2)) -> tuple[Any, Any, Any]:
    mask = np.arange(max(sizes))[None] < np.array(sizes)[:, None]
    mask = np.take_along_axis(mask, np.argsort(RNG.random(mask.shape), axis=1), axis=1)  # padding lies anywhere
    scores, distance = RNG.normal(0, 2, mask.shape), RNG.uniform(0, 9000, mask.shape)
    return np.where(mask, scores, np.nan), np.where(mask, distance, np.nan), mask


@pytest.mark.parametrize("k", [1, 2, 4, 50])
def test_both_orders_are_the_published_formulas(k: int) -> None:
    scores, distance, mask = batch()
    for row in range(len(scores)):
        keep = mask[row]
        one, two = by_hand(scores[row][keep].tolist(), distance[row][keep].tolist(), k)
        assert first_order(scores, distance, mask, k)[0][row] == pytest.approx(one, abs=1e-12)
        assert second_order(scores, distance, mask, k)[0][row] == pytest.approx(two, abs=1e-12)
        assert multi_order(scores, distance, mask, k)[0][row] == pytest.approx(0.7 * one + 0.3 * two, abs=1e-12)


def test_the_nearest_alone_is_softmax_cross_entropy() -> None:
    scores, distance = RNG.normal(size=(1, 6)), RNG.uniform(0, 100, (1, 6))
    log_p = scores[0] - np.log(np.exp(scores[0]).sum())
    loss, gradient = first_order(scores, distance, np.ones((1, 6), bool))
    assert loss[0] == pytest.approx(-log_p[distance[0].argmin()])
    assert gradient[0] == pytest.approx(np.exp(log_p) - (np.arange(6) == distance[0].argmin()))


def test_all_pairs_with_the_nearest_count_when_k_is_1() -> None:
    assert [len(losses.pairs(7, k)[0]) for k in (1, 2, 6, 99)] == [6, 11, 21, 21]


@pytest.mark.parametrize("loss", [first_order, second_order, multi_order, distance_regression])
@pytest.mark.parametrize("k", [1, 3])
def test_gradients_are_the_differences(loss: Any, k: int) -> None:
    scores, distance, mask = batch()
    more = () if loss is distance_regression else (k,)
    gradient = loss(scores, distance, mask, *more)[1]
    for row, column in zip(*np.nonzero(mask), strict=True):
        step = np.zeros_like(scores)
        step[row, column] = 1e-6
        up, down = (loss(scores + sign * step, distance, mask, *more)[0][row] for sign in (1, -1))
        assert gradient[row, column] == pytest.approx((up - down) / 2e-6, abs=1e-6)
    assert (gradient[~mask] == 0).all()


def test_a_constant_changes_nothing() -> None:
    scores, distance, mask = batch()
    for one, two in zip(multi_order(scores, distance, mask, 2), multi_order(scores + 123.4, distance, mask, 2), strict=True):
        assert two == pytest.approx(one, abs=1e-10)


def test_the_unit_of_the_distances_does_not_matter() -> None:
    scores, distance, mask = batch()
    assert multi_order(scores, 1000.0 * distance, mask)[0] == pytest.approx(multi_order(scores, distance, mask)[0])


def test_huge_scores_neither_overflow_nor_vanish() -> None:
    scores, distance = np.array([[1000.0, -1000.0, 0.0, 999.0]]), np.array([[9.0, 1.0, 5.0, 7.0]])
    mask = np.ones((1, 4), bool)
    loss, gradient = multi_order(scores, distance, mask, 3)
    assert np.isfinite(gradient).all()
    assert loss[0] > 500.0
    assert first_order(scores, distance, mask)[0][0] == pytest.approx(2000.0 + math.log1p(math.exp(-1)))


def test_the_right_order_with_wide_gaps_costs_nothing() -> None:
    scores, distance = np.array([[0.0, -400.0, -900.0]]), np.array([[1.0, 500.0, 4000.0]])
    assert multi_order(scores, distance, np.ones((1, 3), bool), 3)[0] == pytest.approx([0.0], abs=1e-9)


def test_padding_says_nothing() -> None:
    scores, distance, mask = batch()
    padded = [np.concatenate([part, np.full((len(mask), 3), fill)], axis=1) for part, fill in ((scores, 77.0), (distance, 0.0))]
    wider = np.concatenate([mask, np.zeros((len(mask), 3), bool)], axis=1)
    loss, gradient = multi_order(*padded, wider, 2)
    assert loss == pytest.approx(multi_order(scores, distance, mask, 2)[0])
    assert (gradient[:, -3:] == 0).all()


@pytest.mark.parametrize("far", [-1.0, np.nan, np.inf])
def test_a_distance_that_is_none_is_refused(far: float) -> None:
    with pytest.raises(ValueError, match="a distance must be"):
        first_order(np.zeros((1, 2)), np.array([[1.0, far]]), np.ones((1, 2), bool))


@pytest.mark.parametrize("k", [1, 3])
def test_torch_says_the_same(k: int) -> None:
    torch = pytest.importorskip("torch")
    scores, distance, mask = batch()
    clean = [np.where(mask, part, 0.0) for part in (scores, distance)]
    s = torch.tensor(clean[0], requires_grad=True)
    loss = torch_losses.multi_order(s, torch.tensor(clean[1]), torch.tensor(mask), k)
    loss.sum().backward()
    mine, gradient = multi_order(scores, distance, mask, k)
    assert loss.detach().numpy() == pytest.approx(mine)
    assert s.grad.numpy() == pytest.approx(gradient, abs=1e-9)


def test_torch_stays_finite_in_half_precision() -> None:
    torch = pytest.importorskip("torch")
    s = torch.tensor([[1000.0, -1000.0, 0.0, 5.0]], dtype=torch.bfloat16, requires_grad=True)
    loss = torch_losses.multi_order(s, torch.tensor([[9.0, 1.0, 5.0, 0.0]]), torch.tensor([[True, True, True, False]]), 2)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(s.grad).all()
