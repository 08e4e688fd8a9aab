"""When photos were taken: times as labels write them, and ranges of time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from models.gallery.gallery import GalleryError

_TIME = re.compile(r"(\d{4})(?:[-:/](\d\d)(?:[-:/](\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?)?)?")
_EPOCH = re.compile(r"\d{9,10}(?:\d{3})?(?:\.0+)?")
_DAY = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?")


def iso_time(text: str) -> str:
    """A time as a gallery keeps it (`2019-07-04T12:30:00`, or its beginning), from ISO 8601, EXIF's `2019:07:04 12:30:00`, or seconds or
    milliseconds since 1970 (UTC); empty for anything else. A zone is dropped: galleries keep the photo's own clock."""
    text = text.strip()
    if _EPOCH.fullmatch(text):
        seconds = int(text.partition(".")[0])
        return datetime.fromtimestamp(seconds / 1000 if seconds > 99_999_999_999 else seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    match = _TIME.fullmatch(text)
    if not match or match[1] == "0000":
        return ""
    year, month, day, hour, minute, second = match.groups()
    try:
        datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return ""
    day_text = "-".join(part for part in (year, month, day) if part)
    return f"{day_text}T{hour}:{minute}:{second or '00'}" if hour else day_text


def time_range(text: str) -> tuple[str, str]:
    """`taken_from` and `taken_before` of `models.gallery.Where` for `2015..2019`, `2015-06..`, `..2019-06-30` or `2017`, ends included.

    Raises GalleryError for anything else.
    """
    first, dots, last = text.strip().partition("..")
    last = last if dots else first
    for part in (first, last):
        if part and not (_DAY.fullmatch(part) and iso_time(part)):
            raise GalleryError(
                f"{part[:40]!r} is no time: write 2015..2019, 2015-06..2015-08, 2019.. or a single year, month or day"
            )
    if not first and not last:
        raise GalleryError("a range of time needs at least one end, such as 2015..2019")
    before = _next(last) if last else ""
    if first and before and first >= before:
        raise GalleryError(f"the range of time {text[:40]!r} ends before it begins")
    return first, before


def _next(text: str) -> str:
    """The year, month or day after this one."""
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 1:
        return f"{parts[0] + 1:04d}"
    if len(parts) == 2:
        return f"{parts[0] + parts[1] // 12:04d}-{parts[1] % 12 + 1:02d}"
    return (date(*parts) + timedelta(days=1)).isoformat()
