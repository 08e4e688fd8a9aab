"""The sun's place against a published value and against what every almanac agrees on."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.practice.sun import sun_position


def test_the_example_of_nrel() -> None:
    """I. Reda and A. Andreas, "Solar Position Algorithm for Solar Radiation Applications", NREL/TP-560-34302, table A5.1: zenith
    50.11162 degrees with refraction (0.0165 degrees there), azimuth 194.34024 degrees."""
    when = datetime(2003, 10, 17, 12, 30, 30, tzinfo=timezone(timedelta(hours=-7)))
    elevation, azimuth = sun_position(39.742476, -105.1786, when)
    assert elevation == pytest.approx(90 - 50.11162 - 0.0165, abs=0.02)
    assert azimuth == pytest.approx(194.34024, abs=0.02)


@pytest.mark.parametrize(("month", "day", "declination"), [(3, 20, 0.0), (6, 20, 23.44), (9, 22, 0.0), (12, 21, -23.44)])
def test_noon_at_the_equator_shows_the_declination(month: int, day: int, declination: float) -> None:
    heights = [sun_position(0.0, 0.0, datetime(2024, month, day, 12, tzinfo=UTC) + timedelta(minutes=m)) for m in range(-30, 31)]
    assert max(elevation for elevation, _ in heights) == pytest.approx(90 - abs(declination), abs=0.35)


@pytest.mark.parametrize(("lat", "side"), [(52.0, 180.0), (40.0, 180.0), (-34.0, 0.0), (-27.0, 0.0)])
def test_the_sun_culminates_on_the_side_of_the_equator(lat: float, side: float) -> None:
    for month in range(1, 13):
        day = [sun_position(lat, 10.0, datetime(2024, month, 15, tzinfo=UTC) + timedelta(minutes=4 * k)) for k in range(360)]
        _, azimuth = max(day)
        assert abs((azimuth - side + 180) % 360 - 180) < 5


@given(lat=st.floats(-66, 66), lon=st.floats(-180, 180), hour=st.integers(0, 23))
def test_it_rises_in_the_east_and_sets_in_the_west(lat: float, lon: float, hour: int) -> None:
    when = datetime(2024, 3, 20, hour, tzinfo=UTC)
    elevation, azimuth = sun_position(lat, lon, when)
    assert -90 <= elevation <= 90
    assert 0 <= azimuth < 360
    earlier, later = (sun_position(lat, lon, when + timedelta(minutes=minutes))[0] for minutes in (-1, 1))
    if abs(elevation) < 80 and abs(later - earlier) > 0.05:  # at its highest and lowest the azimuth turns within minutes
        assert (math.sin(math.radians(azimuth)) > 0) == (later > earlier)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        sun_position(0.0, 0.0, datetime(2024, 1, 1))
