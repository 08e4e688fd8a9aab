"""Where the sun stands: the Astronomical Almanac's approximate formula.

J. J. Michalsky, "The Astronomical Almanac's algorithm for approximate solar position (1950-2050)", Solar Energy 40 (3), 1988,
pp. 227-235: good to 0.01 degrees; refraction is left out, as shadows of lamp posts need not know it.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_position(lat: float, lon: float, time: datetime) -> tuple[float, float]:
    """Elevation above the horizon and azimuth clockwise from north, in degrees, at `time` (with its time zone).

    Raises ValueError for a time without a zone.
    """
    if time.tzinfo is None:
        raise ValueError("the time needs its time zone")
    days = (time - _J2000).total_seconds() / 86400.0
    mean_longitude = (280.460 + 0.9856474 * days) % 360.0
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360.0)
    ecliptic = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2.0 * anomaly))
    obliquity = math.radians(23.439 - 4.0e-7 * days)
    ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    hours = time.astimezone(UTC)
    utc_hours = hours.hour + hours.minute / 60.0 + hours.second / 3600.0
    sidereal_hours = 6.697375 + 0.0657098242 * days + utc_hours
    hour_angle = math.radians(15.0 * sidereal_hours + lon) - ascension
    phi = math.radians(lat)
    up = math.sin(declination) * math.sin(phi) + math.cos(declination) * math.cos(phi) * math.cos(hour_angle)
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.sin(declination) * math.cos(phi) - math.cos(declination) * math.sin(phi) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, up)))), math.degrees(math.atan2(east, north)) % 360.0
