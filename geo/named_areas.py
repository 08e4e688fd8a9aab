"""Names of places of any size as bounds on the Earth: continents and parts of them, countries, regions, towns."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from geo.gazetteer import gazetteer
from geo.names import fold
from geo.place import Place
from geo.stated import Bounds

_CONTINENT = "@"
_TOWN_KM, _METROPOLIS_KM = 12.0, 30.0
"""Radius of a town, and of one with millions of people."""
_MILLIONS = 3_000_000
_SHORTEST = 3
"""Letters: one- and two-letter villages exist, and are never meant; codes of countries are in `areas.csv` where people write them."""
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        "home work school park train bus car boat ship plane house hotel church river lake sea beach mountain mountains forest city town village street road field garden "
        "winter summer spring autumn fall morning evening night reading order far near here there north south east west northern southern eastern western front back "
        "left right top bottom center centre middle background foreground photo picture image sign text line page nothing something anywhere nowhere somewhere",
    )
)
"""Words that some village is called, too."""
LEAST_SCORE = 0.9
"""Of a name's match: no misspellings that might be another place."""


@dataclass(frozen=True)
class NamedArea:
    """A name that was understood, and what it covers."""

    label: str
    kind: str
    """`part of the world`, `country`, `region` or `town`."""
    bounds: Bounds
    lat: float | None = None
    """A point that stands for it; None for countries and parts of the world."""
    lon: float | None = None

    def outside(self) -> Bounds:
        return Bounds(self.bounds.regions, self.bounds.circles, outside=True)


def named_area(name: str) -> NamedArea | None:
    """What a name covers, the likeliest reading; None for a name that nothing has. Towns are circles, with room for their suburbs.

    Of places with one name the one with the most people is meant, and parts of the world, countries and regions come before towns.
    """
    text = re.sub(r"\s+", " ", name).strip(" .,!?\"'“”")[:200]
    bare = re.sub(r"(?i)^(?:the )?(?:(?:country|state|region|province|city|town|continent|island) of )?", "", text)
    for form in dict.fromkeys((text, bare)):
        if known := _parts_of_the_world().get(fold(form)):
            label, codes = known
            return NamedArea(label, "part of the world", Bounds(codes))
    if len(fold(bare)) < _SHORTEST or fold(bare) in _NO_NAMES:
        return None
    code = gazetteer().country_code(bare)
    if code:
        country = gazetteer().countries[code]
        return NamedArea(country.name, "country", Bounds((code,)))
    matches = [match for match in gazetteer().search(bare, limit=5, fuzzy=False) if match.score >= LEAST_SCORE]
    if not matches:
        return None
    exact = [match for match in matches if fold(match.place.name) == fold(bare.partition(",")[0])] or matches
    best = max(exact, key=lambda match: (match.score, match.how in {"country", "region"}, match.place.population))
    return area_of_place(best.place, best.how)


def area_of_place(place: Place, how: str) -> NamedArea:
    """The country, region or town that a gazetteer's match is (`how` as in `geo.place.Match`)."""
    if how == "country" and place.country:
        return NamedArea(place.label(), "country", Bounds((place.country,)))
    if how == "region" and place.country and place.region_code:
        return NamedArea(place.label(), "region", Bounds((f"{place.country}.{place.region_code}",)), place.lat, place.lon)
    radius = _METROPOLIS_KM if place.population >= _MILLIONS else _TOWN_KM
    return NamedArea(place.label(), "town", Bounds((), ((place.lat, place.lon, radius),)), place.lat, place.lon)


@cache
def _parts_of_the_world() -> dict[str, tuple[str, tuple[str, ...]]]:
    """By folded name: the name that is shown and the countries."""
    text = (files("geo") / "data" / "areas.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    known: dict[str, tuple[str, tuple[str, ...]]] = {}
    for row in rows:
        names = row["names"].split("|")
        for name in names:
            known[fold(name)] = (names[0], _codes(row["countries"]))
    return known


def _codes(text: str) -> tuple[str, ...]:
    countries = gazetteer().countries
    found: dict[str, None] = {}
    for word in text.split():
        if word.startswith(_CONTINENT):
            found |= dict.fromkeys(code for code, country in countries.items() if country.continent == word[1:])
        elif word.partition(".")[0] in countries:
            found[word] = None
    return tuple(found)
