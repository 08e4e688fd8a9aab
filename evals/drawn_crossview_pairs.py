"""Pairs of the drawn town, written as pictures and JSON lines, and photos of it with their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from evals.drawn_crossview import DrawnTown
from evals.drawn_ground import Light
from evals.drawn_street import Camera, Weather, street_view
from models.aerial.pictures import Picture
from models.crossview.ground_view import PINHOLE_MOST_DEG
from models.crossview.pair_file import write_pairs
from models.crossview.pairs import AerialView, CrossViewPair

SEASONS = ("summer", "autumn", "winter", "spring")
REFERENCE_PX = 200


@dataclass(frozen=True)
class DrawnPhoto:
    """A photo of the town and the truth about it."""

    picture: Picture
    lat: float
    lon: float
    heading_deg: float
    fov_deg: float


def weather_of(rng: np.random.Generator, seasons: tuple[str, ...] = SEASONS) -> Weather:
    """A day by chance."""
    light = Light(float(rng.uniform(90, 270)), 6.0, float(rng.uniform(0.85, 1.15)), float(rng.uniform(0, 0.15)))
    return Weather(str(rng.choice(seasons)), light, int(rng.integers(1, 1000)))


def write_town_pairs(town: DrawnTown, folder: Path, places: int, seed: int, split: str = "train", looks: int = 1,
                     told: Callable[[int, int], None] = lambda done, total: None) -> Path:  # fmt: skip
    """Panoramas at `places` of the town, each at `looks` days, with the ground around them of other days; gives the file `pairs.jsonl`.

    Pictures from above come from one flight a season, each of its own light and year: a model that saw few of them would know no others.
    Raises OSError.
    """
    rng = np.random.default_rng([seed, 21])
    folder.mkdir(parents=True, exist_ok=True)
    flights = [town.picture(w.season, w.light, w.year) for w in (weather_of(rng, (season,)) for season in SEASONS)]
    pairs = []
    for n, (x, y) in enumerate(town.cameras(places, seed)):
        lat, lon = town.place(float(x), float(y))
        for look, flight in enumerate(rng.permutation(len(flights))[:looks]):
            name, heading = f"{seed}-{n}-{look}", float(rng.uniform(0, 360))
            seen = street_view(
                town.layers, town.metres_per_pixel, Camera(float(x), float(y), heading, 360.0), weather_of(rng), (256, 72)
            )
            Image.fromarray(seen).save(folder / f"{name}-ground.png", compress_level=1)
            _cut(flights[flight], float(x) / town.metres_per_pixel, float(y) / town.metres_per_pixel).save(
                folder / f"{name}-above.png", compress_level=1
            )
            above = AerialView(folder / f"{name}-above.png", lat, lon, town.metres_per_pixel, (0.0, 0.0))
            pairs.append(
                CrossViewPair(
                    name, folder / f"{name}-ground.png", above, f"{seed}-{n}", "panorama", 360.0, heading, lat, lon, split=split
                )
            )
        told(n + 1, places)
    write_pairs(folder / "pairs.jsonl", pairs)
    return folder / "pairs.jsonl"


def _cut(flight: Picture, x: float, y: float) -> Image.Image:
    """The square around a point, by whole pixels; black beyond the town's border."""
    half = REFERENCE_PX // 2
    left, top = round(x) - half, round(y) - half
    return Image.fromarray(flight).crop((left, top, left + REFERENCE_PX, top + REFERENCE_PX))


def drawn_photos(
    town: DrawnTown, count: int, seed: int, fov_deg: float = 75.0, seasons: tuple[str, ...] = SEASONS
) -> Iterator[DrawnPhoto]:
    """Photos (panoramas at 360 degrees) at places, headings and days by chance; a little off level."""
    rng = np.random.default_rng([seed, 22])
    for x, y in town.cameras(count, seed + 1_000_003):
        heading = float(rng.uniform(0, 360))
        size = (512, 256) if fov_deg >= 360 else (256, 128) if fov_deg > PINHOLE_MOST_DEG else (240, 180)
        camera = Camera(float(x), float(y), heading, fov_deg, 0.0 if fov_deg > PINHOLE_MOST_DEG else float(rng.normal(0, 1.5)))
        lat, lon = town.place(float(x), float(y))
        yield DrawnPhoto(
            street_view(town.layers, town.metres_per_pixel, camera, weather_of(rng, seasons), size), lat, lon, heading, fov_deg
        )
