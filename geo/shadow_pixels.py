"""Altitude and azimuth of the sun from three points of a photo: foot and top of something upright, and the tip of its shadow on level ground.

Back-projection through a pinhole camera. The height of the camera cancels; its heading stays unknown, so that the azimuth counts from the
direction in which it looks. Errors of clicks, field of view, pitch and roll are propagated by Monte Carlo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geo.shadow import Shadow
from geo.sphere import Floats

Pixel = tuple[float, float]
"""x to the right and y down from the top left corner, in pixels."""
LEAST_ALTITUDE_DEG = 5.0
_MOST_LOST = 0.2
_FARTHEST = 60.0
"""Ground farther away than so many heights of the camera is too near the horizon to measure on."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; degrees, errors as standard deviations."""

    width: int
    height: int
    hfov_deg: float = 65.0
    """Horizontal field of view; 65° is a common telephone's main camera."""
    pitch_deg: float = 0.0
    """Upwards."""
    roll_deg: float = 0.0
    """Clockwise, seen from behind the camera."""
    hfov_error: float = 0.1
    """As a share of the field of view."""
    pitch_sigma_deg: float = 2.0
    roll_sigma_deg: float = 1.0

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError("a picture has a width and a height")
        if not 5.0 <= self.hfov_deg <= 140.0:
            raise ValueError("the horizontal field of view lies between 5 and 140 degrees")
        if not (abs(self.pitch_deg) <= 80.0 and abs(self.roll_deg) <= 90.0):
            raise ValueError("the pitch lies between -80 and 80 degrees, the roll between -90 and 90")
        if not (0.0 <= self.hfov_error <= 0.5 and 0.0 <= self.pitch_sigma_deg <= 30.0 and 0.0 <= self.roll_sigma_deg <= 30.0):
            raise ValueError("the errors of the camera are 0 to 0.5 of the field of view and 0 to 30 degrees")

    @property
    def focal_px(self) -> float:
        return self.width / 2.0 / math.tan(math.radians(self.hfov_deg) / 2.0)


@dataclass(frozen=True)
class Measured:
    """What the pixels say of the sun, degrees."""

    altitude_deg: float
    altitude_sigma_deg: float
    azimuth_deg: float
    """Clockwise from the direction in which the camera looks."""
    azimuth_sigma_deg: float

    def shadow(
        self, heading_deg: float | None = None, heading_sigma_deg: float = 0.0, after_minutes: float | None = 0.0
    ) -> Shadow:
        """As a measurement; where the heading of the camera is known the azimuth counts from north."""
        sigma = math.hypot(self.azimuth_sigma_deg, heading_sigma_deg)
        azimuth = self.azimuth_deg if heading_deg is None else (self.azimuth_deg + heading_deg) % 360.0
        return Shadow(
            self.altitude_deg,
            max(self.altitude_sigma_deg, 0.05),
            azimuth,
            min(max(sigma, 0.05), 180.0),
            heading_deg is None,
            after_minutes,
        )


def focal_to_hfov(focal_px: float, width: int) -> float:
    """Horizontal field of view, degrees, from a focal length in pixels. Raises ValueError where it is not above 0."""
    if not (math.isfinite(focal_px) and focal_px > 0.0 and width > 0):
        raise ValueError("a focal length in pixels is a number above 0")
    return math.degrees(2.0 * math.atan(width / 2.0 / focal_px))


def pitch_of_horizon(y: float, camera: Camera) -> float:
    """Pitch in degrees of a camera without roll that has the horizon (of the sea, of a plain) on the row `y`, in pixels from the top."""
    return math.degrees(math.atan((y - camera.height / 2.0) / camera.focal_px))


