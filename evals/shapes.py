"""Shapes of real geography that a picture can leave open: belts of latitude, coasts, countries that share a language, long roads.

A shape is a set of weighted points of the Earth, each with the value that a picture taken there shows. Towns are those of the gazetteer
(GeoNames), coasts and countries are Natural Earth's; languages come from `geo.clues.language_share`. Roads are not surveyed ones: they are
bent great circles through towns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.clues.language_share import shares_in
from geo.gazetteer import Gazetteer, gazetteer
from geo.sphere import EARTH_RADIUS_KM, Floats, destination, haversine_km, lat_lon, unit_vectors

LEAST_PEOPLE = 15_000
"""Smaller towns are left out: 34,000 are left."""
COAST_KM = 20.0
"""A town with sea this near lies on a coast."""
_ROADS, _ROAD_KM, _ROAD_STEP_KM, _ROAD_PEOPLE = 40, (800.0, 2500.0), 20.0, 300_000
_LEAST_SHARE = 0.5
"""Share of public writing that makes a language a country's own."""
_LEAST_TOWNS = 150
"""Languages of fewer towns are left out."""


@dataclass(frozen=True, eq=False)
class Shape:
    """What one kind of picture shows. Points [a]."""

    name: str
    lat: Floats
    lon: Floats
    """Degrees."""
    weight: Floats
    """How often a photo is taken there; sums to 1."""
    value: Floats
    """What is seen there [a, v]."""
    noise: float
    """Standard deviation, along each axis, of the value that a picture shows; 0 for numbers of things, which are shown as they are."""
    scales: tuple[float, ...]
    """Widths of the looks of a value: pictures whose values differ by more look different."""

    def shown(self, row: NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Values [n, v] that pictures taken at points show."""
        seen = self.value[row]
        return np.asarray(seen + rng.normal(0.0, self.noise, seen.shape)) if self.noise else seen

    def log_weight(self, value: Floats) -> Floats:
        """Log probability [n, a] of each point given what pictures [n, v] show."""
        off = np.square(value[:, None, :] - self.value).sum(axis=-1)
        said = -off / (2.0 * self.noise**2) if self.noise else np.where(off < 0.25, 0.0, -np.inf)
        whole = np.log(self.weight) + said
        most = whole.max(axis=1, keepdims=True)
        return np.asarray(whole - most - np.log(np.exp(whole - most).sum(axis=1, keepdims=True)))


def shapes(seed: int) -> tuple[Shape, ...]:
    """Five kinds: `place`, `belt`, `coast`, `language`, `road`; the roads depend on the seed, the others do not."""
    known = gazetteer()
    rows = np.flatnonzero(known.population >= LEAST_PEOPLE)
    lat, lon, people = known.place_lat[rows], known.place_lon[rows], known.population[rows].astype(np.float64)
    weight = np.sqrt(people)
    coast = _on_coast(known, lat, lon)
    language = _languages(known, lat, lon)
    spoken = language >= 0
    road_lat, road_lon, road = _roads(known, lat, lon, people, np.random.default_rng([seed, 4]))
    even = np.ones(len(road))
    towns = EARTH_RADIUS_KM * unit_vectors(lat, lon)
    return (
        Shape("place", lat, lon, _one(weight), towns, 100.0, (4000.0, 1000.0, 250.0)),
        Shape("belt", lat, lon, _one(weight), lat[:, None], 2.0, (60.0, 20.0, 6.0)),
        Shape("coast", lat[coast], lon[coast], _one(weight[coast]), np.abs(lat[coast, None]), 3.0, (60.0, 20.0, 6.0)),
        Shape(
            "language", lat[spoken], lon[spoken], _one(weight[spoken]), language[spoken, None].astype(np.float64), 0.0, (0.01,)
        ),
        Shape("road", road_lat, road_lon, _one(even), road[:, None].astype(np.float64), 0.0, (0.01,)),
    )


def _one(weight: Floats) -> Floats:
    return np.asarray(weight / weight.sum())


def _on_coast(known: Gazetteer, lat: Floats, lon: Floats) -> NDArray[np.bool_]:
    """Which towns have sea around them."""
    around = [destination(lat, lon, np.full(len(lat), bearing), COAST_KM) for bearing in range(0, 360, 45)]
    return np.asarray(np.any([known.country_index_at(*at) < 0 for at in around], axis=0))


def _languages(known: Gazetteer, lat: Floats, lon: Floats) -> NDArray[np.int64]:
    """Number of the language that most of a country writes, for each town; -1 where none is, or where few towns share it."""
    names: dict[str, int] = {}
    of_country = np.full(len(known.country_codes) + 1, -1)
    for index, code in enumerate(known.country_codes):
        uses = shares_in(code)
        first = max(uses, key=lambda language: uses[language], default="")
        if uses.get(first, 0.0) >= _LEAST_SHARE:
            of_country[index] = names.setdefault(first, len(names))
    found = of_country[known.country_index_at(lat, lon)]
    towns = np.bincount(found[found >= 0], minlength=len(names))
    return np.asarray(np.where((found >= 0) & (towns[found] >= _LEAST_TOWNS), found, -1))


def _roads(
    known: Gazetteer, lat: Floats, lon: Floats, people: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Points every 20 km along roads between large cities that stay on land, and the number of the road of each."""
    large = np.flatnonzero(people >= _ROAD_PEOPLE)
    parts: list[Floats] = []
    while len(parts) < _ROADS:
        a = int(rng.choice(large))
        km = haversine_km(lat[a], lon[a], lat[large], lon[large])
        near = large[(km > _ROAD_KM[0]) & (km < _ROAD_KM[1])]
        if not len(near):
            continue
        way = _bent(a, int(rng.choice(near)), lat, lon, people)
        points = np.concatenate([_along(*unit_vectors(lat[way[i : i + 2]], lon[way[i : i + 2]])) for i in range(len(way) - 1)])
        if (known.country_index_at(*lat_lon(points)) >= 0).mean() > 0.98:
            parts.append(points)
    at = lat_lon(np.concatenate(parts))
    return at[0], at[1], np.repeat(np.arange(_ROADS), [len(part) for part in parts])


def _bent(a: int, b: int, lat: Floats, lon: Floats, people: Floats) -> list[int]:
    """Towns from town `a` to `b`: near the middle of each leg lies its largest town, until legs are shorter than 100 km."""
    length = float(haversine_km(lat[a], lon[a], lat[b], lon[b]))
    if length < 100.0:
        return [a, b]
    middle_lat, middle_lon = lat_lon(unit_vectors(lat[a], lon[a]) + unit_vectors(lat[b], lon[b]))
    box = np.flatnonzero(np.abs(lat - middle_lat) < length * 0.2 / 111.0)
    off = haversine_km(middle_lat, middle_lon, lat[box], lon[box])
    near = box[off < 0.2 * length]
    if not len(near):
        return [a, b]
    town = int(near[np.argmax(people[near])])
    return _bent(a, town, lat, lon, people)[:-1] + _bent(town, b, lat, lon, people)


def _along(start: Floats, end: Floats) -> Floats:
    """Unit vectors [m, 3] every 20 km of the great circle from `start` towards `end`, without the end."""
    angle = float(np.arccos(np.clip(start @ end, -1.0, 1.0)))
    share = np.linspace(0.0, 1.0, max(1, round(angle * EARTH_RADIUS_KM / _ROAD_STEP_KM)), endpoint=False)[:, None]
    mixed = np.sin((1.0 - share) * angle) * start + np.sin(share * angle) * end
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))
