"""Ground drawn in code: fields, woods, roads, a river and buildings, seen from above, seeded.

Geometry depends on the seed alone. A season changes every colour (each field by itself, so that two neighbours may swap which is the
brighter), texture and contrast; light changes where shadows fall, brightness and haze. It is far simpler than real ground: nothing is
built or felled, no leaves hide a road.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.aerial.geo_image import Georeference, ImageGround
from models.aerial.pictures import Picture
from models.aerial.web_mercator import RADIUS_M, TILE_PIXELS, from_pixel, metres_per_pixel, to_pixel, world_pixels

Polygon = NDArray[np.float64]
SEASONS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]] = {
    # fields around this colour, woods, water, roads
    "summer": ((128, 140, 80), (48, 84, 40), (40, 70, 90), (170, 165, 155)),
    "autumn": ((140, 115, 80), (120, 90, 45), (60, 75, 80), (130, 125, 120)),
    "winter": ((205, 208, 214), (100, 100, 98), (150, 160, 170), (90, 90, 95)),
    "spring": ((110, 150, 70), (90, 130, 60), (60, 95, 110), (150, 145, 140)),
}


@dataclass(frozen=True)
class Light:
    """How a picture was lit. Azimuth in degrees clockwise from north, length of a shadow in metres, haze from 0 to 1."""

    azimuth_deg: float = 150.0
    shadow_m: float = 6.0
    brightness: float = 1.0
    haze: float = 0.0


@dataclass(frozen=True)
class Geometry:
    """What stays the same the year round, in metres from the north-west corner (x to the east, y to the south)."""

    fields: list[Polygon]
    woods: frozenset[int]
    roads: list[tuple[Polygon, float]]
    river: Polygon
    buildings: list[Polygon]


def geometry(size_m: float, seed: int) -> Geometry:
    """Fields by cutting the square again and again, roads along cuts, a river across, buildings beside roads."""
    rng = np.random.default_rng(seed)
    square = np.array([[0, 0], [size_m, 0], [size_m, size_m], [0, size_m]], dtype=np.float64)
    fields, cuts = _cut(square, rng)
    roads = [(line, float(rng.choice([4.0, 6.0, 9.0], p=[0.5, 0.35, 0.15]))) for line in cuts if rng.random() < 0.35]
    across = np.linspace(-50, size_m + 50, 60)
    bends = np.cumsum(np.cumsum(rng.normal(0, size_m / 900, 60)))
    middle = size_m * rng.uniform(0.3, 0.7) + bends - bends.mean()
    river = np.stack([across, middle] if rng.random() < 0.5 else [middle, across], axis=1)
    woods = frozenset(np.flatnonzero(rng.random(len(fields)) < 0.2).tolist())
    return Geometry(fields, woods, roads, river, _buildings(roads, size_m, rng))


def _cut(polygon: Polygon, rng: np.random.Generator) -> tuple[list[Polygon], list[Polygon]]:
    """Pieces of 0.6 to 6 hectares, and the lines of the cuts."""
    pieces, cuts, todo = [], [], [polygon]
    while todo:
        piece = todo.pop()
        x, y = piece.T
        area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
        if area < rng.uniform(6_000, 60_000) or len(piece) > 12:
            pieces.append(piece)
            continue
        long_way = np.linalg.svd(piece - piece.mean(0))[2][0]
        turn = rng.normal(0, 0.25)
        normal = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ long_way
        at = piece.mean(0) + long_way * rng.normal(0, 0.1) * np.sqrt(area)
        one, other, line = _halves(piece, (piece - at) @ normal)
        if len(line) != 2 or len(one) < 3 or len(other) < 3:
            pieces.append(piece)
            continue
        todo += [one, other]
        cuts.append(line)
    return pieces, cuts


def _halves(piece: Polygon, side: NDArray[np.float64]) -> tuple[Polygon, Polygon, Polygon]:
    one: list[Polygon] = []
    other: list[Polygon] = []
    line: list[Polygon] = []
    for i in range(len(piece)):
        j = (i + 1) % len(piece)
        (one if side[i] >= 0 else other).append(piece[i])
        if (side[i] >= 0) != (side[j] >= 0):
            crossing = piece[i] + (piece[j] - piece[i]) * side[i] / (side[i] - side[j])
            for part in (one, other, line):
                part.append(crossing)
    return np.array(one), np.array(other), np.array(line)


def _buildings(roads: list[tuple[Polygon, float]], size_m: float, rng: np.random.Generator) -> list[Polygon]:
    found = []
    for line, width in roads:
        along = line[1] - line[0]
        length = float(np.hypot(*along))
        if length < 40 or rng.random() < 0.4:
            continue
        unit = along / length
        across = np.array([-unit[1], unit[0]])
        for at in np.arange(20, length - 20, rng.uniform(25, 90)):
            w, d = rng.uniform(4, 12, 2)
            middle = line[0] + unit * at + across * rng.choice([-1, 1]) * (width / 2 + d + rng.uniform(4, 20))
            corners = [middle + unit * w * a + across * d * b for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            if 0 < middle[0] < size_m and 0 < middle[1] < size_m:
                found.append(np.array(corners))
    return found


def draw(land: Geometry, size_m: float, pixels: int, season: str = "summer", light: Light = Light(), seed: int = 0) -> Picture:
    """RGB [pixels, pixels, 3]; `seed` picks the colours of this year's fields and the texture."""
    import cv2

    rng = np.random.default_rng((seed, sorted(SEASONS).index(season)))
    field, wood, water, road = (np.array(colour, dtype=np.float64) for colour in SEASONS[season])
    image, scale = Image.new("RGB", (pixels, pixels)), pixels / size_m
    pen = ImageDraw.Draw(image)
    for i, polygon in enumerate(land.fields):
        colour = wood + rng.normal(0, 6, 3) if i in land.woods else field + rng.normal(0, 18) + rng.normal(0, 12, 3)
        pen.polygon(_points(polygon, scale), fill=_ink(colour))
    pen.line(_points(land.river, scale), fill=_ink(water), width=max(int(22 * scale), 2), joint="curve")
    for line, width in land.roads:
        pen.line(_points(line, scale), fill=_ink(road + rng.normal(0, 8)), width=max(round(width * scale), 1))
    away = np.radians(light.azimuth_deg + 180.0)
    fall = np.array([np.sin(away), -np.cos(away)]) * light.shadow_m
    for polygon in land.buildings:
        hull = cv2.convexHull(np.concatenate([polygon, polygon + fall]).astype(np.float32))[:, 0]
        pen.polygon(_points(hull.astype(np.float64), scale), fill=_ink(field * 0.35))
    for polygon in land.buildings:
        pen.polygon(_points(polygon, scale), fill=_ink(np.array([165.0, 130, 120]) + rng.normal(0, 25, 3)))
    return _lit(np.asarray(image, dtype=np.float32), light, rng)


