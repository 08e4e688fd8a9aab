from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.belief import Belief
from geo.product import mean_of
from geo.sphere import haversine_km, kappa_of_sigma, unit_vectors, vmf_log_density
from models.geocells.geocells import Geocells
from models.geolocator import Geolocator, ModelError
from models.model_folder import read_arrays, read_card, write_model
from models.training_data import TrainingData

ROOT = Path(__file__).resolve().parents[3]


def test_it_fits_the_interface(trained: Geocells, photos: TrainingData) -> None:
    model: Geolocator = trained
    assert (model.name, model.encoder, model.encoder_digest) == ("waves", "waves", "0123456789abcdef")
    assert model.rests_on() == f"geocells of {len(trained.partition)} cells, trained on waves (3,000 photos)"


def test_what_was_saved_is_what_is_loaded(trained: Geocells, folder: Path, photos: TrainingData, tmp_path: Path) -> None:
    trained.save(tmp_path / "waves")
    again = Geocells.load(tmp_path / "waves")
    for vector in photos.vectors[:20]:
        assert again.evidence(vector) == trained.evidence(vector)
        assert again.guess(vector) == trained.guess(vector)
    old, new = read_arrays(folder), read_arrays(tmp_path / "waves")
    assert all((old[name] == new[name]).all() for name in old)


def test_the_density_is_cells_and_clusters_and_sums_to_one(trained: Geocells, photos: TrainingData) -> None:
    for vector in photos.vectors[:10]:
        kernels = trained.density(vector)
        assert sum(kernels.weight) == pytest.approx(1.0)
        probability = trained.head.probabilities(vector[None])[0]
        near_best = haversine_km(
            kernels.lat, kernels.lon, trained.partition.lat[probability.argmax()], trained.partition.lon[probability.argmax()]
        )
        assert near_best.min() < 500.0


def test_without_clusters_the_density_is_the_cells(trained: Geocells, photos: TrainingData) -> None:
    plain = replace(trained, clusters=None)
    vector = photos.vectors[3]
    probability = plain.head.probabilities(vector[None])[0]
    mixture = plain.mixer.mix(probability, vector)
    assert mixture.weight == pytest.approx(probability[mixture.row] / probability[mixture.row].sum())
    assert probability[mixture.row].sum() >= 0.999 or len(mixture.row) == 200
    assert mixture.sigma_km == pytest.approx(plain.partition.spread_km[mixture.row] / np.sqrt(2.0))
    best = probability.argmax()
    assert plain.guess(vector) == (plain.partition.lat[best], plain.partition.lon[best])


def test_kernels_of_the_likelihood_peak_at_probability_over_photos(trained: Geocells, photos: TrainingData) -> None:
    plain = replace(trained, clusters=None)
    probability = plain.head.probabilities(photos.vectors[:1])[0]
    mixture = plain.mixer.mix(probability, photos.vectors[0])
    peak = mixture.odds * np.exp(vmf_log_density(1.0, kappa_of_sigma(mixture.sigma_km)))
    expected = mixture.weight / np.maximum(plain.partition.count[mixture.row], plain.least_count)
    assert peak / peak.max() == pytest.approx(expected / expected.max())


def test_a_classifier_that_knows_nothing_says_nothing_inside_the_cells(trained: Geocells, photos: TrainingData) -> None:
    """P(cell) of the training photos, divided by how they lie, is the same everywhere."""
    plain = replace(trained, clusters=None, least_count=1)
    probability = plain.partition.count / plain.partition.count.sum()
    mixture = plain.mixer.mix(probability, photos.vectors[0])
    peak = mixture.odds * np.exp(vmf_log_density(1.0, kappa_of_sigma(mixture.sigma_km)))
    assert peak == pytest.approx(np.full(len(peak), peak[0]))


def test_evidence_in_words_and_in_a_belief(trained: Geocells, photos: TrainingData) -> None:
    held = photos.split()[1]
    distance = []
    for vector, lat, lon in zip(held.vectors[:12], held.lat, held.lon, strict=False):
        evidence = trained.evidence(vector)
        assert (evidence.tool, evidence.source) == ("estimate", "picture:waves")
        assert evidence.reliability == trained.reliability
        best = trained.top_cells(vector, 3)
        assert evidence.claim.startswith(f"geocells waves: {100 * best[0].probability:.0f} % {best[0].name}, ")
        assert [g.probability for g in best] == sorted((g.probability for g in best), reverse=True)
        belief = Belief.start().update(evidence)
        distance.append(float(haversine_km(*belief.best(), lat, lon)))
    assert np.median(distance) < 300.0


def test_scores_are_what_a_belief_is_multiplied_by(trained: Geocells, photos: TrainingData) -> None:
    vector, lat, lon = photos.vectors[5], np.array([48.0, 40.0, -36.0]), np.array([11.0, -4.0, 175.0])
    evidence = trained.evidence(vector)
    kernels = evidence.likelihood
    mean, _ = mean_of(evidence, prior=True, area=None)
    cosine = unit_vectors(lat, lon) @ unit_vectors(np.array(kernels.lat), np.array(kernels.lon)).T
    density = np.exp(vmf_log_density(cosine, kappa_of_sigma(np.array(kernels.sigma_km)))) @ np.array(kernels.weight)
    expected = np.log(evidence.reliability * density / mean + 1.0 - evidence.reliability)
    assert trained.score(vector, lat, lon) == pytest.approx(expected, abs=0.05)
    far = trained.score(vector, np.array([-80.0]), np.array([0.0]))
    assert far == pytest.approx([np.log(1.0 - trained.reliability)], abs=1e-3)


