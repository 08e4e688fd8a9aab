"""Pictures drawn from formulas."""

from __future__ import annotations

import numpy as np
from PIL import Image


def waves(width: int = 224, height: int = 160, seed: int = 0) -> Image.Image:
    """A colourful pattern; another one for each seed."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    a, b, c = np.random.default_rng(seed).uniform(5, 30, 3)
    planes = [np.sin(x / a) + np.cos(y / b), np.sin((x + y) / c), np.cos(x * y / (60 * a))]
    return Image.fromarray(np.stack([(plane + 2) / 4 * 255 for plane in planes], axis=-1).astype(np.uint8))
