"""An encoder of `models.encoders` as reader: what it sees of a photo and of the ground, turned to each heading, through two trained heads.

The encoder stays as it is. Vectors are taken less their mean, and each head is a matrix. It sees pictures whole: a code has one vector for
each of 16 headings, for which the ground is turned so that the heading is up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.aerial.pictures import Picture
from models.crossview.codes import Floats32, GroundCode, unit
from models.crossview.ground_view import Aim
from models.crossview.reader import Around
from models.encoders.encoder import Encoder

HEADINGS = 16
_GROUND_PX = 224
_BATCH = 16


@dataclass(frozen=True, eq=False)
class HeadsReader:
    """Fits `Reader`."""

    encoder: Encoder
    ground_mean: Floats32
    """[d] of the encoder."""
    ground_head: Floats32
    """[d, dim]."""
    aerial_mean: Floats32
    aerial_head: Floats32

    @property
    def headings(self) -> int:
        return HEADINGS

    @property
    def dim(self) -> int:
        return int(self.aerial_head.shape[1])

    def ground(self, picture: Picture, aim: Aim) -> GroundCode:
        vector = self.encoder.encode([_image(seen_part(picture, aim))])
        return GroundCode(unit((vector - self.ground_mean) @ self.ground_head), 0, aim.turn_deg)

    def above(self, places: Sequence[Around], radius_m: float) -> Floats32:
        step = 360.0 / HEADINGS
        turned = [turned_ground(p, radius_m, k * step) for p in places for k in range(HEADINGS)]
        vectors = encoded(self.encoder, turned)
        return unit((vectors - self.aerial_mean) @ self.aerial_head).reshape(len(places), HEADINGS, self.dim)


def heads_reader(encoder: Encoder, arrays: Mapping[str, NDArray[Any]]) -> HeadsReader:
    """From stored arrays. Raises KeyError or ValueError for arrays that do not fit the encoder."""
    parts = [np.asarray(arrays[name]) for name in ("ground_mean", "ground_head", "aerial_mean", "aerial_head")]
    wide = parts[1].shape[-1]
    for part, shape in zip(parts, ((encoder.dim,), (encoder.dim, wide), (encoder.dim,), (encoder.dim, wide)), strict=True):
        if part.shape != shape or part.dtype.kind != "f" or not np.isfinite(part).all():
            raise ValueError("the heads do not fit the encoder")
    return HeadsReader(encoder, *(part.astype(np.float32) for part in parts))


def encoded(encoder: Encoder, pictures: Sequence[Picture]) -> Floats32:
    """Vectors [n, d] in small batches."""
    parts = [np.zeros((0, encoder.dim), dtype=np.float32)]
    parts += [encoder.encode([_image(p) for p in pictures[start : start + _BATCH]]) for start in range(0, len(pictures), _BATCH)]
    return np.concatenate(parts)


def seen_part(picture: Picture, aim: Aim) -> Picture:
    """A photo as it is; the piece of a panorama that the window shows."""
    wide = aim.window_deg or aim.fov_deg
    if not aim.panorama or wide >= aim.fov_deg >= 360:
        return picture
    width = picture.shape[1]
    middle, half = (0.5 - aim.turn_deg / aim.fov_deg) * width, wide / aim.fov_deg * width / 2
    columns = np.arange(round(middle - half), round(middle + half))
    columns = columns % width if aim.fov_deg >= 360 else columns.clip(0, width - 1)
    return np.ascontiguousarray(picture[:, columns])


def turned_ground(place: Around, radius_m: float, heading_deg: float) -> Picture:
    """The square around a point, 224 pixels, `heading_deg` up; black where nothing is known."""
    import cv2

    height, width = place.picture.shape[:2]
    step = 2.0 * radius_m / _GROUND_PX / place.metres_per_pixel
    cos, sin = np.cos(np.radians(heading_deg)) * step, np.sin(np.radians(heading_deg)) * step
    x = width / 2 + place.east_m / place.metres_per_pixel - 0.5
    y = height / 2 - place.north_m / place.metres_per_pixel - 0.5
    middle = _GROUND_PX / 2 - 0.5
    # Right in the turned square is (cos, sin) in pixels of the picture, down is (-sin, cos).
    back = np.array([[cos, -sin, x - (cos - sin) * middle], [sin, cos, y - (sin + cos) * middle]])
    flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (_GROUND_PX, _GROUND_PX)
    picture = place.picture if place.known is None else np.where(place.known[..., None], place.picture, np.uint8(0))
    return np.asarray(cv2.warpAffine(picture, back, size, flags=flags, borderMode=cv2.BORDER_CONSTANT))


def _image(picture: Picture) -> Any:
    from PIL import Image

    return Image.fromarray(picture)
