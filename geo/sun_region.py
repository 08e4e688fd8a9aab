"""Where the sun can have been seen so: the region in numbers and words, on the 102 km cells that every belief starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.area import Area
from geo.cells import Cells
from geo.evidence import Likelihood, clue_on
from geo.gazetteer import gazetteer
from geo.reference import start_of
from geo.sphere import EARTH_AREA_KM2, Floats
from geo.sun_inverse import KM_PER_DEG

SHARE = 0.9
_MOST_COUNTRIES = 8


@dataclass(frozen=True)
class SunRegion:
    """The smallest region that holds 90 % by the sun alone, every place of the Earth being as likely before."""

    area_km2: float
    bands: tuple[tuple[float, float], ...]
    """Latitudes of the region, from south to north: more than one where it falls apart."""
    countries: Mapping[str, float]
    """Probability of the likeliest countries where photos are taken as often as they are everywhere else (the prior), 0 to 1."""

    @property
    def share_of_earth(self) -> float:
        return self.area_km2 / EARTH_AREA_KM2

    def words(self) -> str:
        """`90 % within 2.4 % of the Earth (12,100,000 km²), latitudes 12 S to 55 N; …`."""
        bands = " and ".join(f"{say_lat(south)} to {say_lat(north)}" for south, north in self.bands)
        where = ", ".join(f"{code} {100 * share:.0f} %" for code, share in self.countries.items())
        return f"90 % within {100 * self.share_of_earth:.2g} % of the Earth ({self.area_km2:,.0f} km²), latitudes {bands}" + (
            f"; with where photos are taken: {where}" if where else ""
        )

    def to_json(self) -> dict[str, Any]:
        return {"share": SHARE, "area_km2": round(self.area_km2), "share_of_earth": round(self.share_of_earth, 5),
                "latitudes": [list(band) for band in self.bands], "countries": {c: round(s, 4) for c, s in self.countries.items()}}  # fmt: skip


def region_of(likelihood: Likelihood, area: Area | None = None) -> SunRegion:
    """The region of a likelihood, within a search area where there is one. Raises ValueError where nothing fits."""
    cells, reference = start_of(True, area)
    values = clue_on(likelihood, cells)
    mass = values * cells.area_km2 * (reference > 0.0)
    if not mass.sum() > 0.0:
        raise ValueError("nowhere on the Earth, or in the search area, can the sun have stood so at such a time")
    order = np.argsort(-values * (reference > 0.0), kind="stable")
    mass = mass[order] / mass.sum()
    before = np.cumsum(mass) - mass
    needed = np.clip((SHARE - before) / np.maximum(mass, 1e-300), 0.0, 1.0)
    inside = order[before < SHARE]
    reach = cells.side_km[inside] / KM_PER_DEG / 2.0
    bands = _bands(cells.lat[inside] - reach, cells.lat[inside] + reach)
    area_km2 = float((needed * cells.area_km2[order]).sum())
    return SunRegion(area_km2, bands, _countries(cells, values * reference, area))


def say_lat(lat: float) -> str:
    """`38 N`, `12.5 S`, `0`."""
    shown = f"{abs(lat):.0f}"
    return shown if shown == "0" else f"{shown} {'N' if lat > 0 else 'S'}"


def _bands(south: Floats, north: Floats) -> tuple[tuple[float, float], ...]:
    """Latitudes that are covered, joined where they touch or lie within 2 degrees; whole degrees outwards."""
    covered: NDArray[np.bool_] = np.zeros(181, dtype=np.bool_)
    for low, high in zip(np.floor(south), np.ceil(north), strict=True):
        covered[int(max(low, -90.0)) + 90 : int(min(high, 90.0)) + 91] = True
    rows = np.flatnonzero(covered)
    breaks = np.flatnonzero(np.diff(rows) > 2)
    starts, ends = np.concatenate([[rows[0]], rows[breaks + 1]]), np.concatenate([rows[breaks], [rows[-1]]])
    return tuple((float(a) - 90.0, float(b) - 90.0) for a, b in zip(starts, ends, strict=True))


def _countries(cells: Cells, mass: Floats, area: Area | None) -> dict[str, float]:
    """Probability of the likeliest countries, those above 2 %."""
    codes, where = gazetteer().country_codes, _country_of_start(area)
    on_land = where >= 0
    shares = np.bincount(where[on_land], weights=mass[on_land], minlength=len(codes)) / max(float(mass.sum()), 1e-300)
    return {codes[i]: float(shares[i]) for i in np.argsort(-shares)[:_MOST_COUNTRIES] if shares[i] > 0.02}


@lru_cache(maxsize=4)
def _country_of_start(area: Area | None) -> NDArray[np.int64]:
    """Country index [n] of the cells that beliefs start from; a cell whose centre is at sea belongs to the shore within 50 km."""
    cells, _ = start_of(True, area)
    country = np.asarray(gazetteer().country_index_at(cells.lat, cells.lon), dtype=np.int64)
    wet = np.flatnonzero(country < 0)
    country[wet] = gazetteer().reverse_many(cells.lat[wet], cells.lon[wet]).country_index
    return country
