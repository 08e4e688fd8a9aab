"""What an encoder is: a batch of pictures in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

Vectors = NDArray[np.float32]


class EncoderError(ValueError):
    """An encoder that cannot be made; one line that says why and what would help."""


class Encoder(Protocol):
    """Describes pictures by unit vectors. Thread-safe."""

    @property
    def name(self) -> str:
        """The spec that `make_encoder` makes it again from: `embedded`, `clip:openai/clip-vit-large-patch14`."""
        ...

    @property
    def digest(self) -> str:
        """16 hexadecimal digits of all that vectors depend on: weights, preprocessing, whitening. Vectors of different digests never mix."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def licence(self) -> str:
        """Licence of the weights, as their publisher states it."""
        ...

    def encode(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Unit vectors [n, dim], float32, of RGB pictures of any size. No pictures give [0, dim]."""
        ...


def unit_rows(vectors: NDArray[np.floating]) -> Vectors:
    """Rows [n, d] scaled to length 1; a row of zeros stays one."""
    rows = np.asarray(vectors, dtype=np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12), dtype=np.float32)
