from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.sphere import vmf_log_density
from models.flow.euclidean import best_width_km, kernel_log_density
from models.flow.losses import vmf_loss
from models.flow.settings import FlowSettings
from models.flow.tangent import uniform_points
from models.flow.vmf import Parameters, VmfMixture, mixture_log_density
from models.geolocator import ModelError
from tests.models.flow.test_head import arrays, shaken
from tests.models.flow.world import blobs, grid

SETTINGS = FlowSettings(objective="mixture", dim=32, depth=2)
RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(4, 5)).astype(np.float32)


@pytest.mark.parametrize("kappa", [1e-3, 1.0, 40.0, 300.0])
def test_densities_integrate_to_one(kappa: float) -> None:
    points = grid(5)
    one = Parameters(uniform_points((1, 1), RNG), np.full((1, 1), kappa), np.zeros((1, 1)))
    three = Parameters(uniform_points((1, 3), RNG), np.array([[kappa, 2.0, 9.0]]), np.log([[0.5, 0.3, 0.2]]))
    for parameters in (one, three):
        density = np.exp(mixture_log_density(parameters, points[None])[0])
        assert density.mean() * 4.0 * np.pi == pytest.approx(1.0, abs=0.01)


def test_no_concentration_overflows() -> None:
    narrow = Parameters(np.array([[[0.0, 0.0, 1.0]]]), np.array([[1e8]]), np.zeros((1, 1)))
    found = mixture_log_density(narrow, np.array([[[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]]))
    assert np.isfinite(found).all()
    assert found[0, 0] == pytest.approx(float(vmf_log_density(1.0, 1e8)))


@pytest.mark.parametrize("objective", ["vmf", "mixture"])
def test_the_loss_of_torch_is_the_density_of_numpy(objective: str) -> None:
    import torch

    net = shaken(replace(SETTINGS, objective=objective))
    model, places = VmfMixture.of(arrays(net)), uniform_points((4,), RNG)
    loss = float(vmf_loss(net, places.astype(np.float32), torch.from_numpy(VECTORS)).detach())
    assert loss == pytest.approx(-float(model.log_density(VECTORS, places[:, None]).mean()), rel=1e-4)


def test_samples_have_the_density() -> None:
    model = VmfMixture.of(arrays(shaken(SETTINGS)))
    samples = model.sample(VECTORS[:1], 4000, np.random.default_rng(1))
    mean, kappa, log_weight = model.parameters(VECTORS[:1])
    length = 1.0 / np.tanh(kappa) - 1.0 / kappa
    expected = (np.exp(log_weight)[..., None] * length[..., None] * mean).sum(axis=1)
    assert samples.mean(axis=1) == pytest.approx(expected, abs=0.05)
    assert np.linalg.norm(samples, axis=-1) == pytest.approx(np.ones((1, 4000)))


def test_weights_that_do_not_fit_are_refused() -> None:
    whole = arrays(shaken(SETTINGS))
    for name in ("init_registers", "mixture_weights.1.weight", "kappa_predictor.1.bias", "mu_predictor.0.3.weight"):
        with pytest.raises(ModelError):
            VmfMixture.of({**whole, name: whole[name][1:]})
    with pytest.raises(ModelError):
        VmfMixture.of({name: value for name, value in whole.items() if not name.startswith("mixture_weights")})


def test_a_kernel_density_integrates_to_one_and_finds_its_width() -> None:
    samples = blobs(256, 0)[None]
    density = np.exp(kernel_log_density(samples, grid(5)[None], 400.0)[0])
    assert density.mean() * 4.0 * np.pi == pytest.approx(1.0, abs=0.01)
    truth = blobs(200, 1)
    width = best_width_km(np.repeat(samples, 200, axis=0), truth)
    assert 200.0 < width < 800.0
