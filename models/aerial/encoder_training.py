"""Learned descriptors trained on ground and kept in a file: the contrastive one, and the published auto-encoder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geo.area import Box
from models.aerial import contrastive, edge_autoencoder
from models.aerial.encoder_file import save_encoder
from models.aerial.ground import Ground

Say = Callable[[int, float], None]
"""Step or epoch, and its loss."""
_MOST_PATCHES = 3000  # of the auto-encoder, 200 MB
_SMALL = {"side": 64, "channels": (32, 64, 128), "embedding": 256}
_PUBLISHED = {"side": edge_autoencoder.SIDE, "channels": edge_autoencoder.CHANNELS, "embedding": edge_autoencoder.EMBEDDING}


def train_contrastive(path: Path, layers: Sequence[Ground], box: Box, metres: float, steps: int, cpu_s: float, seed: int = 0,
                      say: Say = lambda step, loss: None, batch: int = 96) -> dict[str, Any]:  # fmt: skip
    """Train, save to `path`, and say how it was trained. Raises ValueError for layers that show too little."""
    began, net = time.process_time(), contrastive.network(seed=seed)
    losses = contrastive.train(
        net, layers, box, metres, steps, batch, seed=seed, cpu_s=cpu_s, progress=lambda step, _, loss: say(step, loss)
    )
    trained = {"steps": len(losses), "places a step": batch, "layers": len(layers), "metres": metres, "loss": round(float(np.mean(losses[-20:])), 4),
               "processor seconds": round(time.process_time() - began)}  # fmt: skip
    save_encoder(path, "contrastive", net, {"channels": list(contrastive.CHANNELS)}, trained)
    return trained


def train_autoencoder(path: Path, layers: Sequence[Ground], box: Box, metres: float, steps: int, cpu_s: float, seed: int = 0, small: bool = False,
                      say: Say = lambda step, loss: None, batch: int = 32) -> dict[str, Any]:  # fmt: skip
    """As `train_contrastive`, for Canny's edges. Steps beyond ten epochs, the published number, are not taken."""
    began, shape = time.process_time(), _SMALL if small else _PUBLISHED
    count = min(max(steps * batch, 2), _MOST_PATCHES)
    edges = edge_autoencoder.draw_edges(layers, box, metres, int(shape["side"]), count, seed)  # type: ignore[call-overload]
    net = edge_autoencoder.network(**shape, seed=seed)  # type: ignore[arg-type]
    each = -(-len(edges) // batch)
    losses = edge_autoencoder.train(net, edges, max(min(steps // each, 10), 1), batch, seed=seed, cpu_s=cpu_s - (time.process_time() - began),
                                    progress=lambda epoch, loss: say(min((epoch + 1) * each, steps), loss))  # fmt: skip
    trained = {"epochs": len(losses), "patches": len(edges), "patches a step": batch, "layers": len(layers), "metres": metres, "loss": round(losses[-1], 5),
               "processor seconds": round(time.process_time() - began)}  # fmt: skip
    save_encoder(path, "autoencoder", net.encoder, {**shape, "channels": list(shape["channels"])}, trained)  # type: ignore[call-overload]
    return trained
