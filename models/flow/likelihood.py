"""How likely points are under a flow: exact up to the tolerance of the solver, on the sphere itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geo.sphere import Floats
from models.flow.field import Field, tangent_and_divergence
from models.flow.schedule import Sigmoid
from models.flow.solver import solve
from models.flow.tangent import unit

LOG_UNIFORM = -math.log(4.0 * math.pi)
"""Log density per steradian of a uniform Earth: −2.531."""
TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Of points [b, m]."""

    log_density: Floats
    """Natural logarithm of the density per steradian."""
    noise: Floats
    """Where the points come from [b, m, 3]."""
    evaluations: int


def likelihood(field: Field, points: Floats, schedule: Sigmoid, tolerance: float = TOLERANCE) -> Likelihood:
    """log p(x₁) = −log 4π − ∫₀¹ div w dγ along the way of each point [b, m, 3] from data to noise.

    In the time of the schedule, dγ = γ′(t) dt, since the field is steepest near the data. The field is asked at points of the sphere alone and
    its tangent part is taken, so that this is a density on the sphere; the published code integrates in space.
    """

    def rate(t: float, state: Floats) -> Floats:
        gamma, slope = float(schedule.gamma(t)), float(schedule.slope(t))
        tangent, divergence = tangent_and_divergence(field, unit(state[..., :3]), gamma)
        return slope * np.concatenate([tangent, divergence[..., None]], axis=-1)

    def onto_sphere(state: Floats) -> Floats:
        return np.concatenate([unit(state[..., :3]), state[..., 3:]], axis=-1)

    start = np.concatenate([unit(points), np.zeros((*points.shape[:-1], 1))], axis=-1)
    done = solve(rate, start, tolerance, after=onto_sphere)
    return Likelihood(LOG_UNIFORM + done.state[..., 3], done.state[..., :3], done.evaluations)


def bits_over_uniform(log_density: Floats) -> Floats:
    """log2 of a density over that of a uniform Earth; above 0 for a model that knows something."""
    return np.asarray((log_density - LOG_UNIFORM) / math.log(2.0))


def published_bits(log_density: Floats) -> Floats:
    """Bits "per dimension" as the paper counts them, −log p/(3 ln 2): three for a sphere of two dimensions. A uniform Earth has 1.217."""
    return np.asarray(-log_density / (3.0 * math.log(2.0)))
