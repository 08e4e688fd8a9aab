from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.sphere import EARTH_AREA_KM2, unit_vectors
from models.geocells.voronoi import voronoi_areas_km2


def on_sphere(n: int, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


MANY = on_sphere(100_000, 99)


def by_counting(generators: np.ndarray) -> np.ndarray:
    return np.bincount(np.argmax(MANY @ generators.T, axis=1), minlength=len(generators)) / len(MANY)


@pytest.mark.parametrize(
    "generators",
    [
        *(on_sphere(n, n) for n in (1, 2, 3, 4, 5, 12, 100)),
        unit_vectors(40 + on_sphere(30, 1)[:, 0], on_sphere(30, 1)[:, 1]),  # all in one corner of the Earth
        unit_vectors(np.zeros(7), [0, 10, 30, 31, 170, 200, 350]),  # on the equator
        unit_vectors(np.full(6, 60.0), [0, 10, 30, 100, 170, 181]),  # on a small circle
        unit_vectors([90, -90], [0, 0]),
        unit_vectors([0, 0, 0], [0, 90, 180]),
        np.vstack([np.eye(3), -np.eye(3)]),
    ],
    ids=lambda generators: str(len(generators)),
)
def test_areas_are_those_that_counting_gives(generators: np.ndarray) -> None:
    areas = voronoi_areas_km2(generators) / EARTH_AREA_KM2
    assert areas.sum() == pytest.approx(1.0, abs=1e-9)
    # Three standard errors of a share that is counted, of up to a hundred.
    assert np.abs(areas - by_counting(generators)).max() < 4 * np.sqrt(0.25 / len(MANY))


def test_the_octahedron_has_eighths_doubled_and_generators_at_one_point_share() -> None:
    octahedron = np.vstack([np.eye(3), -np.eye(3)])
    assert voronoi_areas_km2(octahedron) == pytest.approx(np.full(6, EARTH_AREA_KM2 / 6))
    assert voronoi_areas_km2(np.vstack([octahedron, octahedron[:1]]))[[0, 6]] == pytest.approx(np.full(2, EARTH_AREA_KM2 / 12))
    assert voronoi_areas_km2(np.repeat(octahedron[:1], 5, axis=0)) == pytest.approx(np.full(5, EARTH_AREA_KM2 / 5))


def test_nothing_has_no_area_and_other_vectors_are_refused() -> None:
    assert len(voronoi_areas_km2(np.zeros((0, 3)))) == 0
    with pytest.raises(ValueError, match="unit vectors"):
        voronoi_areas_km2(np.ones((4, 3)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=12))
def test_areas_cover_the_sphere_whatever_the_generators(points: list[tuple[float, float]]) -> None:
    lat, lon = np.array(points).T
    areas = voronoi_areas_km2(unit_vectors(lat, lon))
    assert (areas >= 0).all()
    assert areas.sum() == pytest.approx(EARTH_AREA_KM2, rel=1e-6)
