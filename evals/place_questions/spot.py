"""Where questions are asked: photos of a table or a benchmark, or points on an extract."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals.benchmarks import make_benchmark
from evals.benchmarks.coordinates import point
from evals.benchmarks.table import read_table
from evals.place_questions.question import QuestionError
from geo.sphere import destination
from tools.osm.probability import covers_circle
from tools.osm.shape import UNITS, IntBox
from tools.osm.store import OsmStore
from tools.quote import clean

JITTER_M = 25.0
"""A random point lies so far from an element at most: nobody stands in the middle of what is mapped."""


@dataclass(frozen=True)
class Spot:
    """A place that is known."""

    id: str
    lat: float
    lon: float
    photo: str = ""

    def rng(self, seed: int) -> np.random.Generator:
        """Random numbers that depend on the seed and this spot alone."""
        text = f"{self.photo or self.id}|{self.lat:.6f}|{self.lon:.6f}"
        return np.random.Generator(np.random.PCG64([seed, zlib.crc32(text.encode("utf-8", "replace"))]))


@dataclass(frozen=True)
class Spots:
    """Spots and how many rows had no coordinates."""

    spots: tuple[Spot, ...]
    left_out: int = 0


def spots_of_table(path: Path) -> Spots:
    """The rows of a table (CSV, TSV, JSON lines, parquet) with latitude and longitude. Raises QuestionError and BenchmarkError."""
    table = read_table(path)
    if not {"lat", "lon"} <= set(table.roles):
        raise QuestionError(f"{path} has no columns lat and lon")
    photos = table.roles.get("image") or table.roles.get("id") or [""] * len(table)
    spots = []
    for row, (lat, lon, photo) in enumerate(zip(table.roles["lat"], table.roles["lon"], photos, strict=True)):
        try:
            at = point(lat, lon)
        except ValueError:
            continue
        spots.append(Spot(f"row-{row + 1}", *at, clean(photo, 400)))
    return _some(spots, len(table), str(path))


def spots_of_benchmark(name: str) -> Spots:
    """The records of a benchmark that come with coordinates of their own. Raises QuestionError and BenchmarkError."""
    records = make_benchmark(name).records()
    spots = [
        Spot(record.id, record.truth.lat, record.truth.lon, clean(record.id, 400))
        for record in records
        if record.truth.lat is not None and record.truth.lon is not None and "point" not in record.truth.derived
    ]
    return _some(spots, len(records), name)


def random_spots(store: OsmStore, count: int, radius_m: float, seed: int) -> Spots:
    """Points near randomly drawn elements, whose circle of a radius lies in the extract. Raises QuestionError where there is none."""
    rng = np.random.Generator(np.random.PCG64(seed))
    rows = store.ids((), _boxes(store), most=None)
    rng.shuffle(rows)
    found: list[Spot] = []
    for start in range(0, len(rows), 1000):
        columns = store.columns(rows[start : start + 1000])
        order = rng.permutation(len(columns.id))
        bearing, away = rng.uniform(0.0, 360.0, len(order)), rng.uniform(0.0, JITTER_M / 1000.0, len(order))
        lat, lon = destination(columns.lat[order], columns.lon[order], bearing, away)
        for at_lat, at_lon in zip(np.round(lat, 6).tolist(), np.round(lon, 6).tolist(), strict=True):
            if covers_circle(store, at_lat, at_lon, radius_m):
                found.append(Spot(f"point-{len(found) + 1:05d}", at_lat, at_lon))
            if len(found) == count:
                return Spots(tuple(found))
    if not found:
        raise QuestionError(f"no circle of {radius_m:,.0f} m fits into the extract: give a smaller radius or a larger extract")
    return Spots(tuple(found))


def _boxes(store: OsmStore) -> list[IntBox]:
    box = store.about().box
    if box is None:
        return []
    south, west, north, east = (round(value * UNITS) for value in (box.south, box.west, box.north, box.east))
    if west <= east:
        return [(south, west, north, east)]
    return [(south, west, north, 180 * UNITS), (south, -180 * UNITS, north, east)]


def _some(spots: list[Spot], rows: int, what: str) -> Spots:
    if not spots:
        raise QuestionError(f"{what} holds no photo with coordinates")
    return Spots(tuple(spots), rows - len(spots))
