"""Names for a belief: disjoint places that hold most of its mass, from city areas up to whole countries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.belief import Belief
from geo.gazetteer import Location, gazetteer
from geo.sphere import haversine_km, spherical_mean

CITY_AREA_KM = 50.0
"""A city area is the circle of this radius around the peak."""
_CITY_SHARE = 0.5
"""A country or region is named by its city area when that holds at least this share of its mass."""


@dataclass(frozen=True)
class NamedPlace:
    """A part of the belief with a name. Parts of one list do not overlap."""

    kind: str
    """`city`, `region`, `country` or `sea`."""
    lat: float
    lon: float
    probability: float
    country: str | None
    country_name: str | None
    region: str | None
    city: str | None

    def label(self) -> str:
        """`Lisbon area (PT)`, `Andalusia (ES)`, `Spain`, `the sea`."""
        if self.kind == "country" and self.country_name:
            return self.country_name
        name = {"city": f"{self.city} area", "region": self.region}.get(self.kind)
        return f"{name} ({self.country})" if name and self.country else name or "the sea"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "lat": round(self.lat, 5), "lon": round(self.lon, 5), "probability": round(self.probability, 4),
                "country": self.country, "country_name": self.country_name, "region": self.region, "city": self.city}  # fmt: skip


def top_places(belief: Belief, k: int = 5, least: float = 0.01) -> list[NamedPlace]:
    """At most `k` disjoint places, the most probable first, each with at least the probability `least`."""
    left = belief.mass.copy()
    country = _country_of_cells(belief)
    found: list[NamedPlace] = []
    while len(found) < k:
        totals = np.bincount(country + 1, weights=left, minlength=len(gazetteer().country_codes) + 1)
        index = int(np.argmax(totals))
        if totals[index] < least:
            break
        rows = np.flatnonzero(country + 1 == index)
        place, taken = _name_part(belief, left, rows, at_sea=index == 0)
        left[taken] = 0.0
        found.append(place)
    return sorted(found, key=lambda p: -p.probability)


def country_mass(belief: Belief) -> dict[str, float]:
    """Probability of each country code that has any; what lies at sea is left out."""
    codes = gazetteer().country_codes
    totals = np.bincount(_country_of_cells(belief) + 1, weights=belief.mass, minlength=len(codes) + 1)[1:]
    return {codes[i]: float(totals[i]) for i in np.argsort(-totals) if totals[i] > 1e-6}


def cells_of_country(belief: Belief, code: str) -> NDArray[np.bool_]:
    """The cells whose centre lies in a country."""
    return np.asarray(_country_of_cells(belief) == gazetteer().country_codes.index(code))


def belief_line(belief: Belief) -> str:
    """The belief in one line, as policies and people read it."""
    places = top_places(belief, 3)
    if not places:
        return "belief: anywhere"
    names = ", ".join(f"{_percent(p.probability)} {p.label()}" for p in places)
    radius = belief.radius_km(places[0].lat, places[0].lon, 0.9)
    return f"belief: {names}; 90 % within {_km(radius)} of {places[0].label()}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "<1 %"


def _km(distance: float) -> str:
    return f"{distance:.1f} km" if distance < 10 else f"{distance:,.0f} km".replace(",", " ")


def _country_of_cells(belief: Belief) -> NDArray[np.int64]:
    """Country index of each cell, -1 at sea. A cell whose centre is at sea belongs to the shore within 50 km of it, as in `reverse`."""
    cells = belief.cells
    country = np.asarray(gazetteer().country_index_at(cells.lat, cells.lon), dtype=np.int64)
    wet = np.flatnonzero((country < 0) & (belief.mass > 1e-6))
    if len(wet):
        country[wet] = gazetteer().reverse_many(cells.lat[wet], cells.lon[wet]).country_index
    return country


def _name_part(belief: Belief, left: np.ndarray, rows: np.ndarray, at_sea: bool) -> tuple[NamedPlace, np.ndarray]:
    """Name the part `rows` by its peak's city area or region where that holds most of it, else as a whole."""
    mass, cells = left[rows], belief.cells
    total = float(mass.sum())
    peak = _peak(belief, left, rows)
    here = gazetteer().reverse(*peak)
    close = np.flatnonzero((haversine_km(*peak, cells.lat, cells.lon) < CITY_AREA_KM + 0.4 * cells.side_km) & (left > 0))
    if here.city and left[close].sum() >= _CITY_SHARE * total and not (at_sea and here.country is None):
        return _named("city", peak, float(left[close].sum()), here), close
    if at_sea:
        return _named("sea", peak, total, here), rows
    if here.region:
        heavy = rows[np.argsort(-mass)[: max(1, int(np.searchsorted(np.cumsum(np.sort(mass)[::-1]), 0.98 * total)) + 1)]][:20_000]
        where = gazetteer().reverse_many(cells.lat[heavy], cells.lon[heavy])
        inside = heavy[where.region_index == _region_at(peak)]
        if left[inside].sum() >= _CITY_SHARE * total:
            return _named("region", peak, float(left[inside].sum()), here), inside
    return _named("country", peak, total, here), rows


def _region_at(point: tuple[float, float]) -> int:
    """Index of the admin-1 region at a point."""
    return int(gazetteer().reverse_many(np.array([point[0]]), np.array([point[1]])).region_index[0])


def _peak(belief: Belief, left: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """The middle of the city area with the most mass among `rows`."""
    cells = belief.cells
    heavy = rows[np.argsort(-left[rows])[:3000]]
    dense = rows[np.argsort(-left[rows] / cells.area_km2[rows])[:100]]
    starts = np.union1d(heavy[:50], dense)
    distance = haversine_km(cells.lat[starts, None], cells.lon[starts, None], cells.lat[heavy], cells.lon[heavy])
    top = int(np.argmax(np.exp(-distance / 10.0) @ left[heavy]))
    around = heavy[distance[top] < 15.0]
    middle = spherical_mean(cells.lat[around], cells.lon[around], left[around]) if len(around) else None
    return middle or (float(cells.lat[starts[top]]), float(cells.lon[starts[top]]))


def _named(kind: str, point: tuple[float, float], probability: float, here: Location) -> NamedPlace:
    region = here.region if kind in {"city", "region"} else None
    city = here.city if kind == "city" else None
    return NamedPlace(kind, *point, probability, here.country, here.country_name, region, city)
