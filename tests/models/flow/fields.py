"""Fields whose flow is known."""

from __future__ import annotations

import numpy as np

from geo.sphere import Floats


class Still:
    """Nothing moves."""

    def __call__(self, points: Floats, gamma: float, directions: Floats | None = None) -> tuple[Floats, Floats]:
        return np.zeros_like(points), np.zeros((0, *points.shape) if directions is None else directions.shape)


class North:
    """v = c·(0, 0, 1): its tangent part draws everything to the pole, z(γ) = tanh(c·γ + artanh z(0))."""

    def __init__(self, speed: float) -> None:
        self.speed = speed

    def __call__(self, points: Floats, gamma: float, directions: Floats | None = None) -> tuple[Floats, Floats]:
        value = np.zeros_like(points)
        value[..., 2] = self.speed
        return value, np.zeros((0, *points.shape) if directions is None else directions.shape)

    def height(self, z: Floats) -> Floats:
        """Where what starts at z ends."""
        return np.asarray(np.tanh(self.speed + np.arctanh(z)))

    def log_density(self, z: Floats) -> Floats:
        """Of a uniform distribution that has followed the field, at height z: area goes with z, so that it is dz(0)/dz(1)."""
        before = np.tanh(np.arctanh(z) - self.speed)
        return np.asarray(np.log((1.0 - before**2) / (1.0 - z**2)) - np.log(4.0 * np.pi))


class Turning:
    """A rotation around a tilted axis, faster at the end."""

    axis = np.array([0.6, 0.0, 0.8])

    def __call__(self, points: Floats, gamma: float, directions: Floats | None = None) -> tuple[Floats, Floats]:
        speed = 2.0 + 3.0 * gamma
        slope = np.zeros((0, *points.shape)) if directions is None else speed * np.cross(self.axis, directions)
        return speed * np.cross(self.axis, points), slope
