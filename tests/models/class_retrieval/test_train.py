"""Heads learn what joins the views."""

from __future__ import annotations

import numpy as np
import pytest

from models.class_retrieval.evaluate import both_directions, chance_both
from models.class_retrieval.settings import LOSSES, HeadSettings
from models.class_retrieval.train import ClassVectors, centring_head, train_head
from models.geolocator import ModelError
from tests.models.class_retrieval.vectors_of_views import CLASSES, made

NAMED = (CLASSES, "tiny", "00112233aabbccdd", "made")


def maps(scores):
    return [scores["ground_to_aerial"].map, scores["aerial_to_ground"].map]


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_brings_the_views_together(loss):
    pytest.importorskip("torch")
    head = train_head(made(1), *NAMED, HeadSettings(loss, dim=8, steps=100))
    test = made(2)
    assert min(maps(both_directions(test, head))) > 0.9
    assert max(maps(both_directions(test))) < 0.65
    assert head.apply(test.vectors, "ground").shape == (len(test), 8)


def test_the_same_seed_gives_the_same_head():
    pytest.importorskip("torch")
    one, same, other = (train_head(made(1), *NAMED, HeadSettings(steps=5, seed=seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.weights, same.weights)
    assert not np.array_equal(one.weights, other.weights)


def test_progress_is_told():
    pytest.importorskip("torch")
    said = []
    train_head(made(1), *NAMED, HeadSettings(steps=60), said.append)
    assert [(event["step"], event["of"]) for event in said] == [(50, 60), (60, 60)]


def test_small_batches_hold_whole_classes():
    pytest.importorskip("torch")
    head = train_head(made(1), *NAMED, HeadSettings(batch=8, steps=120, dim=8))
    assert min(maps(both_directions(made(2), head))) > 0.9


def test_centring_takes_the_views_means_away():
    data = made(1)
    head = centring_head(data, *NAMED)
    back = data.vectors[data.ground] - data.vectors[data.ground].mean(axis=0)
    np.testing.assert_allclose(
        head.apply(data.vectors[data.ground], "ground"), back / np.linalg.norm(back, axis=1, keepdims=True), atol=1e-5
    )


def test_chance_is_what_the_classes_give():
    assert maps(chance_both(made(1))) == pytest.approx([0.39, 0.39], abs=0.02)


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda d: d.pick(d.ground), "made has 0 classes with training pictures of both views; 2 are needed"),
        (lambda d: d.pick((d.labels == 0) | d.ground), "made has 1 classes with training pictures of both views; 2 are needed"),
        (lambda d: ClassVectors(d.vectors * np.nan, d.labels, d.ground), "made gave vectors that are not finite"),
    ],
)
def test_what_cannot_be_learned_from(spoilt, said):
    with pytest.raises(ModelError, match=said):
        train_head(spoilt(made(1)), *NAMED)


@pytest.mark.parametrize(
    "wrong", [{"loss": "cosine"}, {"dim": 1}, {"steps": 0}, {"lr": float("nan")}, {"dropout": 1.0}, {"seed": True}]
)
def test_settings_are_checked(wrong):
    with pytest.raises(ModelError):
        HeadSettings(**wrong)
