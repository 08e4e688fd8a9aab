"""Heads are kept in folders and read without trust."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.class_retrieval.head import ClassHead
from models.geolocator import ModelError
from models.model_folder import write_model


@pytest.fixture
def head():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, 5, 3)).astype(np.float32)
    return ClassHead(
        ("river", "ship"), "tiny", "00112233aabbccdd", weights, rng.normal(size=(2, 3)).astype(np.float32), "40 pictures of made"
    )


def test_views_have_maps_of_their_own(head):
    vectors = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
    ground, aerial = head.apply(vectors, "ground"), head.apply(vectors, "aerial")
    expected = vectors @ head.weights[1] + head.biases[1]
    np.testing.assert_allclose(aerial, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-5)
    assert not np.allclose(ground, aerial)
    assert head.apply(vectors[:0], "ground").shape == (0, 3)


def test_kept_and_read(head, tmp_path):
    head.save(tmp_path / "kept", held_out={"map": 0.5})
    back = ClassHead.load(tmp_path / "kept")
    assert (back.classes, back.encoder, back.encoder_digest, back.trained_on) == (
        head.classes,
        head.encoder,
        head.encoder_digest,
        head.trained_on,
    )
    np.testing.assert_array_equal(back.weights, head.weights)
    np.testing.assert_array_equal(back.biases, head.biases)
    assert json.loads((tmp_path / "kept/model.json").read_text())["held_out"] == {"map": 0.5}


def test_other_vectors_are_refused(head):
    with pytest.raises(ModelError, match="reads vectors of 5 numbers"):
        head.apply(np.zeros((2, 6), dtype=np.float32), "ground")
    head.check_encoder("00112233aabbccdd")
    with pytest.raises(ModelError, match="trained on vectors of tiny"):
        head.check_encoder("ffff")


@pytest.mark.parametrize(
    ("card", "arrays", "said"),
    [
        ({"kind": "flow"}, {}, "holds a model of kind 'flow'"),
        ({"classes": ["river"]}, {}, "does not name its classes"),
        ({"classes": "river"}, {}, "does not name its classes"),
        ({"encoder": "two\nlines"}, {}, "does not name its classes, its encoder"),
        ({}, {"weights": np.zeros((3, 5, 3), dtype=np.float32)}, "arrays are not those"),
        ({}, {"biases": np.zeros((2, 4), dtype=np.float32)}, "arrays are not those"),
        ({}, {"biases": np.array([["a", "b", "c"]] * 2)}, "arrays are not those"),
        ({}, {"weights": np.full((2, 5, 3), np.inf, dtype=np.float32)}, "not finite"),
    ],
)
def test_damaged_folders(head, tmp_path, card, arrays, said):
    whole = {"kind": "class_head", "classes": ["river", "ship"], "encoder": "tiny", "encoder_digest": "00", "trained_on": "made"}
    write_model(tmp_path, whole | card, {"weights": head.weights, "biases": head.biases} | arrays)
    with pytest.raises(ModelError, match=said) as caught:
        ClassHead.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_folder(tmp_path):
    with pytest.raises(ModelError, match="holds no trained model"):
        ClassHead.load(tmp_path / "nowhere")
