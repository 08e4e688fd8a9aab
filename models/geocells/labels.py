"""Labels that know how far apart cells are: haversine smoothing (PIGEON, arXiv 2307.05845)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats, haversine_km

if TYPE_CHECKING:
    import torch

SMALLEST = 1e-6
"""Shares below this are 0: at 75 km that is a cell 1,036 km farther than the nearest."""


def smooth_labels(
    lat: Floats, lon: Floats, cell_lat: Floats, cell_lon: Floats, tau_km: float = 75.0, normalised: bool = False
) -> NDArray[np.float32]:
    """Share [n, c] of each cell in the label of a photo: y_i = exp(−(d_i − min_j d_j)/τ), d_i its distance to cell centre i.

    Degrees. The nearest centre has 1. As in the published code shares do not sum to 1, so that a photo among many cells weighs
    more; with `normalised` they do. (The paper writes the distance to the true cell where its code takes the least one.)
    """
    distance = haversine_km(np.asarray(lat)[:, None], np.asarray(lon)[:, None], cell_lat, cell_lon)
    share = np.exp((distance.min(axis=1, keepdims=True) - distance) / tau_km)
    share[share < SMALLEST] = 0.0
    if normalised:
        share /= share.sum(axis=1, keepdims=True)
    return np.asarray(share, dtype=np.float32)


def one_hot_labels(cell: NDArray[np.int64], n: int) -> NDArray[np.float32]:
    """Share [n_photos, n]: 1 for the photo's own cell, 0 for the others."""
    share = np.zeros((len(cell), n), dtype=np.float32)
    share[np.arange(len(cell)), cell] = 1.0
    return share


def label_loss(logits: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Mean over the photos of L = −Σ_i y_i log p_i, with p the softmax of `logits` [n, c] and y the `share` [n, c]."""
    return -(share * logits.log_softmax(dim=-1)).sum(dim=-1).mean()
