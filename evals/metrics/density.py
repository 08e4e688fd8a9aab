"""How well a cloud of guesses covers a cloud of true places: precision, recall, density and coverage on the sphere.

With k-nearest-neighbour balls B(p, r_k(p)) by great-circle distance, r_k(p) the distance to the k-th nearest other point of p's own cloud:

- precision: share of guesses in the ball of some true place; recall: share of true places in the ball of some guess
  (Kynkäänniemi et al. 2019, "Improved precision and recall", equations 1 and 2);
- density: mean over guesses of the number of true balls that hold it, over k; coverage: share of true balls that hold a guess
  (Naeem et al. 2020, "Reliable fidelity and diversity metrics", equations 3 and 4).

k = 3 as in "Around the World in 80 Timesteps" (Dufour et al. 2024).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import Floats, unit_vectors

K = 3
_CHUNK = 100_000
"""Pairs of points that are held at once: few enough for the processor's own memory, which makes this several times faster."""


@dataclass(frozen=True)
class CloudMatch:
    precision: float
    recall: float
    density: float
    coverage: float


@dataclass(frozen=True)
class PointMatches:
    """What the four numbers are means of."""

    precision: Floats
    """For each guess [n]: 1 where it lies in some true ball."""
    recall: Floats
    """For each true place [m]: 1 where it lies in the ball of some guess."""
    density: Floats
    """For each guess [n]: in how many true balls it lies, over k."""
    coverage: Floats
    """For each true place [m]: 1 where its ball holds some guess."""


def cloud_match(guesses: ArrayLike, truths: ArrayLike, k: int = K) -> CloudMatch:
    """The four numbers for `guesses` [n, 2] and `truths` [m, 2], lat and lon in degrees.

    Raises ValueError where a cloud has k points or fewer.
    """
    found = point_matches(guesses, truths, k)
    return CloudMatch(*(float(part.mean()) for part in (found.precision, found.recall, found.density, found.coverage)))


def point_matches(guesses: ArrayLike, truths: ArrayLike, k: int = K) -> PointMatches:
    """The same point by point. Raises ValueError where a cloud has k points or fewer."""
    fake, real = (_vectors(points, k) for points in (guesses, truths))
    fake_radius, real_radius = _radii(fake, k), _radii(real, k)
    balls = np.zeros(len(fake))
    recalled, held = np.zeros(len(real), dtype=np.bool_), np.zeros(len(real), dtype=np.bool_)
    for rows in _chunks(len(fake), len(real)):
        chord = _chords(fake[rows], real)
        in_real = chord <= real_radius
        balls[rows] = np.count_nonzero(in_real, axis=1)
        held |= in_real.any(axis=0)
        recalled |= (chord <= fake_radius[rows, None]).any(axis=0)
    return PointMatches((balls > 0).astype(np.float64), recalled.astype(np.float64), balls / k, held.astype(np.float64))


def _vectors(points: ArrayLike, k: int) -> Floats:
    lat_lon = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(lat_lon) <= k:
        raise ValueError(f"a cloud needs more than {k} points, not {len(lat_lon)}")
    return unit_vectors(lat_lon[:, 0], lat_lon[:, 1])


def _radii(points: Floats, k: int) -> Floats:
    """Squared chord [n] from each point to its k-th nearest other point; chords order as great-circle distances do."""
    radii = np.empty(len(points))
    for rows in _chunks(len(points), len(points)):
        chord = _chords(points[rows], points)
        here = np.arange(len(chord))
        chord[here, here + rows.start] = np.inf  # a point is not its own neighbour
        for _ in range(k - 1):  # taking the least k times is faster than a partition, k being small
            chord[here, chord.argmin(axis=1)] = np.inf
        radii[rows] = chord.min(axis=1)
    return radii


def _chords(a: Floats, b: Floats) -> Floats:
    """Squared chords [n, m]: exact for points near each other, unlike those from the dot product."""
    total = np.zeros((len(a), len(b)))
    for axis in range(3):
        apart = a[:, axis, None] - b[None, :, axis]
        apart *= apart
        total += apart
    return total


def _chunks(n: int, m: int) -> Iterator[slice]:
    size = max(1, _CHUNK // max(m, 1))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))
