"""Metrics against brute force and published formulas."""

from __future__ import annotations

import numpy as np
import pytest

from models.crossview.metrics import RankCounter, average_precision, chance, recall, within_m


@pytest.mark.parametrize("block", [1, 7, 250])
def test_ranks_in_blocks_are_those_of_the_whole_matrix(block):
    rng = np.random.default_rng(0)
    scores = np.round(rng.random((30, 250)), 2)  # with ties
    own = rng.integers(0, 250, 30)
    semi = [rng.choice(np.delete(np.arange(250), o), 3, replace=False).tolist() for o in own]
    counter = RankCounter(scores[np.arange(30), own], own.tolist(), semi)
    for start in range(0, 250, block):
        counter.add(scores[:, start : start + block])
    found = recall(counter)
    ranks = np.array([sum(scores[q, r] > scores[q, own[q]] for r in range(250)) for q in range(30)])
    masked = np.array([sum(scores[q, r] > scores[q, own[q]] for r in range(250) if r not in semi[q]) for q in range(30)])
    assert counter.ranks.tolist() == ranks.tolist()
    assert found.at == {"1": np.mean(ranks < 1), "5": np.mean(ranks < 5), "10": np.mean(ranks < 10), "1%": np.mean(ranks < 2)}
    assert found.hit_rate == np.mean(masked < 1)
    assert found.to_json()["references"] == 250


def test_the_own_reference_never_beats_itself():
    counter = RankCounter(np.array([0.5 - 1e-9]), [1])
    counter.add(np.array([[0.1, 0.5, 0.4]]))
    assert counter.ranks.tolist() == [0]


def test_no_queries_have_no_recall():
    assert recall(RankCounter(np.zeros(0), [])) is None
    assert within_m(np.zeros(0))["median_m"] is None


def test_chance():
    assert chance(1000) == {"1": 0.001, "5": 0.005, "10": 0.01, "1%": 0.01}
    assert chance(3)["5"] == 1.0


def published_ap(order, good):
    """University-1652's `compute_mAP`, line by line, without junk."""
    rows = np.flatnonzero(np.isin(order, good))
    ap = 0.0
    for i in range(len(good)):
        d_recall = 1.0 / len(good)
        precision = (i + 1) / (rows[i] + 1)
        old = i / rows[i] if rows[i] != 0 else 1.0
        ap += d_recall * (old + precision) / 2
    return ap


def test_average_precision_is_the_published_one():
    rng = np.random.default_rng(0)
    scores, relevant = rng.random((20, 60)), rng.random((20, 60)) < 0.1
    relevant[:, 0] = True
    relevant[7] = False
    found = average_precision(scores, relevant)
    for q in range(20):
        if q == 7:
            assert np.isnan(found[q])
        else:
            assert found[q] == pytest.approx(published_ap(np.argsort(-scores[q]), np.flatnonzero(relevant[q])))
    one = average_precision(np.array([[3.0, 2.0, 1.0]]), np.array([[True, False, False]]))
    assert one.tolist() == [1.0]


def test_metres():
    assert within_m(np.array([5.0, 20.0, 60.0])) == {"median_m": 20.0, "within_10_m": pytest.approx(1 / 3), "within_25_m": pytest.approx(2 / 3),
                                                      "within_50_m": pytest.approx(2 / 3), "within_100_m": 1.0}  # fmt: skip
