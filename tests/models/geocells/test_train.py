from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.sphere import haversine_km
from models.geocells.calibrate import fit_temperature
from models.geocells.geocells import Geocells
from models.geocells.head import Head, log_softmax
from models.geocells.settings import GeocellSettings
from models.geocells.train import CHECKPOINT, median_km, train
from models.geolocator import ModelError
from models.model_folder import read_arrays, read_card
from models.training_data import TrainingData
from tests.models.geocells.conftest import SETTINGS
from tests.models.geocells.world import data


class Killed(Exception):
    pass


def held_out(photos: TrainingData) -> TrainingData:
    return photos.split(SETTINGS.validation_share, SETTINGS.seed)[1]


def test_the_classifier_knows_more_than_how_photos_lie(trained: Geocells, photos: TrainingData) -> None:
    held = held_out(photos)
    cell = trained.partition.assign(held.lat, held.lon)
    rows = np.arange(len(held))
    log_p = log_softmax(trained.head.logits(held.vectors) / trained.head.temperature)[rows, cell].mean()
    chance = np.log(trained.partition.count / trained.partition.count.sum())[cell].mean()
    assert log_p > chance + 1.0
    common = np.argmax(trained.partition.count)
    blind = haversine_km(held.lat, held.lon, trained.partition.lat[common], trained.partition.lon[common])
    assert median_km(trained, held) < 0.3 * np.median(blind)


def test_refinement_beats_the_centres_of_cells(trained: Geocells, photos: TrainingData) -> None:
    held = held_out(photos)
    assert trained.clusters is not None
    assert median_km(trained, held) < median_km(replace(trained, clusters=None), held)


def test_the_temperature_lowers_the_loss_on_held_out_photos(trained: Geocells, photos: TrainingData) -> None:
    held = held_out(photos)
    cell, rows = trained.partition.assign(held.lat, held.lon), np.arange(len(held))
    logits = trained.head.logits(held.vectors)

    def loss(temperature: float) -> float:
        return -float(log_softmax(logits / temperature)[rows, cell].mean())

    assert loss(trained.head.temperature) < loss(1.0)
    assert loss(trained.head.temperature) <= min(map(loss, np.geomspace(0.05, 20, 60))) + 1e-6


def test_a_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = 2.0 * rng.normal(size=(20_000, 6))
    cell = np.array([rng.choice(6, p=p) for p in np.exp(log_softmax(logits))])
    assert fit_temperature(3.0 * logits, cell) == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize("hidden", [0, 16])
def test_a_killed_training_goes_on_to_the_same_result(tmp_path: Path, hidden: int) -> None:
    small, settings = data(700), GeocellSettings(epochs=4, batch=64, hidden=hidden, min_points=15, exemplars=2)
    train(small, settings, tmp_path / "whole")
    heard: list[Mapping[str, Any]] = []

    def until_the_second(event: Mapping[str, Any]) -> None:
        if event.get("step", 0) > 2 * event.get("of", 0) / 4 + 1:
            raise Killed

    with pytest.raises(Killed):
        train(small, settings, tmp_path / "cut", until_the_second)
    assert (tmp_path / "cut" / CHECKPOINT).is_file()
    train(small, settings, tmp_path / "cut", heard.append)
    assert {"resumed": 2} in heard
    whole, cut = read_arrays(tmp_path / "whole"), read_arrays(tmp_path / "cut")
    assert all((whole[name] == cut[name]).all() for name in whole)
    assert read_card(tmp_path / "whole") == read_card(tmp_path / "cut")
    assert not (tmp_path / "cut" / CHECKPOINT).exists()


def test_a_checkpoint_of_other_data_or_a_broken_one_is_not_used(tmp_path: Path) -> None:
    small, settings = data(500), GeocellSettings(epochs=1, batch=64, min_points=15)
    (tmp_path / CHECKPOINT).write_bytes(b"PK\x03\x04 no checkpoint")
    heard: list[Mapping[str, Any]] = []
    train(small, settings, tmp_path, heard.append)
    assert not any("resumed" in event for event in heard)


def test_numpy_gives_what_torch_gives() -> None:
    import torch

    rng = np.random.default_rng(0)
    first, last = torch.nn.Linear(24, 8), torch.nn.Linear(8, 5)
    parts = [part.detach().numpy() for part in (last.weight, last.bias, first.weight, first.bias)]
    vectors = rng.normal(size=(7, 24)).astype(np.float32)
    with torch.no_grad():
        expected = (last(torch.relu(first(torch.from_numpy(vectors)))) / 1.5).softmax(dim=1).numpy()
    assert Head(*parts, temperature=1.5).probabilities(vectors) == pytest.approx(expected, abs=1e-6)


def test_centring_is_folded_into_the_weights(photos: TrainingData, tmp_path: Path) -> None:
    from models.geocells.fit import _Run
    from models.geocells.partition import build_partition

    partition = build_partition(photos.lat, photos.lon, 30, 60)
    for hidden in (0, 8):
        run = _Run(photos, partition, partition.assign(photos.lat, photos.lon), replace(SETTINGS, hidden=hidden, epochs=1))
        run.train_epoch(0, lambda event: None)
        run.best = run._state()
        with run.torch.no_grad():
            expected = run.net(run._inputs(photos, np.arange(50))).numpy()
        assert run.head().logits(photos.vectors[:50]) == pytest.approx(expected, abs=1e-3)


def test_one_hot_and_normalised_labels_learn_too(tmp_path: Path) -> None:
    small = data(700)
    for number, variant in enumerate(({"one_hot": True}, {"normalised": True}, {"refine": False, "divide_prior": False})):
        model = train(small, GeocellSettings(epochs=3, batch=64, min_points=15, **variant), tmp_path / str(number))
        assert (model.clusters is None) == ("refine" in variant)
        assert np.isfinite(model.guess(small.vectors[0])).all()


def test_data_that_teach_nothing_are_refused(tmp_path: Path) -> None:
    good = data(60)
    one_place = replace(good, lat=np.full(60, 48.0), lon=np.full(60, 11.0))
    for wrong, message in [
        (good.pick(np.arange(0)), "no vectors"),
        (one_place, "too few places"),
        (replace(good, vectors=np.full_like(good.vectors, np.nan)), "not finite"),
        (replace(good, lat=good.lat + 100.0), "beyond 90"),
        (replace(good, source="two\nlines"), "one short line"),
    ]:
        with pytest.raises(ModelError, match=message):
            train(wrong, GeocellSettings(epochs=1), tmp_path)
