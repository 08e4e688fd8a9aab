"""A small learned descriptor: a network that brings renderings of one place together and keeps other places apart.

The fixed gradients of `models.aerial.edges` (two scales, six directions without sign) come in at 32 × 32 through the disc; five
convolutions follow, and an 8 × 8 grid of 16 numbers is the descriptor, so that it still says where in the patch things lie. It
is trained by symmetric InfoNCE (van den Oord et al., arXiv 1807.03748) on two views of each place (`models.aerial.views`); places that overlap by
more than three quarters are not held against each other.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from models.aerial.descriptors import PATCH_PIXELS, Seen, seen_disc
from models.aerial.edges import BINS, SCALES_PX, Maps, orientation_maps
from models.aerial.ground import Ground
from models.aerial.views import USUAL, Jitter, Pairs, draw_pairs

GRID = 32
CHANNELS = (32, 48, 64, 128)
CELLS, NUMBERS = 8, 16
SIZE = CELLS * CELLS * NUMBERS
TEMPERATURE = 0.07
_SAME = 0.25  # of a patch's width: closer places are one


def network(channels: Sequence[int] = CHANNELS, seed: int = 0) -> Any:
    """An untrained torch module: gradients [n, 12, 32, 32] to unit vectors [n, 1024]. The same seed gives the same weights."""
    import torch
    from torch import nn

    ways = (BINS * len(SCALES_PX), *channels)
    halvings = {1, len(channels) - 1}  # 32 to 8 in two of the layers
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[Any] = []
        for n, (a, b) in enumerate(itertools.pairwise(ways)):
            layers += [nn.Conv2d(a, b, 3, 2 if n in halvings else 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        layers += [nn.Conv2d(ways[-1], NUMBERS, 1), nn.Flatten()]
        return nn.Sequential(*layers)


def gradients(patches: Sequence[Seen]) -> Maps:
    """What the network sees of patches of 128 pixels: [n, 12, 32, 32]."""
    step = PATCH_PIXELS // GRID
    rows = np.empty((len(patches), BINS * len(SCALES_PX), GRID, GRID), dtype=np.float32)
    for row, (rgb, known) in zip(rows, patches, strict=True):
        maps = orientation_maps(rgb) * seen_disc(known)
        row[:] = np.sqrt(maps.reshape(-1, GRID, step, GRID, step).mean(axis=(2, 4)))
    return rows


def embed(net: Any, patches: Sequence[Seen], batch: int = 128) -> NDArray[np.float32]:
    """Unit vectors [n, 1024]."""
    import torch

    net.eval()
    with torch.no_grad():
        parts = [net(torch.from_numpy(gradients(patches[at : at + batch]))) for at in range(0, len(patches), batch)]
        return np.asarray(torch.nn.functional.normalize(torch.cat(parts), dim=1).numpy(), dtype=np.float32)


def loss_of(one: Any, other: Any, away_m: NDArray[np.float64], same_m: float) -> Any:
    """Symmetric InfoNCE of vectors [n, size], row by row the same place; pairs of other places closer than `same_m` are left out."""
    import torch
    from torch.nn import functional

    logits = functional.normalize(one, dim=1) @ functional.normalize(other, dim=1).T / TEMPERATURE
    near = torch.from_numpy((away_m < same_m) & ~np.eye(len(away_m), dtype=bool))
    logits = logits.masked_fill(near, -1e4)
    right = torch.arange(len(logits))
    return (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2


def train(net: Any, layers: Sequence[Ground], box: Box, metres: float, steps: int = 800, batch: int = 96, learning_rate: float = 2e-3, seed: int = 0,
          cpu_s: float = float("inf"), jitter: Jitter = USUAL, progress: Callable[[int, int, float], None] = lambda step, steps, loss: None) -> list[float]:  # fmt: skip
    """The loss of each step. Ends early when `cpu_s` seconds of this process are used up; the learning rate falls with whichever comes first."""
    import torch

    if steps < 1 or batch < 4:
        raise ValueError("a contrastive encoder takes one step or more, of four places or more")
    rng, losses, began = np.random.default_rng(seed), [], time.process_time()
    adam = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=1e-2)
    net.train()
    for step in range(steps):
        done = max(step / steps, (time.process_time() - began) / cpu_s)
        if done >= 1:
            break
        for group in adam.param_groups:
            group["lr"] = learning_rate * min((step + 1) / 20, 0.5 * (1 + np.cos(np.pi * done)) + 0.01)
        losses.append(step_on(net, adam, draw_pairs(layers, box, metres, PATCH_PIXELS, batch, rng, jitter), metres))
        progress(step + 1, steps, losses[-1])
    net.eval()
    return losses


def step_on(net: Any, adam: Any, pairs: Pairs, metres: float) -> float:
    """One step of an optimiser on a batch; its loss."""
    import torch

    away = np.hypot(*(pairs.east_north_m[:, None] - pairs.east_north_m[None]).transpose(2, 0, 1))
    vectors = net(torch.from_numpy(gradients([*pairs.one, *pairs.other])))
    loss = loss_of(vectors[: len(pairs.one)], vectors[len(pairs.one) :], away, _SAME * metres)
    adam.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    adam.step()
    return float(loss.detach())
