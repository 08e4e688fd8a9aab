from __future__ import annotations

import math

import numpy as np
import pytest

from models.flow.likelihood import LOG_UNIFORM, bits_over_uniform, likelihood, published_bits
from models.flow.schedule import Sigmoid
from models.flow.tangent import uniform_points
from tests.models.flow.fields import North, Still, Turning

POINTS = uniform_points((2, 40), np.random.default_rng(0))


def test_a_field_of_zeros_is_uniform_exactly() -> None:
    found = likelihood(Still(), POINTS, Sigmoid())
    assert (found.log_density == -math.log(4.0 * math.pi)).all()
    assert np.allclose(found.noise, POINTS)
    assert published_bits(found.log_density) == pytest.approx(1.217, abs=1e-3)
    assert (bits_over_uniform(found.log_density) == 0.0).all()


def test_a_rotation_is_uniform_too() -> None:
    found = likelihood(Turning(), POINTS, Sigmoid(), 1e-7)
    assert found.log_density == pytest.approx(np.full((2, 40), LOG_UNIFORM), abs=1e-6)


@pytest.mark.parametrize("speed", [0.5, 2.5])
def test_a_drift_to_the_pole_has_its_closed_form(speed: float) -> None:
    """The field points off the sphere; only its tangent part counts."""
    field = North(speed)
    found = likelihood(field, POINTS, Sigmoid(), 1e-7)
    assert found.log_density == pytest.approx(field.log_density(POINTS[..., 2]), abs=1e-5)
    assert field.height(found.noise[..., 2]) == pytest.approx(POINTS[..., 2], abs=1e-5)
    assert np.linalg.norm(found.noise, axis=-1) == pytest.approx(np.ones((2, 40)))


def test_points_of_any_length_are_brought_onto_the_sphere() -> None:
    field = North(1.0)
    assert likelihood(field, 3.0 * POINTS, Sigmoid()).log_density == pytest.approx(
        likelihood(field, POINTS, Sigmoid()).log_density
    )
