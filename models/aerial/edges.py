"""Edges of ground pictures: as published (Canny), and gradient orientations at two scales.

Edges stay where seasons and light change colours. Canny with thresholds of 50 and 200 on the picture, made binary, is what `Leveraging edge
detection and neural networks for better UAV localization` (arXiv 2404.06207) feeds to its network. Fixed thresholds lose edges in haze and
find texture in sun. The alternative here has none: gradients at two scales, weighed by how strong they are against their
surroundings, by their direction without its sign, because a field that was brighter than its road may be darker after the harvest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.aerial.pictures import Picture

Maps = NDArray[np.float32]

CANNY_LOW, CANNY_HIGH = 50, 200
BINS = 6
SCALES_PX = (2.0, 4.0)
_SURROUNDINGS_PX = 41


def canny_edges(rgb: Picture) -> Maps:
    """1.0 on an edge and 0.0 elsewhere [height, width], with the published thresholds."""
    import cv2

    return np.asarray(cv2.Canny(rgb, CANNY_LOW, CANNY_HIGH) > 0, dtype=np.float32)


def orientation_maps(rgb: Picture) -> Maps:
    """[scales · bins, height, width]: relative strength of gradients towards each of six directions of 180°, at two scales.

    A gradient of double angle 2θ counts in the bin at θk as max(0, cos 2(θ - θk))²: bins overlap, so that a turn of some degrees moves
    strength to a neighbour instead of losing it.
    """
    import cv2

    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    maps = np.empty((len(SCALES_PX) * BINS, *grey.shape), dtype=np.float32)
    for i, sigma in enumerate(SCALES_PX):
        soft = cv2.GaussianBlur(grey, (0, 0), sigma)
        dx, dy = cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)
        squared = dx * dx + dy * dy
        strength = np.sqrt(squared)
        weight = np.sqrt(np.minimum(strength / (cv2.blur(strength, (_SURROUNDINGS_PX, _SURROUNDINGS_PX)) + 8.0), 4.0))
        cos, sin = weight * (dx * dx - dy * dy) / (squared + 1e-6), weight * 2.0 * dx * dy / (squared + 1e-6)
        for k in range(BINS):
            towards = np.maximum(
                cos * np.float32(np.cos(2 * np.pi * k / BINS)) + sin * np.float32(np.sin(2 * np.pi * k / BINS)), 0.0
            )
            np.multiply(towards, towards, out=maps[i * BINS + k])
    return maps
