"""The offline gazetteer: places by name, names by place, countries and regions.

`gazetteer()` reads the tables once (`geo/data/README.md`: GeoNames and Natural Earth); names are read when first asked for.
"""

from __future__ import annotations

import csv
import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.area import Area
from geo.borders import load_borders
from geo.name_index import MAX_NAME, NameIndex
from geo.names import fold, fold_lines
from geo.nearest import Candidates, Nearest
from geo.place import Country, Location, Match, Place
from geo.regions import RegionMap, region_weights
from geo.reverse import SHORE_KM, Reverse
from geo.search import NameSearch
from geo.sphere import Floats, haversine_km, lat_lon, unit_vectors, wrap_lon

__all__ = ["Country", "Gazetteer", "Location", "Locations", "Match", "Place", "gazetteer"]


@cache
def gazetteer() -> Gazetteer:
    """The gazetteer shipped with the package."""
    return Gazetteer()


@dataclass(frozen=True, eq=False)
class Locations:
    """What lies at points [n]; -1 stands for none."""

    lat: Floats
    lon: Floats
    country_index: NDArray[np.int16]
    """Into `Gazetteer.country_codes`."""
    region_index: NDArray[np.int32]
    """Equal for points of one admin-1 region."""
    place_index: NDArray[np.int32]
    """The city."""
    distance_km: NDArray[np.float32]
    """To the city; NaN where there is none."""
    nearest_index: NDArray[np.int32]
    """The nearest place, of the same country where that has places."""
    nearest_km: NDArray[np.float32]
    source: Gazetteer

    def __len__(self) -> int:
        return len(self.lat)

    def location(self, i: int) -> Location:
        """The answer for point `i` in words."""
        index, city, nearest = int(self.country_index[i]), int(self.place_index[i]), int(self.nearest_index[i])
        country = self.source.countries[self.source.country_codes[index]] if index >= 0 else None
        place = self.source.place(city) if city >= 0 else None
        region = self.source.region_name(int(self.region_index[i]))
        return Location(country.code if country else None, country.name if country else None, region,
                        place.name if place else None, float(self.lat[i]),
                        float(self.lon[i]), float(self.distance_km[i]), place,
                        self.source.place(nearest) if nearest >= 0 else None)  # fmt: skip


