"""Baselines that know nothing of the sphere: flow matching and diffusion in space, brought onto the sphere at the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from geo.sphere import Floats, kappa_of_sigma, vmf_log_density
from models.encoders.encoder import Vectors
from models.flow.field import Field
from models.flow.head import Head
from models.flow.sampling import implicit_diffusion, straight_steps
from models.flow.schedule import Sigmoid

STEPS = 32
KERNELS = 128
"""Samples that stand for the density of a picture; eight times as many do without one, which says less."""
WIDTHS_KM = tuple(float(w) for w in np.geomspace(25.0, 3200.0, 15))
_FLOOR = 0.01
"""Share of the kernel density that is uniform, so that a place that no sample reached is unlikely and not impossible."""


@dataclass(frozen=True, eq=False)
class SpaceFlow:
    """A field in space that starts from a Gaussian. Its density on the sphere has no closed form: a kernel density of samples stands for it."""

    head: Head
    diffusion: bool
    """Whether the head predicts the noise of a diffusion, or the velocity of a straight flow."""
    width_km: float = 200.0
    """Standard deviation of the kernels along each axis, chosen on held-out photos."""
    schedule: Sigmoid = field(default_factory=Sigmoid)
    guidance: float = 0.0
    steps: int = STEPS
    """Evaluations of the head: as many steps of DDIM, or a quarter of them of order 4."""

    @property
    def dim(self) -> int:
        return self.head.condition.dim

    def field(self, vectors: Vectors | None) -> Field:
        """For pictures [b, c], or for none."""
        return self.head.guided(vectors, self.guidance)

    def sample(self, vectors: Vectors | None, n: int, rng: np.random.Generator) -> Floats:
        noise = rng.normal(size=(1 if vectors is None else len(vectors), n, 3))
        if self.diffusion:
            return implicit_diffusion(self.field(vectors), noise, self.schedule.grid(self.steps))
        return straight_steps(self.field(vectors), noise, self.schedule.grid(max(1, self.steps // 4)), order=4)

    def log_density(self, vectors: Vectors | None, points: Floats) -> Floats:
        kernels = 8 * KERNELS if vectors is None else KERNELS
        return kernel_log_density(self.sample(vectors, kernels, np.random.default_rng(0)), points, self.width_km)

    def rough(self) -> SpaceFlow:
        return self

    def fitted(self, vectors: Vectors, truth: Floats) -> SpaceFlow:
        """With the width under which the places [b, 3] of held-out photos are likeliest."""
        samples = self.sample(vectors, KERNELS, np.random.default_rng(0))
        return replace(self, width_km=best_width_km(samples, truth))


def kernel_log_density(samples: Floats, points: Floats, width_km: float) -> Floats:
    """Log density per steradian [b, m] at points [b, m, 3] of von Mises-Fisher kernels on samples [b, n, 3], 1 % of it uniform."""
    kappa = kappa_of_sigma(width_km)
    each = vmf_log_density(np.minimum(np.einsum("bmi,bni->bmn", points, samples), 1.0), kappa)
    most = each.max(axis=-1)
    mean = most + np.log(np.mean(np.exp(each - most[..., None]), axis=-1))
    return np.asarray(np.logaddexp(np.log1p(-_FLOOR) + mean, np.log(_FLOOR / (4.0 * np.pi))))


def best_width_km(samples: Floats, truth: Floats) -> float:
    """Of some widths the one under whose kernel density the true places [b, 3] are likeliest."""
    return max(WIDTHS_KM, key=lambda width: float(kernel_log_density(samples, truth[:, None], width).mean()))
