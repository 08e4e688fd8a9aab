from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from geo.moment import ANY_YEAR, When, read_date, read_moment, read_time, read_when


@pytest.mark.parametrize(
    ("text", "day", "minutes"),
    [
        ("2024-03-05T14:20Z", date(2024, 3, 5), 860.0),
        ("2024-03-05 14:20", date(2024, 3, 5), 860.0),
        ("14:20", None, 860.0),
        ("14:20:30Z", None, 860.5),
        ("2024-03-05T00:30+02:00", date(2024, 3, 4), 1350.0),
        ("2024-12-31T23:30-0100", date(2025, 1, 1), 30.0),
        (" 2024-03-05t14:20 utc ", date(2024, 3, 5), 860.0),
    ],
)
def test_times(text, day, minutes):
    assert read_time(text) == (day, minutes)


@pytest.mark.parametrize(
    "text", ["", "noon", "25:00", "2024-02-30T10:00Z", "12:60", "2024-03-05", "14:20\n2024", "9" * 5000, "１２:００"]
)
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match=r"time"):
        read_time(text)


def test_days_and_months():
    assert read_date("2023-02-28") == date(2023, 2, 28)
    assert read_date("02-29") == date(ANY_YEAR, 2, 29)
    for text in ("2023-02-29", "x", "13-01"):
        with pytest.raises(ValueError, match="day"):
            read_date(text)
    one, winter = read_when(month="3"), read_when(month="11-2")
    assert (one.first, one.last, one.days) == (date(ANY_YEAR, 3, 1), date(ANY_YEAR, 3, 31), 31)
    assert (winter.first, winter.last) == (date(ANY_YEAR, 11, 1), date(ANY_YEAR + 1, 2, 28))
    assert read_when(month="12").last == date(ANY_YEAR, 12, 31)
    assert read_when().days == 366
    for text in ("0", "13", "1-13", "x", "1-2-3"):
        with pytest.raises(ValueError, match="month"):
            read_when(month=text)
    assert read_moment("2024-03-05T14:20Z") == datetime(2024, 3, 5, 14, 20, tzinfo=UTC)
    with pytest.raises(ValueError, match="day as well"):
        read_moment("14:20")


def test_what_contradicts_itself():
    for told in ({"utc": "10:00", "clock": "10:00"}, {"utc": "2024-03-05T10:00Z", "day": "2024-03-06"}, {"day": "2024-03-05", "month": "3"},
                 {"clock": "10:00Z"}, {"utc": "10:00", "spread_minutes": 1000}, {"day": "1800-01-01"}):  # fmt: skip
        with pytest.raises(ValueError, match=r"."):
            read_when(**told)
    with pytest.raises(ValueError, match="at most a year"):
        When(date(2024, 1, 1), date(2026, 1, 1))


def test_words_and_json():
    for when, said in (
        (read_when("2024-03-05T14:20Z"), "2024-03-05 14:20 UTC ± 5 min"),
        (read_when(day="2024-03-05"), "2024-03-05, at an unknown time"),
        (read_when("14:20"), "on an unknown day 14:20 UTC"),
        (read_when(clock="14:20", month="3"), "between 01 March and 31 March 14:20 by a clock of an unknown zone"),
    ):
        assert when.words().startswith(said)
        assert When.from_json(when.to_json()) == when
    with pytest.raises(ValueError):
        When.from_json({**When().to_json(), "spread_minutes": float("nan")})
