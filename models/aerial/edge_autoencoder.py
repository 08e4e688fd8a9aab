"""The published network for edges: an auto-encoder whose middle is the descriptor of a patch (arXiv 2404.06207).

As released (github.com/theodpzz/uav-localization): five convolutions of 3×3 and stride 2 with batch normalisation and ReLU, 1 to 512 channels, from
256 to 8 pixels; a linear layer to 1024 numbers with ReLU, and the mirror of all that back to the edges. It learns to draw Canny's edges of the
reference patches again, by mean squared error with Adam. The released code does not run as it stands and comes without weights; this
follows its description and text. A network of this size holds 68 million numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.aerial.edges import canny_edges
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

    small = side >> len(channels)
    if small << len(channels) != side or not small:
        raise ValueError(f"a side of {side} pixels does not halve {len(channels)} times")
    ways, flat = (1, *channels), channels[-1] * small * small

    def block(layer: Any, width: int) -> Any:
        return nn.Sequential(layer, nn.BatchNorm2d(width), nn.ReLU())

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        down = [block(nn.Conv2d(a, b, 3, 2, 1), b) for a, b in itertools.pairwise(ways)]
        up = [
            block(nn.ConvTranspose2d(ways[i], ways[i - 1], 3, 2, 1, output_padding=1), ways[i - 1])
            for i in range(len(ways) - 1, 1, -1)
        ]
        last = (nn.ConvTranspose2d(ways[1], 1, 3, 2, 1, output_padding=1), nn.Sigmoid())
        encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, embedding), nn.ReLU())
        decoder = nn.Sequential(nn.Linear(embedding, flat), nn.ReLU(), nn.Unflatten(1, (channels[-1], small, small)), *up, *last)
    return EdgeAutoEncoder(encoder, decoder)


def edges_of(pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """Canny's edges of square RGB pictures of one size as [n, 1, side, side]."""
    return np.stack([canny_edges(picture) for picture in pictures])[:, None]


def train(net: EdgeAutoEncoder, edges: NDArray[np.float32], epochs: int = 10, batch: int = 32, learning_rate: float = 1e-3, seed: int = 0,
          progress: Callable[[int, float], None] = lambda epoch, loss: None) -> list[float]:  # fmt: skip
    """The mean squared error of each epoch. The network is left ready to embed. Raises ValueError for fewer than two patches."""
    import torch
    from torch import nn

    if len(edges) < 2 or batch < 2:
        raise ValueError("an auto-encoder is trained on two patches or more at a time")
    both, given, losses = nn.Sequential(net.encoder, net.decoder), torch.from_numpy(edges), []
    order, adam = torch.Generator().manual_seed(seed), torch.optim.Adam(both.parameters(), lr=learning_rate)
    for epoch in range(epochs):
        both.train()
        total, count = 0.0, 0
        for rows in torch.randperm(len(given), generator=order).split(batch):
            if len(rows) < 2:  # batch normalisation needs two
                continue
            loss = nn.functional.mse_loss(both(given[rows]), given[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
            total, count = total + float(loss.detach()) * len(rows), count + len(rows)
        losses.append(total / count)
        progress(epoch, losses[-1])
    both.eval()
    return losses


def embed(net: EdgeAutoEncoder, edges: NDArray[np.float32], batch: int = 64) -> NDArray[np.float32]:
    """Unit vectors [n, embedding], none of whose numbers is negative."""
    import torch

    net.encoder.eval()
    with torch.no_grad():
        vectors = torch.cat([net.encoder(part) for part in torch.from_numpy(edges).split(batch)])
        return np.asarray(torch.nn.functional.normalize(vectors, dim=1).numpy(), dtype=np.float32)


def retrieve(query_D: NDArray[np.float32], emb_ND: NDArray[np.float32]) -> tuple[int, float]:
    """The published answer: the row of highest cosine, and its ratio to the second best (accepted above 1.13). Raises ValueError for fewer than two rows."""
    if len(emb_ND) < 2:
        raise ValueError("a ratio needs two patches or more")
    likeness = emb_ND @ query_D
    second, best = np.sort(likeness)[-2:]
    return int(likeness.argmax()), float(best / max(float(second), 1e-9))
