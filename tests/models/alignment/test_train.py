from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.sphere import haversine_km
from models.alignment.alignment import Alignment
from models.alignment.settings import AlignmentSettings
from models.alignment.stored import load_alignment
from models.alignment.text import place_text
from models.alignment.train import candidate_places, rate_at, train
from models.geolocator import ModelError
from models.training_data import TrainingData
from tests.models.alignment.conftest import SMALL, Trained
from tests.models.alignment.test_text import tiny_clip

World = Callable[..., TrainingData]
TINY = dataclasses.replace(SMALL, dim=16, hidden=24, features=16, queue=64, epochs=4)


def median_km(model: Alignment, data: TrainingData, n: int = 200) -> float:
    best = [int(np.argmax(model.log_likelihoods(vector))) for vector in data.vectors[:n]]
    return float(np.median(haversine_km(model.candidates.lat[best], model.candidates.lon[best], data.lat[:n], data.lon[:n])))


def test_training_beats_chance_and_the_nearest_neighbour(trained: Trained) -> None:
    model, training, held = trained.model, trained.training, trained.validation
    nearest = np.argmax(held.vectors[:200] @ training.vectors.T, axis=1)
    neighbour_km = float(np.median(haversine_km(training.lat[nearest], training.lon[nearest], held.lat[:200], held.lon[:200])))
    anyone = np.random.default_rng(0).integers(0, len(training), 200)
    chance_km = float(np.median(haversine_km(training.lat[anyone], training.lon[anyone], held.lat[:200], held.lon[:200])))
    own_km = median_km(model, held)
    assert own_km < 0.2 * chance_km
    assert own_km < neighbour_km
    assert model.calibrated
    assert 0.001 <= model.reliability <= 0.98


def test_the_same_data_and_seed_give_the_same_model(make_world: World) -> None:
    data = make_world(500)
    one, two = (train(data, TINY).location.digest for _ in range(2))
    other = train(data, dataclasses.replace(TINY, seed=1)).location.digest
    assert one == two != other


class Cut(Exception):
    """The run is cut off."""


@pytest.mark.parametrize(
    "settings", [TINY, dataclasses.replace(TINY, noise_km=20.0, text="hashed", captions=True, both_ways=False)]
)
def test_a_run_that_was_cut_off_ends_with_the_same_numbers(
    make_world: World, tmp_path: Path, settings: AlignmentSettings
) -> None:
    data = make_world(500)
    whole = train(data, settings, tmp_path / "model")

    def cut(event: Mapping[str, Any]) -> None:
        if event.get("epoch") == 2:
            raise Cut

    with pytest.raises(Cut):
        train(data, settings, tmp_path / "cut" / "model", cut)
    assert (tmp_path / "cut" / "model" / "training.pt").exists()
    heard: list[Mapping[str, Any]] = []
    resumed = train(data, settings, tmp_path / "cut" / "model", heard.append)
    assert [event["epoch"] for event in heard if "epoch" in event] == [3, 4]
    assert resumed.location.digest == whole.location.digest
    assert [a.tobytes() for a in resumed.image.arrays("").values()] == [a.tobytes() for a in whole.image.arrays("").values()]
    assert (resumed.temperature, resumed.reliability, resumed.log_scale) == (
        whole.temperature,
        whole.reliability,
        whole.log_scale,
    )


def test_a_checkpoint_of_other_settings_or_a_broken_one_is_left_alone(make_world: World, tmp_path: Path) -> None:
    data, folder = make_world(300), tmp_path / "model"
    wanted = train(data, TINY).location.digest

    def cut(event: Mapping[str, Any]) -> None:
        if event.get("epoch") == 1:
            raise Cut

    with pytest.raises(Cut):
        train(data, dataclasses.replace(TINY, rate=1e-4), folder, cut)
    assert train(data, TINY, folder).location.digest == wanted
    (folder / "training.pt").write_bytes(b"rubbish")
    assert train(data, TINY, folder).location.digest == wanted


def test_text_towers_learn_the_names_of_places(make_world: World, tmp_path: Path) -> None:
    settings = dataclasses.replace(SMALL, text="hashed", epochs=10, queue=0)
    data = make_world(2000, noise=0.3)
    model = train(data, settings, tmp_path / "model")
    _, held = data.split(settings.validation_share, settings.seed)
    names = sorted(set(zip(held.country, held.region, held.city, strict=True)))
    texts = [place_text(*name) for name in names]
    truth = [names.index(row) for row in zip(held.country, held.region, held.city, strict=True)]
    loaded = load_alignment(tmp_path / "model")
    scores = np.stack([loaded.text_score(vector, texts) for vector in held.vectors])
    assert (scores.argmax(axis=1) == truth).mean() > 0.6
    assert model.text_score(held.vectors[0], texts) == pytest.approx(scores[0], abs=1e-5)


