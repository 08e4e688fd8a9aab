"""VIGOR's label lines and names, and which way their offsets point.

    PANORAMA  POSITIVE Δ Δ  SEMI Δ Δ  SEMI Δ Δ  SEMI Δ Δ          (one line a panorama; Δ in pixels of the tile)
    panorama/ID,LAT,LON,.jpg        satellite/satellite_LAT_LON.png

Names carry coordinates, so the direction of the offsets need not be taken on trust: of the eight readings (row or column first, each with two
signs), that one is used which agrees best with the coordinates.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.aerial.web_mercator import to_pixel
from models.crossview.datasets.dataset import DatasetError

ZOOM = 20
MOST_APART_PX = 32.0
"""Labels that lie further (median) from what the coordinates in the names say are not offsets of these tiles."""
_HALF_TILE_PX = 320.0
_TILE = re.compile(r"satellite_(-?\d{1,3}(?:\.\d{1,20})?)_(-?\d{1,3}(?:\.\d{1,20})?)\.(?:png|jpg)")
_CHECKED = 20_000


@dataclass(frozen=True)
class LabelLine:
    """One line."""

    where: str
    """`FILE:LINE`."""
    panorama: str
    tiles: tuple[str, ...]
    """The positive, then the semi-positives."""
    offsets: tuple[tuple[float, float], ...]
    """As they stand in the file."""


@dataclass(frozen=True)
class Reading:
    """How the two numbers of an offset are read: pixels to the right and down of the tile's middle."""

    swap: bool
    """Whether the row comes first."""
    right: int
    """Sign of the number for the column."""
    down: int
    """Sign of the number for the row."""

    def apply(self, offset: tuple[float, float]) -> tuple[float, float]:
        """Right, down."""
        column, row = offset[::-1] if self.swap else offset
        return self.right * column, self.down * row

    def __str__(self) -> str:
        words = ["right" if self.right > 0 else "left", "down" if self.down > 0 else "up"]
        return " then ".join(words[::-1] if self.swap else words)


READINGS = tuple(Reading(swap, right, down) for swap, right, down in itertools.product((True, False), (1, -1), (-1, 1)))


def parse_line(where: str, text: str) -> LabelLine:
    """A line of a label file. Raises DatasetError, which begins with `where`."""
    parts = text.split()
    if len(parts) < 4 or len(parts) % 3 != 1 or len(parts) > 40:
        raise DatasetError(f"{where}: has {len(parts)} words; a panorama and triples of tile, offset, offset are read")
    try:
        numbers = [(float(a), float(b)) for a, b in zip(parts[2::3], parts[3::3], strict=True)]
    except ValueError:
        raise DatasetError(f"{where}: its offsets are not all numbers") from None
    if not all(math.isfinite(v) and abs(v) <= 10 * _HALF_TILE_PX for pair in numbers for v in pair):
        raise DatasetError(f"{where}: an offset lies far outside its tile of {2 * _HALF_TILE_PX:g} pixels")
    return LabelLine(where, parts[0], tuple(parts[1::3]), tuple(numbers))


def panorama_place(name: str, where: str) -> tuple[float, float]:
    """Latitude and longitude in a panorama's name. Raises DatasetError, which begins with `where`."""
    parts = name.split(",")
    return _degrees(parts[1:3] if len(parts) >= 4 else [], name, where)


def tile_place(name: str, where: str) -> tuple[float, float]:
    """Latitude and longitude of a tile's middle, from its name. Raises DatasetError, which begins with `where`."""
    found = _TILE.fullmatch(name)
    return _degrees(list(found.groups()) if found else [], name, where)


def offset_by_names(line: LabelLine, tile: int) -> tuple[float, float]:
    """Pixels to the right and down of a tile's middle at which the names say that the panorama was taken."""
    lat, lon = panorama_place(line.panorama, line.where)
    x, y = to_pixel(lat, lon, ZOOM)
    middle_x, middle_y = to_pixel(*tile_place(line.tiles[tile], line.where), ZOOM)
    return float(x - middle_x), float(y - middle_y)


def reading_of(lines: Sequence[LabelLine], source: str) -> tuple[Reading, float]:
    """The reading that agrees best with the names, and how far apart they still are: median distance in pixels. Raises DatasetError."""
    some = lines[:: max(1, len(lines) // _CHECKED)]
    said = np.array([line.offsets[0] for line in some])
    named = np.array([offset_by_names(line, 0) for line in some])
    apart = [_median_apart(said, named, reading) for reading in READINGS]
    best = int(np.argmin(np.round(apart, 1)))  # where readings agree equally well, the first: row up, column right
    if apart[best] > MOST_APART_PX:
        raise DatasetError(
            f"{source}: its offsets lie {apart[best]:.0f} pixels (median) from what the coordinates in the names say"
        )
    return READINGS[best], float(apart[best])


def _median_apart(said: NDArray[np.float64], named: NDArray[np.float64], reading: Reading) -> float:
    column, row = (said[:, ::-1] if reading.swap else said).T
    return float(np.median(np.hypot(reading.right * column - named[:, 0], reading.down * row - named[:, 1])))


def _degrees(texts: Sequence[str], name: str, where: str) -> tuple[float, float]:
    try:
        lat, lon = map(float, texts)
    except ValueError:
        raise DatasetError(f"{where}: {name[:80]!r} does not carry a latitude and a longitude") from None
    if not (abs(lat) < 85.0 and abs(lon) <= 180.0):
        raise DatasetError(f"{where}: {name[:80]!r} carries no latitude and longitude of a map")
    return lat, lon
