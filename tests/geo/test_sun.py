"""The sun against published values: Greenwich at the equinox, the worked example of NREL's SPA report."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.sun import day_of_sun, days_since_j2000, subsolar, sun_at, sun_position


def test_the_worked_example_of_the_spa_report() -> None:
    # NREL/TP-560-34302, table A5.1: 2003-10-17 12:30:30 at UTC-7; topocentric zenith 50.11162° with 0.016° of refraction, azimuth 194.34024°.
    here = sun_position(datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), 39.742476, -105.1786)
    assert float(here.altitude_deg) == pytest.approx(90 - 50.11162 - 0.0114, abs=0.02)
    assert float(here.azimuth_deg) == pytest.approx(194.34024, abs=0.02)


def test_the_sun_stands_over_the_equator_at_the_equinox_and_over_the_tropic_at_the_solstice() -> None:
    assert subsolar(days_since_j2000(datetime(2024, 3, 20, 3, 6, tzinfo=UTC)))[0] == pytest.approx(0.0, abs=0.01)
    assert subsolar(days_since_j2000(datetime(2024, 6, 20, 20, 51, tzinfo=UTC)))[0] == pytest.approx(23.44, abs=0.01)


@given(st.floats(-9000, 12000), st.floats(-89, 89), st.floats(-180, 180))
def test_the_point_under_the_sun_has_it_overhead(days: float, lat: float, lon: float) -> None:
    declination, under = subsolar(days)
    assert float(sun_at(days, declination, under).altitude_deg) == pytest.approx(90.0, abs=1e-4)
    here = sun_at(days, lat, lon)
    cosine = np.sin(np.radians(lat)) * np.sin(np.radians(declination)) + np.cos(np.radians(lat)) * np.cos(
        np.radians(declination)
    ) * np.cos(np.radians(lon - under))
    assert float(here.altitude_deg) == pytest.approx(90 - np.degrees(np.arccos(np.clip(cosine, -1, 1))), abs=1e-4)
    assert 0 <= float(here.azimuth_deg) < 360


def test_a_day_at_greenwich() -> None:
    # The almanac for Greenwich, 2024-06-20: sunrise 03:43, sunset 20:21 UTC.
    day = day_of_sun(date(2024, 6, 20), 51.4769, 0.0)
    assert day.rise is not None
    assert day.set is not None
    assert abs((day.rise - datetime(2024, 6, 20, 3, 43, tzinfo=UTC)).total_seconds()) < 120
    assert abs((day.set - datetime(2024, 6, 20, 20, 21, tzinfo=UTC)).total_seconds()) < 120
    assert day.noon_altitude_deg == pytest.approx(90 - 51.4769 + 23.44, abs=0.05)


def test_where_the_sun_does_not_set() -> None:
    summer, winter = day_of_sun(date(2024, 6, 20), 69.65, 18.96), day_of_sun(date(2024, 12, 21), 69.65, 18.96)
    assert (summer.rise, summer.set) == (None, None)
    assert (winter.rise, winter.set) == (None, None)
    assert summer.noon_altitude_deg > 40
    assert winter.noon_altitude_deg < 0


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        days_since_j2000(datetime(2024, 1, 1))


@pytest.mark.parametrize(("lat", "side"), [(52.0, 180.0), (40.0, 180.0), (-34.0, 0.0), (-27.0, 0.0)])
def test_the_sun_culminates_on_the_side_of_the_equator(lat: float, side: float) -> None:
    for month in range(1, 13):
        days = days_since_j2000(datetime(2024, month, 15, tzinfo=UTC)) + np.arange(0, 1, 1 / 360)
        sun = sun_at(days, lat, 10.0)
        highest = float(sun.azimuth_deg[int(np.argmax(sun.altitude_deg))])
        assert abs((highest - side + 180) % 360 - 180) < 5


@given(st.floats(-66, 66), st.floats(-180, 180), st.integers(0, 23))
def test_it_rises_in_the_east_and_sets_in_the_west(lat: float, lon: float, hour: int) -> None:
    days = days_since_j2000(datetime(2024, 3, 20, hour, tzinfo=UTC)) + np.array([-1, 0, 1]) / 1440
    sun = sun_at(days, lat, lon)
    before, now, after = (float(altitude) for altitude in sun.altitude_deg)
    if abs(now) < 80 and abs(after - before) > 0.05:  # at its highest and lowest the azimuth turns within minutes
        assert (np.sin(np.radians(float(sun.azimuth_deg[1]))) > 0) == (after > before)
