"""Learned descriptors: that they learn, that their files are kept and checked, that an index knows its encoder."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from models.aerial import contrastive
from models.aerial.encoder_file import open_encoder
from models.aerial.encoder_training import train_autoencoder, train_contrastive
from models.aerial.ground import image_at
from models.aerial.index import build_index, load_index
from models.aerial.match import locate
from models.aerial.views import draw_pairs
from models.aerial.web_mercator import east_north_m
from tests.models.aerial.conftest import HEADED


@pytest.fixture(scope="module")
def encoder(tmp_path_factory, summer, autumn, box):
    path = tmp_path_factory.mktemp("encoder") / "contrastive.npz"
    trained = train_contrastive(path, [summer, autumn], box, 300.0, 6, 60.0, batch=12)
    assert trained["steps"] == 6
    return path


def test_the_loss_is_that_of_a_right_answer_among_all():
    size, n = 8, 5
    same = torch.eye(n, size)
    away = np.full((n, n), 1000.0) * (1 - np.eye(n))
    right = float(contrastive.loss_of(same, same, away, 50.0))
    logit = 1 / contrastive.TEMPERATURE
    assert right == pytest.approx(float(np.log(np.exp(logit) + n - 1) - logit), abs=1e-5)
    alike = torch.ones(n, size)
    assert float(contrastive.loss_of(alike, alike, away, 50.0)) == pytest.approx(np.log(n), abs=1e-5)
    assert float(contrastive.loss_of(alike, alike, away * 0.01, 50.0)) == pytest.approx(0.0, abs=1e-4)  # all of them one place


def test_pairs_show_one_place_twice(summer, autumn, box):
    pairs = draw_pairs([summer, autumn], box, 300.0, 128, 8, np.random.default_rng(0))
    assert len(pairs.one) == len(pairs.other) == len(pairs.east_north_m) == 8
    away = np.hypot(*(pairs.east_north_m[1:4] - pairs.east_north_m[0]).T)
    assert (away <= 450.1).all()
    one = draw_pairs([summer], box, 300.0, 128, 4, np.random.default_rng(0))
    assert all(np.abs(a[0].astype(int) - b[0]).mean() > 1 for a, b in zip(one.one, one.other, strict=True))


def test_training_brings_places_together(summer, autumn, box):
    net, pairs = contrastive.network((8, 8, 16, 16)), draw_pairs([summer, autumn], box, 300.0, 128, 12, np.random.default_rng(0))
    adam = torch.optim.AdamW(net.parameters(), lr=5e-3)
    losses = [contrastive.step_on(net, adam, pairs, 300.0) for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]
    assert len(contrastive.train(net, [summer], box, 300.0, 50, 4, cpu_s=1e-6)) <= 1
    assert not net.training
    with pytest.raises(ValueError, match="one step or more"):
        contrastive.train(net, [summer], box, 300.0, 5, 2)


def test_a_trained_encoder_finds_frames(encoder, summer, box, places, tmp_path):
    made, trained = open_encoder(encoder)
    assert (made.name, made.size, made.pixels, trained["layers"]) == ("contrastive", 1024, 128, 2)
    index = build_index(summer, box, 300.0, 100.0, made)
    errors = []
    for place in places[:5]:
        found = locate(image_at(summer, *place, 390.0, 200, 5.0).rgb, 390.0, index, HEADED)
        errors.append(float(np.hypot(*east_north_m(*place, found.lat, found.lon))))
    assert sum(e <= 100 for e in errors) >= 3
    index.save(tmp_path / "map.npz")
    assert np.array_equal(load_index(tmp_path / "map.npz", made).layers[0].emb_ND, index.layers[0].emb_ND)
    with pytest.raises(ValueError, match=r"needs the file of its encoder \(--encoder\)"):
        load_index(tmp_path / "map.npz")
    with pytest.raises(ValueError, match="is learned: give the file"):
        build_index(summer, box, 300.0, 100.0, "contrastive")


def test_an_index_refuses_another_encoder(encoder, summer, box, tmp_path):
    made, _ = open_encoder(encoder)
    build_index(summer, box, 300.0, 300.0, made).save(tmp_path / "map.npz")
    train_autoencoder(tmp_path / "auto.npz", [summer], box, 300.0, 2, 60.0, small=True, batch=4)
    other, trained = open_encoder(tmp_path / "auto.npz")
    assert (other.name, other.size, other.pixels, trained["patches"]) == ("autoencoder", 256, 64, 8)
    with pytest.raises(ValueError, match="made with another encoder"):
        load_index(tmp_path / "map.npz", other)
    vectors = build_index(summer, box, 300.0, 300.0, other).layers[0].emb_ND
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)


def test_the_same_patch_gives_the_same_vector_alone_and_among_others(encoder, summer, middle):
    made, _ = open_encoder(encoder)
    patches = [(p.rgb, p.known) for p in (image_at(summer, middle[0] + d, middle[1], 300.0) for d in (0, 1e-3, 2e-3))]
    assert np.allclose(made.embed_many(patches)[1], made.embed(*patches[1]), atol=1e-5)


@pytest.mark.parametrize("change", ["weights", "kind", "channels", "surplus", "card", "pickle", "rubbish", "nothing"])
def test_files_that_are_no_encoder(encoder, tmp_path, change):
    path = tmp_path / "encoder.npz"
    with np.load(encoder) as data:
        parts = {name: data[name] for name in data.files}
    card = json.loads(str(parts["card"]))
    first = next(name for name in parts if name != "card")
    if change == "weights":
        parts[first] = parts[first] + 1
    elif change == "kind":
        card["kind"] = "autoencoder"
    elif change == "channels":
        card["shape"]["channels"] = [10**6]
    elif change == "surplus":
        parts["w.more"] = np.zeros(3)
    elif change == "card":
        card = [1]
    elif change == "pickle":
        parts[first] = np.array([object()], dtype=object)
    parts["card"] = np.array(json.dumps(card))
    np.savez(path, **parts)
    if change == "rubbish":
        path.write_bytes(b"rubbish")
    if change == "nothing":
        path.unlink()
    with pytest.raises(ValueError, match=r"encoder\.npz: is (no trained encoder|not there)") as error:
        open_encoder(path)
    assert "\n" not in str(error.value)
