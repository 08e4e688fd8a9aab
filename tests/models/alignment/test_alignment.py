from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.belief import belief_from
from geo.cells import base_cells
from geo.density_at import evidence_bits
from geo.evidence import Kernels
from geo.sphere import destination, haversine_km
from models.alignment.alignment import Alignment
from models.alignment.calibration import calibrated, truth_ratios
from models.alignment.gallery_embeddings import candidates_of
from models.alignment.location_encoder import LocationShape, location_features, location_module
from models.alignment.perceptron import trainable
from models.alignment.projections import PROJECTIONS
from models.alignment.stored import load_alignment, save_alignment
from models.geolocator import Geolocator, ModelError
from models.model_folder import read_arrays, read_card, write_model
from models.registry import load_geolocator
from tests.models.alignment.conftest import Trained


def test_it_is_a_geolocator(trained: Trained) -> None:
    model: Geolocator = trained.model
    assert (model.name, model.encoder, model.encoder_digest) == ("small", "embedded", "0123456789abcdef")
    assert model.rests_on().endswith("trained on a small world")


def test_scores_are_scaled_cosines_of_any_point(trained: Trained) -> None:
    model, vector = trained.model, trained.validation.vectors[0]
    lat, lon = np.array([10.0, -80.0, 90.0]), np.array([180.0, 3.0, 0.0])
    cosines = model.location(lat, lon) @ model.query(vector)
    assert model.score(vector, lat, lon) == pytest.approx(np.exp(model.log_scale) / model.temperature * cosines)
    assert np.abs(cosines).max() <= 1.0 + 1e-6


def test_a_trained_model_is_continuous_over_the_antimeridian_and_the_poles(trained: Trained) -> None:
    model, vector = trained.model, trained.validation.vectors[0]
    lat = np.linspace(-89, 89, 90)
    west, east = model.location(lat, np.full(90, 179.9999)), model.location(lat, np.full(90, -179.9999))
    assert (west * east).sum(axis=1).min() > 0.9999
    assert model.score(vector, lat, np.full(90, 180.0)) == pytest.approx(model.score(vector, lat, np.full(90, -180.0)), abs=1e-4)
    around_pole = model.location(np.full(36, 89.9999), np.arange(36) * 10.0)
    assert (around_pole @ around_pole.T).min() > 0.9999


def test_density_is_the_softmax_over_the_candidates(trained: Trained) -> None:
    model, vector = trained.model, trained.validation.vectors[1]
    kernels = model.density(vector)
    share = np.exp(model.log_likelihoods(vector))
    share /= share.sum()
    top = int(np.argmax(share))
    assert (kernels.lat[0], kernels.lon[0]) == (model.candidates.lat[top], model.candidates.lon[top])
    assert kernels.weight[0] == pytest.approx(share[top], rel=0.02)
    assert sum(kernels.weight) == pytest.approx(1.0)
    assert len(kernels.lat) <= 512
    assert min(kernels.sigma_km) >= 5.0


def test_evidence_divides_the_candidates_own_density_out(trained: Trained) -> None:
    model, vector = trained.model, trained.validation.vectors[2]
    evidence = model.evidence(vector)
    assert (evidence.tool, evidence.source, evidence.reliability) == ("estimate", "picture:small", model.reliability)
    assert evidence.claim.startswith("small: the picture fits ")
    assert "%" in evidence.claim
    weight = np.exp(model.log_likelihoods(vector)) / model.candidates.density
    top = int(np.argmax(weight))
    own: Any = evidence.likelihood
    assert (own.lat[0], own.lon[0]) == (model.candidates.lat[top], model.candidates.lon[top])


def test_doubled_candidates_change_the_density_and_not_the_evidence(trained: Trained, tmp_path: Path) -> None:
    """Photos taken twice as often in one half of the Earth are a prior, and no sign that this one comes from there."""
    model, vector = trained.model, trained.validation.vectors[3]
    places, rng = model.candidates, np.random.default_rng(0)
    east = np.tile(np.flatnonzero(places.lon > 0), 3)
    lat, lon = destination(places.lat[east], places.lon[east], rng.uniform(0, 360, len(east)), rng.rayleigh(60.0, len(east)))
    more = candidates_of(model.location, np.concatenate([places.lat, lat]), np.concatenate([places.lon, lon]), tmp_path)
    flat = dataclasses.replace(model, log_scale=0.0, temperature=1.0)
    doubled = dataclasses.replace(flat, candidates=more)

    def east_share(kernels: Any) -> float:
        weight = np.array(kernels.weight)
        return float(weight[np.array(kernels.lon) > 0].sum() / weight.sum())

    before, after = east_share(flat.density(vector)), east_share(doubled.density(vector))
    assert after - before > 0.15
    assert east_share(doubled.evidence(vector).likelihood) == pytest.approx(
        east_share(flat.evidence(vector).likelihood), abs=0.08
    )


