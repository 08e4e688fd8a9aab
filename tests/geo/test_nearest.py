"""The nearest of many points: equal to comparing with all of them."""

from __future__ import annotations

import healpix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.nearest import Nearest, all_candidates, cell_radius
from geo.ragged import ranges, slices
from geo.sphere import haversine_km, unit_vectors

LAT = st.one_of(st.sampled_from([-90.0, 90.0, 0.0]), st.floats(-90, 90))
LON = st.one_of(st.sampled_from([-180.0, 180.0, 179.999999, 0.0]), st.floats(-180, 180))
POINTS = st.lists(st.tuples(LAT, LON), min_size=1, max_size=40)


def brute(lat: np.ndarray, lon: np.ndarray, query_lat: np.ndarray, query_lon: np.ndarray) -> np.ndarray:
    return haversine_km(query_lat[:, None], query_lon[:, None], lat[None], lon[None])


@settings(max_examples=60, deadline=None)
@given(POINTS, POINTS)
def test_equals_brute_force(points: list[tuple[float, float]], queries: list[tuple[float, float]]) -> None:
    lat, lon = np.array(points).T
    query_lat, query_lon = np.array(queries).T
    index, km = Nearest(lat, lon).query(query_lat, query_lon)
    every = brute(lat, lon, query_lat, query_lon)
    np.testing.assert_allclose(km, every.min(axis=1), atol=2e-5)
    np.testing.assert_allclose(every[np.arange(len(index)), index], every.min(axis=1), atol=2e-5)


@pytest.mark.parametrize("order", [None, 0, 2, 4])
@pytest.mark.parametrize("spread", [180.0, 3.0])
def test_many_points_with_and_without_a_table(order: int | None, spread: float) -> None:
    rng = np.random.default_rng(5)
    lat, lon = np.clip(rng.normal(0, spread / 4, 3000), -90, 90), rng.uniform(-spread, spread, 3000)
    query_lat, query_lon = np.clip(rng.normal(0, spread / 4, 2000), -90, 90), rng.uniform(-spread, spread, 2000)
    nearest = Nearest(lat, lon)
    if order is not None:
        nearest = Nearest(lat, lon, all_candidates(nearest, order))
    index, km = nearest.query(query_lat, query_lon)
    every = brute(lat, lon, query_lat, query_lon)
    np.testing.assert_array_equal(index, every.argmin(axis=1))
    np.testing.assert_allclose(km, every.min(axis=1), atol=1e-6)


@pytest.mark.parametrize("order", [0, 1, 3, 6, 9])
def test_cell_radius_bounds_every_cell(order: int) -> None:
    rng = np.random.default_rng(order)
    lat, lon = np.degrees(np.arcsin(rng.uniform(-1, 1, 100_000))), rng.uniform(-180, 180, 100_000)
    pixel = healpix.ang2pix(1 << order, lon, lat, nest=True, lonlat=True)
    centre_lon, centre_lat = healpix.pix2ang(1 << order, pixel, nest=True, lonlat=True)
    chord = np.linalg.norm(unit_vectors(lat, lon) - unit_vectors(centre_lat, centre_lon), axis=1)
    assert 0.8 * cell_radius(order) < chord.max() <= cell_radius(order)


def test_answers_are_the_callers_own() -> None:
    nearest = Nearest([1.0, 50.0], [2.0, 3.0])
    for queries in (1, 2):
        index, _ = nearest.query(np.full(queries, 1.0), np.full(queries, 2.0))
        index[:] = 1
        assert nearest.query([1.0], [2.0])[0].tolist() == [0]


def test_no_queries_and_no_points() -> None:
    index, km = Nearest([1.0], [2.0]).query(np.array([]), np.array([]))
    assert len(index) == len(km) == 0
    with pytest.raises(ValueError, match="no points"):
        Nearest([], [])


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 60))
def test_slices_cover_everything_once_within_the_limit(costs: list[int], limit: int) -> None:
    parts = slices(np.array(costs, dtype=np.int64), limit)
    assert [i for part in parts for i in range(len(costs))[part]] == list(range(len(costs)))
    assert all(sum(costs[part]) <= limit + max(costs[part]) for part in parts)


def test_ranges() -> None:
    assert ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
