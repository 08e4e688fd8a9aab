"""What a training step sees of a pair: a piece of what the camera saw, and the ground around it unrolled, both changed alike.

A mirrored pair is mirrored on both sides; the picture from above is turned at random, and the heading with it. Colours, pitch and the
middle of the tile are changed on one side alone, as they differ in use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.aerial.pictures import Picture
from models.crossview import aerial_view, ground_view
from models.crossview.aerial_view import Polar, unrolled
from models.crossview.ground_view import Aim, Strip, strip
from models.crossview.pairs import AerialView, CrossViewPair
from models.crossview.pictures import PairPictures
from models.crossview.shape import PIXEL_DEG, ROWS_ABOVE
from models.geolocator import ModelError

Floats32 = NDArray[np.float32]
PHOTO_FOV_DEG = 70.0
"""Taken where a data set does not say how wide its photos see."""


@dataclass(frozen=True)
class Look:
    """How the pairs of a step are seen."""

    fov_deg: float
    error_deg: float
    """How far their headings are said to be off; 180 is unknown."""


@dataclass(frozen=True)
class Sample:
    """One pair as networks see it."""

    strip: Strip
    polar: Polar
    heading_deg: float | None
    """Where the strip's middle looks, clockwise from column 0 of `polar`; None where unknown."""


def drawn_look(rng: np.random.Generator, done: float = 1.0) -> Look:
    """Fields of view of 60 to 90 degrees and unknown headings are the normal case, whole panoramas the easy one.

    `done` is the share of the training that is over: in its first fifth headings are known, since nothing is learned from the best of 32
    headings as long as all of them are noise.
    """
    kind = rng.random()
    fov = rng.uniform(60, 90) if kind < 0.7 else rng.uniform(90, 200) if kind < 0.88 else 360.0
    error = float(rng.choice([0.0, 20.0, 60.0, 180.0], p=[0.15, 0.15, 0.2, 0.5]))
    return Look(float(fov), 0.0 if done < 0.2 else error)


def sample(pictures: PairPictures, i: int, look: Look, radius_m: float, jitter_m: float, rng: np.random.Generator) -> Sample:
    """One pair for training. Raises ModelError for pictures that cannot be read."""
    pair = pictures.pairs[i]
    aim, heading = aim_of(pair, look, rng)
    turn, mirror = rng.uniform(0, 360), rng.random() < 0.5
    metres = metres_of(pair.reference, pictures.reference(i), radius_m)
    east, north = np.array(pair.reference.offset_m or (0.0, 0.0)) + rng.uniform(-jitter_m, jitter_m, 2)
    polar = unrolled(pictures.reference(i), metres, radius_m, float(east), float(north), turn)
    seen = strip(pictures.query(i), aim)
    if look.fov_deg < ground_view.PINHOLE_MOST_DEG:
        seen = _framed(seen, float(rng.choice([0.5625, 0.75, 1.0, 1.3333], p=[0.2, 0.5, 0.1, 0.2])), aim.pitch_deg)
    relative = None if heading is None else heading - turn
    if mirror:
        seen, polar = ground_view.mirrored(seen), aerial_view.mirrored(polar)
        relative = None if relative is None else -relative
    return Sample(replace(seen, rgb=recoloured(seen.rgb, rng)), replace(polar, rgb=recoloured(polar.rgb, rng)), relative)


def plain_sample(
    pictures: PairPictures, i: int, look: Look, radius_m: float, jitter_m: float, rng: np.random.Generator
) -> Sample:
    """One pair for calibration: nothing recoloured or mirrored, north up."""
    pair = pictures.pairs[i]
    aim, heading = aim_of(pair, look, rng)
    east, north = np.array(pair.reference.offset_m or (0.0, 0.0)) + rng.uniform(-jitter_m, jitter_m, 2)
    polar = unrolled(
        pictures.reference(i), metres_of(pair.reference, pictures.reference(i), radius_m), radius_m, float(east), float(north)
    )
    seen = strip(pictures.query(i), aim)
    seen = _framed(seen, 0.75, aim.pitch_deg) if look.fov_deg < ground_view.PINHOLE_MOST_DEG else seen
    return Sample(seen, polar, heading)


def aim_of(pair: CrossViewPair, look: Look, rng: np.random.Generator) -> tuple[Aim, float | None]:
    """Which piece of a query is seen, and where that piece looks."""
    if pair.kind == "drone":
        raise ModelError(f"{pair.id[:60]}: is a picture from the air; pictures from the ground are learned from")
    pitch = float(np.clip(rng.normal(0, 2.5), -6, 6))
    if pair.kind == "panorama":
        fov = pair.fov_deg or 360.0
        turn = rng.uniform(-180, 180) if fov >= 360 else rng.uniform(-1, 1) * max((fov - look.fov_deg) / 2, 0)
        heading = None if pair.heading_deg is None else pair.heading_deg + turn
        return Aim(fov, -turn, pitch, panorama=True, window_deg=look.fov_deg), heading
    # A photo cannot be made wider: what it does not show is not known.
    off = float(rng.uniform(-3, 3))
    heading = None if pair.heading_deg is None else pair.heading_deg + off
    return Aim(pair.fov_deg or PHOTO_FOV_DEG, -off, pitch, window_deg=look.fov_deg), heading


def _framed(seen: Strip, aspect: float, pitch_deg: float) -> Strip:
    """Only what a photo of that shape (height over width) would show."""
    columns, rows = seen.known.shape[1], seen.known.shape[0]
    azimuth = np.radians((np.arange(columns) + 0.5 - columns / 2) * PIXEL_DEG)
    elevation = np.radians((ROWS_ABOVE - np.arange(rows) - 0.5) * PIXEL_DEG - pitch_deg)
    half = math.tan(math.radians(min(seen.fov_deg, 150.0) / 2)) * aspect
    # Behind the camera (|azimuth| beyond 90 degrees) nothing is known anyway.
    inside = np.abs(np.tan(elevation))[:, None] <= half * np.maximum(np.cos(azimuth), 0.0)[None, :]
    known = seen.known & inside
    return Strip(np.where(known[..., None], seen.rgb, np.uint8(0)), known, seen.fov_deg)


def metres_of(view: AerialView, picture: Picture, radius_m: float) -> float:
    """Metres a pixel; where nobody says, the picture is taken to reach as far as is read."""
    return view.metres_per_pixel or 2.0 * radius_m / min(picture.shape[:2])


def recoloured(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Other light: brightness, contrast, each channel a little, some noise."""
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)
    out = (rgb.astype(np.float32) - 110.0) * np.float32(rng.uniform(0.8, 1.2)) + 110.0 + np.float32(rng.uniform(-15, 15))
    out = out * gain.astype(np.float32) + rng.normal(0, 3, rgb.shape).astype(np.float32)
    return np.asarray(np.clip(out, 0, 255), dtype=np.uint8)


def stacked(parts: list[Strip] | list[Polar]) -> Floats32:
    """What networks read: [n, 4, rows, pixels], colours around 0, the fourth channel what is known."""
    rgb = np.stack([part.rgb for part in parts]).astype(np.float32) / 127.5 - 1.0
    known = np.stack([part.known for part in parts]).astype(np.float32)
    return np.ascontiguousarray(np.concatenate([rgb * known[..., None], known[..., None]], axis=-1).transpose(0, 3, 1, 2))
