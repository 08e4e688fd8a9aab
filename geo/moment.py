"""When a photo was taken, as far as it is known: a time in UTC, a clock without a zone, a day, months, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""The sun's formula is good to about 0.1° in these."""
ANY_YEAR = 2024
"""Stands for a year that is not known: from year to year the sun on a date differs by at most 0.3°."""
_MINUTES = 24 * 60
_TIME = re.compile(
    r"(?:(\d{4})-(\d{1,2})-(\d{1,2})[T ]+)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_DATE = re.compile(r"(?:(\d{4})-)?(\d{1,2})-(\d{1,2})", re.ASCII)
_MONTHS = re.compile(r"(\d{1,2})(?:\s*-\s*(\d{1,2}))?", re.ASCII)


@dataclass(frozen=True)
class When:
    """What is known of the time of the first shadow. Days from `first` to `last`, both among them, are equally likely."""

    first: date = date(ANY_YEAR, 1, 1)
    last: date = date(ANY_YEAR, 12, 31)
    utc_minutes: float | None = None
    """Minutes after midnight UTC; with it the days are those of UTC, else those of the place."""
    clock_minutes: float | None = None
    """Minutes after midnight by a clock of the place whose zone is not known."""
    spread_minutes: float = 5.0
    """The time may be off by up to this, every error equally likely; all shadows share it."""

    def __post_init__(self) -> None:
        if not FIRST_YEAR <= self.first.year <= self.last.year <= LAST_YEAR:
            raise ValueError(f"years lie between {FIRST_YEAR} and {LAST_YEAR}")
        if not 0 <= (self.last - self.first).days <= 366:
            raise ValueError("days run from a first to a last one, at most a year later")
        if self.utc_minutes is not None and self.clock_minutes is not None:
            raise ValueError("give the time in UTC or by a clock of the place, not both")
        for minutes in (self.utc_minutes, self.clock_minutes):
            if minutes is not None and not 0.0 <= minutes < _MINUTES:
                raise ValueError("a time of day lies between 00:00 and 24:00")
        if not 0.0 <= self.spread_minutes <= _MINUTES / 2:
            raise ValueError("a time is off by 0 to 720 minutes")

    @property
    def days(self) -> int:
        """How many days are possible."""
        return (self.last - self.first).days + 1

    def words(self) -> str:
        """`2024-03-05 14:20 UTC ± 5 min`, `on 2024-03-05, at an unknown time`."""
        one_day = self.first == self.last
        whole_year = self.days >= 365
        days = (
            f"{self.first}"
            if one_day
            else "on an unknown day"
            if whole_year
            else f"between {self.first:%d %B} and {self.last:%d %B}"
        )
        minutes = self.utc_minutes if self.utc_minutes is not None else self.clock_minutes
        if minutes is None:
            return f"{days}, at an unknown time"
        clock = f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}"
        zone = "UTC" if self.utc_minutes is not None else "by a clock of an unknown zone"
        return f"{days} {clock} {zone} ± {self.spread_minutes:g} min"

    def to_json(self) -> dict[str, Any]:
        return {"first": self.first.isoformat(), "last": self.last.isoformat(), "utc_minutes": self.utc_minutes,
                "clock_minutes": self.clock_minutes, "spread_minutes": self.spread_minutes}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> When:
        """The inverse of `to_json`. Raises KeyError, TypeError and ValueError for anything else."""
        minutes = [None if data[key] is None else float(data[key]) for key in ("utc_minutes", "clock_minutes")]
        first, last = (date.fromisoformat(data[key]) for key in ("first", "last"))
        return cls(first, last, minutes[0], minutes[1], float(data["spread_minutes"]))


def read_when(utc: str = "", day: str = "", month: str = "", clock: str = "", spread_minutes: float = 5.0) -> When:
    """The time from words: `2024-03-05T14:20Z` or `14:20`, `2024-03-05` or `03-05`, `3` or `11-2`, `14:20`; empty for what is not known.

    Raises ValueError with one sentence.
    """
    if utc and clock:
        raise ValueError("give the time in UTC or by a clock of the place, not both")
    of_time, utc_minutes = read_time(utc) if utc else (None, None)
    of_clock, clock_minutes = read_time(clock, zone=False) if clock else (None, None)
    known = [one for one in (of_time, of_clock, read_date(day) if day else None) if one]
    if len(set(known)) > 1:
        raise ValueError("the day and the time name different days; give one of them")
    if known and month:
        raise ValueError("give a day or a month, not both")
    first, last = (known[0], known[0]) if known else _months(month) if month else (When.first, When.last)
    return When(first, last, utc_minutes, clock_minutes, spread_minutes)


def read_time(text: str, zone: bool = True) -> tuple[date | None, float]:
    """The day, where one is given, and the minutes after midnight, both UTC; with `zone` False as a clock shows them.

    A time without a zone is taken for UTC. Raises ValueError with one sentence.
    """
    found = _TIME.fullmatch(text.strip()[:60])
    if found is None:
        raise ValueError("a time is written 2024-03-05T14:20Z or 14:20")
    year, month, day, hour, minute, second, at = found.groups()
    if at and not zone:
        raise ValueError("a clock of the place has no zone; with a zone the time is UTC")
    try:
        moment = datetime(
            int(year or ANY_YEAR), int(month or 7), int(day or 1), int(hour), int(minute), int(second or 0), tzinfo=UTC
        )
        moment -= _offset(at or "Z")
    except (ValueError, OverflowError):
        raise ValueError("there is no such time") from None
    return (moment.date() if year else None), moment.hour * 60 + moment.minute + moment.second / 60.0


def read_moment(text: str) -> datetime:
    """A day and time, UTC where no zone is given. Raises ValueError with one sentence."""
    day, minutes = read_time(text)
    if day is None:
        raise ValueError("give the day as well: 2024-03-05T14:20Z")
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes)


def read_date(text: str) -> date:
    """`2024-03-05`, or `03-05` where the year is not known. Raises ValueError with one sentence."""
    found = _DATE.fullmatch(text.strip()[:20])
    if found is None:
        raise ValueError("a day is written 2024-03-05, or 03-05 where the year is not known")
    try:
        return date(int(found[1] or ANY_YEAR), int(found[2]), int(found[3]))
    except ValueError:
        raise ValueError("there is no such day") from None


def _offset(text: str) -> timedelta:
    if text.upper() in {"Z", "UTC"}:
        return timedelta()
    digits = text[1:].replace(":", "")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -away if text[0] == "-" else away


def _months(text: str) -> tuple[date, date]:
    """The first and last day of `3`, or of the months `11-2`."""
    found = _MONTHS.fullmatch(text.strip()[:20])
    first = int(found[1]) if found else 0
    last = int(found[2] or first) if found else 0
    if not (1 <= first <= 12 and 1 <= last <= 12):
        raise ValueError("a month is a number from 1 to 12, or two as in 11-2")
    year = ANY_YEAR if last >= first else ANY_YEAR + 1
    after = date(year + last // 12, last % 12 + 1, 1)
    return date(ANY_YEAR, first, 1), after - timedelta(days=1)
