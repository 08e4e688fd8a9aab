"""The sun turned round: from what is seen of it to latitude, longitude, heading and length of a shadow, in closed form.

Spherical trigonometry of the triangle pole, zenith, sun. Altitudes are true ones (`geo.refraction.true_altitude` of what is seen); all degrees.
"""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from geo.evidence import Ring
from geo.refraction import apparent_altitude
from geo.sphere import EARTH_RADIUS_KM, wrap_lon
from geo.sun import days_since_j2000, subsolar, sun_position

KM_PER_DEG = math.radians(EARTH_RADIUS_KM)
"""111.195 km: so far the altitude of the sun changes by one degree towards it."""
TROPIC_DEG = 23.44


def latitudes_of(altitude: float, azimuth: float, declination: float) -> list[float]:
    """The latitudes, none, one or two, where the sun of this declination can stand so; the time does not matter.

    From sin δ = sin φ sin a + cos φ cos a cos A, which is R cos(φ − ψ') with R² = sin² a + cos² a cos² A.
    """
    a, az, delta = (math.radians(v) for v in (altitude, azimuth, declination))
    across = math.cos(a) * math.cos(az)
    size = math.hypot(math.sin(a), across)
    if size < 1e-12 or abs(math.sin(delta)) > size:
        return []
    turn, angle = math.atan2(across, math.sin(a)), math.asin(math.sin(delta) / size)
    roots = {float(wrap_lon(math.degrees(root - turn))) for root in (angle, math.pi - angle)}
    return sorted(root for root in roots if abs(root) <= 90.0)


def longitude_of(altitude: float, azimuth: float, lat: float, declination: float, under: float) -> float:
    """The longitude of a place at `lat` that sees the sun so, while it stands overhead at the longitude `under`. Undefined at a pole."""
    a, az, phi, delta = (math.radians(v) for v in (altitude, azimuth, lat, declination))
    sine = -math.sin(az) * math.cos(a) / math.cos(delta)
    cosine = (math.sin(a) - math.sin(phi) * math.sin(delta)) / (math.cos(phi) * math.cos(delta))
    return float(wrap_lon(math.degrees(math.atan2(sine, cosine)) + under))


def places_of(altitude: float, azimuth: float, when: datetime) -> list[tuple[float, float]]:
    """The points, at most two, that see the sun at this true altitude and azimuth at a time."""
    declination, under = (float(v) for v in subsolar(days_since_j2000(when)))
    return [
        (lat, longitude_of(altitude, azimuth, lat, declination, under)) for lat in latitudes_of(altitude, azimuth, declination)
    ]


def altitude_circle(altitude: float, sigma: float, when: datetime) -> Ring:
    """Everywhere that sees the sun at this true altitude at a time: the circle of 90° − altitude about the point under the sun."""
    declination, under = (float(v) for v in subsolar(days_since_j2000(when)))
    return Ring(declination, under, (90.0 - altitude) * KM_PER_DEG, sigma * KM_PER_DEG)


def feasible_latitudes(
    altitude: float, least_declination: float = -TROPIC_DEG, most_declination: float = TROPIC_DEG
) -> tuple[float, float]:
    """South and north end of the latitudes where the sun rises to this true altitude: |φ − δ| ≤ 90° − altitude."""
    reach = 90.0 - altitude
    return max(least_declination - reach, -90.0), min(most_declination + reach, 90.0)


def altitude_of_ratio(length_ratio: float) -> float:
    """Apparent altitude of the sun from the length of a shadow over the height of what casts it. Raises ValueError for a ratio that is not above 0."""
    if not (math.isfinite(length_ratio) and length_ratio > 0.0):
        raise ValueError("the length of a shadow over the height is a number above 0")
    return math.degrees(math.atan(1.0 / length_ratio))


def shadow_of(when: datetime, lat: float, lon: float, height_m: float = 1.0) -> tuple[float, float] | None:
    """Length in metres and direction of the shadow of a height on level ground, or None where the sun is not up."""
    here = sun_position(when, lat, lon)
    seen = float(apparent_altitude(here.altitude_deg))
    if seen <= 0.0:
        return None
    return height_m / math.tan(math.radians(seen)), (float(here.azimuth_deg) + 180.0) % 360.0


def heading_of(sun_azimuth: float, relative_azimuth: float) -> float:
    """Where the camera looks, from the azimuth of the sun and its azimuth clockwise from the middle of the picture."""
    return float(np.mod(sun_azimuth - relative_azimuth, 360.0))
