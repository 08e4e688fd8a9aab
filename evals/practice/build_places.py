"""Builds `places.csv`: cities and towns by the name on their own signs, with dialling code and hours from UTC.

`python -m evals.practice.build_places` joins, offline, three sources, and keeps only what they agree on:

- libphonenumber (Apache 2.0, package `phonenumbers`): the name of each area code in English and in the country's language;
- `natives.csv`: names written by hand for the countries whose language libphonenumber lacks;
- the gazetteer (GeoNames, CC BY 4.0): the place that bears the name in that country and the English name too, its coordinates
  and people; and the offline search index: its time zone.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from geo.gazetteer import Place, gazetteer
from geo.names import fold
from tools.web.offline import OfflineIndex

FOLDER = Path(__file__).parent
LEAST_PEOPLE = 5_000
LARGEST, SMALLER = 60, 60
"""How many places of a country are kept: the largest, and so many of the rest, spread evenly by population."""
YEAR = 2024

_Found = tuple[Place, str, str, list[str]]
"""A place, its language, its name there, its area codes."""

_LANGUAGES = {
    "IT": "it", "FR": "fr", "ES": "es", "MX": "es", "AR": "es", "CL": "es", "CO": "es", "PT": "pt", "BR": "pt", "AO": "pt",
    "MZ": "pt", "DE": "de", "AT": "de", "NL": "nl", "PL": "pl", "HU": "hu", "RO": "ro", "SE": "sv", "TR": "tr", "ID": "id",
    "UA": "uk", "BG": "bg", "RS": "sr", "GR": "el", "JP": "ja", "CN": "zh", "CI": "fr", "US": "en", "GB": "en", "IE": "en",
    "AU": "en", "NZ": "en", "CA": "en", "ZA": "en", "KE": "en", "GH": "en", "NG": "en", "ZM": "en", "ZW": "en", "JM": "en",
}  # fmt: skip
_OWN_NAME = {"zh": "zh-Hans"}
# Regions whose signs are commonly in another language or two, or whose government is disputed: left out unless named by hand.
_NOT_REGIONS = {
    "ES": {"Catalonia", "Basque Country", "Galicia", "Valencia", "Balearic Islands", "Navarre", "Navarra", "Ceuta", "Melilla"},
    "IT": {"Trentino-Alto Adige", "Trentino-Alto Adige/Südtirol", "Aosta Valley"}, "CA": {"Quebec", "New Brunswick"},
    "CN": {"Tibet", "Xinjiang", "Xinjiang Uygur Zizhiqu", "Inner Mongolia", "Tibet Autonomous Region"},
    "UA": {"Crimea", "Sevastopol", "Sevastopol City", "Donetsk", "Luhansk", "Kherson", "Zaporizhzhya", "Zaporizhia"},
}  # fmt: skip
_PROVINCES = {"AB": "Alberta", "BC": "British Columbia", "MB": "Manitoba", "NL": "Newfoundland and Labrador", "NS": "Nova Scotia",
              "ON": "Ontario", "PE": "Prince Edward Island", "SK": "Saskatchewan"}  # fmt: skip
_SIGN_SCRIPTS = {"ja": "[\u3040-\u30ff\u3400-\u9fff]", "zh": "[\u3400-\u9fff]"}


def main() -> int:
    found: dict[str, list[_Found]] = defaultdict(list)
    seen: set[int] = set()
    for place, language, native, prefixes in [*_by_hand(), *_by_phone()]:
        country = place.country or ""
        if place.id in seen or place.population < LEAST_PEOPLE:
            continue
        seen.add(place.id)
        found[country].append((place, language, native, prefixes))
    kept = [_row(*chosen) for code in sorted(found) for chosen in _choose(found[code])]
    with (FOLDER / "places.csv").open("w", newline="", encoding="utf-8") as file:
        file.write(
            "# Built by `python -m evals.practice.build_places`: GeoNames (CC BY 4.0), libphonenumber (Apache 2.0), natives.csv.\n"
        )
        file.write("# dialling: area code without trunk prefix; utc_jan, utc_jul: hours from UTC in January and July of 2024\n")
        writer = csv.DictWriter(file, list(kept[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    sys.stdout.write(f"{len(kept)} places of {len(found)} countries\n")
    return 0


def _choose(found: list[_Found]) -> list[_Found]:
    ranked = sorted(found, key=lambda one: (-one[0].population, one[0].id))
    rest = ranked[LARGEST:]
    step = max(1.0, len(rest) / SMALLER)
    return ranked[:LARGEST] + [rest[int(i * step)] for i in range(min(SMALLER, len(rest)))]


def _row(place: Place, language: str, native: str, prefixes: list[str]) -> dict[str, Any]:
    zone = ZoneInfo(_zone(place))
    january, july = (datetime(YEAR, month, 10, tzinfo=UTC).astimezone(zone).utcoffset() or timedelta() for month in (1, 7))
    dialling = next((p for p in sorted(prefixes, key=lambda p: (len(p), p)) if _makes_numbers(p, place)), "")
    return {"id": place.id, "country": place.country, "language": language, "native": native, "name": place.name,
            "lat": round(place.lat, 5), "lon": round(place.lon, 5), "population": place.population, "dialling": dialling,
            "utc_jan": january.total_seconds() / 3600, "utc_jul": july.total_seconds() / 3600}  # fmt: skip


def _zone(place: Place) -> str:
    page = OfflineIndex.shared().page(f"geonames:{place.id}")
    match = re.search("time zone: (.+)", page[1]) if page else None
    if match is None:
        raise ValueError(f"the offline index has no time zone of {place.label()}")
    return match[1]


def _makes_numbers(prefix: str, place: Place) -> bool:
    from evals.practice.phones import area_of, numbers

    found = next(iter(numbers(place.country or "", prefix, "build")), None)
    return found is not None and fold(place.name).split()[0] in fold(area_of(found))


def _descriptions() -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Country -> area code and its names by language."""
    import phonenumbers
    from phonenumbers.geodata import GEOCODE_DATA

    found: dict[str, list[tuple[str, dict[str, str]]]] = defaultdict(list)
    for prefix, named in GEOCODE_DATA.items():
        codes = (prefix[:n] for n in (1, 2, 3))
        code = next(c for c in codes if phonenumbers.region_code_for_country_code(int(c)) != "ZZ")
        for country in phonenumbers.region_codes_for_country_code(int(code)):
            found[country].append((prefix[len(code) :], named))
    return found


