"""Pictures from above unrolled around a point: columns of directions, rows of distances (the polar transform of SAFA, Shi et al. 2019).

The lowest row lies next to the camera, as in a picture from the ground. Near rings are narrower than far ones: 1.2 m at the camera, some 3 m at 60 m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.aerial.pictures import Picture
from models.crossview.shape import COLUMN_DEG, COLUMNS, POLAR_PX, RINGS

WIDTH = COLUMNS * POLAR_PX
_NEAREST_M = 1.5


@dataclass(frozen=True)
class Polar:
    """What lies around a point."""

    rgb: Picture
    """[RINGS, WIDTH, 3], black where nothing is known."""
    known: NDArray[np.bool_]


def rings_m(radius_m: float) -> NDArray[np.float64]:
    """Distance of each row, the farthest first."""
    return np.asarray(_NEAREST_M + (radius_m - _NEAREST_M) * (np.arange(RINGS)[::-1] / (RINGS - 1)) ** 1.3)


def unrolled(
    picture: Picture, metres_per_pixel: float, radius_m: float, east_m: float = 0.0, north_m: float = 0.0, turn_deg: float = 0.0,
    known: NDArray[np.bool_] | None = None,
) -> Polar:  # fmt: skip
    """Around the point `east_m`, `north_m` of the middle of a picture with north up. Column 0 looks to `turn_deg` clockwise from north."""
    import cv2

    picture, mask, metres_per_pixel = _shrunk(picture, known, metres_per_pixel)
    height, width = picture.shape[:2]
    azimuth = np.radians((np.arange(WIDTH) + 0.5) / POLAR_PX * COLUMN_DEG - COLUMN_DEG / 2 + turn_deg)
    far = rings_m(radius_m)[:, None]
    x = width / 2 + (east_m + far * np.sin(azimuth)) / metres_per_pixel - 0.5
    y = height / 2 - (north_m + far * np.cos(azimuth)) / metres_per_pixel - 0.5
    inside = (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
    at = x.astype(np.float32), y.astype(np.float32)
    rgb = cv2.remap(picture, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if mask is not None:
        inside &= cv2.remap(mask, *at, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE) > 0
    rgb[~inside] = 0
    return Polar(rgb, inside)


def _shrunk(picture: Picture, known: NDArray[np.bool_] | None, metres: float) -> tuple[Picture, NDArray[np.uint8] | None, float]:
    """Pixels of about a metre, so that nothing aliases."""
    import cv2

    mask = None if known is None or known.all() else known.astype(np.uint8)
    if metres >= 0.6:
        return picture, mask, metres
    size = (max(round(picture.shape[1] * metres / 0.9), 2), max(round(picture.shape[0] * metres / 0.9), 2))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    mask = None if mask is None else np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST))
    return small, mask, metres * picture.shape[1] / size[0]


def mirrored(one: Polar) -> Polar:
    """East and west swapped; the middle of column 0 stays."""
    return Polar(np.roll(one.rgb[:, ::-1], POLAR_PX, axis=1), np.roll(one.known[:, ::-1], POLAR_PX, axis=1))
