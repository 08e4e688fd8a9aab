from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.cells import keys_at
from geo.sphere import haversine_km, lat_lon, unit_vectors
from models.flow.fit import fit, rate_at
from models.flow.flow import Flow
from models.flow.likelihood import LOG_UNIFORM
from models.flow.settings import FlowSettings
from models.flow.train import CHECKPOINT, train
from models.geolocator import ModelError
from models.model_folder import read_card
from models.training_data import TrainingData
from tests.models.flow.world import POLE, QUICK, SEAM, VECTORS, blobs, grid, integral, photos, ring


def test_blobs_across_the_antimeridian_and_a_pole_are_recovered(trained: Flow) -> None:
    lat, lon = trained.sample(VECTORS[0], 1000, seed=1)
    near = [haversine_km(*place, lat, lon) < 2200.0 for place in (SEAM, POLE)]
    assert [inside.mean() for inside in near] == pytest.approx([0.5, 0.5], abs=0.1)
    assert (lon[near[0]] > 0).mean() == pytest.approx(0.5, abs=0.15)  # both sides of the seam
    middle = unit_vectors(lat[near[0]], lon[near[0]]).mean(axis=0)
    assert float(haversine_km(*lat_lon(middle), *SEAM)) < 150.0
    assert float(haversine_km(*lat_lon(unit_vectors(lat[near[1]], lon[near[1]]).mean(axis=0)), *POLE)) < 150.0


