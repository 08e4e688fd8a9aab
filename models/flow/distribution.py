"""What flow and baselines have in common: vectors of pictures in, a distribution over the sphere out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from geo.sphere import Floats
from models.encoders.encoder import Vectors
from models.flow.likelihood import LOG_UNIFORM
from models.flow.tangent import uniform_points


class Distribution(Protocol):
    """P(place | picture), and P(place) without a picture: the density of training photos as the model learned it. Thread-safe."""

    @property
    def dim(self) -> int:
        """Length of a vector; 0 where any will do."""
        ...

    def sample(self, vectors: Vectors | None, n: int, rng: np.random.Generator) -> Floats:
        """`n` places [b, n, 3] for each of the pictures [b, c], as unit vectors; b = 1 for no picture."""
        ...

    def log_density(self, vectors: Vectors | None, points: Floats) -> Floats:
        """Natural logarithm of the density per steradian [b, m] at points [b, m, 3]."""
        ...

    def rough(self) -> Distribution:
        """The same, as good as a map needs: where it is faster, log densities may be off by some hundredths."""
        ...


@dataclass(frozen=True)
class Uniform:
    """The same everywhere: what any model has to beat."""

    dim: int = 0

    def sample(self, vectors: Vectors | None, n: int, rng: np.random.Generator) -> Floats:
        return uniform_points((1 if vectors is None else len(vectors), n), rng)

    def log_density(self, vectors: Vectors | None, points: Floats) -> Floats:
        return np.full(points.shape[:2], LOG_UNIFORM)

    def rough(self) -> Uniform:
        return self
