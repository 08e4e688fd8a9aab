"""Perceptual hashes of a picture: two that survive another size, another encoder and small cuts.

- pHash: of the picture in grey at 32 × 32 pixels, the 8 × 8 lowest frequencies of the discrete cosine transform, each against the
  median of all but the first (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", thesis, 2010).
- dHash: of the picture in grey at 9 × 8 pixels, whether each is darker than its right neighbour (N. Krawetz, "Kind of Like That",
  hackerfactor.com, 2013).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

SAME_BITS = 16
"""Pictures that differ by at most this many of 128 bits are taken for the same (measured in `evals/leakage.py`)."""

_SIDE = 32
_FLAT = 2.0
"""Of 255: a picture whose grey values spread less than this (standard deviation) looks like any other such one."""

_AT = np.arange(_SIDE)
_COSINES = np.cos(np.pi * (2 * _AT[None, :] + 1) * _AT[:, None] / (2 * _SIDE))
"""The discrete cosine transform of the second kind, [frequency, pixel], without its constant factors, which no comparison sees."""


def picture_hashes(picture: Image.Image) -> tuple[int, int, bool]:
    """pHash and dHash, 64 bits each, of an upright picture, and whether it is nearly of one colour, so that they say nothing."""
    from PIL import Image

    grey = picture.convert("L")
    square = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    low = (_COSINES @ square @ _COSINES.T)[:8, :8].ravel()
    small = np.asarray(grey.resize((9, 8), Image.Resampling.LANCZOS), dtype=np.int16)
    phash, dhash = _number(low > np.median(low[1:])), _number((small[:, 1:] > small[:, :-1]).ravel())
    return phash, dhash, bool(square.std() < _FLAT)


def hex_marks(phash: int, dhash: int, flat: bool) -> str:
    """Both hashes as the 32 hexadecimal digits that a gallery keeps; empty for a picture of one colour."""
    return "" if flat else f"{phash:016x}{dhash:016x}"


def bits_between(marks: str, others: str) -> int | None:
    """In how many of 128 bits two marks differ; None where one of them is empty or not what `hex_marks` wrote."""
    try:
        return (int(marks, 16) ^ int(others, 16)).bit_count() if len(marks) == len(others) == 32 else None
    except ValueError:
        return None


def _number(bits: NDArray[np.bool_]) -> int:
    """64 bits, the first the highest."""
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
