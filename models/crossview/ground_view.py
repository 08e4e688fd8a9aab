"""Pictures from the ground as strips: columns of directions, rows of elevations, the same degrees a pixel whatever the lens."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.aerial.pictures import Picture
from models.crossview.shape import COLUMN_PX, PIXEL_DEG, ROWS_ABOVE, STRIP_ROWS, window

PINHOLE_MOST_DEG = 150.0
"""A wider picture is read as a piece of a panorama."""
LEAST_FOV_DEG = 10.0
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Strip:
    """What a camera saw."""

    rgb: Picture
    """[STRIP_ROWS, columns · COLUMN_PX, 3], black where nothing is known."""
    known: NDArray[np.bool_]
    fov_deg: float


@dataclass(frozen=True)
class Aim:
    """How a camera looked, as far as it matters here. The window's middle is `turn_deg` left of the picture's middle."""

    fov_deg: float
    """Of the whole picture, from left to right."""
    turn_deg: float = 0.0
    pitch_deg: float = 0.0
    box: Box = (0.0, 0.0, 1.0, 1.0)
    """The part of the picture that is given: left, top, right, bottom as shares."""
    panorama: bool = False
    """Whether columns of the picture are directions; a whole panorama has 360 degrees."""
    window_deg: float | None = None
    """How wide the strip is; the picture's field of view by default. Narrower cuts a photo out of a panorama."""


def strip(picture: Picture, aim: Aim) -> Strip:
    """The strip of a picture, RGB of any size. Raises ValueError for fields of view that are none."""
    import cv2

    if not (math.isfinite(aim.fov_deg) and LEAST_FOV_DEG <= aim.fov_deg <= 360):
        raise ValueError(f"a field of view lies between {LEAST_FOV_DEG:g} and 360 degrees")
    wanted = aim.window_deg or aim.fov_deg
    columns, middle = window(wanted)
    shown = _shrunk(picture, aim)
    azimuth = (np.arange(columns * COLUMN_PX, dtype=np.float64) + 0.5 - (middle + 0.5) * COLUMN_PX) * np.float64(PIXEL_DEG)
    elevation = (ROWS_ABOVE - 0.5 - np.arange(STRIP_ROWS, dtype=np.float64)) * np.float64(PIXEL_DEG)
    round_ = aim.panorama or aim.fov_deg > PINHOLE_MOST_DEG
    x, y, seen = (_panorama if round_ else _pinhole)(aim, azimuth[None, :], elevation[:, None], _aspect(picture, aim))
    seen = seen & (np.abs(azimuth) <= wanted / 2 + 1e-6)[None, :]
    left, top, right, bottom = aim.box
    u, v = (x - left) / (right - left), (y - top) / (bottom - top)
    known = seen & (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    height, width = shown.shape[:2]
    border = cv2.BORDER_WRAP if aim.panorama and aim.fov_deg >= 360 else cv2.BORDER_REPLICATE
    rgb = cv2.remap(
        shown, (u * width - 0.5).astype(np.float32), (v * height - 0.5).astype(np.float32), cv2.INTER_LINEAR, borderMode=border
    )
    rgb[~known] = 0
    return Strip(rgb, known, wanted)


def _aspect(picture: Picture, aim: Aim) -> float:
    """Height over width of the whole picture."""
    left, top, right, bottom = aim.box
    return float(picture.shape[0] / (bottom - top) / (picture.shape[1] / (right - left)))


def _pinhole(aim: Aim, azimuth: NDArray[np.float64], elevation: NDArray[np.float64], aspect: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:  # fmt: skip
    """Where directions lie in the whole picture, as shares; a small pitch moves the horizon."""
    turned = azimuth - aim.turn_deg
    ahead = np.abs(turned) < 89.0
    side = np.tan(np.radians(np.where(ahead, turned, 0.0)))
    focal = 0.5 / math.tan(math.radians(aim.fov_deg / 2))  # in widths
    up = np.tan(np.radians(elevation)) * np.hypot(side, 1.0) - math.tan(math.radians(aim.pitch_deg))
    x, y = np.broadcast_arrays(0.5 + focal * side, 0.5 - focal * up / aspect)
    return x, y, np.broadcast_to(ahead, x.shape)


def _panorama(aim: Aim, azimuth: NDArray[np.float64], elevation: NDArray[np.float64], aspect: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:  # fmt: skip
    x, y = np.broadcast_arrays(
        0.5 + (azimuth - aim.turn_deg) / aim.fov_deg, 0.5 - (elevation - aim.pitch_deg) / (aim.fov_deg * aspect)
    )
    inside = np.ones(x.shape, dtype=bool) if aim.fov_deg >= 360 else (x >= 0) & (x <= 1)
    return (x % 1.0 if aim.fov_deg >= 360 else x), y, inside


def _shrunk(picture: Picture, aim: Aim) -> Picture:
    """The picture with pixels about as large as a strip's, so that nothing aliases."""
    import cv2

    degrees = aim.fov_deg * (aim.box[2] - aim.box[0]) / picture.shape[1]
    factor = degrees / PIXEL_DEG
    if factor > 0.7:
        return picture
    size = (max(round(picture.shape[1] * factor), 2), max(round(picture.shape[0] * factor), 2))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def mirrored(one: Strip) -> Strip:
    """The strip seen in a mirror; the middle of its window stays."""
    columns, middle = window(one.fov_deg)
    turn = (2 * middle + 1 - columns) * COLUMN_PX
    return Strip(np.roll(one.rgb[:, ::-1], turn, axis=1), np.roll(one.known[:, ::-1], turn, axis=1), one.fov_deg)
