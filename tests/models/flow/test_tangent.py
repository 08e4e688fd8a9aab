from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.sphere import exp_map, log_map
from models.flow.tangent import frame, projected, pulled_back, uniform_points, unit

Points = st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda p: np.hypot(np.hypot(*p[:2]), p[2]) > 1e-3)


@settings(max_examples=150, deadline=None)
@given(Points, Points)
def test_exp_and_log_are_inverse(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    x, y = unit(np.array(a)), unit(np.array(b))
    assert np.abs(exp_map(x, log_map(x, y)) - y).max() < 1e-7
    assert abs(float(x @ log_map(x, y))) < 1e-9
    v = projected(x, y)
    assert np.abs(log_map(x, exp_map(x, v)) - v).max() < 1e-7


def test_at_the_point_itself_and_at_the_antipode() -> None:
    x = uniform_points((50,), np.random.default_rng(0))
    assert (log_map(x, x) == 0.0).all()
    away = log_map(x, -x)
    assert np.allclose(np.linalg.norm(away, axis=1), np.pi)
    assert np.allclose(exp_map(x, away), -x)


@settings(max_examples=150, deadline=None)
@given(Points)
def test_a_frame_is_orthonormal_everywhere(a: tuple[float, ...]) -> None:
    x = unit(np.array(a))
    for at in (x, np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0]), unit(np.array([1e-9, 0.0, -1.0]))):
        whole = np.stack([*frame(at), at])
        assert np.abs(whole @ whole.T - np.eye(3)).max() < 1e-9


def test_velocities_pulled_back_are_those_of_normal_coordinates() -> None:
    rng = np.random.default_rng(1)
    x = uniform_points((40,), rng)
    u = projected(x, rng.normal(size=(40, 3)))
    u *= rng.uniform(0.1, 2.5, (40, 1)) / np.linalg.norm(u, axis=1, keepdims=True)
    y = exp_map(x, u)
    v = projected(y, rng.normal(size=(40, 3)))
    h = 1e-6
    moved = (log_map(x, exp_map(y, h * v)) - log_map(x, exp_map(y, -h * v))) / (2 * h)
    assert np.abs(moved - pulled_back(x, u, v)).max() < 1e-6
    w = projected(x, v)
    assert np.array_equal(pulled_back(x, np.zeros_like(x), w), w)


def test_uniform_points_are_uniform() -> None:
    x = uniform_points((20_000,), np.random.default_rng(2))
    assert np.abs(x.mean(axis=0)).max() < 0.02
    assert np.abs((x[:, :, None] * x[:, None]).mean(axis=0) - np.eye(3) / 3).max() < 0.01
