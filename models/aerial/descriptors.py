"""Patches of ground as vectors that can be compared by a dot product.

The three here are not learned, and look through a disc, so that a turned patch shows the same ground. `pixels` is the baseline: grey
values. Learned ones come from a file (`models.aerial.encoder_file`) as the same kind of object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.aerial.edges import BINS, SCALES_PX, Maps, canny_edges, orientation_maps
from models.aerial.pictures import Picture

PATCH_PIXELS = 128
_BORDER_PX = 4  # gradients at the edge of what is known are not the ground's
Seen = tuple[Picture, NDArray[np.bool_]]
"""A patch's colours and where they are known."""
LEARNED = ("autoencoder", "contrastive")


@dataclass(frozen=True)
class Descriptor:
    """A name and the vector it makes: RGB [pixels, pixels, 3] and what is known of it [pixels, pixels] as a unit vector, float32 [size]."""

    name: str
    size: int
    embed: Callable[[Picture, NDArray[np.bool_]], Maps]
    pixels: int = PATCH_PIXELS
    digest: str = ""
    """Of the weights, where it was learned."""
    batched: Callable[[Sequence[Seen]], Maps] | None = None
    """Many patches at once, where that is faster."""

    def embed_many(self, patches: Sequence[Seen]) -> Maps:
        """Vectors [n, size] of patches."""
        if self.batched is not None:
            return self.batched(patches)
        return np.stack([self.embed(rgb, known) for rgb, known in patches])


def _orientation(rgb: Picture, known: NDArray[np.bool_]) -> Maps:
    """Histograms of orientations over 10 × 10 overlapping cells, square rooted so that one strong road does not hide the rest."""
    pooled = _pooled(orientation_maps(rgb) * seen_disc(known), 10, 6.0)
    return _unit(np.sqrt(pooled))


def _canny(rgb: Picture, known: NDArray[np.bool_]) -> Maps:
    """How dense Canny's edges lie, blurred to 24 × 24, less their mean in the disc."""
    return _unit(_centred(canny_edges(rgb), known, 24))


def _pixels(rgb: Picture, known: NDArray[np.bool_]) -> Maps:
    """Grey values at 24 × 24, less their mean in the disc: normalised correlation."""
    return _unit(_centred(rgb.astype(np.float32).mean(axis=2), known, 24))


DESCRIPTORS = {
    d.name: d
    for d in (
        Descriptor("orientation", 100 * BINS * len(SCALES_PX), _orientation),
        Descriptor("canny", 576, _canny),
        Descriptor("pixels", 576, _pixels),
    )
}


def descriptor(name: str) -> Descriptor:
    """By name. Raises ValueError that lists the names."""
    if name in LEARNED:
        raise ValueError(f"the descriptor {name} is learned: give the file that `uav train` wrote (--encoder)")
    if name not in DESCRIPTORS:
        raise ValueError(f"there is no descriptor {name[:40]!r}; there are {', '.join(DESCRIPTORS)}")
    return DESCRIPTORS[name]


@cache
def _disc() -> NDArray[np.float32]:
    steps = (np.arange(PATCH_PIXELS) + 0.5) / PATCH_PIXELS * 2 - 1
    radius = np.hypot(*np.meshgrid(steps, steps))
    return np.clip((1.0 - radius) * 8.0, 0.0, 1.0).astype(np.float32)


def seen_disc(known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Weights [128, 128]: 1 in the disc where the ground is known, 0 outside, at its border and close to what is unknown."""
    import cv2

    if known.all():
        return _disc()
    inner = cv2.erode(known.astype(np.uint8), np.ones((2 * _BORDER_PX + 1,) * 2, np.uint8), borderValue=1)
    return np.asarray(_disc() * inner)


def _centred(values: Maps, known: NDArray[np.bool_], side: int) -> Maps:
    weight = seen_disc(known)
    total = float(weight.sum())
    mean = float((values * weight).sum() / total) if total else 0.0
    return _pooled((values - mean) * weight, side, 3.0)


def _pooled(maps: Maps, side: int, sigma_px: float) -> Maps:
    """Gaussian means around `side` × `side` points of maps [..., 128, 128]."""
    weights = _weights(side, sigma_px)
    return np.asarray(weights @ (maps @ weights.T))


@cache
def _weights(side: int, sigma_px: float) -> Maps:
    centres = (np.arange(side) + 0.5) * PATCH_PIXELS / side
    away = (np.arange(PATCH_PIXELS) + 0.5)[None, :] - centres[:, None]
    weights = np.exp(-0.5 * (away / sigma_px) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _unit(values: Maps) -> Maps:
    flat = values.reshape(-1)
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-9), dtype=np.float32)
