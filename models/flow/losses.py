"""What is made small in training, and what a step draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats
from models.flow.paths import diffused, geodesic, straight
from models.flow.schedule import Clock, Sigmoid
from models.flow.settings import FlowSettings
from models.flow.tangent import uniform_points

_PATHS = {"riemannian": geodesic, "space": straight, "diffusion": diffused}


@dataclass(frozen=True, eq=False)
class Draw:
    """What a step trains on: points on the way [n, 3], what the head is told of γ [n], targets [n, 3], all float32."""

    points: NDArray[np.float32]
    clock: NDArray[np.float32]
    target: NDArray[np.float32]


def drawn(data: Floats, settings: FlowSettings, rng: np.random.Generator) -> Draw:
    """Noise and times for the places [n, 3] of photos. Times lie evenly over the batch in random order: less noise in the loss."""
    n = len(data)
    schedule = Sigmoid(settings.schedule_start, settings.schedule_end)
    gamma = schedule.gamma((rng.permutation(n) + rng.random(n)) / n)
    noise = uniform_points((n,), rng) if settings.objective == "riemannian" else rng.normal(size=(n, 3))
    points, target = _PATHS[settings.objective](noise, data, gamma)
    return Draw(
        *(np.ascontiguousarray(part, dtype=np.float32) for part in (points, Clock(schedule, settings.clock)(gamma), target))
    )


def field_loss(net: Any, draw: Draw, condition: Any) -> Any:
    """mean ‖v(x, γ, c) − u‖²/3 over the batch."""
    import torch

    points, clock, target = (torch.from_numpy(part) for part in (draw.points, draw.clock, draw.target))
    return ((net(points, clock, condition) - target) ** 2).mean()


def vmf_loss(net: Any, places: NDArray[np.float32], condition: Any) -> Any:
    """−log f at the places [n, 3], in nats; every logarithm is taken before it could overflow."""
    import torch

    mean, kappa, log_weight = net(condition)
    kappa = kappa.clamp_min(1e-6)
    cosine = (mean * torch.from_numpy(places)[:, None]).sum(dim=-1)
    log_c = kappa.log() - math.log(2.0 * math.pi) - torch.log(-torch.expm1(-2.0 * kappa))
    return -torch.logsumexp(log_weight + log_c + kappa * (cosine - 1.0), dim=-1).mean()
