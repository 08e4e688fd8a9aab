"""Ways from noise to data: the published one and ones of higher order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from geo.sphere import Floats, exp_map
from models.flow.field import Field, tangent_value
from models.flow.tangent import pulled_back, unit

ORDERS = (1, 2, 4)


def euler_projected(field: Field, points: Floats, gammas: Floats) -> Floats:
    """The published sampler: x ← (x + Δγ·v)/|…| with the field as it is; points [b, m, 3], γ [steps + 1] rising from 0 to 1."""
    for now, after in pairwise(gammas.tolist()):
        points = unit(points + (after - now) * field(points, now)[0])
    return points


def geodesic_steps(field: Field, points: Floats, gammas: Floats, order: int = 4) -> Floats:
    """Runge–Kutta of order 1 (Euler), 2 (Heun) or 4 in the normal coordinates of each step's first point; `order` evaluations a step.

    There the flow is a differential equation in a plane, so that any such method keeps its order; points never leave the sphere (Munthe-Kaas
    1999). Raises ValueError for another order.
    """
    for now, after in pairwise(gammas.tolist()):
        base = points

        def rate(tangent: Floats, gamma: float, base: Floats = base) -> Floats:
            return pulled_back(base, tangent, tangent_value(field, exp_map(base, tangent), gamma))

        points = exp_map(base, runge_kutta(rate, base, now, after - now, order))
    return points


def straight_steps(field: Field, points: Floats, gammas: Floats, order: int = 1) -> Floats:
    """Runge–Kutta in space, for flows that were not trained on the sphere; the end is brought onto it."""
    for now, after in pairwise(gammas.tolist()):
        start = points

        def rate(moved: Floats, gamma: float, start: Floats = start) -> Floats:
            return field(start + moved, gamma)[0]

        points = start + runge_kutta(rate, start, now, after - now, order)
    return unit(points)


def runge_kutta(rate: Callable[[Floats, float], Floats], like: Floats, begin: float, step: float, order: int) -> Floats:
    """How far one step of dy/dγ = rate(y, γ) leads from y = 0, an array of the shape of `like`. Raises ValueError for another order."""
    if order not in ORDERS:
        raise ValueError(f"steps have an order of {ORDERS}, not {order}")
    first = rate(np.zeros_like(like), begin)
    if order == 1:
        return np.asarray(step * first)
    if order == 2:
        return np.asarray(step / 2.0 * (first + rate(step * first, begin + step)))
    second = rate(step / 2.0 * first, begin + step / 2.0)
    third = rate(step / 2.0 * second, begin + step / 2.0)
    fourth = rate(step * third, begin + step)
    return np.asarray(step / 6.0 * (first + 2.0 * (second + third) + fourth))


def implicit_diffusion(field: Field, points: Floats, gammas: Floats) -> Floats:
    """DDIM (Song et al. 2021) for a field that gives the noise, the data held within ±1; the end is brought onto the sphere."""
    for now, after in pairwise(gammas.tolist()):
        now = max(now, 1e-9)
        data = (points - np.sqrt(1.0 - now) * field(points, now)[0]) / np.sqrt(now)
        data = np.clip(data, -1.0, 1.0)
        noise = (points - np.sqrt(now) * data) / np.sqrt(max(1.0 - now, 1e-12))
        points = np.sqrt(after) * data + np.sqrt(1.0 - after) * noise
    return unit(points)
