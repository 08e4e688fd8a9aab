from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.belief import Belief
from geo.evidence import Evidence
from geo.product import mean_of
from geo.sphere import haversine_km
from models.flow.distribution import Uniform
from models.flow.flow import Flow, published_localizability
from models.flow.likelihood import LOG_UNIFORM
from models.flow.sphere_flow import SphereFlow
from models.geolocator import Geolocator, ModelError
from models.model_folder import read_arrays, read_card, write_model
from models.registry import load_geolocator
from tests.models.flow.world import POLE, SEAM, VECTORS

ROOT = Path(__file__).resolve().parents[3]
LAT, LON = np.array([SEAM[0], POLE[0], 40.0]), np.array([SEAM[1], POLE[1], 90.0])


def test_it_fits_the_interface_and_is_found(trained: Flow, folder: Path) -> None:
    model: Geolocator = trained
    assert (model.name, model.encoder, model.encoder_digest) == ("kinds", "two kinds", "0123456789abcdef")
    assert model.rests_on() == "flow on the sphere, trained on two kinds (3,000 photos)"
    again = load_geolocator(str(folder))
    assert isinstance(again, Flow)
    assert np.array_equal(again.log_density(VECTORS[0], LAT, LON), trained.log_density(VECTORS[0], LAT, LON))


def test_the_density_and_its_cells(trained: Flow) -> None:
    found = trained.cells(VECTORS[0])
    assert found.integral == pytest.approx(1.0, abs=0.06)
    kernels = trained.density(VECTORS[0])
    assert sum(kernels.weight) == pytest.approx(1.0)
    for place in (SEAM, POLE):
        near = haversine_km(*place, np.array(kernels.lat), np.array(kernels.lon)) < 2500.0
        assert np.array(kernels.weight)[near].sum() == pytest.approx(0.5, abs=0.1)
    assert trained.localizability_bits(VECTORS[0]) == pytest.approx(found.gain_bits(), abs=0.25)


def test_evidence_moves_a_belief_and_is_plain_json(trained: Flow) -> None:
    evidence = trained.evidence(VECTORS[0])
    assert (evidence.tool, evidence.source, evidence.reliability) == ("estimate", "picture:kinds", trained.reliability)
    assert evidence.claim.startswith("flow kinds: ")
    assert "bits over a uniform Earth" in evidence.claim
    assert Evidence.from_json(evidence.to_json()) == evidence
    belief = Belief.start(prior=False).update(evidence)
    assert belief.mass_within(*SEAM, 2500.0) + belief.mass_within(*POLE, 2500.0) > 0.9 * evidence.reliability


def test_scores_are_what_a_belief_is_multiplied_by(trained: Flow) -> None:
    evidence = trained.evidence(VECTORS[0])
    mean, _ = mean_of(evidence, prior=True, area=None)
    kernels = evidence.likelihood.at(LAT, LON, np.full(3, 50.0))  # type: ignore[attr-defined]
    expected = np.log(evidence.reliability * kernels / mean + 1.0 - evidence.reliability)
    assert trained.score(VECTORS[0], LAT, LON) == pytest.approx(expected, abs=0.6)
    assert trained.score(VECTORS[0], LAT, LON)[2] == pytest.approx(np.log(1.0 - trained.reliability), abs=0.05)


def test_the_order_of_points_changes_nothing(trained: Flow) -> None:
    order = np.array([2, 0, 1])
    moved = trained.log_density(VECTORS[0], LAT[order], LON[order])
    assert moved == pytest.approx(trained.log_density(VECTORS[0], LAT, LON)[order], abs=1e-3)


def test_dividing_by_what_is_known_without_a_picture(trained: Flow) -> None:
    """Half of all photos are of the first kind: where they lie, their density is twice that of all photos."""
    divided = replace(trained, divide_prior=True)
    lat, lon = trained.sample(VECTORS[0], 200)
    gain = trained.log_density(VECTORS[0], lat, lon) - np.log(divided.own_relative(lat, lon)) - LOG_UNIFORM
    assert gain.mean() == pytest.approx(np.log(2.0), abs=0.35)
    assert (trained.own_relative(LAT, LON) == 1.0).all()


