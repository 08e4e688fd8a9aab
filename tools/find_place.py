"""`find_place`: from a place name to candidates on the map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pydantic import Field

from geo.area import Area
from geo.evidence import Evidence, Kernels, Likelihood, Regions, near
from geo.names import fold
from geo.sphere import haversine_km
from tools.nominatim import GeocoderError, Nominatim
from tools.observation import Arguments, Observation, Tool, ToolContext, refusal
from tools.quote import clean, quoted
from tools.road_distance import MAX_ROAD_KM, around, line_naming, read_line

_MOST_CANDIDATES = 8
_REGION_SIGMA_KM = 60.0
"""Of a whole admin-1 region that shares its name with a town; the median region is 200 km across."""
_ONE_AREA_KM = 100.0
"""Candidates this close to the likeliest do not make a name ambiguous: a town and its region."""
_LEAST_RELIABILITY, _MOST_RELIABILITY = 0.5, 0.85
_CHANCE_RELIABILITY = 0.15


class PlaceSearch(Protocol):
    """The part of `geo.gazetteer` that is used here."""

    countries: dict[str, Any]

    def country_code(self, name: str) -> str | None: ...

    def search(self, name: str, *, area: Area | None = None, limit: int = 10, fuzzy: bool = True) -> Sequence[Any]: ...


class PlaceArguments(Arguments):
    """Arguments of `find_place`."""

    name: str | None = Field(default=None, description="a place name in any language or script", min_length=1, max_length=120)
    region: int | None = Field(
        default=None,
        description="the number of a line that was read, instead of `name`: its text is the name, and it counts as seen in the photo",
    )
    country: str | None = Field(default=None, description="ISO 3166 code (PT) or name, if known", max_length=60)
    seen_in_photo: bool = Field(
        default=False,
        description="true only if the name was seen in the photo or given by the user; lines that were read count by themselves",
    )
    distance_km: float | None = Field(
        default=None, description="how far the sign says it is, in km by road", gt=0, le=MAX_ROAD_KM
    )


@dataclass(frozen=True)
class _Sought:
    """What to look up, where, and what is known of it."""

    names: tuple[str, ...]
    """The likeliest first; the first that the gazetteer has is meant."""
    area: Area | None
    seen: bool
    road_km: float | None


@dataclass(frozen=True)
class Candidate:
    """A place that bears the name, from either geocoder."""

    name: str
    region: str | None
    country: str | None
    country_name: str | None
    lat: float
    lon: float
    population: int | None
    score: float
    """How well the name fits, 0 to 1."""
    how: str
    sigma_km: float
    weight: float
    citation: str
    region_key: str | None = None
    """Where the name is a whole country or region: its key in `geo.evidence.Regions`."""

    def line(self) -> str:
        """`Porto, Porto District, Portugal (PT): 41.1496, -8.6110; population 249,633; exact`."""
        where = ", ".join(clean(part, 80) for part in dict.fromkeys((self.name, self.region, self.country_name)) if part)
        people = f"; population {self.population:,}" if self.population else ""
        return f"{where} ({self.country or '?'}): {self.lat:.4f}, {self.lon:.4f}{people}; {clean(self.how, 60)}"

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "region": self.region, "country": self.country, "country_name": self.country_name,
                "lat": self.lat, "lon": self.lon, "population": self.population, "score": round(self.score, 4), "how": self.how,
                "citation": self.citation}  # fmt: skip


class FindPlace(Tool):
    """Candidates from the gazetteer, or from Nominatim where one is given and answers.

    Only a name that was seen adds evidence: a policy that looks its own guess up has learnt nothing about the photo.
    """

    name = "find_place"
    description = (
        "Look a place name up: numbered candidates with region, country, population and coordinates. Say seen_in_photo=true only "
        "when the name was read in the photo (a sign, a shop, a number plate holder) or given by the user: then the candidates "
        "count as evidence; with a distance by road the photo lies that far from them. Looking up your own guess tells where it "
        "lies and counts for nothing."
    )
    arguments = PlaceArguments
    timeout_s: ClassVar[float] = 30.0

    def __init__(self, nominatim: Nominatim | None = None, gazetteer: PlaceSearch | None = None) -> None:
        self._nominatim, self._given = nominatim, gazetteer

    def run(self, arguments: PlaceArguments, context: ToolContext) -> Observation:
        gazetteer = self._given or _gazetteer()
        try:
            sought = _sought(arguments, context, gazetteer)
        except ValueError as error:
            return refusal(clean(str(error)))
        area, name = sought.area, _first_known(sought.names, sought.area, gazetteer)
        found, origin = self._candidates(name, area, gazetteer)
        head = f"find_place {quoted(name, 80)}{f' within {area.to_text()}' if area else ''}, {origin}"
        if not found:
            return Observation(f"{head}: no place of that name.", data={"candidates": [], "origin": origin})
        lines = [f"{head}: {len(found)} candidate{'s' if len(found) > 1 else ''}"]
        lines += [f"{i}. {candidate.line()}" for i, candidate in enumerate(found, start=1)]
        evidence = _evidence(name, found, sought.road_km) if sought.seen else None
        lines.append(f"evidence: {evidence.claim}" if evidence else f"no evidence: {_why_none(sought)}")
        data = {"candidates": [candidate.to_json() for candidate in found], "origin": origin, "name": name,
                "road_km": sought.road_km}  # fmt: skip
        return Observation("\n".join(lines), evidence=(evidence,) if evidence else (), data=data)

    def _candidates(self, name: str, area: Area | None, gazetteer: PlaceSearch) -> tuple[list[Candidate], str]:
        """Candidates, the likeliest first, and where they come from."""
        origin = "from the offline gazetteer"
        if self._nominatim is not None:
            try:
                return _online(self._nominatim, name, area), "from OpenStreetMap (Nominatim)"
            except GeocoderError as error:
                origin = f"the online geocoder did not answer ({clean(str(error), 120)}); from the offline gazetteer"
        matches = gazetteer.search(name, area=area, limit=_MOST_CANDIDATES)
        return sorted((_offline(match, gazetteer) for match in matches), key=lambda c: -c.weight), origin


def _sought(arguments: PlaceArguments, context: ToolContext, gazetteer: PlaceSearch) -> _Sought:
    """What a call asks for. Raises ValueError with one plain sentence where it cannot be carried out."""
    if (arguments.name is None) == (arguments.region is None):
        raise ValueError("Give either a name or the region of a line that was read, one of the two.")
    area = area_within(arguments.country, context.area, gazetteer) if arguments.country else context.area
    if arguments.region is None:
        name = clean(arguments.name or "", 120)
        if not fold(name):
            raise ValueError("The name holds no letters; give a place name.")
        stands, road_km = line_naming(name, context)
        return _Sought((name,), area, arguments.seen_in_photo or stands, arguments.distance_km or road_km)
    names, road_km = read_line(arguments.region, context)
    return _Sought(names, area, True, arguments.distance_km or road_km)


def area_within(country: str, area: Area | None, gazetteer: PlaceSearch) -> Area:
    """The part of the area of the case in a country. Raises ValueError, one sentence, for an unknown or excluded country."""
    code = gazetteer.country_code(country)
    if code is None:
        raise ValueError(f"No country is called {quoted(country, 60)}; use an ISO 3166 code such as PT, or leave it out.")
    if area is not None and area.countries and code not in area.countries:
        raise ValueError(f"The search is limited to {', '.join(sorted(area.countries))}, and {code} is not among them.")
    return Area(frozenset({code}), area.box if area else None)


def _first_known(names: Sequence[str], area: Area | None, gazetteer: PlaceSearch) -> str:
    """The first name that a place has letter by letter; the first of all, which may be misspelt, where none has."""
    if len(names) == 1:
        return names[0]
    return next((name for name in names if gazetteer.search(name, area=area, limit=1, fuzzy=False)), names[0])


def _why_none(sought: _Sought) -> str:
    if sought.seen:
        return f"{sought.road_km:.0f} km is no distance by road"
    return "the name was not said to be in the photo"


def place_sigma_km(population: int | None) -> float:
    """How far a photo of a place may lie from its centre: 3 km for a village, 35 km for ten million people."""
    return 3.0 + 0.01 * math.sqrt(max(population or 0, 0))


def place_weight(population: int | None, score: float = 1.0) -> float:
    """Share of a candidate before normalising: a bad fit counts far less, a large place somewhat more."""
    return score**4 * math.sqrt(max(population or 0, 0) + 1000.0)


def place_kernels(points: Sequence[tuple[float, float, float, float]]) -> Kernels:
    """Kernels around `(lat, lon, sigma_km, weight)`, with a halo for signs that name a place not yet reached."""
    lat, lon, sigma_km, weight = zip(*points, strict=True)
    return near(lat, lon, sigma_km, weight, halo=0.3)


def _gazetteer() -> PlaceSearch:
    from geo.gazetteer import gazetteer

    return gazetteer()


def _offline(match: Any, gazetteer: PlaceSearch) -> Candidate:
    place, score = match.place, float(match.score)
    people, key, sigma_km = int(place.population or 0), None, place_sigma_km(place.population)
    if match.how == "country":
        key, sigma_km = place.country, 0.3 * math.sqrt(gazetteer.countries[place.country].area_km2)
    elif match.how == "region":
        key, sigma_km = f"{place.country}.{place.region_code}", _REGION_SIGMA_KM
    how = str(match.how) if fold(match.matched_name) == fold(place.name) else f"{match.how} as {match.matched_name}"
    citation = f"offline:country/{key}" if match.how == "country" else f"gazetteer:{key}" if key else f"geonames:{place.id}"
    return Candidate(place.name, place.region, place.country, place.country_name, float(place.lat), float(place.lon), people,
                     score, how, sigma_km, place_weight(people, score), citation, key)  # fmt: skip


def _online(nominatim: Nominatim, name: str, area: Area | None) -> list[Candidate]:
    found = []
    for place in nominatim.search(name, area.countries if area else (), limit=_MOST_CANDIDATES):
        if area and area.box and not bool(area.box.contains(place.lat, place.lon)):
            continue
        score = 1.0 if fold(place.name) == fold(name) else 0.8
        found.append(Candidate(
            place.name, place.region, place.country, place.label.rpartition(",")[2].strip(), place.lat, place.lon, None, score,
            place.kind or "place", min(max(place.extent_km / 4.0, 0.5), 100.0), score**4 * (place.importance + 0.05),
            place.url))  # fmt: skip
    return sorted(found, key=lambda c: -c.weight)


def distinctness(name: str, best: Candidate) -> float:
    """How unlikely a name is to be there by chance, 0 to 1: a short single word in Latin letters is the name of some place
    whatever it means (`NOUR`, `Leie`), the more so when it is only another name of a small place."""
    letters = [c for c in name if c.isalpha()]
    if len(name.split()) > 1 or any(ord(c) > 0x24F for c in letters):
        return 1.0
    by_length = {0: 0.2, 1: 0.2, 2: 0.2, 3: 0.25, 4: 0.35, 5: 0.55, 6: 0.8}.get(len(letters), 1.0)
    large = (best.population or 0) >= 100_000
    proper = fold(best.name.split(",")[0]) == fold(name)
    if proper and large:
        return max(by_length, 0.8)
    return by_length if proper or large else 0.6 * by_length


def _evidence(name: str, found: Sequence[Candidate], road_km: float | None) -> Evidence | None:
    """One clue for all candidates, or None where the sign is a joke. It is trusted less when the name fits badly and when many
    places share it; a name with a distance is a place's, however short it is."""
    if road_km is not None and road_km > MAX_ROAD_KM:
        return None
    towns = [c for c in found if c.region_key is None]
    if road_km is not None and towns:
        # A country or region of the same name has no one point that its distance is measured to.
        found = towns
    else:
        road_km = None
    best = found[0]
    away_km = haversine_km(best.lat, best.lon, [c.lat for c in found], [c.lon for c in found])
    clear = sum(c.weight for c, km in zip(found, away_km, strict=True) if km < _ONE_AREA_KM) / sum(c.weight for c in found)
    fit = min(max((max(c.score for c in found) - 0.6) / 0.4, 0.0), 1.0)
    reliability = _LEAST_RELIABILITY + (_MOST_RELIABILITY - _LEAST_RELIABILITY) * fit * clear
    if road_km is None:
        reliability = max(_CHANCE_RELIABILITY, reliability * distinctness(name, best))
    others = f" or {len(found) - 1} more of that name" if len(found) > 1 else ""
    away = f", {road_km:.0f} km away by road" if road_km is not None else ""
    claim = f"{quoted(name, 60)} is {clean(best.name, 60)} ({best.country or '?'}){others}{away}"
    return Evidence(_likelihood(found, road_km), claim, f"place:{fold(name)}", FindPlace.name, reliability,
                    tuple(c.citation for c in found))  # fmt: skip


def _likelihood(found: Sequence[Candidate], road_km: float | None) -> Likelihood:
    """Near one of the candidates; inside it where all are countries or regions; on a circle round it where its distance is known."""
    if road_km is not None:
        return around([(c.lat, c.lon, c.weight) for c in found], road_km)
    keys = {c.region_key: c.weight for c in found if c.region_key is not None}
    if len(keys) == len(found):
        return Regions(keys)
    return place_kernels([(c.lat, c.lon, c.sigma_km, c.weight) for c in found])
