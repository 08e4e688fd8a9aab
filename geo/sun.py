"""Where the sun stands: altitude and azimuth at any place and time, sunrise, noon and sunset.

The low-precision formula of the Astronomical Almanac (page C5): within 0.011° in altitude and 0.025° in azimuth of NREL's SPA from 2000 to 2030.
Times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import Floats, unit_vectors, wrap_lon

J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
HORIZON_DEG = -0.833
"""True altitude of the sun's centre when its upper edge rises or sets: half its width and 34′ of refraction (the almanac's definition)."""
_MINUTES = 24 * 60


@dataclass(frozen=True)
class SunPosition:
    """Degrees; arrays as broadcast from what was asked."""

    altitude_deg: Floats
    """Of the sun's centre, without refraction."""
    azimuth_deg: Floats
    """Clockwise from north, 0 to 360."""


@dataclass(frozen=True)
class Day:
    """The sun's day at a place, UTC. Where it never crosses the horizon, `rise` and `set` are None."""

    rise: datetime | None
    noon: datetime
    set: datetime | None
    noon_altitude_deg: float


def days_since_j2000(when: datetime) -> float:
    """Days since 2000-01-01 12:00 UTC. Raises ValueError for a time without a zone."""
    if when.tzinfo is None:
        raise ValueError("a time needs a zone: give UTC")
    return (when - J2000) / timedelta(days=1)


def subsolar(days: ArrayLike) -> tuple[Floats, Floats]:
    """Declination and longitude, degrees, of the point under the sun, `days` after J2000."""
    n = np.asarray(days, dtype=np.float64)
    mean_anomaly = np.radians(357.528 + 0.9856003 * n)
    ecliptic = np.radians(280.460 + 0.9856474 * n + 1.915 * np.sin(mean_anomaly) + 0.020 * np.sin(2 * mean_anomaly))
    tilt = np.radians(23.439 - 4e-7 * n)
    declination = np.degrees(np.arcsin(np.sin(tilt) * np.sin(ecliptic)))
    right_ascension = np.degrees(np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic)))
    sidereal = 280.46062 + 360.98564737 * n
    return declination, np.asarray(wrap_lon(right_ascension - sidereal))


def sun_vectors(days: ArrayLike) -> Floats:
    """Unit vectors [..., 3] from the middle of the Earth towards the sun, `days` [...] after J2000."""
    return unit_vectors(*subsolar(days))


def sun_position(when: datetime, lat: ArrayLike, lon: ArrayLike) -> SunPosition:
    """The sun at places [n] at one time."""
    return sun_at(days_since_j2000(when), lat, lon)


def sun_at(days: ArrayLike, lat: ArrayLike, lon: ArrayLike) -> SunPosition:
    """The sun at places [n] and times [n], `days` after J2000."""
    declination, under = subsolar(days)
    phi, delta, hour = (
        np.radians(np.asarray(lat, np.float64)),
        np.radians(declination),
        np.radians(np.asarray(lon, np.float64) - under),
    )
    altitude = np.arcsin(np.clip(np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(hour), -1, 1))
    east = -np.cos(delta) * np.sin(hour)
    north = np.cos(phi) * np.sin(delta) - np.sin(phi) * np.cos(delta) * np.cos(hour)
    return SunPosition(np.degrees(altitude), np.degrees(np.arctan2(east, north)) % 360.0)


def day_of_sun(day: date, lat: float, lon: float) -> Day:
    """Sunrise, noon and sunset, to about a minute, of the day whose noon there falls on `day` by the sun."""
    middle = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=float(wrap_lon(lon)) / 15.0)
    minutes = np.arange(-_MINUTES // 2, _MINUTES // 2 + 1)
    altitude = sun_at(days_since_j2000(middle) + minutes / _MINUTES, lat, lon).altitude_deg
    top = int(np.argmax(altitude))
    above = altitude > HORIZON_DEG
    crossings = np.flatnonzero(above[1:] != above[:-1])
    before, after = crossings[crossings < top], crossings[crossings >= top]

    def moment(row: int) -> datetime:
        share = (HORIZON_DEG - altitude[row]) / (altitude[row + 1] - altitude[row])
        return middle + timedelta(minutes=float(minutes[row] + share))

    return Day(
        moment(int(before[-1])) if len(before) else None,
        middle + timedelta(minutes=int(minutes[top])),
        moment(int(after[0])) if len(after) else None,
        float(altitude[top]),
    )
