"""The published network for edges: an auto-encoder whose middle is the descriptor of a patch (arXiv 2404.06207).

As released (github.com/theodpzz/uav-localization): five convolutions of 3×3 and stride 2 with batch normalisation and ReLU, 1 to 512 channels, from
256 to 8 pixels; a linear layer to 1024 numbers with ReLU, and the mirror of all that back to the edges. It learns to draw Canny's edges of the
reference patches again, by mean squared error with Adam. The released code does not run as it stands and comes without weights; this
follows its description and text. A network of this size holds 70 million numbers.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from models.aerial.descriptors import Seen
from models.aerial.edges import canny_edges
from models.aerial.ground import Ground, image_at
from models.aerial.pictures import Picture

SIDE, CHANNELS, EMBEDDING = 256, (32, 64, 128, 256, 512), 1024


@dataclass(frozen=True)
class EdgeAutoEncoder:
    """Two torch modules: binary edges [n, 1, side, side] to vectors [n, embedding], and back to edges between 0 and 1."""

    encoder: Any
    decoder: Any


def network(side: int = SIDE, channels: Sequence[int] = CHANNELS, embedding: int = EMBEDDING, seed: int = 0) -> EdgeAutoEncoder:
    """An untrained one; the same seed gives the same weights. Raises ValueError where `side` does not halve for each number of channels."""
    import torch
    from torch import nn

    small, ways = _halved(side, channels), (1, *channels)
    flat = channels[-1] * small * small
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        up = [
            _block(nn.ConvTranspose2d(ways[i], ways[i - 1], 3, 2, 1, output_padding=1), ways[i - 1])
            for i in range(len(ways) - 1, 1, -1)
        ]
        last = (nn.ConvTranspose2d(ways[1], 1, 3, 2, 1, output_padding=1), nn.Sigmoid())
        decoder = nn.Sequential(nn.Linear(embedding, flat), nn.ReLU(), nn.Unflatten(1, (channels[-1], small, small)), *up, *last)
    return EdgeAutoEncoder(encoder(side, channels, embedding, seed), decoder)


def encoder(side: int = SIDE, channels: Sequence[int] = CHANNELS, embedding: int = EMBEDDING, seed: int = 0) -> Any:
    """The first half alone, untrained. Raises ValueError as `network`."""
    import torch
    from torch import nn

    small, ways = _halved(side, channels), (1, *channels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        down = [_block(nn.Conv2d(a, b, 3, 2, 1), b) for a, b in itertools.pairwise(ways)]
        return nn.Sequential(*down, nn.Flatten(), nn.Linear(channels[-1] * small * small, embedding), nn.ReLU())


def _halved(side: int, channels: Sequence[int]) -> int:
    small = side >> len(channels)
    if small << len(channels) != side or not small:
        raise ValueError(f"a side of {side} pixels does not halve {len(channels)} times")
    return small


def _block(layer: Any, width: int) -> Any:
    from torch import nn

    return nn.Sequential(layer, nn.BatchNorm2d(width), nn.ReLU())


def edges_of(pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """Canny's edges of square RGB pictures of one size as [n, 1, side, side]."""
    return np.stack([canny_edges(picture) for picture in pictures])[:, None]


def draw_edges(layers: Sequence[Ground], box: Box, metres: float, side: int, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Canny's edges of up to `count` patches at random places of all layers, as [n, 1, side, side] of 0 and 1. Raises ValueError for fewer than two."""
    rng, found = np.random.default_rng(seed), []
    width = (box.east - box.west) % 360.0
    for n in range(count):
        lat, lon = box.south + rng.random() * (box.north - box.south), box.west + rng.random() * width
        patch = image_at(layers[n % len(layers)], lat, lon, metres, side)
        if patch.known.mean() >= 0.9:
            found.append(_edges_of_patch(patch.rgb, patch.known).astype(np.uint8))
    if len(found) < 2:
        raise ValueError("the tiles show too little of this area to train on")
    return np.stack(found)[:, None]


def train(net: EdgeAutoEncoder, edges: NDArray[Any], epochs: int = 10, batch: int = 32, learning_rate: float = 1e-3, seed: int = 0,
          cpu_s: float = float("inf"), progress: Callable[[int, float], None] = lambda epoch, loss: None) -> list[float]:  # fmt: skip
    """The mean squared error of each epoch; the last may be cut short when `cpu_s` seconds of this process are used up.

    The network is left ready to embed. Raises ValueError for fewer than two patches.
    """
    import torch
    from torch import nn

    if len(edges) < 2 or batch < 2:
        raise ValueError("an auto-encoder is trained on two patches or more at a time")
    both, given, losses = nn.Sequential(net.encoder, net.decoder), torch.from_numpy(edges), []
    began = time.process_time()
    order, adam = torch.Generator().manual_seed(seed), torch.optim.Adam(both.parameters(), lr=learning_rate)
    for epoch in range(epochs):
        both.train()
        total, count = 0.0, 0
        for rows in torch.randperm(len(given), generator=order).split(batch):
            if len(rows) < 2 or (count and time.process_time() - began > cpu_s):  # batch normalisation needs two
                continue
            wanted = given[rows].float()
            loss = nn.functional.mse_loss(both(wanted), wanted)
            adam.zero_grad()
            loss.backward()
            adam.step()
            total, count = total + float(loss.detach()) * len(rows), count + len(rows)
        losses.append(total / count)
        progress(epoch, losses[-1])
        if time.process_time() - began > cpu_s:
            break
    both.eval()
    return losses


def embed(net: EdgeAutoEncoder, edges: NDArray[np.float32], batch: int = 64) -> NDArray[np.float32]:
    """Unit vectors [n, embedding], none of whose numbers is negative."""
    import torch

    net.encoder.eval()
    with torch.no_grad():
        vectors = torch.cat([net.encoder(part) for part in torch.from_numpy(edges).split(batch)])
        return np.asarray(torch.nn.functional.normalize(vectors, dim=1).numpy(), dtype=np.float32)


def embed_patches(net: Any, patches: Sequence[Seen]) -> NDArray[np.float32]:
    """Unit vectors [n, embedding] of an encoder alone, for patches of its own side."""
    edges = np.stack([_edges_of_patch(rgb, known) for rgb, known in patches])[:, None]
    return embed(EdgeAutoEncoder(net, None), edges)


def _edges_of_patch(rgb: Picture, known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Edges that are the ground's: none at the border of what is known."""
    import cv2

    if known.all():
        return canny_edges(rgb)
    inner = cv2.erode(known.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=1)
    return np.asarray(canny_edges(rgb) * inner, dtype=np.float32)


def retrieve(query_D: NDArray[np.float32], emb_ND: NDArray[np.float32]) -> tuple[int, float]:
    """The published answer: the row of highest cosine, and its ratio to the second best (accepted above 1.13). Raises ValueError for fewer than two rows."""
    if len(emb_ND) < 2:
        raise ValueError("a ratio needs two patches or more")
    likeness = emb_ND @ query_D
    second, best = np.sort(likeness)[-2:]
    return int(likeness.argmax()), float(best / max(float(second), 1e-9))
