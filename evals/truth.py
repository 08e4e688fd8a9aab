"""What a benchmark does not say about where its photos were taken, filled in from the gazetteer and marked as derived.

Coordinates give country, region and city; names give a point and the names above them. What was given is never replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from evals.record import Truth
from geo.area import Area
from geo.gazetteer import Locations, gazetteer
from geo.naming import CITY_AREA_KM
from geo.place import Match, Place
from geo.sphere import destination, haversine_km

BORDER_KM = 5.0
"""Borders of the gazetteer are simplified: a given country within this distance of the coordinates does not contradict them."""
_RIVAL = 0.2
"""A name is ambiguous when another place that has it holds more than this share of the greatest one's people."""
_LONGEST = 120
_REMEMBERED = 50_000


def given(lat: float | None, lon: float | None, *, country: str = "", region: str = "", city: str = "") -> Truth:
    """What a benchmark says, before anything is derived. `country` is a name in any language or a code.

    The names stay as written in `names`; a country that the gazetteer does not know is in `names` alone.
    """
    names = {"country": country, "region": region, "city": city}
    names = {level: written for level, name in names.items() if (written := " ".join(name.split())[:_LONGEST])}
    if lat is None or lon is None:
        lat = lon = None
    return Truth(lat, lon, _code(names.get("country", "")), names.get("region"), names.get("city"), names=names)


def complete(truths: Sequence[Truth]) -> list[Truth]:
    """The truths with what was missing, marked in `derived`.

    A city is derived within 50 km of its middle; region and city only where the coordinates lie in the given country (or within
    5 km of it); a point only from a city that is the one of its name in what is given above it. The rest stays None.
    """
    done = [_normalised(truth) for truth in truths]
    located = [i for i, truth in enumerate(done) if truth.lat is not None]
    if located:
        for i, truth in zip(located, _from_points([done[i] for i in located]), strict=True):
            done[i] = truth
    return [truth if truth.lat is not None else _from_names(truth) for truth in done]


def conflicts(truths: Sequence[Truth]) -> list[tuple[int, str]]:
    """Index and sentence of every truth whose given parts contradict each other or cannot be placed; best after `complete`."""
    found: list[tuple[int, str]] = []
    located = [i for i, truth in enumerate(truths) if truth.lat is not None and "point" not in truth.derived]
    codes = _countries_at([truths[i] for i in located]) if located else []
    at = dict(zip(located, codes, strict=True))
    for i, truth in enumerate(truths):
        written = truth.names.get("country")
        if written and not _code(written):
            found.append((i, f"the country {written!r} is not known"))
        elif i in at and truth.country and "country" not in truth.derived and truth.country not in at[i]:
            found.append(
                (i, f"the country is given as {truth.country}, but {truth.lat:g}, {truth.lon:g} lies in {_first(at[i])}")
            )
        elif truth.lat is None and truth.city:
            found.append((i, f"the gazetteer has no single place {', '.join(_written(truth))!r}"))
    return found


def _normalised(truth: Truth) -> Truth:
    """`truth` with its country as an ISO code and what was written in `names`; a country that is not known is in `names` alone."""
    if truth.country is None or truth.country in gazetteer().countries:
        return truth
    return replace(truth, country=_code(truth.country), names={"country": truth.country, **truth.names})


@lru_cache(_REMEMBERED)
def _code(country: str) -> str | None:
    return gazetteer().country_code(country) if country else None


def _first(codes: tuple[str, ...]) -> str:
    return codes[0] if codes else "no country"


def _written(truth: Truth) -> list[str]:
    return [truth.names[level] for level in ("city", "region", "country") if level in truth.names]


# Coordinates to names


def _from_points(truths: Sequence[Truth]) -> list[Truth]:
    lat, lon = (np.array([getattr(truth, axis) for truth in truths], dtype=np.float64) for axis in ("lat", "lon"))
    places = gazetteer().reverse_many(lat, lon)
    codes = _codes(places)
    done = [truth if _is_whole(truth) else _named(truth, places, i, codes[i]) for i, truth in enumerate(truths)]
    for i, shifted, row in _over_the_border(truths, codes):
        done[i] = _named(truths[i], shifted, row, truths[i].country)
    return done


def _is_whole(truth: Truth) -> bool:
    return bool(truth.country and truth.region and truth.city)


def _named(truth: Truth, places: Locations, i: int, country: str | None) -> Truth:
    """`truth` with the names of point `i` where it has none; only the country that it gives decides what lies in it."""
    found: dict[str, str | None] = {"country": country}
    if truth.country in (None, country):
        source, city = places.source, int(places.place_index[i])
        region = source.region_name(int(places.region_index[i]))
        near = city >= 0 and float(places.distance_km[i]) <= CITY_AREA_KM and _agree(truth.region, region, country)
        found |= {"region": region, "city": _place(city).name if near else None}
    new = {level: name for level, name in found.items() if name and getattr(truth, level) is None}
    return replace(truth, **new, derived=(*truth.derived, *new)) if new else truth  # type: ignore[arg-type]


