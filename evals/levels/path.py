"""Where an answer lies: country, region and city by id, however it was put."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from geo.gazetteer import gazetteer
from geo.place import Place

CLAIMS = {
    **dict.fromkeys(("HK", "MO", "TW"), "CN"),
    **dict.fromkeys(("GF", "GP", "MQ", "YT", "RE", "PM", "BL", "MF", "NC", "PF", "WF", "TF"), "FR"),
    **dict.fromkeys(("AI", "BM", "VG", "KY", "FK", "GI", "MS", "PN", "SH", "TC", "GG", "JE", "IM", "IO", "GS"), "GB"),
    **dict.fromkeys(("AS", "GU", "MP", "PR", "VI", "UM"), "US"),
    **dict.fromkeys(("AW", "CW", "SX", "BQ"), "NL"),
    **dict.fromkeys(("CX", "CC", "NF", "HM"), "AU"),
    **dict.fromkeys(("CK", "NU", "TK"), "NZ"),
    **dict.fromkeys(("FO", "GL"), "DK"),
    **dict.fromkeys(("SJ", "BV"), "NO"),
    **dict.fromkeys(("UA.11", "UA.20"), "RU"),
    "AX": "FI", "XK": "RS", "EH": "MA", "PS": "IL",
}  # fmt: skip
"""Under which other country a place may be written: territories with an ISO code of their own, and disputed places. It says how
people write addresses (`Hong Kong, China`), not whose a place is."""


_OF_COUNTRY = 0.75
"""A city of its country's name with this share of its people is the country."""


@dataclass(frozen=True)
class Path:
    """A place with everything that contains it. None: the answer does not go so deep, or lies in none."""

    lat: float
    lon: float
    country: str | None
    """ISO 3166 alpha-2."""
    region: str | None = None
    region_code: str | None = None
    """GeoNames admin-1 code, unique within the country."""
    city: str | None = None
    """The city that the place belongs to, or the place itself."""
    city_id: int | None = None
    place_id: int | None = None
    """GeoNames id of the place itself: a quarter, or the city."""
    by_point: bool = False
    """Given in coordinates: whether it is right depends on distances too."""

    @property
    def region_key(self) -> tuple[str, str] | None:
        return (self.country, self.region_code) if self.country and self.region_code else None


def may_lie_in(place: Place, country: str) -> bool:
    """Whether an address may put the place in a country (a code): its own, or one of CLAIMS."""
    return country in {place.country, CLAIMS.get(place.country or ""), CLAIMS.get(f"{place.country}.{place.region_code}")}


def path_of(place: Place) -> Path:
    """The path of a place, a region or a country of the gazetteer (`geo.place.Place`)."""
    if place.id == 0:
        return Path(place.lat, place.lon, place.country, place.region, place.region_code)
    city = city_of(place)
    return Path(place.lat, place.lon, place.country, place.region, place.region_code, city.name, city.id, place.id)


def paths_at(lat: ArrayLike, lon: ArrayLike) -> list[Path]:
    """The paths of points [n] in degrees. Raises ValueError as `Gazetteer.reverse_many` does."""
    known = gazetteer()
    found = known.reverse_many(lat, lon)
    return [
        _path_at(float(found.lat[i]), float(found.lon[i]), int(found.country_index[i]), int(found.region_index[i]),
                 int(found.nearest_index[i]), int(found.place_index[i]))
        for i in range(len(found))
    ]  # fmt: skip


def _path_at(lat: float, lon: float, country: int, region: int, nearest: int, city: int) -> Path:
    known = gazetteer()
    code = known.country_codes[country] if country >= 0 else None
    if region < 0 or city < 0:
        return Path(lat, lon, code, by_point=True)
    # The region of a point is that of its nearest place; its city lies in the same region (`geo/data/README.md`).
    place, home = known.place(nearest), (city_state(code) if code else None) or known.place(city)
    return Path(lat, lon, code, place.region, place.region_code, home.name, home.id, place.id, by_point=True)


@lru_cache(maxsize=512)
def city_state(country: str) -> Place | None:
    """The city that is the whole country: of its name, with at least three quarters of its people (Singapore, Monaco, Hong Kong)."""
    whole = gazetteer().countries[country]
    for match in gazetteer().search(whole.name, limit=20, fuzzy=False):
        if match.place.id and match.place.country == country:
            return match.place if match.place.population >= _OF_COUNTRY * whole.population else None
    return None


@lru_cache(maxsize=8192)
def city_of(place: Place) -> Place:
    """The city that a place belongs to as the gazetteer has it, in the same country and region; or the place itself."""
    if place.country and (city := city_state(place.country)):
        return city
    home = gazetteer().reverse(place.lat, place.lon).place
    same = home is not None and (home.country, home.region_code) == (place.country, place.region_code)
    return home if home is not None and same else place


def reach_km(population: ArrayLike) -> np.ndarray:
    """How far a city goes from its middle: 0.007 km · sqrt(population), between 3 and 30 km.

    A disc of 6,500 people per km²; the slope by which the gazetteer gives places to cities (`geo/data/README.md`), so that points
    and names are judged alike. Many gazetteer populations are those of the municipality, hence the upper bound.
    """
    return np.clip(0.007 * np.sqrt(np.asarray(population, dtype=np.float64)), 3.0, 30.0)


def territories(countries: Sequence[str]) -> frozenset[str]:
    """Countries that addresses may put under one of these."""
    return frozenset(key.split(".")[0] for key, other in CLAIMS.items() if other in countries)
