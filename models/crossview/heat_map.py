"""From likeness to probability: which tile, or none of them.

With z the likeness of a tile in standard deviations over the tiles of the area, the ratio of how often a tile is so alike when the picture
was taken there to how often when it was not is read as exp(slope · z - level), two numbers found on held-out pairs. A tile's probability is
then (1 - outside) / tiles · ratio, that of "outside the area" the prior `outside`, both over their sum. An area with more tiles needs a
likelier one. Tiles that were looked at a second time have two numbers of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SLOPES = tuple(float(v) for v in np.geomspace(0.4, 8.0, 22))
LEVELS = tuple(float(v) for v in np.linspace(-6.0, 40.0, 93))


@dataclass(frozen=True)
class Reading:
    """How likeness is read for one field of view and one error of the heading."""

    fov_deg: float
    error_deg: float
    slope: float
    level: float
    second_slope: float
    second_level: float

    def log_ratio(self, z: Floats, second: NDArray[np.bool_]) -> Floats:
        """[n]; `second` marks tiles that were looked at twice."""
        return np.where(second, self.second_slope * z - self.second_level, self.slope * z - self.level)

    def to_json(self) -> list[float]:
        return [round(v, 4) for v in (self.fov_deg, self.error_deg, self.slope, self.level, self.second_slope, self.second_level)]


@dataclass(frozen=True)
class Calibration:
    """Readings for several fields of view and errors."""

    readings: tuple[Reading, ...]

    def reading(self, fov_deg: float, error_deg: float) -> Reading:
        """The nearest one, the ratio of fields of view counting most."""
        return min(self.readings, key=lambda r: abs(math.log(r.fov_deg / fov_deg)) * 10 + abs(r.error_deg - error_deg) / 180)

    def to_json(self) -> list[list[float]]:
        return [reading.to_json() for reading in self.readings]

    @classmethod
    def from_json(cls, data: Any) -> Calibration:
        """The inverse of `to_json`. Raises ValueError for anything else."""
        if not isinstance(data, Sequence) or not 0 < len(data) <= 1000:
            raise ValueError("has no calibration")
        readings = []
        for row in data:
            numbers = [float(v) for v in row]
            if len(numbers) != 6 or not all(map(math.isfinite, numbers)) or not 0 < numbers[0] <= 360:
                raise ValueError("has a calibration that is none")
            readings.append(Reading(*numbers))
        return cls(tuple(readings))


def probabilities(log_ratio: Floats, there: NDArray[np.bool_], outside: float) -> tuple[Floats, float]:
    """Of every tile [n], and of "outside the area". Tiles that are not `there` (no picture) have 0."""
    if not 0.0 < outside < 1.0:
        raise ValueError("the share that lies outside is between 0 and 1")
    logs = np.where(there, log_ratio + math.log((1.0 - outside) / max(int(there.sum()), 1)), -np.inf)
    most = max(float(logs.max(initial=-np.inf)), math.log(outside))
    p = np.exp(logs - most)
    elsewhere = math.exp(math.log(outside) - most)
    total = float(p.sum()) + elsewhere
    return p / total, elsewhere / total


def fitted(z_present: Sequence[Floats], true: Sequence[NDArray[np.bool_]], z_absent: Sequence[Floats]) -> tuple[float, float]:
    """Slope and level under which the truth was likeliest: half the pictures with their tiles there (any `true` one is right), half without.

    z [n] of each picture's tiles. Levels cost nothing beside a slope, as they move all tiles alike.
    """
    best = (math.inf, 1.0, 0.0)
    levels = np.array(LEVELS)
    for slope in SLOPES:
        right = np.array([_log_mean(slope * z, t) for z, t in zip(z_present, true, strict=True)])
        present = np.array([_log_mean(slope * z) for z in z_present])
        absent = np.array([_log_mean(slope * z) for z in z_absent])
        # -log P(right | present) and -log P(outside | absent) for every level, at a prior of one half.
        first = np.logaddexp(0.0, present[:, None] - levels) - (right[:, None] - levels)
        second = np.logaddexp(0.0, absent[:, None] - levels)
        loss = first.mean(axis=0) + second.mean(axis=0)
        at = int(loss.argmin())
        best = min(best, (float(loss[at]), slope, float(levels[at])))
    return best[1], best[2]


@dataclass(frozen=True, eq=False)
class Case:
    """A picture for `fitted_second`."""

    z: Floats
    """[n], from the first look."""
    true: NDArray[np.bool_]
    """[n]; none where its place is not there."""
    top: NDArray[np.intp]
    """[t]: tiles that were looked at again, as many for every case."""
    z_second: Floats
    """[t]"""


def fitted_second(first: Reading, cases: Sequence[Case]) -> tuple[float, float]:
    """Slope and level of tiles that were looked at twice, all others read as by `first`."""
    levels = np.array(LEVELS)
    rest, rest_true = np.empty(len(cases)), np.empty(len(cases))
    for i, case in enumerate(cases):
        logs, others = first.slope * case.z - first.level, np.ones(len(case.z), dtype=bool)
        others[case.top] = False
        rest[i], rest_true[i] = _log_sum(logs[others]), _log_sum(logs[others & case.true])
    size = np.log([len(case.z) for case in cases])[:, None]
    z, is_true = np.stack([case.z_second for case in cases]), np.stack([case.true[case.top] for case in cases])
    there = np.array([bool(case.true.any()) for case in cases])[:, None]
    best = (math.inf, first.slope, first.level)
    for slope in SLOPES:
        every = np.array([_log_sum(row) for row in slope * z])[:, None] - levels
        own = np.array([_log_sum(row[t]) for row, t in zip(slope * z, is_true, strict=True)])[:, None] - levels
        total = np.logaddexp(rest[:, None], every) - size
        right = np.logaddexp(rest_true[:, None], own) - size
        loss = (np.logaddexp(0.0, total) - np.where(there, right, 0.0)).mean(axis=0)
        at = int(loss.argmin())
        best = min(best, (float(loss[at]), slope, float(levels[at])))
    return best[1], best[2]


def _log_mean(logs: Floats, some: NDArray[np.bool_] | None = None) -> float:
    """Log of the sum over `some` of exp, over the number of all."""
    return _log_sum(logs if some is None else logs[some]) - math.log(len(logs))


def _log_sum(logs: Floats) -> float:
    if not len(logs):
        return -700.0
    most = float(logs.max())
    return most + math.log(float(np.exp(logs - most).sum()))
