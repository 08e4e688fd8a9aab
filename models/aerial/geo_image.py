"""One georeferenced picture as ground: a plain picture with a world file, or a simple GeoTIFF.

Read are north-up and turned world files, and GeoTIFFs with ModelPixelScale and ModelTiepoint, in EPSG 4326 (degrees) or 3857
(Web Mercator metres). A world file does not say its system: numbers that can be degrees are taken as degrees. Other GeoTIFFs: `models.aerial.raster`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.aerial.ground import Patch, resampled
from models.aerial.pictures import Picture, decode_with_tags, read_bytes
from models.aerial.web_mercator import MAX_LAT, RADIUS_M, Floats, metres_per_degree

_WORLD_SUFFIXES = {".tif": ".tfw", ".tiff": ".tfw", ".png": ".pgw", ".jpg": ".jgw", ".jpeg": ".jgw", ".webp": ".wpw"}
_SCALE, _TIEPOINT, _MATRIX, _KEYS = 33550, 33922, 34264, 34735
_GEOGRAPHIC, _PROJECTED, _RASTER_TYPE = 2048, 3072, 1025
_WORLD_M = 2.0 * math.pi * RADIUS_M


@dataclass(frozen=True)
class Georeference:
    """Continuous pixels (0, 0 is the outer corner of the first) to map units: X = a·x + b·y + c, Y = d·x + e·y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    epsg: int

    def pixels(self, lat: Floats, lon: Floats, width: int, height: int) -> tuple[Floats, Floats]:
        """Continuous pixels of points, their longitudes taken on the turn that lies nearest to the middle of a picture of this size."""
        turn = 360.0 if self.epsg == 4326 else _WORLD_M
        if self.epsg == 4326:
            east, north = lon, lat
        else:
            east = np.radians(lon) * RADIUS_M
            north = RADIUS_M * np.arctanh(np.sin(np.radians(np.clip(lat, -MAX_LAT, MAX_LAT))))
        dx, dy = np.asarray(east) - self.c, np.asarray(north) - self.f
        dx = dx - turn * np.round((dx.mean() - (self.a * width + self.b * height) / 2) / turn)
        determinant = self.a * self.e - self.b * self.d
        return (self.e * dx - self.b * dy) / determinant, (self.a * dy - self.d * dx) / determinant

    def metres(self, lat: float) -> float:
        """About how many metres a pixel is wide at a latitude."""
        side = math.sqrt(abs(self.a * self.e - self.b * self.d))
        east, north = metres_per_degree(lat)
        degrees = side if self.epsg == 4326 else side / _WORLD_M * 360.0
        return float(degrees * (math.sqrt(float(east) * float(north)) if self.epsg == 4326 else float(east)))


class ImageGround:
    """A picture with its georeference."""

    def __init__(self, rgb: Picture, where: Georeference) -> None:
        self.rgb, self.where = rgb, where

    def sample(self, lat: Floats, lon: Floats, metres_per_pixel: float) -> Patch:
        """Colours at points; outside the picture nothing is known."""
        height, width = self.rgb.shape[:2]
        x, y = self.where.pixels(lat, lon, width, height)
        shrink = max(int(metres_per_pixel / self.where.metres(float(lat.mean()))), 1)
        left, top = (int(np.clip(v.min() - 2 * shrink, 0, size)) for v, size in ((x, width), (y, height)))
        right, bottom = (int(np.clip(v.max() + 2 * shrink + 1, 0, size)) for v, size in ((x, width), (y, height)))
        if right - left < shrink or bottom - top < shrink:
            return Patch(np.zeros((*lat.shape, 3), dtype=np.uint8), np.zeros(lat.shape, dtype=bool), 0)
        part = self.rgb[top:bottom, left:right]
        rgb, known = resampled(part, np.ones(part.shape[:2], dtype=bool), x - left, y - top, shrink)
        return Patch(rgb, known, 0)


def open_image(path: Path) -> ImageGround:
    """The picture at `path`; a world file beside it comes before tags. Raises ValueError with one line."""
    world = _world_file(path)
    try:
        data = read_bytes(path)
        rgb, tags = decode_with_tags(data)
        return ImageGround(rgb, read_world_file(world) if world else georeference_of_tags(tags))
    except ValueError as error:
        raise ValueError(str(error) if path.name in str(error) else f"{path.name}: {error}") from error


def has_world_file(path: Path) -> bool:
    """Whether a world file lies beside a picture."""
    return _world_file(path) is not None


def _world_file(path: Path) -> Path | None:
    suffix = _WORLD_SUFFIXES.get(path.suffix.lower(), "")
    for name in filter(None, (suffix, suffix.upper(), ".wld")):
        if path.with_suffix(name).is_file():
            return path.with_suffix(name)
    return None


def read_world_file(path: Path) -> Georeference:
    """Six numbers, one a line: a, d, b, e, and the centre of the first pixel. Raises ValueError."""
    try:
        a, d, b, e, c, f = (float(part) for part in read_bytes(path, 2000).decode("ascii").split())
    except ValueError:
        raise ValueError(f"the world file {path.name} is not six numbers") from None
    degrees = abs(c) <= 360 and abs(f) <= 90 and max(abs(a), abs(b), abs(d), abs(e)) <= 1.0
    return _checked(a, b, c - (a + b) / 2, d, e, f - (d + e) / 2, 4326 if degrees else 3857)


def georeference_of_tags(tags: dict[int, Any]) -> Georeference:
    """The georeference of GeoTIFF tags. Raises ValueError with what is missing."""
    if _MATRIX in tags:
        raise ValueError("is a turned GeoTIFF (ModelTransformation), which is not read")
    try:
        if _SCALE not in tags or _TIEPOINT not in tags:
            raise ValueError("says nowhere where it lies: no world file beside it, no ModelPixelScale and ModelTiepoint")
        sx, sy = (float(v) for v in tuple(tags[_SCALE])[:2])
        ties = tuple(float(v) for v in tags[_TIEPOINT])
        keys = tuple(int(v) for v in tags.get(_KEYS, ()))
    except (TypeError, OverflowError):
        raise ValueError("has GeoTIFF tags that cannot be read") from None
    if len(ties) != 6:
        raise ValueError("has more than one tie point, which is not read")
    found = {keys[i]: keys[i + 3] for i in range(4, len(keys) - 3, 4)}
    epsg = found.get(_PROJECTED, found.get(_GEOGRAPHIC, 0))
    if epsg not in {4326, 3857}:
        raise ValueError(f"is in EPSG {epsg or 'unknown'}; EPSG 4326 and 3857 are read")
    half = 0.5 if found.get(_RASTER_TYPE) == 2 else 0.0  # 2: the tie point is the centre of a pixel
    x, y, _, east, north, _ = ties
    return _checked(sx, 0.0, east - (x + half) * sx, 0.0, -sy, north + (y + half) * sy, epsg)


def _checked(a: float, b: float, c: float, d: float, e: float, f: float, epsg: int) -> Georeference:
    numbers: NDArray[np.float64] = np.array([a, b, c, d, e, f])
    if not np.isfinite(numbers).all() or abs(a * e - b * d) < 1e-30 or np.abs(numbers).max() > 1e9:
        raise ValueError("has a georeference that is no map")
    return Georeference(a, b, c, d, e, f, epsg)
