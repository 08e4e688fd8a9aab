"""The encoder that is always there: EfficientNet-Lite2, average pooling, whitening, unit length.

Whitening follows Jégou & Chum 2012: descriptors are centred, turned to their principal axes, cut to the first ones and
divided by the standard deviations there. Each variance is first drawn towards the mean variance (shrinkage), because the
small ones rest on few photos. Pooling, dimensions and shrinkage were chosen on photos of the whitening set, by finding the
right half of a photo from its left half (`models/data/README.md`).
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.encoders.efficientnet_lite import EfficientNetLite, average_pool
from models.encoders.encoder import EncoderError, Vectors, unit_rows
from models.encoders.lite_graph import CHANNELS

if TYPE_CHECKING:
    from PIL import Image

NAME = "embedded"
LICENCE = "Apache-2.0"
POOL = average_pool
DIM = 512
SHRINKAGE = 0.5
WHITENING = Path(__file__).parents[1] / "data" / "whitening_lite2.npz"


@dataclass(frozen=True, eq=False)
class Whitening:
    """An affine map of descriptors."""

    mean: NDArray[np.float32]
    """[channels], of unit descriptors."""
    axes: NDArray[np.float32]
    """[channels, dim]: principal axes over standard deviations."""

    @property
    def dim(self) -> int:
        """Length of a whitened vector."""
        return int(self.axes.shape[1])

    @classmethod
    def fit(cls, descriptors: NDArray[np.float32], dim: int = DIM, shrinkage: float = SHRINKAGE) -> Whitening:
        """From descriptors [n, channels] of any length; `shrinkage` is the share of the mean variance in every variance."""
        rows = unit_rows(descriptors).astype(np.float64)
        mean = rows.mean(axis=0)
        variances, axes = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
        first = np.argsort(variances)[::-1][:dim]
        shrunk = (1 - shrinkage) * variances[first] + shrinkage * variances.mean()
        return cls(mean.astype(np.float32), (axes[:, first] / np.sqrt(shrunk)).astype(np.float32))

    def apply(self, descriptors: NDArray[np.float32]) -> Vectors:
        """Unit vectors [n, dim] of descriptors [n, channels]."""
        return unit_rows((unit_rows(descriptors) - self.mean) @ self.axes)


def write_whitening(path: Path, whitening: Whitening) -> None:
    """Keep a whitening, its axes as float16 (each scaled to length 1, with the lengths beside them)."""
    lengths = np.linalg.norm(whitening.axes, axis=0)
    np.savez_compressed(path, mean=whitening.mean, axes=(whitening.axes / lengths).astype(np.float16), lengths=lengths)


def read_whitening(path: Path = WHITENING) -> Whitening:
    """Read one. Raises EncoderError."""
    try:
        with np.load(path, allow_pickle=False) as data:
            mean, axes, lengths = (np.asarray(data[name], dtype=np.float32) for name in ("mean", "axes", "lengths"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise EncoderError(f"the whitening {path} cannot be read ({error})") from error
    if mean.shape != (CHANNELS,) or axes.shape != (CHANNELS, len(lengths)) or not np.isfinite(axes).all():
        raise EncoderError(f"the whitening {path} is not one of descriptors of {CHANNELS} numbers")
    return Whitening(mean, axes * lengths)


class Embedded:
    """Unit vectors without torch and without a download; thread-safe."""

    name = NAME
    licence = LICENCE

    def __init__(self, threads: int = 1) -> None:
        """Ready the network, with `threads` of its own for each call. Raises EncoderError."""
        self._network = EfficientNetLite.load(threads)
        self._whitening = read_whitening()
        self.dim = self._whitening.dim
        self.digest = _digest(self._network.digest, self._whitening)

    def encode(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Unit vectors [n, dim]."""
        return self.encode_and_classify(pictures)[0]

    def encode_and_classify(self, pictures: Sequence[Image.Image]) -> tuple[Vectors, NDArray[np.float32]]:
        """Unit vectors [n, dim] and the logits [n, 1000] of the ImageNet classes, from one pass of the network."""
        features = self._network.run(pictures, POOL)
        vectors = self._whitening.apply(features.pooled) if len(pictures) else np.zeros((0, self.dim), dtype=np.float32)
        return vectors, features.logits


def _digest(network: str, whitening: Whitening) -> str:
    digest = hashlib.sha256(f"{network} {POOL.__name__}".encode())
    digest.update(whitening.mean.tobytes() + whitening.axes.tobytes())
    return digest.hexdigest()[:16]
