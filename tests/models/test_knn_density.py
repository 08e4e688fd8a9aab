"""Neighbours as a density: the published formula, the mode, the snap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.cells import base_cells
from geo.evidence import clue_on
from geo.sphere import EARTH_RADIUS_KM, destination, haversine_km
from models.gallery.gallery import Hit, Row
from models.knn_density import KM_OF_DEGREE, KnnSettings, NeighbourDensity, neighbour_weights


def hits(points: list[tuple[float, float]], similarity: list[float]) -> list[Hit]:
    return [Hit(Row(str(i), lat, lon), s) for i, ((lat, lon), s) in enumerate(zip(points, similarity, strict=True))]


def test_the_published_numbers_are_the_defaults() -> None:
    assert (KnnSettings().k, KnnSettings().power, KnnSettings().snap_km) == (100, 10.0, 100.0)
    assert KnnSettings().sigma_km == pytest.approx(4.0 * np.pi * EARTH_RADIUS_KM / 180.0)
    assert pytest.approx(111.195, abs=1e-3) == KM_OF_DEGREE


def test_weights_are_distances_to_the_minus_m() -> None:
    similarity = np.array([0.9, 0.5, 0.0, -0.4])
    distance = np.sqrt(2.0 - 2.0 * similarity)
    expected = distance**-10.0
    np.testing.assert_allclose(neighbour_weights(similarity, 10.0), expected / expected.sum(), rtol=1e-12)


def test_a_copy_of_the_query_outweighs_everything_and_stays_finite() -> None:
    weights = neighbour_weights(np.array([1.0, 0.999999, 0.8]), 10.0)
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] >= weights[1] > weights[2]
    assert len(neighbour_weights(np.zeros(0), 10.0)) == 0


def test_the_density_is_the_weighted_sum_of_kernels() -> None:
    density = NeighbourDensity.of(
        hits([(10.0, 20.0), (12.0, 25.0), (-40.0, 170.0)], [0.8, 0.7, 0.6]), KnnSettings(sigma_km=300.0)
    )
    lat, lon = np.array([11.0, -41.0, 0.0]), np.array([22.0, -175.0, 0.0])
    slow = np.zeros(3)
    kappa = (EARTH_RADIUS_KM / 300.0) ** 2
    for j in range(3):
        angle = haversine_km(lat, lon, density.lat[j], density.lon[j]) / EARTH_RADIUS_KM
        slow += density.weight[j] * kappa / (2 * np.pi * (1 - np.exp(-2 * kappa))) * np.exp(kappa * (np.cos(angle) - 1))
    np.testing.assert_allclose(np.exp(density.log_at(lat, lon)), slow, rtol=1e-6)


def test_it_integrates_to_one_on_the_cells_of_the_belief() -> None:
    density = NeighbourDensity.of(hits([(-17.0, 179.9), (-16.0, -179.8), (89.0, 0.0)], [0.8, 0.7, 0.6]))
    cells = base_cells()
    assert clue_on(density.kernels(), cells).mean() * 4.0 * np.pi == pytest.approx(1.0, abs=0.01)


def test_neighbours_on_both_sides_of_the_antimeridian_have_one_mode_between_them() -> None:
    density = NeighbourDensity.of(hits([(-17.0, 179.0), (-17.0, -179.0), (-17.2, 179.5), (50.0, 0.0)], [0.8, 0.8, 0.8, 0.8]))
    lat, lon = density.mode()
    assert float(haversine_km(lat, lon, -17.07, 179.83)) < 60.0


def test_the_mode_is_the_maximum_of_a_dense_grid() -> None:
    rng = np.random.default_rng(3)
    points = [(float(lat), float(lon)) for lat, lon in zip(rng.uniform(-85, 85, 60), rng.uniform(-180, 180, 60), strict=True)]
    density = NeighbourDensity.of(hits(points, list(rng.uniform(0.3, 0.8, 60))))
    grid_lat, grid_lon = (
        part.ravel() for part in np.meshgrid(np.arange(-90, 90.1, 1.0), np.arange(-180, 180, 1.0), indexing="ij")
    )
    at_mode = float(density.log_at(*(np.array([v]) for v in density.mode()))[0])
    assert at_mode >= float(density.log_at(grid_lat, grid_lon).max()) - 1e-9


def test_the_guess_snaps_to_the_first_neighbour_near_the_mode() -> None:
    points = [(48.0, 11.0), (48.2, 11.4), (48.3, 11.2), (-30.0, 150.0)]
    density = NeighbourDensity.of(hits(points, [0.80, 0.79, 0.78, 0.81]), KnnSettings(sigma_km=200.0))
    assert density.guess() == (48.0, 11.0)
    mode = density.mode()
    assert density.guess(snap_km=0.0) == mode != (48.0, 11.0)


def test_no_neighbours_no_density() -> None:
    with pytest.raises(ValueError, match="no neighbours"):
        NeighbourDensity.of([])


@settings(max_examples=40, deadline=None)
@given(st.floats(-89, 89), st.floats(-180, 180), st.floats(0, 360), st.floats(10, 900))
def test_two_equal_neighbours_closer_than_two_sigma_meet_in_the_middle(
    lat: float, lon: float, bearing: float, apart_km: float
) -> None:
    lat2, lon2 = (float(v) for v in destination(lat, lon, bearing, apart_km))
    density = NeighbourDensity.of(hits([(lat, lon), (lat2, lon2)], [0.5, 0.5]), KnnSettings(sigma_km=500.0))
    mode = density.mode()
    assert float(haversine_km(*mode, lat, lon)) == pytest.approx(
        float(haversine_km(*mode, lat2, lon2)), abs=0.5 + 0.02 * apart_km
    )
