"""A town drawn in code that can be seen from above and from its streets, seeded.

Its streets bend; along them stand houses, flats and halls of many colours and heights, trees, parks, squares; a river runs through. What
stands where depends on the seed alone. A season changes leaves, grass and snow; light where shadows fall and how bright it is; a year
paints some of the houses anew. It is far simpler than a real town: no cars, no people, no hills, no wires, no signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evals.drawn_ground import DrawnGround, Light
from evals.drawn_town_plan import WALLS, WATER, Colours, Layers, town_plan
from models.aerial.pictures import Picture
from models.aerial.web_mercator import from_pixel, metres_per_pixel, to_pixel

_DAY = Light()
GROUND: dict[str, Colours] = {
    "summer": np.array([(98, 130, 62), (140, 122, 88), (112, 112, 114), (170, 164, 154), (62, 92, 112)], dtype=np.float32),
    "autumn": np.array([(126, 122, 66), (122, 100, 74), (98, 96, 96), (150, 142, 132), (70, 84, 90)], dtype=np.float32),
    "winter": np.array([(214, 218, 224), (196, 196, 198), (120, 122, 128), (190, 192, 196), (104, 120, 134)], dtype=np.float32),
    "spring": np.array([(110, 150, 72), (132, 112, 80), (106, 108, 110), (164, 160, 152), (66, 98, 112)], dtype=np.float32),
}
LEAVES = {"summer": (52, 88, 40), "autumn": (150, 100, 42), "winter": (96, 88, 82), "spring": (92, 130, 58)}


@dataclass(frozen=True)
class DrawnTown(DrawnGround):
    """A square of whole tiles near (lat, lon): a `DrawnGround` with a town on it."""

    @property
    def metres_per_pixel(self) -> float:
        """Of the tiles."""
        return float(metres_per_pixel(self.lat, self.zoom)[0])

    @cached_property
    def layers(self) -> Layers:
        """What stands where."""
        return town_plan(self.tiles * 256, self.metres_per_pixel, self.seed)

    def picture(self, season: str = "summer", light: Light = _DAY, year: int = 0) -> Picture:
        """All of it from above."""
        return from_above(self.layers, self.metres_per_pixel, season, light, year)

    def place(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Latitude and longitude of a point, metres east and south of the corner."""
        left, top = (256 * v for v in self.corner)
        lat, lon = from_pixel(left + x_m / self.metres_per_pixel, top + y_m / self.metres_per_pixel, self.zoom)
        return float(lat), float(lon)

    def point(self, lat: float, lon: float) -> tuple[float, float]:
        """The inverse of `place`."""
        x, y = to_pixel(lat, lon, self.zoom)
        left, top = (256 * v for v in self.corner)
        return (float(x) - left) * self.metres_per_pixel, (float(y) - top) * self.metres_per_pixel

    def cameras(self, count: int, seed: int, margin_m: float = 80.0) -> NDArray[np.float64]:
        """Places [count, 2] to take pictures from: on streets and pavements, metres east and south of the corner, none in a house."""
        rng, size = np.random.default_rng(seed), self.tiles * 256 * self.metres_per_pixel
        found: list[NDArray[np.float64]] = []
        while len(found) < count:
            point = self.layers.streets[rng.integers(len(self.layers.streets))] + rng.uniform(-5, 5, 2)
            inside = (point > margin_m).all() and (point < size - margin_m).all()
            x, y = (point / self.metres_per_pixel).astype(int)
            if inside and self.layers.thing[y, x] == 0 and self.layers.surface[y, x] != WATER:
                found.append(point)
        return np.stack(found)


def repainted(colours: Colours, year: int, share: float = 0.15) -> Colours:
    """The walls of a year: some have another colour than the year before."""
    rng = np.random.default_rng([11, year])
    new = rng.random(len(colours)) < share
    return np.where(new[:, None], WALLS[rng.integers(len(WALLS), size=len(colours))], colours).astype(np.float32)


def from_above(town: Layers, metres: float, season: str, light: Light, year: int) -> Picture:
    """RGB [side, side, 3]."""
    import cv2

    rng = np.random.default_rng([13, year, sorted(GROUND).index(season)])
    rgb = (GROUND[season] + rng.normal(0, 5, (5, 3)).astype(np.float32))[town.surface]
    roofs = town.roofs * 0.35 + np.float32(140) if season == "winter" else town.roofs
    built, tree = town.thing > 0, town.thing < 0
    rgb[built] = roofs[town.thing[built] - 1]
    crowns = np.array(LEAVES[season], dtype=np.float32) + rng.normal(0, 10, (9, 3)).astype(np.float32)
    rgb[tree] = crowns[-town.thing[tree]]
    away = np.radians(light.azimuth_deg + 180.0)
    shade = np.zeros(town.thing.shape, dtype=bool)
    for metre in np.arange(1.0, 2.5 * light.shadow_m, metres):
        dx, dy = round(np.sin(away) * metre / metres), round(-np.cos(away) * metre / metres)
        shade |= np.roll(town.height_m, (dy, dx), (0, 1)) > town.height_m + metre * 6.0 / light.shadow_m
    rgb[shade] *= 0.55
    grain = rng.normal(0, 7, town.thing.shape).astype(np.float32)
    slow = cv2.resize(rng.normal(0, 0.06, (12, 12)).astype(np.float32), town.thing.shape[::-1], interpolation=cv2.INTER_CUBIC)
    lit = (rgb + grain[..., None]) * (light.brightness * (1 + slow))[..., None]
    return np.asarray(np.clip(lit * (1 - light.haze) + 200 * light.haze, 0, 255), dtype=np.uint8)