def _by_phone() -> Iterator[_Found]:
    described = _descriptions()
    for country, language in _LANGUAGES.items():
        prefixes: dict[tuple[str, str], list[str]] = defaultdict(list)
        for prefix, named in described[country]:
            if "en" in named and language in named:
                prefixes[_clean(named[language], country), named["en"]].append(prefix)
        natives, english = [native for native, _ in prefixes], [_clean(e, country) for _, e in prefixes]
        matches = zip(prefixes.items(), _lookup(natives, country), _lookup(english, country), strict=True)
        for ((native, full), codes), by_native, by_english in matches:
            both = [place for place in by_native if place.id in {other.id for other in by_english} and _right_state(place, full)]
            both = [place for place in both if place.region not in _NOT_REGIONS.get(country, ())]
            both = [place for place in both if fold(place.name) in {fold(native), fold(_clean(full, country))}]
            wanted = _SIGN_SCRIPTS.get(language)
            if both and not (wanted and not re.search(wanted, native)):
                yield max(both, key=lambda place: place.population), _OWN_NAME.get(language, language), native, codes


def _by_hand() -> Iterator[_Found]:
    described = _descriptions()
    with (FOLDER / "natives.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in rows:
        country, natives = row["country"], row["names"].split("|")
        english = [(_pieces(named["en"]), prefix, named["en"]) for prefix, named in described[country] if "en" in named]
        for native, places in zip(natives, _lookup(natives, country), strict=True):
            if not places:
                sys.stderr.write(f"the gazetteer knows no {native} in {country}: left out\n")
                continue
            place = max(places, key=lambda place: place.population)
            codes = [p for names, p, full in english if fold(place.name) in names and _right_state(place, full)]
            yield place, row["language"], native, codes


def _pieces(text: str) -> set[str]:
    return {fold(part.split(",")[0]) for part in text.split("/")}


def _lookup(names: list[str], country: str) -> list[list[Place]]:
    found = gazetteer().lookup_many(names, 60)
    return [[m.place for m in matches if m.place.id and m.place.country == country] for matches in found]


def _clean(text: str, country: str) -> str:
    """`Curitiba - PR`, `Denver, CO` and `四川省成都市` without what is not the city's name."""
    text = re.sub(r" - [A-Z]{2}$|, .*$", "", text)
    return re.sub("市$", "", re.sub("^.*(省|自治区)", "", text)) if country == "CN" else text


def _right_state(place: Place, description: str) -> bool:
    state = re.search(r", ([A-Z]{2})$", description)
    if state is None or place.country not in {"US", "CA"}:
        return place.country not in {"US", "CA"}
    return place.region_code == state[1] if place.country == "US" else _PROVINCES.get(state[1], "") == place.region


if __name__ == "__main__":
    raise SystemExit(main())
