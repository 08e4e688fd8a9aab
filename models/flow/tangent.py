"""Tangent spaces of the unit sphere: projection, frames, uniform points, and velocities in the normal coordinates of a point.

Exp and Log are `geo.sphere.exp_map` and `log_map`.
"""

from __future__ import annotations

import numpy as np

from geo.sphere import Floats


def unit(x: Floats) -> Floats:
    """Vectors [..., 3] scaled to length 1; raises nothing: a vector of length 0 stays one."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-300))


def projected(x: Floats, v: Floats) -> Floats:
    """Vectors `v` [..., 3] without their part along the unit vectors `x` [..., 3]."""
    return np.asarray(v - np.sum(x * v, axis=-1, keepdims=True) * x)


def frame(x: Floats) -> tuple[Floats, Floats]:
    """Two unit tangents [..., 3] that stand upright on each other at unit vectors [..., 3].

    Without a branch and without a point at which it breaks down (Duff et al. 2017, Building an orthonormal basis, revisited).
    """
    sign = np.where(x[..., 2] >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + x[..., 2])
    b = x[..., 0] * x[..., 1] * a
    first = np.stack([1.0 + sign * x[..., 0] ** 2 * a, sign * b, -sign * x[..., 0]], axis=-1)
    return first, np.stack([b, sign + x[..., 1] ** 2 * a, -x[..., 1]], axis=-1)


def uniform_points(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Points [*shape, 3] drawn uniformly on the unit sphere."""
    return unit(rng.normal(size=(*shape, 3)))


def pulled_back(base: Floats, tangent: Floats, velocity: Floats) -> Floats:
    """The velocity, in the normal coordinates of `base`, of a point that moves at Exp_base(tangent); all [..., 3].

    The inverse of the differential of Exp: on the sphere the part along the geodesic keeps its length, the part across it grows by
    φ/sin φ, where φ = |tangent| < π.
    """
    angle = np.linalg.norm(tangent, axis=-1, keepdims=True)
    ahead = tangent / np.maximum(angle, 1e-300)
    along_there = np.cos(angle) * ahead - np.sin(angle) * base
    speed = np.sum(velocity * along_there, axis=-1, keepdims=True)
    across = velocity - speed * along_there
    stretched = across / np.maximum(np.sinc(angle / np.pi), 1e-12)
    return np.asarray(np.where(angle < 1e-12, velocity, speed * ahead + stretched))