class Gazetteer:
    """Places and countries of the Earth. Coordinates are degrees; arrays broadcast from scalars."""

    def __init__(self) -> None:
        data = files("geo") / "data"
        rows = json.loads((data / "countries.json").read_text("utf-8"))
        self.countries: dict[str, Country] = {row["code"]: _country(row) for row in rows}
        self.country_codes: tuple[str, ...] = tuple(self.countries)
        number = {code: index for index, code in enumerate(self.country_codes)}
        with (data / "regions.csv").open(encoding="utf-8") as file:
            self._regions = [
                (r["country"], r["code"], r["name"], tuple(filter(None, r["aliases"].split("|")))) for r in csv.DictReader(file)
            ]
        self._country_of_region = np.array([number.get(region[0], -1) for region in self._regions], dtype=np.int16)
        with (data / "places.npz").open("rb") as stream, np.load(stream) as tables:
            self._ids, self.population, self._region = tables["id"], tables["population"], tables["region"]
            self._city = np.arange(len(self._ids), dtype=np.int32) + tables["city_step"]
            lattice = np.cumsum(tables["steps"], axis=0, dtype=np.int64)
            self._name_text = tables["names"].tobytes()
        self.place_lat, self.place_lon = lattice[:, 0] / 1e5, lattice[:, 1] / 1e5
        with (data / "nearest.npz").open("rb") as stream, np.load(stream) as tables:
            starts = np.concatenate([[0], np.cumsum(tables["counts"].astype(np.int64))])
            points = np.cumsum(tables["steps"], dtype=np.int32)
            candidates = Candidates(int(tables["order"]), np.arange(len(starts) - 1), starts, points)
        nearest = Nearest(self.place_lat, self.place_lon, candidates)
        self._reverse = Reverse(load_borders(), nearest, self.place_lat, self.place_lon, self._country_of_region[self._region])

    def __len__(self) -> int:
        return len(self._ids)

    def country_names(self, code: str) -> list[str]:
        """Names of a country in many languages, English first. Raises KeyError for an unknown code."""
        return list(self._country_names[code].values())

    def country_code(self, name: str) -> str | None:
        """ISO code of a country named in any language, or by its own two- or three-letter code; None for anything else."""
        text = name.strip()
        if len(text) == 2 and text.upper() in self.countries:
            return text.upper()
        return self._code_of_name.get(fold(text)) if len(text) <= MAX_NAME else None

    def place(self, index: int) -> Place:
        """The place with this index. Raises IndexError outside 0 to `len(self) - 1`."""
        if not 0 <= index < len(self):
            raise IndexError(f"there is no place {index}")
        country, code, region, _ = self._regions[self._region[index]]
        first, last = self._line_breaks[index] + 1, self._line_breaks[index + 1]
        name, country_name = self._name_text[first:last].decode(), self.countries[country].name
        return Place(int(self._ids[index]), name, country, country_name, region or None, code or None,
                     float(self.place_lat[index]),
                     float(self.place_lon[index]), int(self.population[index]))  # fmt: skip

    def region_name(self, index: int) -> str | None:
        """Name of the region with this index; None for -1 and for what lies in no region."""
        return self._regions[index][2] or None if index >= 0 else None

    def country_index_at(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int16]:
        """Index into `country_codes` of the polygon that holds each point [n]; -1 at sea."""
        return self._reverse.borders.codes_at(lat, lon).astype(np.int16) - np.int16(1)

    def reverse(self, lat: float, lon: float) -> Location:
        """What lies at a point: the country by its polygon, then that country's nearest place and the city it belongs to.

        At sea the country is that of the nearest place within 50 km, or None; the nearest place is named in any case. A country
        without places (Antarctica) has no city.
        """
        return self.reverse_many([lat], [lon]).location(0)

    def reverse_many(self, lat: ArrayLike, lon: ArrayLike) -> Locations:
        """`reverse` of points [n]. Raises ValueError where a coordinate is no finite number or a latitude beyond 90 degrees."""
        lat, lon = np.broadcast_arrays(np.atleast_1d(np.asarray(lat, np.float64)), np.atleast_1d(np.asarray(lon, np.float64)))
        if not (np.isfinite(lon).all() and (np.abs(lat) <= 90).all()):
            raise ValueError("a latitude lies between -90 and 90 degrees, and a longitude is a finite number")
        lon = np.where(np.abs(lon) <= 180, lon, wrap_lon(lon))
        country, nearest, near_km = self._reverse.resolve(lat, lon)
        home = self._reverse.country[nearest]
        at_sea = country < 0
        country = np.where(at_sea & (near_km <= SHORE_KM), home, country)
        empty = (country >= 0) & (country != home)
        city = np.where(empty, -1, self._city[nearest]).astype(np.int32)
        region = np.where((country == home) & (country >= 0), self._region[nearest].astype(np.int32), np.int32(-1))
        km = near_km.astype(np.float32)
        moved = np.flatnonzero(city != nearest)
        km[moved] = haversine_km(lat[moved], lon[moved], self.place_lat[city[moved]], self.place_lon[city[moved]])
        km[empty] = np.nan
        return Locations(lat, lon, country, region, city, km, nearest, near_km.astype(np.float32), self)

    def region_share(self, weights: Mapping[str, float], lat: ArrayLike, lon: ArrayLike, cell_km: ArrayLike) -> Floats:
        """Mean weight [n] over cells of side `cell_km` at points; keys are countries (`PT`) and regions (`CH.TI`).

        Keys that name nothing weigh nothing. Cells of 12.7 km and more average a map; smaller ones are asked at their centre.
        Countries too small for the map keep their share (`geo/regions.py`).
        """
        weight, by_region = region_weights(weights, self._region_number, self._country_of_region, self.country_codes)
        return self._region_map.share(weight, by_region, lat, lon, cell_km)

    def search(self, name: str, *, area: Area | None = None, limit: int = 10, fuzzy: bool = True) -> list[Match]:
        """Places, regions and countries called `name` in any language, the likeliest first; `Paris, Texas` is understood.

        Case, accents and punctuation do not matter. Misspellings are tried when nothing has the name itself and `fuzzy` holds.
        """
        return self._names.search(name, area, limit, fuzzy)

    def lookup_many(self, names: Sequence[str], limit: int = 10) -> list[list[Match]]:
        """What has exactly each of these names (folded): `search` without misspellings and qualifiers, for many fragments."""
        return self._names.lookup_many(names, limit)

    def same_place(self, a: str, b: str) -> bool:
        """Whether two names mean the same place: `München` and `Munich`, but not `Paris` and `Paris, Texas`."""
        return self._names.same_place(a, b)

    def same_country(self, a: str, b: str) -> bool:
        """Whether two names or codes mean the same country."""
        code = self.country_code(a)
        return code == self.country_code(b) if code else bool(fold(a)) and fold(a) == fold(b)

    def same_region(self, a: str, b: str, country: str) -> bool:
        """Whether two names mean the same admin-1 region of a country (a code or a name): `Bayern` and `Bavaria`."""
        return self._names.same_region(a, b, self.country_code(country))

    @cached_property
    def _line_breaks(self) -> NDArray[np.int64]:
        inner = np.flatnonzero(np.frombuffer(self._name_text, dtype=np.uint8) == 10)
        return np.concatenate([[-1], inner, [len(self._name_text)]])

    @cached_property
    def _country_names(self) -> dict[str, dict[str, str]]:
        """Names of each country by their folded form, English first."""
        packed = (files("geo") / "data" / "country_names.json.xz").read_bytes()
        names: dict[str, list[str]] = json.loads(lzma.decompress(packed))
        folded = iter(fold_lines("\n".join(name for known in names.values() for name in known)).split("\n"))
        return {code: {next(folded): name for name in known} for code, known in names.items()}

    @cached_property
    def _code_of_name(self) -> dict[str, str]:
        """A name that several countries have somewhere belongs to the one that uses it in the earlier language."""
        ranked = ((rank, name, code) for code, known in self._country_names.items() for rank, name in enumerate(known))
        codes: dict[str, str] = {}
        for _, name, code in sorted(ranked, key=lambda item: item[0]):
            codes.setdefault(name, code)
        return codes | {country.iso3.lower(): country.code for country in self.countries.values()}

    @cached_property
    def _region_number(self) -> dict[tuple[str, str], int]:
        return {(country, code): index for index, (country, code, _, _) in enumerate(self._regions) if code}

    @cached_property
    def _region_map(self) -> RegionMap:
        with (files("geo") / "data" / "regions.npz").open("rb") as file, np.load(file) as data:
            raster = data["region"]
        first = np.array([int(np.argmax(self._country_of_region == index)) for index in range(len(self.country_codes))])
        area = np.array([country.area_km2 for country in self.countries.values()])
        return RegionMap(raster, self._country_of_region, first, self._region, self._reverse, area)

    @cached_property
    def _names(self) -> NameSearch:
        count = len(self._regions)
        people = np.bincount(self._region, weights=self.population, minlength=count)
        pull = unit_vectors(self.place_lat, self.place_lon) * (np.sqrt(self.population) + 1.0)[:, None]
        middle = np.stack([np.bincount(self._region, weights=pull[:, axis], minlength=count) for axis in range(3)], axis=1)
        lat, lon = lat_lon(middle)
        regions: list[tuple[Place, dict[str, str]]] = []
        for index, (country, code, name, aliases) in enumerate(self._regions):
            if name:
                place = Place(0, name, country, self.countries[country].name, name, code, float(lat[index]), float(lon[index]),
                              int(people[index]))  # fmt: skip
                regions.append((place, {fold(known): known for known in (*reversed(aliases), name)}))
        countries = [(Place(0, c.name, c.code, c.name, None, None, c.lat, c.lon, c.population), self._country_names[c.code])
                     for c in self.countries.values()]  # fmt: skip
        return NameSearch(NameIndex(self._name_text, self.population), self.place, self.country_code, countries, regions)


def _country(row: dict[str, Any]) -> Country:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Country(**values)