def test_texts_may_be_read_by_a_clip_model(make_world: World, tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, text=f"clip:{tiny_clip(tmp_path / 'clip')}", epochs=1)
    model = train(make_world(200), settings, tmp_path / "model")
    vector = make_world(5).vectors[0]
    scores = model.text_score(vector, ["a street view photo taken in Kyoto", "Lisbon"])
    assert load_alignment(tmp_path / "model").text_score(
        vector, ["a street view photo taken in Kyoto", "Lisbon"]
    ) == pytest.approx(scores)


def test_training_anew_leaves_no_vectors_of_earlier_weights(make_world: World, tmp_path: Path) -> None:
    train(make_world(200), dataclasses.replace(TINY, epochs=1), tmp_path)
    before = {path.name for path in tmp_path.glob("*.npy")}
    train(make_world(200), dataclasses.replace(TINY, epochs=2), tmp_path)
    after = {path.name for path in tmp_path.glob("*.npy")}
    assert len(before) == len(after) == 2
    assert not before & after


def test_texts_are_left_out_where_places_have_no_names(make_world: World) -> None:
    data = dataclasses.replace(make_world(300), country=(), region=(), city=())
    assert train(data, dataclasses.replace(TINY, text="hashed")).text is None


def test_early_stopping_keeps_the_best_epoch(make_world: World) -> None:
    data = make_world(300, noise=30.0)
    heard: list[float] = []
    settings = dataclasses.replace(TINY, epochs=40, patience=2, rate=2e-2)
    train(data, settings, told=lambda event: heard.append(event["validation"]) if "epoch" in event else None)
    assert len(heard) < 40
    assert len(heard) - 1 - int(np.argmin(heard)) == settings.patience


def test_progress_is_told(make_world: World) -> None:
    heard: list[Mapping[str, Any]] = []
    train(make_world(500), TINY, told=heard.append)
    steps = [event for event in heard if "loss" in event]
    assert steps[0]["step"] == 1
    assert steps[-1]["step"] == steps[-1]["of"]
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert [event["epoch"] for event in heard if "epoch" in event] == [1, 2, 3, 4]
    assert heard[-1]["what"] == "calibration"


def test_the_rate_rises_and_falls() -> None:
    settings = AlignmentSettings(epochs=4, rate=1.0)
    rates = [rate_at(step, 10, settings) for step in range(40)]
    assert rates[0] == pytest.approx(0.1)
    assert np.argmax(rates) == 9
    assert rates[20] == pytest.approx(0.5)
    assert rates[-1] < 0.01


def test_candidates_are_distinct_places(make_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_world(100)
    twice = data.pick(np.concatenate([np.arange(100), np.arange(100)]))
    assert len(candidate_places(twice, 0)[0]) == 100
    monkeypatch.setattr("models.alignment.train._MAX_CANDIDATES", 30)
    lat, lon = candidate_places(twice, 0)
    assert len(lat) == len(lon) == 30
    assert set(np.round(lat, 6)) <= set(np.round(data.lat, 6))


def test_too_few_photos_are_refused(make_world: World) -> None:
    with pytest.raises(ModelError, match="too few places"):
        train(make_world(20), TINY)
    data = make_world(200)
    same = dataclasses.replace(data, lat=np.full(200, 5.0), lon=np.full(200, 5.0))
    with pytest.raises(ModelError, match="too few places"):
        train(same, TINY)


def test_a_loss_that_runs_away_is_an_error(make_world: World) -> None:
    with pytest.raises(ModelError, match="lower learning rate"):
        train(make_world(300), dataclasses.replace(TINY, rate=1e30))


@pytest.mark.parametrize(
    "wrong",
    [{"dim": 0}, {"image_layers": 4}, {"widths_km": ()}, {"widths_km": (0.0,)}, {"queue": -1}, {"near_km": -1.0}, {"rate": 0.0},
     {"validation_share": 0.0}, {"text": "words"}, {"text": "clip:"}, {"epochs": 0}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"alignment|text features"):
        AlignmentSettings(**wrong)
