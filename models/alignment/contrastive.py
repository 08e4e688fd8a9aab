"""The contrastive loss between pictures and places, and the queue that lends it more negatives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import EARTH_RADIUS_KM, Floats, destination, unit_vectors

MAX_LOG_SCALE = float(np.log(100.0))


def info_nce(queries: Any, keys: Any, scale: Any, skip: Any = None) -> Any:
    """−mean_i log( exp(s q_i·k_i) / Σ_j exp(s q_i·k_j) ) over the keys j that are not skipped (van den Oord et al. 2018).

    `queries` [b, d] and `keys` [b + m, d] are unit tensors, key i the right one of query i and the last m negatives for all; `skip` [b, b + m]
    marks pairs that count neither way. The right pair always counts.
    """
    import torch
    from torch.nn.functional import cross_entropy

    logits = scale * queries @ keys.T
    if skip is not None:
        right = torch.zeros_like(skip)
        right.fill_diagonal_(True)
        logits = logits.masked_fill(skip & ~right, float("-inf"))
    return cross_entropy(logits, torch.arange(len(queries), device=logits.device))


def symmetric_info_nce(a: Any, b: Any, scale: Any, more: Any = None, skip: Any = None, skip_more: Any = None) -> Any:
    """½ [a finds its b among b and `more`; b finds its a]; `skip` [n, n] and `skip_more` [n, m] mark pairs that do not count.

    `skip` is symmetric. Without `more` this is the loss of CLIP and G3; with it the first half is GeoCLIP's.
    """
    return 0.5 * (one_way(a, b, scale, more, skip, skip_more) + info_nce(b, a, scale, skip))


def one_way(a: Any, b: Any, scale: Any, more: Any = None, skip: Any = None, skip_more: Any = None) -> Any:
    """The first half of it: GeoCLIP's loss."""
    import torch

    if more is None or not len(more):
        return info_nce(a, b, scale, skip)
    whole = None if skip is None else torch.cat((skip, skip_more), dim=1)
    return info_nce(a, torch.cat((b, more)), scale, whole)


class GpsQueue:
    """The last `size` coordinates [n, 2] (lat, lon) that were put in, in a ring.

    GeoCLIP's starts full of random numbers, which lie near (0, 0) on the map; this one starts empty.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.points = np.zeros((0, 2))
        self.next = 0
        """Where the next point goes once the ring is full: the oldest one."""

    def add(self, points: Floats) -> None:
        """Put points [b, 2] in; the oldest leave."""
        points = points[max(0, len(points) - self.size) :]
        room = self.size - len(self.points)
        self.points = np.concatenate([self.points, points[:room]])
        rest = points[room:]
        if len(rest):
            self.points[(self.next + np.arange(len(rest))) % self.size] = rest
            self.next = (self.next + len(rest)) % self.size


def near_pairs(a: Floats, b: Floats, near_km: float) -> NDArray[np.bool_]:
    """Which points [n, 2] and [m, 2] (lat, lon) lie within `near_km`, [n, m]; none do for 0."""
    if near_km <= 0:
        return np.zeros((len(a), len(b)), dtype=np.bool_)
    chord2 = 2.0 - 2.0 * unit_vectors(a[:, 0], a[:, 1]) @ unit_vectors(b[:, 0], b[:, 1]).T
    return np.asarray(chord2 <= (2.0 * np.sin(min(near_km / EARTH_RADIUS_KM, np.pi) / 2.0)) ** 2)


def noised(points: Floats, noise_km: float, rng: np.random.Generator) -> Floats:
    """Points [n, 2] moved by a Gaussian of `noise_km` along each axis; the same draws are taken whatever its size."""
    bearing, length = rng.uniform(0.0, 360.0, len(points)), rng.rayleigh(1.0, len(points))
    if noise_km <= 0:
        return points
    return np.stack(destination(points[:, 0], points[:, 1], bearing, noise_km * length), axis=1)