@pytest.mark.parametrize("vector", [np.zeros(3, dtype=np.float32), np.full(48, np.nan, dtype=np.float32), np.zeros((1, 48))])
def test_a_vector_of_another_kind_is_refused(trained: Geocells, vector: np.ndarray) -> None:
    for ask in (trained.evidence, trained.density, trained.guess, trained.top_cells):
        with pytest.raises(ModelError, match="48 finite numbers"):
            ask(vector)


def test_answers_need_no_torch(trained: Geocells, folder: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from models.geocells.geocells import Geocells\n"
        f"model = Geocells.load(Path({str(folder)!r})); vector = np.full(48, 48**-0.5, dtype=np.float32)\n"
        "model.evidence(vector), model.guess(vector), model.score(vector, np.zeros(1), np.zeros(1))\n"
        "print(*sorted(set(sys.modules) & {'torch', 'sklearn', 'scipy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


Change = Callable[[dict[str, Any], dict[str, np.ndarray]], Any]
BROKEN: dict[str, Change] = {
    "another kind": lambda card, arrays: card.update(kind="flow"),
    "no encoder": lambda card, arrays: card.pop("encoder"),
    "a number for a name": lambda card, arrays: card["names"].__setitem__(0, 3),
    "a name of two lines": lambda card, arrays: card["names"].__setitem__(0, "Bavaria\nIGNORE"),
    "too few names": lambda card, arrays: card["names"].pop(),
    "areas that are none": lambda card, arrays: card.update(areas=[["DE"]]),
    "an area of no cell": lambda card, arrays: card["areas"].append(["ZZ", "", 10**6]),
    "a temperature of 0": lambda card, arrays: card.update(temperature=0),
    "a certain reliability": lambda card, arrays: card.update(reliability=1.0),
    "no k": lambda card, arrays: card.update(top_k=True),
    "no weights": lambda card, arrays: arrays.pop("weight"),
    "weights that are not finite": lambda card, arrays: arrays["weight"].__setitem__((0, 0), np.nan),
    "weights too large": lambda card, arrays: arrays.update(weight=arrays["weight"].astype(np.float64) * 1e300),
    "weights for other cells": lambda card, arrays: arrays.update(weight=arrays["weight"][1:]),
    "text for weights": lambda card, arrays: arrays.update(weight=np.array(["a"])),
    "a place beyond the pole": lambda card, arrays: arrays["cell_lat"].__setitem__(0, 91.0),
    "a spread of 0": lambda card, arrays: arrays["cell_spread_km"].__setitem__(0, 0.0),
    "a generator of no cell": lambda card, arrays: arrays["generator_cell"].__setitem__(0, -1),
    "a cell without generator": lambda card, arrays: arrays["generator_cell"].fill(0),
    "long generators": lambda card, arrays: arrays.update(generators=2 * arrays["generators"]),
    "prototypes of another length": lambda card, arrays: arrays.update(prototypes=arrays["prototypes"][:, 1:]),
    "huge prototypes": lambda card, arrays: arrays.update(prototypes=np.full(arrays["prototypes"].shape, 1e9)),
    "a cell without cluster": lambda card, arrays: arrays["cluster_cell"].fill(0),
    "fewer clusters": lambda card, arrays: arrays.update(cluster_lat=arrays["cluster_lat"][1:]),
    "an exemplar of no cluster": lambda card, arrays: arrays.update(
        exemplars=arrays["prototypes"][:1], exemplar_cluster=np.array([10**6]), exemplar_lat=np.zeros(1), exemplar_lon=np.zeros(1)
    ),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_broken_model_is_refused_in_one_line(trained: Geocells, folder: Path, tmp_path: Path, change: Change) -> None:
    card, arrays = read_card(folder), read_arrays(folder)
    card.pop("version")
    change(card, arrays)
    write_model(tmp_path, card, arrays)
    with pytest.raises(ModelError) as error:
        Geocells.load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_whole_model_is_refused(trained: Geocells, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        Geocells.load(tmp_path)
    shutil.copytree(folder, tmp_path / "half")
    whole = (tmp_path / "half" / "arrays.npz").read_bytes()
    changed = len(whole) // 2
    (tmp_path / "half" / "arrays.npz").write_bytes(whole[:changed] + bytes([whole[changed] ^ 255]) + whole[changed + 1 :])
    with pytest.raises(ModelError):
        Geocells.load(tmp_path / "half")
    (tmp_path / "half" / "arrays.npz").write_bytes(whole)
    (tmp_path / "half" / "model.json").write_text(json.dumps({"version": 1, "kind": ["geocells"]}))
    with pytest.raises(ModelError):
        Geocells.load(tmp_path / "half")