@lru_cache(_REMEMBERED)
def _agree(given: str | None, region: str | None, country: str | None) -> bool:
    """Whether a city of `region` may be derived: not where another region of the country was given."""
    if given is None or gazetteer().same_region(given, region or "", country or ""):
        return True
    return not _is_region(given, Area(frozenset({country})) if country else None)


@lru_cache(_REMEMBERED)
def _place(index: int) -> Place:
    return gazetteer().place(index)


def _codes(places: Locations) -> list[str | None]:
    names = places.source.country_codes
    return [names[index] if index >= 0 else None for index in places.country_index.tolist()]


def _over_the_border(truths: Sequence[Truth], codes: Sequence[str | None]) -> list[tuple[int, Locations, int]]:
    """Index, locations and row therein of a point within BORDER_KM, for each truth that lies just outside its given country."""
    rows = [i for i, truth in enumerate(truths) if truth.country and codes[i] != truth.country]
    if not rows:
        return []
    around = _around([truths[i] for i in rows])
    found = []
    shifted = _codes(around)
    count = len(shifted) // len(rows)
    for n, i in enumerate(rows):
        inside = next((k for k in range(n * count, (n + 1) * count) if shifted[k] == truths[i].country), None)
        if inside is not None:
            found.append((i, around, inside))
    return found


def _around(truths: Sequence[Truth]) -> Locations:
    """Locations of 8 points at each of three distances up to BORDER_KM of every truth, the nearest first."""
    lat, lon = (np.array([getattr(truth, axis) for truth in truths], dtype=np.float64)[:, None] for axis in ("lat", "lon"))
    km = np.repeat(np.array([0.2, 0.5, 1.0]) * BORDER_KM, 8)
    lats, lons = destination(lat, lon, np.tile(np.arange(0.0, 360.0, 45.0), 3)[None], km[None])
    return gazetteer().reverse_many(lats.ravel(), lons.ravel())


def _countries_at(truths: Sequence[Truth]) -> list[tuple[str, ...]]:
    """The country of each point and, where the given one is another that lies within BORDER_KM, that too."""
    lat, lon = (np.array([getattr(truth, axis) for truth in truths], dtype=np.float64) for axis in ("lat", "lon"))
    codes = _codes(gazetteer().reverse_many(lat, lon))
    near = {i for i, _, _ in _over_the_border(truths, codes)}
    return [tuple(code for code in (codes[i], truth.country if i in near else None) if code) for i, truth in enumerate(truths)]


# Names to a point


@dataclass(frozen=True)
class _Found:
    lat: float
    lon: float
    country: str | None
    region: str | None


def _from_names(truth: Truth) -> Truth:
    """`truth` with a point and the names above its city, where one place is meant."""
    found = _look_up(truth.city or "", truth.region or "", truth.country or "", "country" in truth.names)
    if found is None:
        return truth
    new: dict[str, str] = {}
    if found.country and truth.country is None:
        new["country"] = found.country
    if found.region and truth.region is None:
        new["region"] = found.region
    values: Mapping[str, object] = {**new, "lat": found.lat, "lon": found.lon}
    return replace(truth, **values, derived=(*truth.derived, "point", *new))  # type: ignore[arg-type]


@lru_cache(_REMEMBERED)
def _look_up(city: str, region: str, country: str, country_given: bool) -> _Found | None:
    """The one place called `city` in the region and the country given, or None."""
    if not city or (country_given and not country):
        return None
    known, area = gazetteer(), Area(frozenset({country})) if country else None
    places = [match for match in known.search(city, area=area, limit=200, fuzzy=False) if match.how in {"exact", "alternative"}]
    if region:
        inside = [match for match in places if known.same_region(match.place.region or "", region, match.place.country or "")]
        if not inside and _is_region(region, area):
            return None
        places = inside or places
    if not places or _is_ambiguous(places):
        return None
    place = places[0].place
    return _Found(place.lat, place.lon, place.country, place.region)


def _is_region(name: str, area: Area | None) -> bool:
    """Whether the gazetteer knows a region of this name there."""
    return any(match.how == "region" for match in gazetteer().search(name, area=area, limit=200, fuzzy=False))


def _is_ambiguous(places: Sequence[Match]) -> bool:
    """Whether a place elsewhere has the name of the first one and is not much smaller."""
    first = places[0]
    rivals = [m.place for m in places[1:] if m.how == first.how or m.how == "exact"]
    return any(
        rival.population > _RIVAL * first.place.population
        and float(haversine_km(first.place.lat, first.place.lon, rival.lat, rival.lon)) > CITY_AREA_KM
        for rival in rivals
    )
