"""Equirectangular panoramas: known by their shape, seen through ordinary perspective views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import Encoder, unit_rows

if TYPE_CHECKING:
    from PIL import Image

HEADINGS = (0.0, 90.0, 180.0, 270.0)
_ASPECT_TOLERANCE = 0.02
_LEAST_WIDTH = 1000
_LARGEST_VIEW = 1024

Vector = NDArray[np.float32]


def is_panorama(picture: Image.Image, flagged: bool = False) -> bool:
    """Whether a picture is an equirectangular panorama: twice as wide as high (within 2 %) and wider than 1000 pixels, or flagged as one."""
    width, height = picture.size
    return abs(width / (2 * height) - 1) <= _ASPECT_TOLERANCE and (flagged or width > _LEAST_WIDTH)


def view_angles(size: int, fov_deg: float, heading_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude in degrees, each [size, size], that the pixel centres of a square level view look at.

    The gnomonic projection: a pixel at (x, y) from the centre, in units of the focal length, looks along (x, y, 1);
    longitude = heading + atan x, latitude = atan(−y / √(1 + x²)). Longitudes are in [−180, 180).
    """
    half = math.tan(math.radians(fov_deg) / 2)
    steps = ((np.arange(size) + 0.5) / size * 2 - 1) * half
    x, y = np.meshgrid(steps, steps)
    lon = heading_deg + np.degrees(np.arctan(x))
    return (lon + 180.0) % 360.0 - 180.0, np.degrees(np.arctan2(-y, np.hypot(1.0, x)))


def panorama_views(picture: Image.Image, fov_deg: float = 90.0, headings: Sequence[float] = HEADINGS) -> list[Image.Image]:
    """Square perspective views of an equirectangular picture, level, at headings in degrees clockwise from its middle column.

    A view has about the panorama's resolution, at most 1024 pixels a side. Raises ValueError for a field of view outside (0, 180).
    """
    import cv2
    from PIL import Image

    if not 0 < fov_deg < 180:
        raise ValueError(f"a view's field must lie between 0 and 180 degrees, not {fov_deg:g}")
    sphere = np.asarray(picture.convert("RGB"))
    height, width = sphere.shape[:2]
    size = int(min(max(round(width * fov_deg / 360), 1), _LARGEST_VIEW))
    step = width * fov_deg / 360 / size
    if step > 1:  # scaled down first, so that no pixel is skipped
        small = picture.convert("RGB").resize((round(width / step), round(height / step)), Image.Resampling.BOX)
        sphere = np.asarray(small)
        height, width = sphere.shape[:2]
    ring = np.concatenate([sphere[:, -1:], sphere, sphere[:, :1]], axis=1)  # one more column on both sides of the seam
    views = []
    for heading in headings:
        lon, lat = view_angles(size, fov_deg, heading)
        column = ((lon + 180.0) / 360.0 * width - 0.5) + 1.0
        row = (90.0 - lat) / 180.0 * height - 0.5
        seen = cv2.remap(
            ring, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        views.append(Image.fromarray(seen))
    return views


def encode_photo(encoder: Encoder, picture: Image.Image, panorama: bool | None = None) -> Vector:
    """Unit vector [dim] of a photo; of a panorama the mean of four views' vectors, scaled to length 1. `None` decides by `is_panorama`."""
    seen = panorama_views(picture) if (is_panorama(picture) if panorama is None else panorama) else [picture]
    vectors = encoder.encode(seen)
    return np.asarray(unit_rows(vectors.mean(axis=0, keepdims=True))[0], dtype=np.float32)
