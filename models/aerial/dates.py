"""Dates of map layers, and which layers fit a season or a day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
SEASONS = ("winter", "spring", "summer", "autumn")
_YEAR_IN_DAYS = 15.0
"""One year between two dates counts as much as so many days of season: ground changes more within a year than over one."""


def check_date(text: object) -> str | None:
    """The same date, `2023`, `2023-06` or `2023-06-30`; None stays None. Raises ValueError."""
    if text is None:
        return None
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{str(text)[:20]!r} is no date: write 2023, 2023-06 or 2023-06-30")
    year, month, day = (int(part) if part else 1 for part in found.groups())
    try:
        date(year, month, day)
    except ValueError:
        raise ValueError(f"{str(text)[:20]!r} is no date of a calendar") from None
    return str(text)


def season_of(text: str | None, lat: float) -> str | None:
    """The season of a date by its month (December to February is winter in the north); None for a year alone and where no date is known."""
    if text is None or len(text) < 7:
        return None
    quarter = int(text[5:7]) % 12 // 3
    return SEASONS[(quarter + (2 if lat < 0 else 0)) % 4]


def of_season(dates: Sequence[str | None], season: str, lat: float) -> list[int]:
    """The layers of a season. Raises ValueError where there is none."""
    if season not in SEASONS:
        raise ValueError(f"the seasons are {', '.join(SEASONS)}")
    found = [n for n, text in enumerate(dates) if season_of(text, lat) == season]
    if not found:
        raise ValueError(f"no layer of the index is from {season}; its dates are {_told(dates)}")
    return found


def nearest(dates: Sequence[str | None], wanted: str) -> list[int]:
    """The layer whose date is nearest, by time of year first: a year apart counts as 15 days. Raises ValueError where no layer has a date."""
    check_date(wanted)
    away = {n: _apart(text, wanted) for n, text in enumerate(dates) if text is not None}
    if not away:
        raise ValueError("no layer of the index has a date")
    least = min(away.values())
    return [n for n, days in away.items() if days == least]


def _apart(one: str, other: str) -> float:
    years = abs(int(one[:4]) - int(other[:4]))
    if len(one) < 7 or len(other) < 7:  # without a month any season is possible
        return 91.0 + _YEAR_IN_DAYS * years
    days = abs(_day(one) - _day(other))
    return min(days, 365.25 - days) + _YEAR_IN_DAYS * min(years, abs(_months(one) - _months(other)) / 12)


def _day(text: str) -> float:
    """The day of the year; the middle of a month."""
    return (int(text[5:7]) - 1) * 30.44 + (float(text[8:10]) if len(text) == 10 else 15.2)


def _months(text: str) -> int:
    return int(text[:4]) * 12 + int(text[5:7])


def _told(dates: Sequence[str | None]) -> str:
    return ", ".join(text or "not known" for text in dates)
