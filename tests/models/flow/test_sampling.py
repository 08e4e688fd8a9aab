from __future__ import annotations

import numpy as np
import pytest

from geo.sphere import Floats
from models.flow.sampling import euler_projected, geodesic_steps, implicit_diffusion, straight_steps
from models.flow.schedule import Sigmoid
from models.flow.tangent import uniform_points
from tests.models.flow.fields import North, Turning

POINTS = uniform_points((2, 50), np.random.default_rng(0))
FIELD = North(1.5)


def off(points: Floats) -> float:
    """Largest error in height."""
    return float(np.abs(points[..., 2] - FIELD.height(POINTS[..., 2])).max())


@pytest.mark.parametrize("order", [1, 2, 4])
def test_each_method_has_its_order(order: int) -> None:
    errors = [off(geodesic_steps(FIELD, POINTS, np.linspace(0.0, 1.0, n + 1), order)) for n in (8, 16)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.6)


def test_higher_order_needs_several_times_fewer_evaluations() -> None:
    euler = off(euler_projected(FIELD, POINTS, np.linspace(0.0, 1.0, 257)))
    better = off(geodesic_steps(FIELD, POINTS, np.linspace(0.0, 1.0, 9), 4))
    assert better < euler / 10.0  # 32 evaluations against 256


def test_a_rotation_whose_speed_changes() -> None:
    axis, angle = Turning.axis, 3.5
    along = (POINTS @ axis)[..., None] * axis
    whole = along + np.cos(angle) * (POINTS - along) + np.sin(angle) * np.cross(axis, POINTS)
    found = geodesic_steps(Turning(), POINTS, Sigmoid().grid(40), 4)
    assert np.abs(found - whole).max() < 5e-5
    assert np.linalg.norm(found, axis=-1) == pytest.approx(np.ones((2, 50)))


def test_in_space_a_straight_flow_to_one_place_ends_there() -> None:
    place = np.array([0.0, 0.6, 0.8])

    def field(points: Floats, gamma: float, directions: Floats | None = None) -> tuple[Floats, Floats]:
        return (place - points) / max(1.0 - gamma, 1e-3), np.zeros((0, *points.shape))

    start = np.random.default_rng(1).normal(size=(1, 30, 3))
    assert np.abs(straight_steps(field, start, Sigmoid().grid(64)) - place).max() < 0.01
    assert np.abs(straight_steps(field, start, Sigmoid().grid(64), order=4) - place).max() < 0.05


def test_a_diffusion_that_knows_its_noise_ends_at_the_data() -> None:
    place = np.array([0.0, 0.6, 0.8])

    def field(points: Floats, gamma: float, directions: Floats | None = None) -> tuple[Floats, Floats]:
        return (points - np.sqrt(gamma) * place) / np.sqrt(1.0 - gamma), np.zeros((0, *points.shape))

    start = np.random.default_rng(2).normal(size=(1, 30, 3))
    assert np.abs(implicit_diffusion(field, start, Sigmoid().grid(20)) - place).max() < 1e-3


def test_another_order_is_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        geodesic_steps(FIELD, POINTS, np.linspace(0.0, 1.0, 3), 3)
