"""Which countries and regions keep a UTC offset: from the time zones of GeoNames' places and the rules of the IANA time zone database.

A region with several zones counts by the share of its places. The sea, and land without places, is in no zone here; at sea clocks follow
nautical zones, longitude / 15 within half an hour, which land departs from by up to about three hours.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from geo.evidence import Regions
from geo.moment import ANY_YEAR

_TABLE = Path(__file__).parent / "data" / "time_zones.csv"
_LEAST_H, _MOST_H = -12.0, 14.0


def zone_shares(region: str) -> dict[str, float]:
    """Time zones of a country (`PT`) or of a region (`PT.23`), by the share of its places; empty where it is not known."""
    return dict(_table().get(region) or _table().get(region.partition(".")[0], {}))


def offset_hours(zone: str, day: date) -> float:
    """Hours ahead of UTC at noon UTC of a day. Raises ValueError for an unknown zone, and where the rules are not installed (package `tzdata`)."""
    try:
        offset = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"the rules of the time zone {zone!r} are not here; install the package tzdata") from error
    return (offset or timedelta()) / timedelta(hours=1)


def regions_of_offset(hours: float, day: date | None = None) -> Regions:
    """The share of each country and region where clocks are this far ahead of UTC on a day; without a day, on any day of the year 2024.

    Raises ValueError where no place keeps such an offset.
    """
    if not _LEAST_H <= hours <= _MOST_H:
        raise ValueError("clocks are 12 hours behind UTC to 14 ahead of it")
    days = [day] if day is not None else [date(ANY_YEAR, month, 15) for month in range(1, 13)]
    keeping = {zone for zone in _zones() if any(abs(offset_hours(zone, one) - hours) < 1e-3 for one in days)}
    if not keeping:
        when = f"on {day}" if day is not None else "at any time of the year"
        raise ValueError(f"no place has clocks at UTC{hours:+g} h {when}")
    # A region's own weight replaces its country's, so regions of none of these zones are named with 0.
    shares = {key: sum(share for zone, share in zones.items() if zone in keeping) for key, zones in _table().items()}
    return Regions(
        {
            key: share
            for key, share in shares.items()
            if share > 0.0 or ("." in key and shares.get(key.partition(".")[0], 0.0) > 0.0)
        }
    )


@cache
def _table() -> dict[str, dict[str, float]]:
    """Zones and shares of every country, by its most common zone, and of every region that differs."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {row["region"]: dict(_shares(row["zones"])) for row in csv.DictReader(file)}


def _shares(words: str) -> Iterator[tuple[str, float]]:
    parts = [(zone, int(count or 1)) for zone, _, count in (word.partition(":") for word in words.split())]
    total = sum(count for _, count in parts)
    yield from ((zone, count / total) for zone, count in parts)


def _zones() -> set[str]:
    return {zone for zones in _table().values() for zone in zones}
