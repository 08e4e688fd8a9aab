"""A search area: countries, a box, or both."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.sphere import wrap_lon


@dataclass(frozen=True)
class Box:
    """Degrees; `west > east` means that the box crosses the antimeridian."""

    south: float
    west: float
    north: float
    east: float

    def contains(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.bool_]:
        """Which of the points [...] lie inside, borders included."""
        lat, lon = np.asarray(lat, dtype=np.float64), wrap_lon(lon)
        width = (self.east - self.west) % 360.0 or (360.0 if self.east != self.west else 0.0)
        return np.asarray((lat >= self.south) & (lat <= self.north) & ((lon - self.west) % 360.0 <= width))


@dataclass(frozen=True)
class Area:
    """Where to look. Countries are ISO-3166 alpha-2 codes; both parts must hold where both are given."""

    countries: frozenset[str] = frozenset()
    box: Box | None = None

    def __bool__(self) -> bool:
        return bool(self.countries) or self.box is not None

    def to_text(self) -> str:
        """The form that `parse_area` reads back."""
        box = self.box and f"{self.box.south},{self.box.west},{self.box.north},{self.box.east}"
        return ",".join(sorted(self.countries)) + (f";{box}" if box and self.countries else box or "")


def parse_area(text: str, known_countries: frozenset[str] | None = None) -> Area:
    """`FR,DE`, `41.1,-9.6,42.2,-8` (south,west,north,east) or both joined by `;`.

    A box whose west lies east of its east crosses the antimeridian; one of 360° or more goes all around. Raises ValueError
    with one plain sentence when the text is neither.
    """
    countries: frozenset[str] = frozenset()
    box: Box | None = None
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        items = [item.strip() for item in part.split(",")]
        if all(re.fullmatch(r"[A-Za-z]{2}", item) for item in items):
            countries |= {item.upper() for item in items}
        elif box is not None:
            raise ValueError("an area has one box (south,west,north,east) at most")
        else:
            box = _box(items, part[:60])
    unknown = countries - known_countries if known_countries is not None else frozenset()
    if unknown:
        raise ValueError(f"no country has the code {', '.join(sorted(unknown)[:5])}; use ISO 3166 codes such as FR,DE")
    if not countries and box is None:
        raise ValueError("an area is country codes (FR,DE) or a box (south,west,north,east)")
    return Area(countries, box)


def _box(items: list[str], part: str) -> Box:
    try:
        south, west, north, east = (float(item) for item in items)
    except ValueError:
        raise ValueError(f"cannot read the area {part!r}: give country codes (FR,DE) or south,west,north,east") from None
    if not -90 <= south < north <= 90:
        raise ValueError(f"the box {part!r} needs -90 <= south < north <= 90")
    if not (abs(west) <= 360 and abs(east) <= 360):
        raise ValueError(f"the box {part!r} needs longitudes between -360 and 360")
    if east - west >= 360:
        return Box(south, -180.0, north, 180.0)
    west, east = float(wrap_lon(west)), 180.0 if east == 180 else float(wrap_lon(east))
    if (east - west) % 360.0 == 0 and (west, east) != (-180.0, 180.0):
        raise ValueError(f"the box {part!r} needs two different longitudes")
    return Box(south, west, north, east)
