"""A picture that is painted in street coordinates."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from evals.practice.camera import Camera, Point, World
from evals.sign_painting import perspective

Colour = tuple[int, int, int]


def tint(colour: Colour, factor: float) -> Colour:
    """A colour made lighter or darker."""
    return tuple(max(0, min(255, round(part * factor))) for part in colour)  # type: ignore[return-value]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour."""
    return tuple(round(a + share * (b - a)) for a, b in zip(one, other, strict=True))  # type: ignore[return-value]


class Canvas:
    """Polygons, lines and flat pictures in perspective; what is painted later covers what was painted before."""

    def __init__(self, image: Image.Image, camera: Camera, sun: World, haze: Colour) -> None:
        self.image, self.camera, self.sun, self.haze = image, camera, sun, haze
        self.draw = ImageDraw.Draw(image)
        self.width, self.height = image.size

    def pixels(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self.width, y * self.height) for x, y in points]

    def shape(self, points: Sequence[World], colour: Colour, outline: Colour | None = None) -> None:
        """A flat polygon, hazier the farther it is."""
        seen = self.camera.outline(list(points))
        if seen:
            far = sum(self.camera.depth(p) for p in points) / len(points)
            self.draw.polygon(self.pixels(seen), fill=mix(colour, self.haze, self.haze_at(far)), outline=outline)

    def haze_at(self, depth: float) -> float:
        return 0.75 * (1.0 - math.exp(-max(0.0, depth - 10.0) / 110.0))

    def upright(self, u: float, z0: float, z1: float, y0: float, y1: float, colour: Colour) -> None:
        """A rectangle of a wall along the street."""
        self.shape([(u, y0, z0), (u, y0, z1), (u, y1, z1), (u, y1, z0)], colour)

    def across(self, z: float, u0: float, u1: float, y0: float, y1: float, colour: Colour) -> None:
        """A rectangle that faces along the street."""
        self.shape([(u0, y0, z), (u1, y0, z), (u1, y1, z), (u0, y1, z)], colour)

    def flat(self, u0: float, u1: float, z0: float, z1: float, colour: Colour, y: float = 0.0) -> None:
        self.shape([(u0, y, z0), (u1, y, z0), (u1, y, z1), (u0, y, z1)], colour)

    def stick(self, foot: World, top: World, thick_m: float, colour: Colour) -> None:
        """A pole or a rope."""
        depth = max(0.5, (self.camera.depth(foot) + self.camera.depth(top)) / 2)
        (x0, y0), (x1, y1) = self.pixels([self.camera.project(foot), self.camera.project(top)])
        wide = max(1, round(0.9 * self.width * thick_m / depth))
        self.draw.line((x0, y0, x1, y1), fill=colour, width=wide)

    def disc(self, centre: World, radius_m: float, colour: Colour, squash: float = 1.0) -> None:
        """A ball seen from afar."""
        depth = self.camera.depth(centre)
        if depth > 0.5:
            (x, y), r = self.pixels([self.camera.project(centre)])[0], 0.9 * self.width * radius_m / depth
            self.draw.ellipse((x - r, y - r * squash, x + r, y + r * squash), fill=mix(colour, self.haze, self.haze_at(depth)))

    def wheel(self, u: float, y: float, z: float, radius: float, colour: Colour) -> None:
        """A disc in a plane along the street."""
        turns = [2 * math.pi * k / 20 for k in range(20)]
        self.shape([(u, y + radius * math.sin(t), z + radius * math.cos(t)) for t in turns], colour)

    def paste(self, picture: Image.Image, quad: Sequence[Point]) -> None:
        """A flat picture (RGBA) into four corners: upper left, upper right, lower right, lower left."""
        corners = self.pixels(quad)
        left, top = (math.floor(min(p[k] for p in corners)) - 1 for k in (0, 1))
        right, bottom = (math.ceil(max(p[k] for p in corners)) + 2 for k in (0, 1))
        if right - left < 2 or bottom - top < 2 or right - left > 3 * self.width or bottom - top > 3 * self.height:
            return
        wide, tall = picture.size
        source = [(0.0, 0.0), (float(wide), 0.0), (float(wide), float(tall)), (0.0, float(tall))]
        warp = perspective([(x - left, y - top) for x, y in corners], source)
        bent = picture.transform((right - left, bottom - top), Image.Transform.PERSPECTIVE, warp, Image.Resampling.BICUBIC)
        self.image.paste(bent, (left, top), bent)

    def lit(self, colour: Colour, normal: World) -> Colour:
        """A surface's colour in the sun."""
        facing = sum(a * b for a, b in zip(normal, self.sun, strict=True))
        return tint(colour, 0.74 + 0.32 * max(0.0, facing))


