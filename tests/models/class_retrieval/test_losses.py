"""The losses against their formulas, written out pair by pair."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.class_retrieval.losses import multi_similarity, normalised_softmax, triplet  # noqa: E402


@pytest.fixture
def batch():
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(14, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, np.arange(14) % 3, np.arange(14) < 6


def tensors(batch):
    return [torch.from_numpy(part) for part in batch]


def pairs(batch, i):
    """Similarities with the other view: of the same class, and of others."""
    vectors, labels, ground = batch
    s = vectors @ vectors[i]
    across = [j for j in range(len(s)) if ground[j] != ground[i]]
    return [s[j] for j in across if labels[j] == labels[i]], [s[j] for j in across if labels[j] != labels[i]]


def test_triplet(batch):
    rows = [max(0.0, 0.2 + max(negative) - min(positive)) for positive, negative in (pairs(batch, i) for i in range(14))]
    assert float(triplet(*tensors(batch))) == pytest.approx(np.mean(rows))


def test_multi_similarity(batch):
    rows = []
    for i in range(14):
        positive, negative = pairs(batch, i)
        hard_p = [s for s in positive if s - 0.1 < max(negative)]
        hard_n = [s for s in negative if s + 0.1 > min(positive)]
        pull = math.log(1 + sum(math.exp(-2 * (s - 0.5)) for s in hard_p)) / 2
        rows.append(pull + math.log(1 + sum(math.exp(50 * (s - 0.5)) for s in hard_n)) / 50)
    assert float(multi_similarity(*tensors(batch))) == pytest.approx(np.mean(rows))


def test_normalised_softmax(batch):
    vectors, labels, _ = batch
    proxies = np.random.default_rng(1).normal(size=(3, 6)) * 7
    unit = proxies / np.linalg.norm(proxies, axis=1, keepdims=True)
    logits = vectors @ unit.T / 0.05
    rows = [math.log(np.exp(row - row.max()).sum()) + row.max() - row[label] for row, label in zip(logits, labels, strict=True)]
    assert float(
        normalised_softmax(torch.from_numpy(vectors), torch.from_numpy(labels), torch.from_numpy(proxies))
    ) == pytest.approx(np.mean(rows))


@pytest.mark.parametrize("loss", [triplet, multi_similarity])
@pytest.mark.parametrize("case", ["one class", "one view"])
def test_batches_without_pairs_give_finite_gradients(batch, loss, case):
    vectors, labels, ground = tensors(batch)
    vectors.requires_grad_()
    value = loss(vectors, labels * 0 if case == "one class" else labels, ground | (case == "one view"))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(vectors.grad).all()