def measure(
    base: Pixel, top: Pixel, tip: Pixel, camera: Camera, click_px: float | None = None, draws: int = 600, seed: int = 0
) -> Measured:
    """The sun from the foot, the top and the tip of the shadow. Raises ValueError, one sentence, where the geometry is impossible.

    `click_px` is the error of a point along each axis, 0.3 % of the width by default.
    """
    points = np.array([base, top, tip], dtype=np.float64)
    if not np.isfinite(points).all() or np.abs(points).max() > 20.0 * max(camera.width, camera.height):
        raise ValueError("the points must lie on the picture, or not far outside")
    sigma_px = 0.003 * camera.width if click_px is None else click_px
    if not 0.0 <= sigma_px <= camera.width / 4.0:
        raise ValueError("the error of a click is at most a quarter of the width")
    angles = np.array([[camera.hfov_deg], [camera.pitch_deg], [camera.roll_deg]])
    altitude, azimuth, trouble = _sun_of(points[None], angles, camera)
    if trouble[0]:
        raise ValueError(_TROUBLE[int(trouble[0])])
    rng = np.random.default_rng(seed)
    around = rng.normal(0.0, 1.0, (3, draws)) * [
        [camera.hfov_deg * camera.hfov_error],
        [camera.pitch_sigma_deg],
        [camera.roll_sigma_deg],
    ]
    moved = points + rng.normal(0.0, 1.0, (draws, 3, 2)) * sigma_px
    drawn, turned, wrong = _sun_of(
        moved, np.clip(angles + around, [[3.0], [-85.0], [-120.0]], [[150.0], [85.0], [120.0]]), camera
    )
    good = wrong == 0
    if good.mean() < 1.0 - _MOST_LOST:
        raise ValueError(
            "the points lie too near the horizon, or too near each other, for their errors: choose a nearer or taller shadow"
        )
    off = (turned[good] - azimuth[0] + 180.0) % 360.0 - 180.0
    spread = np.sqrt(np.mean((drawn[good] - altitude[0]) ** 2)), np.sqrt(np.mean(off**2))
    return Measured(float(altitude[0]), float(spread[0]), float(azimuth[0]) % 360.0, float(spread[1]))


_TROUBLE = {
    1: "the foot and the tip of the shadow must lie on the ground, below the horizon of the camera; check the points and the pitch",
    2: "the top must lie above the foot",
    3: "the tip of the shadow lies on its foot",
    4: f"the sun would stand below {LEAST_ALTITUDE_DEG:g} degrees: shadows are too long there to be measured",
    5: "the tip or the foot of the shadow lies too near the horizon: choose a nearer shadow",
}


def _sun_of(points: Floats, angles: Floats, camera: Camera) -> tuple[Floats, Floats, Floats]:
    """Altitude, azimuth and what is wrong (0: nothing) [n] for points [n, 3, 2] and angles hfov, pitch, roll [3, n], all degrees."""
    rays = _rays(points, angles, camera)
    depth = -rays[:, :, 2]
    on_ground = np.maximum(depth, 1e-9)
    foot, tip = rays[:, 0, :2] / on_ground[:, :1], rays[:, 2, :2] / on_ground[:, 2:]
    # The vertical through the foot and the ray of the top need not meet: the point of the ray that is nearest to the vertical is the top.
    ahead = rays[:, 1, :2]
    height = np.sum(ahead * foot, axis=1) / np.maximum(np.sum(ahead**2, axis=1), 1e-12) * rays[:, 1, 2] + 1.0
    along = tip - foot
    length = np.linalg.norm(along, axis=1)
    altitude = np.degrees(np.arctan2(height, length))
    azimuth = np.degrees(np.arctan2(along[:, 0], along[:, 1])) + 180.0
    far = np.maximum(np.linalg.norm(foot, axis=1), np.linalg.norm(tip, axis=1)) > _FARTHEST
    trouble = np.select(
        [(depth[:, 0] <= 0) | (depth[:, 2] <= 0), height <= 0.0, length < 1e-6, far, altitude < LEAST_ALTITUDE_DEG],
        [1, 2, 3, 5, 4],
        0,
    )
    return altitude, azimuth, trouble


def _rays(points: Floats, angles: Floats, camera: Camera) -> Floats:
    """Directions [n, 3, 3] (right, ahead, up; level) of the points."""
    hfov, pitch, roll = (np.radians(angle)[:, None] for angle in angles)
    focal = camera.width / 2.0 / np.tan(hfov / 2.0)
    x, y = (points[:, :, 0] - camera.width / 2.0) / focal, (points[:, :, 1] - camera.height / 2.0) / focal
    right, down = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    ahead, up = np.cos(pitch) + down * np.sin(pitch), np.sin(pitch) - down * np.cos(pitch)
    return np.stack([right, ahead, up], axis=-1)