def sky_picture(
    size: tuple[int, int], camera: Camera, elevation_deg: float, azimuth_deg: float, rng: random.Random
) -> Image.Image:
    """Blue above, pale at the horizon, brighter round the sun, with some clouds; painted small and drawn large."""
    wide, tall = 240, max(2, round(240 / camera.aspect))
    x, y = np.meshgrid((np.arange(wide) + 0.5) / wide, (np.arange(tall) + 0.5) / tall)
    across, up = camera.side * (x - 0.5) / 0.9, (camera.horizon - y) / (0.9 * camera.aspect)
    turn = math.radians(camera.yaw_deg)
    ray = np.stack([across * math.cos(turn) + math.sin(turn), up, -across * math.sin(turn) + math.cos(turn)], axis=-1)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    sun = np.array(camera.direction(azimuth_deg, elevation_deg))
    high = np.clip(ray[..., 1] / 0.55, 0.0, 1.0)[..., None] ** 0.7
    low_sun = max(0.0, 1.0 - elevation_deg / 30.0)
    pale = np.array([222 + 14 * low_sun, 226 - 8 * low_sun, 226 - 40 * low_sun])
    sky = pale + high * (np.array([92.0, 148.0, 214.0]) - pale)
    near_sun = np.clip(ray @ sun, 0.0, 1.0)[..., None]
    sky = sky + (np.array([255.0, 248.0, 226.0]) - sky) * (0.45 * near_sun**40 + 0.35 * near_sun**400)
    sky = sky + (250.0 - sky) * _clouds(ray, rng)[..., None]
    picture = Image.fromarray(sky.clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    if (near_sun > math.cos(math.radians(30))).any():
        _sun_disc(picture, camera, sun)
    return picture


def _clouds(ray: np.ndarray, rng: random.Random) -> np.ndarray:
    """Cover of a layer of clouds overhead, 0 to 0.8."""
    noise = np.random.default_rng(rng.getrandbits(32))
    reach = np.maximum(ray[..., 1], 0.03)
    u, v = ray[..., 0] / reach, ray[..., 2] / reach
    cover = np.zeros(u.shape)
    for scale, weight in ((0.35, 1.0), (0.9, 0.5), (2.1, 0.25)):
        a, b, c, d = noise.uniform(0.6, 1.4, 4) * scale
        p, q = noise.uniform(0, 2 * math.pi, 2)
        cover += weight * (np.sin(a * u + p + 1.3 * np.sin(b * v)) * np.sin(c * v + q + 1.1 * np.sin(d * u)))
    density = np.clip((cover - rng.uniform(0.1, 0.9)) / 1.2, 0.0, 0.8)
    return np.where(ray[..., 1] > 0.03, density * np.clip((ray[..., 1] - 0.03) * 6, 0, 1), 0.0)


def _sun_disc(picture: Image.Image, camera: Camera, sun: np.ndarray) -> None:
    far = (camera.u + 1e4 * sun[0], camera.height + 1e4 * sun[1], 1e4 * sun[2])
    if camera.depth(far) <= 0:
        return
    (x, y), r = camera.project(far), 0.014 * picture.width
    x, y = x * picture.width, y * picture.height
    ImageDraw.Draw(picture).ellipse((x - r, y - r, x + r, y + r), fill=(255, 252, 236))