def _lit(rgb: NDArray[np.float32], light: Light, rng: np.random.Generator) -> Picture:
    """Texture, slow changes of brightness (clouds), haze and noise."""
    import cv2

    height, width = rgb.shape[:2]
    fine = cv2.resize(rng.normal(0, 1, (height // 2 + 1, width // 2 + 1)).astype(np.float32), (width, height))
    slow = cv2.resize(
        rng.normal(0, 0.08, (height // 200 + 2, width // 200 + 2)).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    lit = (rgb + 6.0 * fine[..., None]) * (light.brightness * (1.0 + slow))[..., None]
    lit = lit * (1 - light.haze) + 200.0 * light.haze
    return np.asarray(np.clip(lit + rng.normal(0, 2, rgb.shape).astype(np.float32), 0, 255), dtype=np.uint8)


def _points(polygon: Polygon, scale: float) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in polygon * scale]


def _ink(colour: NDArray[np.float64]) -> tuple[int, int, int]:
    r, g, b = np.clip(colour, 0, 255).astype(int).tolist()
    return r, g, b


@dataclass(frozen=True)
class DrawnGround:
    """A square of whole tiles near (lat, lon)."""

    lat: float
    lon: float
    zoom: int
    tiles: int
    """Tiles a side."""
    seed: int

    @property
    def corner(self) -> tuple[int, int]:
        """The first tile (x, y), in the north-west."""
        x, y = to_pixel(self.lat, self.lon, self.zoom)
        return int(x // TILE_PIXELS) - self.tiles // 2, int(y // TILE_PIXELS) - self.tiles // 2

    @property
    def box(self) -> tuple[float, float, float, float]:
        """South, west, north, east in degrees."""
        x, y = self.corner
        far = self.tiles * TILE_PIXELS
        north, west = from_pixel(x * TILE_PIXELS, y * TILE_PIXELS, self.zoom)
        south, east = from_pixel(x * TILE_PIXELS + far, y * TILE_PIXELS + far, self.zoom)
        return float(south), float(west), float(north), float(east)

    def picture(self, season: str = "summer", light: Light = Light(), year: int = 0) -> Picture:
        """All of it."""
        pixels = self.tiles * TILE_PIXELS
        size_m = pixels * float(metres_per_pixel(self.lat, self.zoom)[0])
        return draw(geometry(size_m, self.seed), size_m, pixels, season, light, year)

    def ground(self, season: str = "summer", light: Light = Light(), year: int = 0) -> ImageGround:
        """All of it, to cut patches from."""
        x, y = self.corner
        unit = 2 * np.pi * RADIUS_M / world_pixels(self.zoom)
        west, north = x * TILE_PIXELS * unit - np.pi * RADIUS_M, np.pi * RADIUS_M - y * TILE_PIXELS * unit
        return ImageGround(self.picture(season, light, year), Georeference(unit, 0, west, 0, -unit, north, 3857))

    def write_tiles(self, folder: Path, season: str = "summer", light: Light = Light(), year: int = 0) -> None:
        """As z/x/y.png."""
        rgb, (left, top) = self.picture(season, light, year), self.corner
        for column in range(self.tiles):
            into = folder / str(self.zoom) / str(left + column)
            into.mkdir(parents=True, exist_ok=True)
            for row in range(self.tiles):
                part = rgb[row * TILE_PIXELS : (row + 1) * TILE_PIXELS, column * TILE_PIXELS : (column + 1) * TILE_PIXELS]
                Image.fromarray(part).save(into / f"{top + row}.png", compress_level=1)
