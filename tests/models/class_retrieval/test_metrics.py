"""Figures against the definitions, written out one query and one order at a time."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from models.class_retrieval import metrics
from models.class_retrieval.metrics import chance, score


def of_one_order(relevant, k):
    """AP, P@k, R@k and NDCG@k of a list of 0 and 1, best first."""
    total, cut = sum(relevant), min(k, len(relevant))
    average = sum(sum(relevant[: i + 1]) / (i + 1) for i in range(len(relevant)) if relevant[i]) / total
    gain = sum(r / math.log2(i + 2) for i, r in enumerate(relevant[:cut]))
    best = sum(1 / math.log2(i + 2) for i in range(min(total, cut)))
    return average, sum(relevant[:cut]) / cut, sum(relevant[:cut]) / total, gain / best


def over_all_orders(similarity, relevant, k):
    """The mean over every order in which the best come first."""
    orders = [
        o
        for o in itertools.permutations(range(len(similarity)))
        if all(similarity[a] >= similarity[b] for a, b in itertools.pairwise(o))
    ]
    return np.mean([of_one_order([int(relevant[i]) for i in order], k) for order in orders], axis=0)


def figures(found, k):
    return found.map, found.precision[k], found.recall[k], found.ndcg[k]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("k", [1, 3, 9])
def test_ties_are_averaged_over_all_orders(seed, k):
    rng = np.random.default_rng(seed)
    gallery, labels = rng.integers(0, 3, (7, 1)).astype(float), rng.integers(0, 2, 7)
    labels[0] = 1
    found = score(np.ones((1, 1)), [1], gallery, labels, (k,))
    assert figures(found, k) == pytest.approx(tuple(over_all_orders(gallery[:, 0], labels == 1, k)))


def test_many_queries_in_blocks(monkeypatch):
    rng = np.random.default_rng(3)
    q, g = rng.normal(size=(40, 5)).astype(np.float32), rng.normal(size=(30, 5)).astype(np.float32)
    ql, gl = rng.integers(0, 4, 40), rng.integers(0, 4, 30)
    whole = score(q, ql, g, gl, (5,))
    rows = []
    for vector, label in zip(q, ql, strict=True):
        order = np.argsort(-(g @ vector))
        rows.append(of_one_order((gl[order] == label).astype(int).tolist(), 5))
    assert figures(whole, 5) == pytest.approx(tuple(np.mean(rows, axis=0)))
    assert whole.map_by_class[2] == pytest.approx(np.mean([row[0] for row, label in zip(rows, ql, strict=True) if label == 2]))
    monkeypatch.setattr(metrics, "_BLOCK_CELLS", 65)
    assert figures(score(q, ql, g, gl, (5,)), 5) == pytest.approx(figures(whole, 5))


def test_a_perfect_and_the_worst_order():
    gallery, labels = np.array([[4.0], [3], [2], [1]]), [0, 0, 1, 1]
    assert figures(score([[1.0]], [0], gallery, labels, (2,)), 2) == (1.0, 1.0, 1.0, 1.0)
    worst = score([[1.0]], [1], gallery, labels, (2,))
    assert figures(worst, 2) == pytest.approx(((1 / 3 + 2 / 4) / 2, 0.0, 0.0, 0.0))


def test_a_collapsed_encoder_scores_chance_however_the_gallery_is_sorted():
    labels = np.repeat([0, 1, 2], [10, 5, 5])
    same = np.tile([0.6, 0.8], (20, 1)).astype(np.float32)
    found, random = score(same[:3], [0, 1, 2], same, labels), chance([0, 1, 2], labels)
    assert found.map == pytest.approx(random.map)
    assert found.precision[1] == pytest.approx((10 + 5 + 5) / 3 / 20)
    rng = np.random.default_rng(0)
    drawn = [of_one_order(rng.permutation(labels == 1).astype(int).tolist(), 5)[0] for _ in range(4000)]
    assert random.map_by_class[1] == pytest.approx(np.mean(drawn), abs=0.01)


def test_differences_of_rounding_are_ties():
    gallery = np.array([[1.0], [1.0 + 1e-7], [1.0 - 1e-7]])
    assert score([[1.0]], [0], gallery, [1, 1, 0]).map == pytest.approx(chance([0], [1, 1, 0]).map)


def test_queries_without_a_relevant_picture_are_counted_and_not_scored():
    found = score([[1.0], [1.0]], [0, 5], [[1.0], [0.5]], [0, 1])
    assert (found.queries, found.unanswerable, found.map, found.map_by_class) == (2, 1, 1.0, {0: 1.0})
    nothing = score([[1.0]], [5], [[1.0]], [0])
    assert (nothing.map, nothing.macro_map, nothing.precision[1], nothing.unanswerable) == (None, None, None, 1)
    assert score(np.zeros((0, 2)), [], np.zeros((3, 2)), [0, 0, 0]).map is None
    assert score(np.zeros((2, 2)), [0, 1], np.zeros((0, 2)), []).unanswerable == 2


def test_the_macro_mean_counts_classes_once():
    gallery, labels = np.array([[2.0], [1.0]]), [0, 1]
    found = score(np.ones((3, 1)), [0, 0, 1], gallery, labels)
    assert found.map == pytest.approx((1 + 1 + 0.5) / 3)
    assert found.macro_map == pytest.approx(0.75)


def test_json_has_names():
    said = score([[1.0]], [1], [[1.0], [2.0]], [0, 1], (1, 5)).to_json(["river", "ship"])
    assert said["map_by_class"] == {"ship": 1.0}
    assert {key for key in said if "_at_" in key} == {f"{name}_at_{k}" for name in ("p", "r", "ndcg") for k in (1, 5)}


@pytest.mark.parametrize(
    ("query", "gallery", "ks"),
    [([[np.nan]], [[1.0]], (1,)), ([[1.0, 2.0]], [[1.0]], (1,)), ([[1.0]], [[1.0]], (0,)), ([[1.0]], [[1.0]], ())],
)
def test_what_cannot_be_scored(query, gallery, ks):
    with pytest.raises(ValueError):
        score(query, [0], gallery, [0], ks)