def test_guidance_narrows_and_none_changes_nothing(trained: Flow) -> None:
    assert isinstance(trained.distribution, SphereFlow)
    rng = [np.random.default_rng(0) for _ in range(3)]
    plain = trained.distribution.sample(VECTORS, 64, rng[0])
    same = replace(trained.distribution, guidance=0.0).sample(VECTORS, 64, rng[1])
    guided = replace(trained.distribution, guidance=3.0).sample(VECTORS, 64, rng[2])
    assert np.array_equal(plain, same)
    # The ring is less likely near the blob at the pole than without a picture: guidance pulls it together.
    assert np.std(guided[1, :, 2]) < np.std(plain[1, :, 2])


def test_the_guess_is_a_likely_place(trained: Flow) -> None:
    guess = trained.guess(VECTORS[0])
    assert min(float(haversine_km(*guess, *place)) for place in (SEAM, POLE)) < 800.0


def test_a_uniform_model_tells_nothing() -> None:
    model = Flow("uniform", "any", "0" * 16, "nothing", "uniform", Uniform(), divide_prior=False, reliability=0.5)
    assert model.localizability_bits(VECTORS[0]) == 0.0
    assert model.cells(VECTORS[0]).gain_bits() == pytest.approx(0.0, abs=1e-9)
    assert published_localizability(model.log_density(VECTORS[0], LAT, LON)) == pytest.approx(
        LOG_UNIFORM / (4 * np.pi * np.log(2))
    )


@pytest.mark.parametrize("vector", [np.zeros(3, dtype=np.float32), np.full(6, np.nan, dtype=np.float32), np.zeros((1, 6))])
def test_a_vector_of_another_kind_is_refused(trained: Flow, vector: np.ndarray) -> None:
    for ask in (trained.evidence, trained.density, trained.guess, trained.cells):
        with pytest.raises(ModelError, match="6 finite numbers"):
            ask(vector)


def test_answers_need_no_torch(trained: Flow, folder: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from models.flow.flow import Flow\n"
        f"model = Flow.load(Path({str(folder)!r})); vector = np.full(6, 6**-0.5, dtype=np.float32)\n"
        "model.evidence(vector), model.guess(vector), model.score(vector, np.zeros(1), np.zeros(1))\n"
        "print(*sorted(set(sys.modules) & {'torch', 'sklearn', 'scipy', 'safetensors'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


Change = Callable[[dict[str, Any], dict[str, np.ndarray]], Any]
BROKEN: dict[str, Change] = {
    "another kind": lambda card, arrays: card.update(kind="geocells"),
    "no encoder": lambda card, arrays: card.pop("encoder"),
    "a source of two lines": lambda card, arrays: card.update(trained_on="photos\nIGNORE"),
    "an unknown objective": lambda card, arrays: card.update(objective="magic"),
    "the objective of other weights": lambda card, arrays: card.update(objective="mixture"),
    "a certain reliability": lambda card, arrays: card.update(reliability=1.0),
    "a schedule that runs back": lambda card, arrays: card.update(schedule_end=-8.0),
    "no clock": lambda card, arrays: card.pop("clock"),
    "a guidance that is no number": lambda card, arrays: card.update(guidance=True),
    "no weights": lambda card, arrays: arrays.pop("final_linear.weight"),
    "weights that are not finite": lambda card, arrays: arrays["blocks.0.mlp.0.weight"].__setitem__((0, 0), np.nan),
    "text for weights": lambda card, arrays: arrays.update({"final_linear.bias": np.array(["a", "b", "c"])}),
    "a scale of 0": lambda card, arrays: arrays.update(scale=np.zeros((), dtype=np.float32)),
    "a middle of another length": lambda card, arrays: arrays.update(middle=arrays["middle"][1:]),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_broken_model_is_refused_in_one_line(trained: Flow, folder: Path, tmp_path: Path, change: Change) -> None:
    card, arrays = read_card(folder), read_arrays(folder)
    card.pop("version")
    change(card, arrays)
    write_model(tmp_path, card, arrays)
    with pytest.raises(ModelError) as error:
        Flow.load(tmp_path)
    assert "\n" not in str(error.value)
