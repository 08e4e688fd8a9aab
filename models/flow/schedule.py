"""How far from noise (γ = 0) to data (γ = 1) a point is at a time: γ(0) = 1, γ(1) = 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import Floats

_LEAST = 1e-9


@dataclass(frozen=True)
class Sigmoid:
    """γ(t) = (σ(e/τ) − σ((t(e − s) + s)/τ)) / (σ(e/τ) − σ(s/τ)), which lingers near the data (the paper's s = −7, e = 3, τ = 1)."""

    start: float = -7.0
    end: float = 3.0
    tau: float = 1.0

    def __post_init__(self) -> None:
        if not (self.tau > 0 and self.end > self.start):
            raise ValueError("a sigmoid schedule ends after it starts, and its width is above 0")

    def gamma(self, t: ArrayLike) -> Floats:
        """γ [...] at times from 0 to 1."""
        low, high = self._limits
        value = (high - _sigmoid(self._inner(t))) / (high - low)
        return np.asarray(np.clip(value, _LEAST, 1.0))

    def slope(self, t: ArrayLike) -> Floats:
        """dγ/dt [...], negative."""
        low, high = self._limits
        s = _sigmoid(self._inner(t))
        return np.asarray(-(self.end - self.start) / self.tau * s * (1.0 - s) / (high - low))

    def time(self, gamma: ArrayLike) -> Floats:
        """The inverse of `gamma`."""
        low, high = self._limits
        s = high - np.asarray(gamma, dtype=np.float64) * (high - low)
        return np.asarray((self.tau * np.log(s / (1.0 - s)) - self.start) / (self.end - self.start))

    def grid(self, steps: int) -> Floats:
        """γ [steps + 1] from noise to data at times that lie evenly; the first is 0, the last 1. Raises ValueError for no step."""
        if steps < 1:
            raise ValueError("there must be a step")
        gamma = self.gamma(1.0 - np.arange(steps + 1) / steps)
        gamma[0], gamma[-1] = 0.0, 1.0
        return gamma

    @property
    def _limits(self) -> tuple[float, float]:
        return float(_sigmoid(self.start / self.tau)), float(_sigmoid(self.end / self.tau))

    def _inner(self, t: ArrayLike) -> Floats:
        return np.asarray((np.asarray(t, dtype=np.float64) * (self.end - self.start) + self.start) / self.tau)


PUBLISHED_CLOCK = 1000.0
"""The published head embeds 1000·γ."""


@dataclass(frozen=True)
class Clock:
    """What a head is told of how far it is.

    The published one reads 1000·γ, whose fastest wave turns 160 times between noise and data: the field it learns is rough in γ, and methods
    of high order gain little on it. A clock of `rate`·t, in the time of the schedule, keeps it smooth and still tells near data apart.
    """

    schedule: Sigmoid
    rate: float = 0.0
    """Of the schedule's time; 0 is the published clock."""

    def __call__(self, gamma: ArrayLike) -> Floats:
        """[...] of γ [...]."""
        if self.rate == 0.0:
            return np.asarray(PUBLISHED_CLOCK * np.asarray(gamma, dtype=np.float64))
        return np.asarray(self.rate * self.schedule.time(np.clip(gamma, 0.0, 1.0)))


def _sigmoid(x: ArrayLike) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(x, dtype=np.float64))))
