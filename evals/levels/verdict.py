"""Right or wrong at country, region and city: of a path against a target."""

from __future__ import annotations

import re

from evals.levels.path import Path, reach_km
from evals.levels.target import SAME_NAME_KM, Target
from evals.row import LEVELS, Verdicts
from geo.names import fold
from geo.sphere import haversine_km

EXACT_KM = 3.0
"""An answer strictly nearer than this to the true point is in the right city, whatever suburb's name is nearest (GeoVista's < 3 km)."""


def no_answer(target: Target) -> Verdicts:
    """Wrong wherever the truth says something."""
    return {level: False if level in target.asked else None for level in LEVELS}


def verdicts_of(target: Target, path: Path | None, said: str = "", names: str = "") -> Verdicts:
    """Verdicts on an answer's path; folded words count where ids cannot: `said`, the statement, and `names`, its address.

    City ⇒ region ⇒ country: what lies in another region is no right city, and what lies in another country no right region.
    """
    country = _country(target, path, said)
    region = country and _region(target, path, said)
    city = (
        country
        and _city(target, path, said, names)
        and (region or "region" not in target.asked or path is None or path.region_code is None)
    )
    right = {"country": country, "region": region or city, "city": city}
    return {level: right[level] if level in target.asked else None for level in LEVELS}


def _country(target: Target, path: Path | None, said: str) -> bool:
    if path is None:
        return _worded(target, "country", said) or _worded(target, "city", said)
    if not target.countries:
        return "country" not in target.asked or _worded(target, "country", said)
    return path.country in target.countries or (_is_exact(target, path) and _at_point(target).country == path.country)


def _region(target: Target, path: Path | None, said: str) -> bool:
    if path is None:
        return _worded(target, "region", said)
    if target.no_regions or "region" not in target.asked or path.region_key in target.regions:
        return True
    if _is_exact(target, path) and _at_point(target).region_key == path.region_key:
        return True
    # Words decide where the answer goes no deeper than the country, or the gazetteer has no such region.
    if path.region_key is None:
        return _worded(target, "region", said)
    return not target.regions and fold(path.region or "") in target.names["region"]


def _city(target: Target, path: Path | None, said: str, names: str) -> bool:
    if path is not None and path.by_point:
        return _city_at(target, path)
    if target.city is None:
        return _worded(target, "city", said)
    if path is None or path.city_id is None:
        # `Luxembourg` is both the country and its city.
        return path is not None and path.region_code is None and _worded(target, "city", names)
    if path.city_id == target.city.id or path.place_id == target.place_id:
        return True
    same_name = fold(path.city or "") in target.names["city"]
    return same_name and float(haversine_km(path.lat, path.lon, target.city.lat, target.city.lon)) < SAME_NAME_KM


def _city_at(target: Target, path: Path) -> bool:
    """A point is in the city when the gazetteer says so, when it lies within the city's reach, or very near to the true point."""
    if _is_exact(target, path):
        return True
    if target.city is None:
        return False
    if path.city_id == target.city.id or path.place_id == target.place_id:
        return True
    return bool(haversine_km(path.lat, path.lon, target.city.lat, target.city.lon) <= reach_km(target.city.population))


def _is_exact(target: Target, path: Path) -> bool:
    """Whether an answer in coordinates is the true point, as good as."""
    if not path.by_point or target.lat is None or target.lon is None:
        return False
    return bool(haversine_km(path.lat, path.lon, target.lat, target.lon) < EXACT_KM)


def _at_point(target: Target) -> Path:
    """The gazetteer's own view of the true point, which is right for an exact answer even where the benchmark says otherwise."""
    assert target.at_point is not None
    return target.at_point


def _worded(target: Target, level: str, said: str) -> bool:
    """Whether one of the truth's names stands in the statement: as whole words, where its script has spaces.

    The State of Mexico is not named by `Mexico`: a region's name that is its country's says nothing, unless it is its city's too.
    """
    names = target.names[level]
    if level == "region":
        names -= target.names["country"] - target.names["city"]
    return any(name in said if _UNSPACED.search(name) else f" {name} " in f" {said} " for name in names)


_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]")
