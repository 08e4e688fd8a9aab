"""Ground that a patch can be cut from: any square, turned, with true metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.aerial.pictures import Picture
from models.aerial.web_mercator import Floats, moved

MAX_PATCH_M = 20_000.0
MAX_PATCH_PIXELS = 4096
_MAX_LAT = 85.0


@dataclass(frozen=True)
class Patch:
    """Part of the ground."""

    rgb: Picture
    """[pixels, pixels, 3]; black where nothing is known."""
    known: NDArray[np.bool_]
    """[pixels, pixels]: where the ground has a picture."""
    missing: int
    """Tiles that were wanted and are not there, or cannot be read."""


class Ground(Protocol):
    """Georeferenced pictures of the ground."""

    def sample(self, lat: Floats, lon: Floats, metres_per_pixel: float) -> Patch:
        """Colours at points [height, width] whose neighbours are `metres_per_pixel` apart; longitudes may go past 180."""
        ...


def image_at(ground: Ground, lat: float, lon: float, metres: float, pixels: int = 128, rotate_deg: float = 0.0) -> Patch:
    """The square of `metres` around a point. Its top looks to `rotate_deg`, clockwise from north.

    Raises ValueError for squares that are too large, too close to a pole, or not finite.
    """
    if not (abs(lat) <= _MAX_LAT and abs(lon) <= 360.0 and np.isfinite(rotate_deg)):
        raise ValueError(f"patches lie between {_MAX_LAT:g}° S and {_MAX_LAT:g}° N")
    if not (0 < metres <= MAX_PATCH_M and 1 <= pixels <= MAX_PATCH_PIXELS):
        raise ValueError(f"patches have at most {MAX_PATCH_M:g} m and {MAX_PATCH_PIXELS} pixels")
    steps = ((np.arange(pixels) + 0.5) / pixels - 0.5) * metres
    right, up = np.meshgrid(steps, -steps)
    turn = np.radians(rotate_deg)
    east, north = right * np.cos(turn) + up * np.sin(turn), up * np.cos(turn) - right * np.sin(turn)
    lats, lons = moved(lat, lon, east, north)
    return ground.sample(lats, lons, metres / pixels)


def resampled(picture: Picture, known: NDArray[np.bool_], x: Floats, y: Floats, shrink: int) -> tuple[Picture, NDArray[np.bool_]]:
    """Colours of `picture` at continuous pixels (x, y), and where all of them are known.

    `shrink` averages so many pixels first, against aliasing where the wanted pixels are larger.
    """
    import cv2

    if shrink > 1:
        height, width = (max(side // shrink, 1) * shrink for side in picture.shape[:2])
        picture, known = picture[:height, :width], known[:height, :width]
        size = (max(width // shrink, 1), max(height // shrink, 1))
        mask = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    else:
        mask = known.astype(np.float32)
    at = [(axis / shrink - 0.5).astype(np.float32) for axis in (x, y)]
    # The border repeats by half a pixel, so that the outermost half pixels of the ground count as known.
    inside = (x >= 0) & (y >= 0) & (x <= mask.shape[1] * shrink) & (y <= mask.shape[0] * shrink)
    rgb = cv2.remap(picture, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.remap(mask, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    sure = inside & (share > 0.99)
    rgb[~sure] = 0
    return rgb, np.asarray(sure)