def test_a_ring_is_recovered(trained: Flow) -> None:
    lat, lon = trained.sample(VECTORS[1], 1000, seed=1)
    assert (np.abs(lat) < 30.0).mean() > 0.95
    assert np.quantile(np.abs(lat), 0.683) == pytest.approx(10.0, abs=1.5)
    assert np.bincount(((lon + 180.0) // 60.0).astype(int), minlength=6) / 1000 == pytest.approx(np.full(6, 1 / 6), abs=0.06)


def test_the_likelihood_is_a_density(trained: Flow) -> None:
    for vector in VECTORS:
        assert integral(trained.distribution.rough(), vector[None]) == pytest.approx(1.0, abs=0.03)


def test_samples_and_likelihood_agree(trained: Flow) -> None:
    """The divergence of a histogram of samples from the density on the same cells is what chance gives."""
    n, order = 4000, 2
    for vector in VECTORS:
        samples = trained.distribution.sample(vector[None], n, np.random.default_rng(2))[0]
        count = np.bincount(keys_at(*lat_lon(samples)) >> 2 * (29 - order), minlength=12 * 4**order)
        density = (
            np.exp(trained.distribution.rough().log_density(vector[None], grid(4)[None])[0]).reshape(len(count), -1).mean(axis=1)
        )
        share, held = density / density.sum(), count > 0
        divergence = float((count[held] / n * np.log(count[held] / n / share[held])).sum())
        assert divergence < 0.05


def test_the_likelihood_of_fresh_photos_is_near_the_best_possible(trained: Flow, mixture: Flow) -> None:
    places = blobs(300, 77), ring(300, 78)
    best = [
        -float(np.log(60.0 / (4.0 * np.pi))) + 1.0,
        0.5 * np.log(2 * np.pi * np.e) + np.log(np.radians(10.0) * 2 * np.pi) - 0.015,
    ]
    for vector, truth, least in zip(VECTORS, places, best, strict=True):
        nll = -trained.log_density(vector, *lat_lon(truth)).mean()
        assert least - 0.12 < nll < least + 0.25
        assert nll < -LOG_UNIFORM
    # Three bells cannot be a ring.
    assert (
        mixture.log_density(VECTORS[1], *lat_lon(places[1])).mean() < trained.log_density(VECTORS[1], *lat_lon(places[1])).mean()
    )


def test_the_mixture_finds_both_blobs(mixture: Flow) -> None:
    lat, lon = mixture.sample(VECTORS[0], 600)
    assert [(haversine_km(*place, lat, lon) < 2500.0).mean() for place in (SEAM, POLE)] == pytest.approx([0.5, 0.5], abs=0.15)
    assert integral(mixture.distribution, VECTORS[:1], 5) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("objective", ["space", "diffusion", "vmf"])
def test_the_other_baselines_train_and_answer(objective: str, tmp_path: Path) -> None:
    settings = replace(QUICK, objective=objective, dim=24, depth=1, steps=60, judged_every=30, batch=64)
    model = train(photos(600), settings, tmp_path / objective)
    lat, lon = model.sample(VECTORS[0], 50)
    assert len(lat) == 50
    assert integral(model.distribution, VECTORS[:1], 3) == pytest.approx(1.0, abs=0.05)
    assert model.rests_on().startswith({"space": "flow in space", "diffusion": "diffusion", "vmf": "von Mises"}[objective])
    assert np.isfinite(model.log_density(VECTORS[0], lat, lon)).all()


def test_the_card_says_what_it_is(trained: Flow, folder: Path) -> None:
    card = read_card(folder)
    assert (card["kind"], card["objective"], card["encoder"]) == ("flow", "riemannian", "two kinds")
    held = card["held_out"]
    assert held["published_bits"] == pytest.approx(held["nll_nats"] / (3 * np.log(2)))
    assert held["bits_over_uniform"] == pytest.approx((-held["nll_nats"] - LOG_UNIFORM) / np.log(2))
    assert card["photos"] + card["validation_photos"] == 3000
    assert not (folder / CHECKPOINT).exists()


class _KilledError(Exception):
    pass


def test_a_training_that_was_killed_goes_on_to_the_same_result(tmp_path: Path) -> None:
    data, settings = photos(400), replace(QUICK, dim=16, depth=1, steps=40, judged_every=10, batch=32)
    whole = train(data, settings, tmp_path / "whole")
    heard: list[dict[str, Any]] = []

    def killer(event: Any) -> None:
        heard.append(dict(event))
        if event.get("judged") == 30:
            raise _KilledError

    with pytest.raises(_KilledError):
        train(data, settings, tmp_path / "cut", killer)
    assert not (tmp_path / "cut" / "model.json").exists()
    resumed = train(data, settings, tmp_path / "cut", heard.append)
    assert {"resumed": 20} in heard
    points = np.array([10.0, -20.0]), np.array([30.0, 180.0])
    assert np.array_equal(whole.log_density(VECTORS[0], *points), resumed.log_density(VECTORS[0], *points))
    assert whole.reliability == resumed.reliability


def test_the_held_out_loss_stops_training(data: TrainingData) -> None:
    settings = replace(QUICK, dim=16, depth=1, steps=200, judged_every=10, batch=32, patience=1, lr=1e-12)
    learn, held = data.split()
    looks: list[int] = []
    fit(learn, held, settings, None, lambda event: looks.append(event["judged"]) if "judged" in event else None)
    assert looks[-1] <= 40


def test_learning_rates() -> None:
    settings = FlowSettings(steps=100, warmup=10, lr=1.0)
    rates = [rate_at(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1, abs=0.01)
    assert rates[50] == pytest.approx(0.5, abs=0.01)
    assert rates[99] < 0.001


def test_data_that_cannot_be_learned_from(tmp_path: Path) -> None:
    data = photos(200)
    for broken in (
        data.pick(np.arange(10)),
        replace(data, lat=data.lat + 91.0),
        replace(data, lon=np.full(200, np.nan)),
        replace(data, source="two\nlines"),
        replace(data, lat=np.zeros(200), lon=np.zeros(200)),
    ):
        with pytest.raises(ModelError):
            train(broken, QUICK, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "change",
    [{"objective": "magic"}, {"dim": 12}, {"steps": 0}, {"lr": -1.0}, {"ema": 1.0}, {"batch": 1.5}, {"drop": float("nan")},
     {"validation_share": 0.6}, {"schedule_start": 4.0}],
)  # fmt: skip
def test_settings_that_make_no_sense(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        FlowSettings(**change)
