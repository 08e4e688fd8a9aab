from __future__ import annotations

import numpy as np
import pytest

from models.flow.solver import solve


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_a_turning_and_shrinking_point_ends_where_it_should(tolerance: float) -> None:
    rate = np.array([[-0.5, -6.0], [6.0, -0.5]])
    start = np.array([[1.0, 0.0], [0.0, 2.0]])
    done = solve(lambda t, y: y @ rate.T, start, tolerance)
    turned = np.array([[np.cos(6.0), -np.sin(6.0)], [np.sin(6.0), np.cos(6.0)]]) * np.exp(-0.5)
    assert np.abs(done.state - start @ turned.T).max() < 20.0 * tolerance


def test_a_finer_tolerance_costs_more() -> None:
    counts = [solve(lambda t, y: -5.0 * y, np.ones((3, 1)), tol).evaluations for tol in (1e-3, 1e-6, 1e-9)]
    assert counts == sorted(set(counts))


def test_a_rough_rate_does_not_stop_the_walk() -> None:
    done = solve(lambda t, y: np.sign(np.sin(1e4 * t)) * np.ones_like(y), np.zeros((1, 1)), 1e-9)
    assert abs(float(done.state[0, 0])) < 0.1


def test_projection_after_each_step() -> None:
    def rate(t: float, y: np.ndarray) -> np.ndarray:
        x = y / np.linalg.norm(y, axis=-1, keepdims=True)
        return np.stack([-x[..., 1], x[..., 0]], axis=-1)

    done = solve(rate, np.array([[1.0, 0.0]]), 1e-7, after=lambda y: y / np.linalg.norm(y, axis=-1, keepdims=True))
    assert done.state[0] == pytest.approx([np.cos(1.0), np.sin(1.0)], abs=1e-6)
