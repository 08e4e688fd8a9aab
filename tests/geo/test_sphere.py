"""The sphere: distances, bearings, tangents, kernels and samples against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.sphere import (
    EARTH_RADIUS_KM,
    bearing_deg,
    destination,
    exp_map,
    haversine_km,
    kappa_of_sigma,
    lat_lon,
    log_map,
    sample_vmf,
    spherical_mean,
    unit_vectors,
    vmf_log_density,
    wrap_lon,
)

LATS = st.floats(-90.0, 90.0)
LONS = st.floats(-180.0, 180.0)
QUARTER_KM = math.pi / 2 * EARTH_RADIUS_KM


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((0, 0), (0, 0), 0.0),
        ((0, 0), (0, 90), QUARTER_KM),
        ((90, 12), (0, -77), QUARTER_KM),
        ((90, 0), (-90, 123), 2 * QUARTER_KM),
        ((0, 179.5), (0, -179.5), math.radians(1) * EARTH_RADIUS_KM),
        ((60, 180), (60, -180), 0.0),
        ((48.8566, 2.3522), (51.5074, -0.1278), 343.556),  # Paris, London
        ((40.7128, -74.0060), (-33.8688, 151.2093), 15988.756),  # New York, Sydney
        ((0, 0), (1e-6, 0), math.radians(1e-6) * EARTH_RADIUS_KM),
    ],
)
def test_known_distances(a: tuple[float, float], b: tuple[float, float], km: float) -> None:
    assert haversine_km(*a, *b) == pytest.approx(km, rel=1e-5, abs=1e-9)


@given(LATS, LONS, LATS, LONS)
def test_haversine_is_the_angle_between_unit_vectors(lat1: float, lon1: float, lat2: float, lon2: float) -> None:
    u, v = unit_vectors(lat1, lon1), unit_vectors(lat2, lon2)
    angle = math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v))
    assert haversine_km(lat1, lon1, lat2, lon2) == pytest.approx(angle * EARTH_RADIUS_KM, rel=1e-9, abs=1e-3)


@pytest.mark.parametrize(
    ("a", "b", "bearing"),
    [((0, 0), (10, 0), 0), ((0, 0), (0, 10), 90), ((0, 0), (-10, 0), 180), ((0, 0), (0, -10), 270), ((0, 179), (0, -179), 90),
     ((50, 30), (90, 77), 0), ((50, 30), (-90, 0), 180)],
)  # fmt: skip
def test_bearings(a: tuple[float, float], b: tuple[float, float], bearing: float) -> None:
    off = float(bearing_deg(*a, *b)) - bearing
    assert abs((off + 180) % 360 - 180) < 1e-9


@given(LATS, LONS, st.floats(0.0, 360.0), st.floats(0.0, 19_000.0))
def test_destination_lies_at_its_distance_and_bearing(lat: float, lon: float, bearing: float, km: float) -> None:
    lat2, lon2 = destination(lat, lon, bearing, km)
    assert -180.0 <= lon2 < 180.0
    assert haversine_km(lat, lon, lat2, lon2) == pytest.approx(km, rel=1e-9, abs=2e-3)
    if km > 1.0 and abs(lat) < 89.0:
        off = float(bearing_deg(lat, lon, lat2, lon2)) - bearing
        assert abs((off + 180) % 360 - 180) < 1e-3


@pytest.mark.parametrize("lat", [90.0, -90.0, 89.9999999])
@pytest.mark.parametrize("km", [1e-3, 1.0, 5000.0])
def test_destination_from_a_pole_comes_back(lat: float, km: float) -> None:
    lat2, lon2 = destination(lat, 37.0, np.arange(0.0, 360.0, 30.0), km)
    np.testing.assert_allclose(haversine_km(lat, 37.0, lat2, lon2), km, rtol=1e-6)
    assert np.unique(np.round(lon2, 4)).size == 12
    back = destination(lat2, lon2, bearing_deg(lat2, lon2, lat, 37.0), km)
    np.testing.assert_allclose(haversine_km(*back, lat, 37.0), 0.0, atol=1e-4)


def test_destination_broadcasts() -> None:
    lat, lon = destination(np.zeros((3, 1)), 10.0, np.zeros(4), 100.0)
    assert lat.shape == lon.shape == (3, 4)
    assert np.ndim(destination(0.0, 0.0, 0.0, 1.0)[0]) == 0


@given(st.floats(-1e4, 1e4))
def test_wrapped_longitudes_are_the_same_meridian(lon: float) -> None:
    wrapped = float(wrap_lon(lon))
    assert -180.0 <= wrapped < 180.0
    assert math.isclose(math.cos(math.radians(wrapped - lon)), 1.0, abs_tol=1e-12)


@given(LATS, LONS)
def test_vectors_and_degrees_are_inverse(lat: float, lon: float) -> None:
    back = lat_lon(7.0 * unit_vectors(lat, lon))
    assert haversine_km(lat, lon, *back) < 1e-6


@given(LATS, LONS, LATS, LONS)
def test_exp_and_log_are_inverse(lat1: float, lon1: float, lat2: float, lon2: float) -> None:
    x, y = unit_vectors(lat1, lon1), unit_vectors(lat2, lon2)
    tangent = log_map(x, y)
    assert abs(float(tangent @ x)) < 1e-9
    assert np.linalg.norm(tangent) * EARTH_RADIUS_KM == pytest.approx(
        float(haversine_km(lat1, lon1, lat2, lon2)), rel=1e-6, abs=1e-2
    )
    np.testing.assert_allclose(exp_map(x, tangent), y, atol=1e-7)


def test_log_at_the_antipode_is_a_half_circle() -> None:
    x = unit_vectors([0.0, 90.0, 33.0], [0.0, 0.0, -120.0])
    tangent = log_map(x, -x)
    np.testing.assert_allclose(np.linalg.norm(tangent, axis=-1), math.pi)
    np.testing.assert_allclose(exp_map(x, tangent), -x, atol=1e-12)
    np.testing.assert_array_equal(log_map(x, x), np.zeros((3, 3)))


@pytest.mark.parametrize("kappa", [0.0, 1e-3, 1.0, 30.0, 1e4, 1e8])
def test_vmf_integrates_to_one(kappa: float) -> None:
    # ∫ f dΩ = 2π ∫ f(w) dw; with s = κ (1 − w) the integrand is smooth for every κ.
    s = np.linspace(0.0, min(2.0 * kappa, 60.0) or 1.0, 200_001)
    w, scale = (1.0 - s / kappa, 1.0 / kappa) if kappa else (1.0 - 2.0 * s, 2.0)
    assert 2 * math.pi * np.trapezoid(np.exp(vmf_log_density(w, kappa)), s) * scale == pytest.approx(1.0, abs=1e-6)


def test_vmf_without_concentration_is_uniform() -> None:
    np.testing.assert_allclose(np.exp(vmf_log_density([-1.0, 0.0, 1.0], 0.0)), 1 / (4 * math.pi), rtol=1e-6)


@pytest.mark.parametrize("kappa", [0.5, 20.0, 1e5])
def test_samples_have_the_moments_of_vmf(kappa: float) -> None:
    n, mean = 40_000, unit_vectors(-37.0, 170.0)
    draws = sample_vmf(mean, kappa, n, np.random.default_rng(3))
    np.testing.assert_allclose(np.linalg.norm(draws, axis=1), 1.0)
    # The mean resultant length is coth κ − 1/κ (Mardia & Jupp, 9.3.9).
    length = 1 / math.tanh(kappa) - 1 / kappa
    assert 1 - draws.mean(axis=0) @ mean == pytest.approx(1 - length, rel=0.03)
    across = draws.mean(axis=0) - (draws.mean(axis=0) @ mean) * mean
    assert np.linalg.norm(across) < 5 * math.sqrt((1 - length) / n)


@pytest.mark.parametrize("sigma_km", [1.0, 100.0, 600.0])
def test_sigma_is_the_deviation_along_each_axis(sigma_km: float) -> None:
    draws = sample_vmf(np.array([0.0, 0.0, 1.0]), float(kappa_of_sigma(sigma_km)), 40_000, np.random.default_rng(5))
    np.testing.assert_allclose(draws[:, :2].std(axis=0) * EARTH_RADIUS_KM, sigma_km, rtol=0.02)


@pytest.mark.parametrize(
    ("lat", "lon", "weights", "mean"),
    [
        ([0, 0], [179, -179], None, (0, 180)),
        ([80, 80], [0, 180], None, (90, 0)),
        ([0, 0], [0, 90], [1, 0], (0, 0)),
        ([0, 0], [0, 180], None, None),
        ([10], [20], [0], None),
    ],
)
def test_spherical_mean(
    lat: list[float], lon: list[float], weights: list[float] | None, mean: tuple[float, float] | None
) -> None:
    found = spherical_mean(lat, lon, weights)
    if mean is None:
        assert found is None
    else:
        assert found is not None
        assert haversine_km(*found, *mean) < 1e-6
