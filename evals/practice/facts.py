"""The facts of scenes: places, roads, number plates; read once from the tables beside this file."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from evals.practice.words import words_of
from evals.sign_painting import fonts_of
from geo.sphere import bearing_deg, haversine_km

CITY_PEOPLE = 50_000
"""Scenes stand in places of this many people and more."""
ROAD_FACTOR = 1.25
"""Roads are taken to be so much longer than the great circle: within the 1.2 to 1.4 that detour studies find."""
MILES = frozenset({"GB", "US"})
_KM_PER_MILE = 1.609344
_LETTERS = "BDFGHJKLNPRST"


@dataclass(frozen=True)
class Spot:
    """A city or town by the name on its own signs."""

    id: int
    country: str
    language: str
    native: str
    name: str
    lat: float
    lon: float
    population: int
    dialling: str
    utc_jan: float
    utc_jul: float


@dataclass(frozen=True)
class Road:
    drives: str
    centre: str


@dataclass(frozen=True)
class PlateForm:
    country: str
    area: str
    pattern: str
    band: str
    ground: str
    """Colour of the plate; `rear`: yellow behind and white in front."""


def _rows(name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


@cache
def spots() -> tuple[Spot, ...]:
    """Every place whose script can be drawn here."""
    found = [Spot(int(r["id"]), r["country"], r["language"], r["native"], r["name"], float(r["lat"]), float(r["lon"]),
                  int(r["population"]), r["dialling"], float(r["utc_jan"]), float(r["utc_jul"])) for r in _rows("places.csv")]  # fmt: skip
    drawn = {language for language in {spot.language for spot in found} if fonts_of(words_of(language).script)}
    return tuple(spot for spot in found if spot.language in drawn)


@cache
def cities() -> dict[str, list[Spot]]:
    """Country -> places large enough for a scene."""
    found: dict[str, list[Spot]] = defaultdict(list)
    for spot in spots():
        if spot.population >= CITY_PEOPLE:
            found[spot.country].append(spot)
    return dict(found)


def draw_city(rng: random.Random) -> Spot:
    """Countries by the square root of how many cities they have here, cities evenly. Raises RuntimeError without fonts."""
    if not cities():
        raise RuntimeError("no font that can write any of the scripts is installed; install fonts-noto or fonts-dejavu")
    codes = sorted(cities())
    country = rng.choices(codes, [len(cities()[code]) ** 0.5 for code in codes])[0]
    return rng.choice(cities()[country])


@cache
def _compatriots(country: str, language: str) -> tuple[Spot, ...]:
    return tuple(spot for spot in spots() if spot.country == country and spot.language == language)


def neighbours(spot: Spot, least_km: float = 10.0, most_km: float = 160.0) -> list[tuple[Spot, float]]:
    """Places of the same country and language within a distance, the nearest first, with the distance in km."""
    others = [other for other in _compatriots(spot.country, spot.language) if other.id != spot.id and other.native != spot.native]
    if not others:
        return []
    km = haversine_km(spot.lat, spot.lon, np.array([o.lat for o in others]), np.array([o.lon for o in others]))
    return [(others[i], float(km[i])) for i in np.argsort(km, kind="stable").tolist() if least_km <= km[i] <= most_km]


def crossing_pair(spot: Spot, found: Sequence[tuple[Spot, float]]) -> tuple[Spot, Spot] | None:
    """Two near places that lie in different directions, so that their distances fix a point; None where there are none."""
    for i, (one, _) in enumerate(found[:8]):
        for other, _ in found[i + 1 : 8]:
            angle = float(
                bearing_deg(spot.lat, spot.lon, one.lat, one.lon) - bearing_deg(spot.lat, spot.lon, other.lat, other.lon)
            )
            if 35.0 <= abs((angle + 180.0) % 360.0 - 180.0) <= 145.0:
                return one, other
    return None


def signed_distance(lat: float, lon: float, spot: Spot, country: str) -> int:
    """The number on a road sign: great circle times ROAD_FACTOR in whole km, or miles in Britain and the USA."""
    km = float(haversine_km(lat, lon, spot.lat, spot.lon)) * ROAD_FACTOR
    return max(1, round(km / _KM_PER_MILE if country in MILES else km))


@cache
def roads() -> dict[str, Road]:
    return {row["country"]: Road(row["drives"], row["centre"]) for row in _rows("roads.csv")}


def road_of(country: str) -> Road:
    """Traffic keeps right where the table does not say otherwise."""
    return roads().get(country, Road("right", ""))


@cache
def plate_forms() -> tuple[PlateForm, ...]:
    return tuple(
        PlateForm(r["country"], r["area"], r["pattern"], r["band"] or "", r["ground"] or "") for r in _rows("plates.csv")
    )


def plate_form(country: str, city: str, region: str | None) -> PlateForm | None:
    """The form for cars of a city, of its region or of the country; None where the tables know none."""
    forms = [form for form in plate_forms() if form.country == country]
    for area in (city, region, "*"):
        for form in forms:
            if form.area == area:
                return form
    return None


def plate_text(form: PlateForm, rng: random.Random) -> str:
    """A number of that form; lines are separated by line breaks."""
    text, literal = "", False
    for sign in form.pattern:
        if sign == "'" and not literal:
            literal = True
            continue
        text += sign if literal else {"D": rng.choice("123456789"), "L": rng.choice(_LETTERS), "|": "\n"}.get(sign, sign)
        literal = False
    return text
