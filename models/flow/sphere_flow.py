"""Riemannian flow matching: samples by the flow, and its exact likelihood."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from geo.sphere import Floats
from models.encoders.encoder import Vectors
from models.flow.field import Field
from models.flow.head import Head
from models.flow.likelihood import TOLERANCE, likelihood
from models.flow.sampling import geodesic_steps
from models.flow.schedule import Sigmoid
from models.flow.tangent import uniform_points

STEPS = 8
"""Steps of order 4 from noise to data: 32 evaluations."""
ROUGH = 1e-2
"""Tolerance for a map."""


@dataclass(frozen=True, eq=False)
class SphereFlow:
    """Noise is uniform on the sphere, in training and in use (the published pipeline starts from a Gaussian in space)."""

    head: Head
    schedule: Sigmoid = field(default_factory=Sigmoid)
    guidance: float = 0.0
    """w of classifier-free guidance; above 0 the distribution is narrower than what was learned."""
    steps: int = STEPS
    tolerance: float = TOLERANCE

    @property
    def dim(self) -> int:
        return self.head.condition.dim

    def field(self, vectors: Vectors | None) -> Field:
        """The field for pictures [b, c], or for none. Not to be shared between threads."""
        return self.head.guided(vectors, self.guidance)

    def sample(self, vectors: Vectors | None, n: int, rng: np.random.Generator) -> Floats:
        noise = uniform_points((1 if vectors is None else len(vectors), n), rng)
        return geodesic_steps(self.field(vectors), noise, self.schedule.grid(self.steps))

    def log_density(self, vectors: Vectors | None, points: Floats) -> Floats:
        return likelihood(self.field(vectors), points, self.schedule, self.tolerance).log_density

    def rough(self) -> SphereFlow:
        return replace(self, tolerance=max(self.tolerance, ROUGH))