def test_evidence_moves_the_belief_towards_the_truth(trained: Trained) -> None:
    data, distances = trained.validation, []
    model = dataclasses.replace(trained.model, reliability=0.95)
    for i in range(0, 40, 4):
        belief = belief_from([model.evidence(data.vectors[i])])
        distances.append(float(haversine_km(*belief.best(), data.lat[i], data.lon[i])))
    assert np.median(distances) < 1500


def test_refine_climbs_and_stays_inside(trained: Trained) -> None:
    model, data = trained.model, trained.validation
    for i in range(5):
        lat, lon = destination(data.lat[i], data.lon[i], 70.0, 300.0)
        found = model.refine(data.vectors[i], float(lat), float(lon), 500.0)
        start = float(model.score(data.vectors[i], np.array([lat]), np.array([lon]))[0])
        assert found[2] >= start
        assert haversine_km(lat, lon, *found[:2]) <= 500.001
        ring = destination(np.full(50, lat), np.full(50, lon), np.arange(50) * 7.2, np.linspace(10, 490, 50))
        assert found[2] >= model.score(data.vectors[i], *ring).max() - 0.5
    with pytest.raises(ModelError, match="radius"):
        model.refine(data.vectors[0], 0.0, 0.0, 0.0)


def test_refine_asks_a_bounded_number_of_points(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    score = Alignment.score

    def counted(self: Alignment, vector: Any, lat: Any, lon: Any) -> Any:
        asked.append(len(lat))
        return score(self, vector, lat, lon)

    monkeypatch.setattr(Alignment, "score", counted)
    trained.model.refine(trained.validation.vectors[0], 89.9, 0.0, 20_000.0)
    assert sum(asked) <= 1465


@pytest.mark.parametrize("vector", [np.zeros(47), np.full(48, np.nan), np.zeros((1, 48))])
def test_vectors_that_do_not_fit_are_refused(trained: Trained, vector: np.ndarray) -> None:
    with pytest.raises(ModelError, match="48 finite numbers"):
        trained.model.density(vector.astype(np.float32))


def test_numpy_computes_what_torch_does(trained: Trained) -> None:
    import torch

    model = trained.model
    rows = trained.validation.vectors[:50]
    tower = trainable([48, 64, 32])
    tower.load_state_dict({name: torch.from_numpy(array) for name, array in model.image.arrays("").items()})
    module = location_module(LocationShape("unit_sphere", (1.0, 1.0), 48, 64, 2, 32))
    module.load_state_dict({name: torch.from_numpy(array) for name, array in model.location.arrays().items()}, strict=True)
    points = np.stack([trained.validation.lat[:50], trained.validation.lon[:50]], axis=1)
    with torch.no_grad():
        images = torch.nn.functional.normalize(tower(torch.from_numpy(rows)), dim=1).numpy()
        places = torch.nn.functional.normalize(location_features(module, "unit_sphere", torch.from_numpy(points)), dim=1).numpy()
    assert np.stack([model.query(row) for row in rows]) == pytest.approx(images, abs=1e-5)
    assert model.location(points[:, 0], points[:, 1]) == pytest.approx(places, abs=1e-5)
    assert PROJECTIONS[model.location.projection][1] == 3


def test_it_comes_back_as_it_was(trained: Trained) -> None:
    again = load_geolocator(str(trained.folder))
    assert isinstance(again, Alignment)
    for field in dataclasses.fields(Alignment):
        if field.name not in {"image", "location", "candidates", "text"}:
            assert getattr(again, field.name) == getattr(trained.model, field.name)
    vector = trained.validation.vectors[4]
    assert again.evidence(vector) == trained.model.evidence(vector)
    assert again.density(vector) == trained.model.density(vector)
    assert again.location.digest == trained.model.location.digest
    card = json.loads((trained.folder / "model.json").read_text())
    assert card["kind"] == "alignment"
    assert card["settings"]["dim"] == 32
    assert not (trained.folder / "training.pt").exists()


def test_it_is_asked_from_many_threads(trained: Trained) -> None:
    model = load_alignment(trained.folder)
    wanted = trained.model.density(trained.validation.vectors[0])
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(model.density(trained.validation.vectors[0]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 8


@pytest.mark.parametrize(
    "spoil",
    [
        lambda card, arrays: card.update(kind="flow"),
        lambda card, arrays: card.pop("encoder"),
        lambda card, arrays: card.update(temperature=0),
        lambda card, arrays: card.update(temperature="1"),
        lambda card, arrays: card.update(log_scale=True),
        lambda card, arrays: card.update(log_scale=1e9),
        lambda card, arrays: card.update(reliability=1.0),
        lambda card, arrays: card.update(projection="equal_earth"),
        lambda card, arrays: card.update(projection="cube"),
        lambda card, arrays: card.update(text_features="hashed", text_log_scale=3.0),
        lambda card, arrays: arrays.pop("candidate_lat"),
        lambda card, arrays: arrays.update(candidate_lat=arrays["candidate_lat"][:-1]),
        lambda card, arrays: arrays.update(candidate_lat=arrays["candidate_lat"] + 100.0),
        lambda card, arrays: arrays.update(candidate_lon=np.array(["x"])),
        lambda card, arrays: arrays.pop("location.LocEnc0.head.0.bias"),
        lambda card, arrays: arrays.update({"image.0.weight": np.full((64, 48), np.inf, np.float32)}),
        lambda card, arrays: arrays.update(
            {"image.2.weight": np.ones((31, 64), np.float32), "image.2.bias": np.ones(31, np.float32)}
        ),
    ],
)
def test_broken_models_are_errors_in_one_line(trained: Trained, tmp_path: Path, spoil: Any) -> None:
    card, arrays = read_card(trained.folder), read_arrays(trained.folder)
    spoil(card, arrays)
    write_model(tmp_path / "broken", card, arrays)
    with pytest.raises(ModelError) as raised:
        load_alignment(tmp_path / "broken")
    assert "\n" not in str(raised.value)


def test_ratios_at_the_truth_are_what_the_belief_gains(trained: Trained) -> None:
    """L(truth) / ⟨L⟩ in closed form is the density of the belief after evidence that is never wrong, over the prior."""
    model, data = trained.model, trained.validation
    wide = dataclasses.replace(model, temperature=4.0 * model.temperature, reliability=0.98)
    some, places = data.pick(np.arange(0, 60, 10)), model.candidates
    ratios = truth_ratios(wide, some, np.array([wide.temperature]))[:, 0]
    for i, ratio in enumerate(ratios):
        weight = np.exp(wide.log_likelihoods(some.vectors[i])) * places.area
        whole = Kernels(*(tuple(column.tolist()) for column in (places.lat, places.lon, places.sigma_km, weight)))
        belief = belief_from([dataclasses.replace(wide.evidence(some.vectors[i]), likelihood=whole)])
        at = float(some.lat[i]), float(some.lon[i])
        gain = evidence_bits(*at, belief.evidence, belief.clues.means, belief.log_normaliser())
        assert gain == pytest.approx(np.log2(0.98 * ratio + 0.02), abs=0.1)


def test_calibration_finds_the_temperature_of_a_boaster(trained: Trained) -> None:
    model, data = trained.model, trained.validation
    honest, found = calibrated(model, data)
    assert honest.calibrated
    assert found.rows == len(data)
    for factor in (2.0, 0.5):
        boaster = dataclasses.replace(model, log_scale=model.log_scale + np.log(factor), temperature=1.0, calibrated=False)
        cooled, again = calibrated(boaster, data)
        assert cooled.temperature == pytest.approx(honest.temperature * factor, rel=0.1)
        assert again.bits == pytest.approx(found.bits, abs=0.05)


def test_calibration_of_vectors_without_any_sense_trusts_nothing(trained: Trained) -> None:
    data = trained.validation
    shuffled = dataclasses.replace(data, vectors=data.vectors[np.random.default_rng(0).permutation(len(data))])
    model, found = calibrated(trained.model, shuffled)
    assert found.bits < 0.5 * calibrated(trained.model, data)[1].bits
    assert model.temperature > trained.model.temperature or model.reliability < trained.model.reliability


def test_calibration_refuses_what_is_not_its_own(trained: Trained) -> None:
    with pytest.raises(ModelError, match="the vectors come from"):
        calibrated(trained.model, dataclasses.replace(trained.validation, encoder_digest="f" * 16))
    with pytest.raises(ModelError, match="no held-out"):
        calibrated(trained.model, trained.validation.pick(np.arange(0)))


def test_the_likelihood_integrates_to_its_weight(trained: Trained) -> None:
    kernels: Any = trained.model.evidence(trained.validation.vectors[0]).likelihood
    assert kernels.on(base_cells()).mean() * 4 * np.pi == pytest.approx(1.0, rel=0.02)


def test_a_model_is_written_whole_or_not_at_all(trained: Trained, tmp_path: Path) -> None:
    save_alignment(trained.model, tmp_path / "copy", {"note": "kept"})
    assert json.loads((tmp_path / "copy" / "model.json").read_text())["note"] == "kept"
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["arrays.npz", "model.json"]
