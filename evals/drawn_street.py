"""The drawn town from its streets: a ray for every column of the picture marches over the rasters, all columns at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evals.drawn_crossview import GROUND, LEAVES, repainted
from evals.drawn_ground import Light
from evals.drawn_town_plan import Layers
from models.aerial.pictures import Picture
from models.crossview.ground_view import PINHOLE_MOST_DEG

Floats = NDArray[np.float64]
FAR_M = 170.0
_STEPS = 150
_SKY = {"summer": (150, 190, 235), "autumn": (190, 200, 210), "winter": (215, 220, 226), "spring": (165, 200, 235)}


@dataclass(frozen=True)
class Camera:
    """Where a picture is taken from, metres east and south of the town's corner, and how."""

    x_m: float
    y_m: float
    heading_deg: float
    fov_deg: float = 75.0
    """360 is a whole panorama; beyond 150 a piece of one, equirectangular; else a pinhole camera."""
    pitch_deg: float = 0.0
    """Above the horizon."""
    height_m: float = 1.6


@dataclass(frozen=True)
class Weather:
    """When a picture is taken."""

    season: str = "summer"
    light: Light = field(default_factory=Light)
    year: int = 0


def street_view(
    town: Layers, metres: float, camera: Camera, weather: Weather = Weather(), size: tuple[int, int] = (160, 120)
) -> Picture:
    """RGB [height, width, 3] of `size` (width, height). `metres` is the size of a pixel of the town."""
    azimuth, tangent = _rays(camera, *size)
    reach = np.geomspace(0.8, FAR_M, _STEPS)
    x = (camera.x_m + np.sin(azimuth)[:, None] * reach) / metres
    y = (camera.y_m - np.cos(azimuth)[:, None] * reach) / metres
    side = len(town.surface) - 1
    out = (x < 0) | (y < 0) | (x > side) | (y > side)
    column, row = np.clip(x, 0, side).astype(np.intp), np.clip(y, 0, side).astype(np.intp)
    high = np.where(out, 0.0, town.height_m[row, column])
    horizon = np.maximum.accumulate((high - camera.height_m) / reach, axis=1)
    hit = _first_at_least(horizon, tangent)
    sky = hit == _STEPS
    at = np.minimum(hit, _STEPS - 1)
    rays = np.arange(len(azimuth))[:, None]
    ground_x, ground_y = column[rays, at], row[rays, at]
    z = camera.height_m + tangent * reach[at]
    rgb = _colours(town, ground_x, ground_y, z, reach[at], azimuth, weather)
    above = np.clip(np.arctan(tangent) / 1.2, 0, 1)[..., None]
    blue = np.array(_SKY[weather.season], dtype=np.float32)
    rgb = np.where(sky[..., None], blue * (1.0 - 0.25 * above), rgb)
    rng = np.random.default_rng([17, weather.year, int(camera.x_m * 10) % 9973, int(camera.heading_deg * 10) % 3600])
    lit = rgb * weather.light.brightness * (1 - weather.light.haze) + 200 * weather.light.haze + rng.normal(0, 4, rgb.shape)
    return np.asarray(np.clip(lit.transpose(1, 0, 2), 0, 255), dtype=np.uint8)


def _first_at_least(rising: Floats, wanted: Floats) -> NDArray[np.intp]:
    """For each ray and each value [width, height] the first step [width, steps] that reaches it; the number of steps where none does.

    One search for all rays: each has a span of its own on one long rising line.
    """
    most, (width, steps) = 100.0, rising.shape
    own = np.arange(width)[:, None] * (4 * most)
    found = np.searchsorted((rising.clip(-most, most) + own).ravel(), (wanted.clip(-most, most) + own).ravel())
    return np.asarray(found.reshape(wanted.shape) - np.arange(width)[:, None] * steps)


def _rays(camera: Camera, width: int, height: int) -> tuple[Floats, Floats]:
    """Azimuth [width] in radians clockwise from north, and the tangent of the elevation [width, height], top row first."""
    if camera.fov_deg > PINHOLE_MOST_DEG:
        step = camera.fov_deg / width
        azimuth = camera.heading_deg + (np.arange(width) + 0.5 - width / 2) * step
        elevation = ((height / 2 - np.arange(height) - 0.5) * step).clip(-89, 89)
        return np.radians(azimuth), np.broadcast_to(np.tan(np.radians(elevation)), (width, height)).copy()
    focal = width / 2 / np.tan(np.radians(camera.fov_deg / 2))
    side = np.arange(width) + 0.5 - width / 2
    up = height / 2 - np.arange(height) - 0.5 + focal * np.tan(np.radians(camera.pitch_deg))
    azimuth = np.radians(camera.heading_deg) + np.arctan(side / focal)
    return azimuth, up[None, :] / np.hypot(side, focal)[:, None]


def _colours(town: Layers, x: NDArray[np.intp], y: NDArray[np.intp], z: Floats, far: Floats, azimuth: Floats, weather: Weather) -> NDArray[np.float32]:  # fmt: skip
    """RGB [width, height, 3] of what each ray hits."""
    season, thing = weather.season, town.thing[y, x]
    built, tree = thing > 0, thing < 0
    grain = ((x * 7919 + y * 104729) % 31 - 15).astype(np.float32)[..., None]
    rgb = GROUND[season][town.surface[y, x]] + 0.4 * grain
    high = np.maximum(town.height_m[y, x], 0.1)
    number = np.maximum(thing - 1, 0)
    walls = repainted(town.walls, weather.year)[number]
    window = (z % 3.0 > 1.0) & (z % 3.0 < 2.3) & ((x + 2 * y) % 4 < 2) & (far < 70) & (z < high - 0.7)
    walls = np.where(window[..., None], np.float32(0.35) * walls, walls)
    roof = town.pitched[number] & (z > 0.62 * high)
    roofs = town.roofs * np.float32(0.35) + np.float32(140) if season == "winter" else town.roofs
    # Faces towards the sun are brighter; a face looks back along the ray, more or less.
    facing = 0.82 + 0.22 * np.cos(azimuth + np.pi - np.radians(weather.light.azimuth_deg))
    face = np.where(roof[..., None], roofs[number], walls) * facing[:, None, None].astype(np.float32)
    rgb = np.where(built[..., None], face, rgb)
    crown = np.array(LEAVES[season], dtype=np.float32) + grain * 0.8
    trunk = np.array((72, 58, 46), dtype=np.float32) + grain * 0.3
    rgb = np.where(tree[..., None], np.where((z > 0.3 * high)[..., None], crown, trunk), rgb)
    veil = (0.5 * (far / FAR_M) ** 1.5)[..., None].astype(np.float32)
    return np.asarray(rgb * (1 - veil) + np.float32(200) * veil, dtype=np.float32)
