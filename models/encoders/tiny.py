"""The `tiny` encoder: a picture as its 16 × 16 colour thumbnail, centred and of unit length (Torralba, Fergus and Freeman 2008, "80 million
tiny images"; one of the features of Hays and Efros 2008, IM2GPS). It needs no weights, and knows what a scene looks like from far away and
no more: a baseline, and an encoder for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import Vectors

if TYPE_CHECKING:
    from PIL import Image

SIDE_PX = 16


class Tiny:
    """Fits the `Encoder` protocol."""

    name = "tiny"
    digest = "74696e7920303031"
    dim = 3 * SIDE_PX**2
    licence = "none needed"

    def encode(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Unit vectors [n, 768]; zeros for a picture of one colour."""
        return np.stack([tiny_image(picture) for picture in pictures]) if pictures else np.zeros((0, self.dim), dtype=np.float32)


def tiny_image(picture: Image.Image) -> NDArray[np.float32]:
    """16 × 16 pixels of three colours [768], mean 0, length 1 (0 for a picture of one colour)."""
    from PIL import Image

    small = picture.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float32).ravel() / 255.0
    pixels -= pixels.mean()
    length = float(np.linalg.norm(pixels))
    return np.asarray(pixels / length if length > 1e-6 else pixels * 0.0, dtype=np.float32)
