"""Days, months, seasons and years in what people write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_SEASONS = ("spring", "summer", "autumn", "fall", "winter")
_MONTH = "|".join(f"{month[:3]}(?:{month[3:]})?" if len(month) > 3 else month for month in _MONTHS)
_ISO = re.compile(r"\b(?:on |in |of |from )?((?:19|20)\d\d)-(\d{1,2})(?:-(\d{1,2}))?\b")
_DAY_MONTH = re.compile(
    rf"\b(?:on |from )?(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\.?,?(?: ((?:19|20)\d\d))?\b", re.I
)
_MONTH_DAY = re.compile(rf"\b(?:on |from )?({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?(?:,? ((?:19|20)\d\d))?(?!\d)", re.I)
_MONTH_ALONE = re.compile(
    rf"\b(?:in|on|of|from|during|around|early|late|mid)[ -]({_MONTH})\b(?:,? ((?:19|20)\d\d))?|^({_MONTH})(?: ((?:19|20)\d\d))?$",
    re.I,
)
_SEASON = re.compile(rf"\b(?:in |during )?(?:the )?({'|'.join(_SEASONS)})\b(?:(?: of)? ((?:19|20)\d\d))?", re.I)
_YEAR = re.compile(r"\b(?:in|from|of|during|around) ((?:19|20)\d\d)\b", re.I)


@dataclass(frozen=True)
class StatedDate:
    text: str
    """`2024-03-05`, `2024-03`, `2024`, `--03-05`, `--03`, or a season, with its year after a space where it was said."""
    words: str
    """`on 5 March 2024`, `in March`."""
    span: tuple[int, int]
    """Where it stands in the text, the word before it (`in`, `on`) included."""

    def day(self, otherwise_year: int) -> date | None:
        """A day that stands for it: the 15th of a month, the middle of the year's month; None for a year or a season alone."""
        match = re.fullmatch(r"(\d{4}|-)-(\d\d)(?:-(\d\d))?", self.text)
        if not match:
            return None
        year = otherwise_year if match[1] == "-" else int(match[1])
        return _date(year, int(match[2]), int(match[3] or 15))


def date_in(text: str, year: int) -> StatedDate | None:
    """The first date that a text names; None where it names none or one that does not exist. `year` checks days without one."""
    if match := _ISO.search(text):
        return _made(int(match[1]), int(match[2]), int(match[3]) if match[3] else None, year, match.span())
    if match := _DAY_MONTH.search(text):
        return _made(int(match[3]) if match[3] else None, _number(match[2]), int(match[1]), year, match.span())
    if match := _MONTH_DAY.search(text):
        return _made(int(match[3]) if match[3] else None, _number(match[1]), int(match[2]), year, match.span())
    if match := _MONTH_ALONE.search(text):
        said = match[2] or match[4]
        return _made(int(said) if said else None, _number(match[1] or match[3]), None, year, match.span())
    if match := _SEASON.search(text):
        season = match[1].lower().replace("fall", "autumn")
        return StatedDate(
            f"{season} {match[2]}" if match[2] else season, f"in {season}" + (f" {match[2]}" if match[2] else ""), match.span()
        )
    if match := _YEAR.search(text):
        return StatedDate(match[1], f"in {match[1]}", match.span())
    return None


def _made(year: int | None, month: int, day: int | None, otherwise_year: int, span: tuple[int, int]) -> StatedDate | None:
    if not 1 <= month <= 12 or (day is not None and _date(year or 2000, month, day) is None):
        return None
    name = _MONTHS[month - 1].title()
    text = f"{year or '-'}-{month:02d}" + (f"-{day:02d}" if day else "")
    return StatedDate(text, (f"on {day} {name}" if day else f"in {name}") + (f" {year}" if year else ""), span)


def _number(name: str) -> int:
    return next(number for number, month in enumerate(_MONTHS, 1) if month.startswith(name[:3].lower()))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
