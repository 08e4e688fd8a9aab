"""What would be right: the truth of a record as sets of ids, with its words for places that the gazetteer does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evals.levels.path import Path, city_of, may_lie_in, paths_at, reach_km, territories
from evals.record import Truth
from evals.row import LEVELS
from geo.area import Area
from geo.gazetteer import gazetteer
from geo.names import fold
from geo.place import Place
from geo.sphere import haversine_km

SAME_NAME_KM = 50.0
"""Two places of one name in one region this near to each other are one."""
_FAR_KM = 100.0
_KIND = re.compile(
    r"\b(city|municipality|metropolis|metropolitan|district|ward|town|shi|sheng|zizhiqu|county|province|prefecture|state|oblast|region)\b",
    re.I,
)


@dataclass(frozen=True)
class Target:
    """The right answers at each level."""

    asked: frozenset[str]
    """The levels at which the truth says something."""
    countries: frozenset[str]
    regions: frozenset[tuple[str, str]]
    """(country, admin-1 code); more than one where the benchmark's region is not the one the gazetteer puts its city in."""
    no_regions: bool
    """The gazetteer has no regions there (city-states), so that the country decides."""
    city: Place | None
    """None where the gazetteer does not know it."""
    place_id: int | None
    names: Mapping[str, frozenset[str]]
    """Folded names by level, as the benchmark writes them."""
    lat: float | None
    lon: float | None
    at_point: Path | None
    """What the gazetteer says of the true point: borders are simplified, and benchmarks have other regions."""


def target_of(truth: Truth) -> Target:
    """The truth in ids. What is not known to the gazetteer is kept by name."""
    names = tuple((level, str(truth.names.get(level) or "")) for level in LEVELS)
    return _target(truth.country, truth.region, truth.city, truth.lat, truth.lon, names)


@lru_cache(maxsize=8192)
def _target(country: str | None, region: str | None, city: str | None, lat: float | None, lon: float | None,
            names: tuple[tuple[str, str], ...]) -> Target:  # fmt: skip
    named = dict(names)
    written = {"country": {country, named["country"]}, "region": {region, named["region"]}, "city": {city, named["city"]}}
    folded = {level: frozenset(fold(name) for name in texts if name and fold(name)) for level, texts in written.items()}
    codes = {code for name in (country, named["country"]) if name and (code := gazetteer().country_code(name))}
    folded["region"] |= {fold(_without_kind(name)) for name in written["region"] if name and fold(name)} - {""}
    folded["country"] |= {fold(gazetteer().countries[code].name) for code in codes}
    place = None
    for name in dict.fromkeys(filter(None, (city, named["city"]))):
        place = place or _city(name, codes, region or named["region"], lat, lon)
    if place and place.country and codes:
        codes.add(place.country)
    keys = {key for name in (region, named["region"]) if name for key in _region_keys(name, codes)}
    if place and place.country and place.region_code:
        keys.add((place.country, place.region_code))
    here = paths_at([lat], [lon])[0] if lat is not None and lon is not None else None
    if not place and not keys and here and here.region_key and here.country in codes:
        keys = {here.region_key}
    return Target(frozenset(level for level in LEVELS if any(written[level])), frozenset(codes), frozenset(keys),
                  bool(place) and not keys, city_of(place) if place else None, place.id if place else None, folded, lat,
                  lon, here)  # fmt: skip


def _city(name: str, codes: set[str], region: str | None, lat: float | None, lon: float | None) -> Place | None:
    """The place that the truth calls so: the nearest to its point, or the likeliest in its region."""
    for countries in (codes, codes | territories(sorted(codes))):
        area = Area(frozenset(countries)) if countries else None
        for variant in dict.fromkeys((name, _without_kind(name))):
            found = [m.place for m in gazetteer().search(variant, area=area, limit=200, fuzzy=False) if m.place.id]
            found = [p for p in found if not codes or any(may_lie_in(p, code) for code in codes)]
            if lat is not None and lon is not None and found:
                away = haversine_km(lat, lon, [p.lat for p in found], [p.lon for p in found])
                beyond = np.maximum(away - reach_km([p.population for p in found]), 0.0)
                found = [found[i] for i in np.argsort(beyond, kind="stable") if away[i] < _FAR_KM]
            elif region and found:
                found = [p for p in found if p.region and gazetteer().same_region(p.region, region, p.country or "")] or found
            if found:
                return found[0]
    return None


def _region_keys(name: str, codes: set[str]) -> set[tuple[str, str]]:
    """Regions of these countries that have the name, with or without the word for their kind."""
    keys: set[tuple[str, str]] = set()
    for variant in dict.fromkeys((name, _without_kind(name))):
        for match in gazetteer().search(variant, area=Area(frozenset(codes)) if codes else None, limit=200, fuzzy=False):
            if match.how == "region" and match.place.country and match.place.region_code:
                keys.add((match.place.country, match.place.region_code))
        if keys:
            break
    return keys


def _without_kind(name: str) -> str:
    """`Taipei` for `Taipei City`; what stands in brackets or after a comma goes too."""
    head = re.split(r"[,(（]", name)[0]
    return " ".join(_KIND.sub(" ", head).split()) or name
