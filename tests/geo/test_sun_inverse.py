"""Closed forms turned round and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geo.sphere import haversine_km, wrap_lon
from geo.sun import days_since_j2000, subsolar, sun_at, sun_position
from geo.sun_inverse import (
    KM_PER_DEG,
    altitude_circle,
    altitude_of_ratio,
    feasible_latitudes,
    heading_of,
    latitudes_of,
    longitude_of,
    places_of,
    shadow_of,
)

WHEN = datetime(2024, 3, 5, 14, 20, tzinfo=UTC)


def test_ten_thousand_places_come_back():
    rng = np.random.default_rng(1)
    lat, lon = np.degrees(np.arcsin(rng.uniform(-1, 1, 10_000))), rng.uniform(-180, 180, 10_000)
    days = rng.uniform(0, 10_000, 10_000)
    here = sun_at(days, lat, lon)
    declination, under = subsolar(days)
    up = np.flatnonzero((here.altitude_deg > 0) & (here.altitude_deg < 89.9) & (np.abs(lat) < 89.9))
    two = 0
    for i in up:
        found = latitudes_of(float(here.altitude_deg[i]), float(here.azimuth_deg[i]), float(declination[i]))
        two += len(found) == 2
        best = min(found, key=lambda root: abs(root - lat[i]))
        assert best == pytest.approx(lat[i], abs=1e-4)
        back = longitude_of(float(here.altitude_deg[i]), float(here.azimuth_deg[i]), best, float(declination[i]), float(under[i]))
        assert abs(float(wrap_lon(back - lon[i]))) * np.cos(np.radians(lat[i])) < 1e-4
    assert len(up) > 4500
    assert 0.1 < two / len(up) < 0.4, "both roots are valid in about a fifth of the cases"


def test_two_places_see_the_same_sun_and_some_see_none():
    found = [latitudes_of(60.0, 10.0, 15.0), latitudes_of(80.0, 0.0, -23.0), latitudes_of(0.0, 90.0, 10.0)]
    assert all(len(roots) in {1, 2} for roots in found[:2])
    assert found[2] == []
    for lat, lon in places_of(40.0, 200.0, WHEN):
        here = sun_position(WHEN, lat, lon)
        assert float(here.altitude_deg) == pytest.approx(40.0, abs=1e-6)
        assert float(here.azimuth_deg) == pytest.approx(200.0, abs=1e-6)


def test_the_circle_of_one_altitude():
    ring = altitude_circle(35.0, 0.5, WHEN)
    bearings = np.radians(np.arange(0, 360, 30))
    reach = np.radians(55.0)
    phi, lam = np.radians(ring.lat), np.radians(ring.lon)
    lat = np.arcsin(np.sin(phi) * np.cos(reach) + np.cos(phi) * np.sin(reach) * np.cos(bearings))
    lon = lam + np.arctan2(np.sin(bearings) * np.sin(reach) * np.cos(phi), np.cos(reach) - np.sin(phi) * np.sin(lat))
    assert sun_position(WHEN, np.degrees(lat), np.degrees(lon)).altitude_deg == pytest.approx(35.0, abs=1e-6)
    assert haversine_km(np.degrees(lat), np.degrees(lon), ring.lat, ring.lon) == pytest.approx(ring.radius_km, rel=1e-9)
    assert ring.sigma_km == pytest.approx(0.5 * KM_PER_DEG)


def test_latitudes_where_the_sun_rises_so_high():
    day = days_since_j2000(datetime(2024, 5, 1, tzinfo=UTC)) + np.arange(1441) / 1440
    declination = float(subsolar(day[720])[0])
    south, north = feasible_latitudes(50.0, declination, declination)
    for lat, reaches in ((south - 0.6, False), (south + 0.6, True), (north - 0.6, True), (north + 0.6, False)):
        assert bool(sun_at(day, lat, 0.0).altitude_deg.max() >= 50.0) == reaches
    assert feasible_latitudes(10.0) == (-90.0, 90.0)
    assert feasible_latitudes(90.0) == pytest.approx((-23.44, 23.44))


def test_lengths_headings_and_shadows():
    assert altitude_of_ratio(1.0) == pytest.approx(45.0)
    for ratio in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="above 0"):
            altitude_of_ratio(ratio)
    assert heading_of(30.0, 200.0) == pytest.approx(190.0)
    length, towards = shadow_of(WHEN, 38.7, -9.1, 10.0)
    assert length == pytest.approx(11.6, abs=0.05)
    assert towards == pytest.approx(31.0, abs=0.1)
    assert shadow_of(WHEN + timedelta(hours=10), 38.7, -9.1) is None
