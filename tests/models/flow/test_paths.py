from __future__ import annotations

import numpy as np
import pytest

from geo.sphere import exp_map, log_map
from models.flow.losses import drawn
from models.flow.paths import diffused, geodesic, straight
from models.flow.settings import FlowSettings
from models.flow.tangent import uniform_points


def test_the_velocity_is_the_derivative_that_torch_finds() -> None:
    import torch

    rng = np.random.default_rng(0)
    noise, data, gamma = uniform_points((64,), rng), uniform_points((64,), rng), rng.random(64)
    way, start = torch.tensor(log_map(noise, data)), torch.tensor(noise)

    def path(g: torch.Tensor) -> torch.Tensor:
        v = g[:, None] * way
        length = v.norm(dim=1, keepdim=True)
        return torch.cos(length) * start + torch.sin(length) / length * v

    x, u = torch.autograd.functional.jvp(path, (torch.tensor(gamma),), (torch.ones(64, dtype=torch.float64),))
    own_x, own_u = geodesic(noise, data, gamma)
    assert np.abs(own_x - x.numpy()).max() < 1e-9
    assert np.abs(own_u - u.numpy()).max() < 1e-9


def test_the_velocity_is_tangent_and_as_long_as_the_way() -> None:
    rng = np.random.default_rng(1)
    noise, data = uniform_points((32,), rng), uniform_points((32,), rng)
    x, u = geodesic(noise, data, rng.random(32))
    assert np.abs((x * u).sum(axis=1)).max() < 1e-9
    assert np.linalg.norm(u, axis=1) == pytest.approx(np.arccos((noise * data).sum(axis=1)))


def test_the_ends() -> None:
    rng = np.random.default_rng(2)
    noise, data = uniform_points((16,), rng), uniform_points((16,), rng)
    assert np.allclose(geodesic(noise, data, np.zeros(16))[0], noise)
    assert np.allclose(geodesic(noise, data, np.ones(16))[0], data)
    x, u = geodesic(noise, noise, np.full(16, 0.5))
    assert np.allclose(x, noise)
    assert np.abs(u).max() < 1e-12
    x, u = geodesic(noise, -noise, np.full(16, 0.5))  # any way is right, as long as it is one
    assert np.linalg.norm(u, axis=1) == pytest.approx(np.full(16, np.pi))
    assert np.allclose(exp_map(x, 0.5 * u), -noise)


def test_ways_in_space() -> None:
    rng = np.random.default_rng(3)
    noise, data = rng.normal(size=(8, 3)), uniform_points((8,), rng)
    x, u = straight(noise, data, np.full(8, 0.25))
    assert np.allclose(x + 0.75 * u, data)
    x, e = diffused(noise, data, np.full(8, 0.36))
    assert np.allclose((x - 0.8 * e) / 0.6, data)


def test_a_draw_of_times_is_even() -> None:
    data = uniform_points((400,), np.random.default_rng(4))
    draw = drawn(data, FlowSettings(clock=10.0), np.random.default_rng(5))
    assert np.bincount((draw.clock).astype(int), minlength=10) == pytest.approx(np.full(10, 40))
    assert np.abs((draw.points * draw.target).sum(axis=1)).max() < 1e-5
    noisy = drawn(data, FlowSettings(objective="space"), np.random.default_rng(5))
    assert np.linalg.norm(noisy.target, axis=1).std() > 0.3
