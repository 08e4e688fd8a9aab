from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.sphere import destination, haversine_km, unit_vectors
from models.alignment.projections import PROJECTIONS, equal_earth, mercator, unit_sphere

ACROSS = np.array([[10.0, 179.999], [10.0, -179.999]])
NEAR_POLE = np.array([[89.9, 0.0], [89.9, 180.0]])


def gap(projection: str, points: np.ndarray) -> float:
    there = PROJECTIONS[projection][0](points)
    return float(np.linalg.norm(there[0] - there[1]))


def test_published_maps_break_at_the_antimeridian_and_the_sphere_does_not() -> None:
    assert float(haversine_km(*ACROSS[0], *ACROSS[1])) < 0.3
    assert gap("equal_earth", ACROSS) > 1.9
    assert gap("mercator", ACROSS) > 1.9
    assert gap("unit_sphere", ACROSS) < 4e-5


def test_published_maps_break_at_the_pole_and_the_sphere_does_not() -> None:
    assert float(haversine_km(*NEAR_POLE[0], *NEAR_POLE[1])) < 23
    assert gap("equal_earth", NEAR_POLE) > 0.5
    assert gap("mercator", NEAR_POLE) == pytest.approx(1.0)
    assert gap("unit_sphere", NEAR_POLE) < 4e-3


def test_equal_earth_has_the_published_scale_and_order() -> None:
    corners = equal_earth(np.array([[0.0, 180.0], [0.0, -90.0], [90.0, 0.0], [-90.0, 77.0]]))
    assert corners[:2, 0] == pytest.approx([1.0, -0.5], abs=2e-6)
    assert corners[2:, 1] == pytest.approx([0.4867, -0.4867], abs=1e-4)


def test_equal_earth_keeps_areas() -> None:
    def area(lat: float, lon: float, step: float = 1e-3) -> float:
        p = equal_earth(np.array([[lat, lon], [lat + step, lon], [lat, lon + step]]))
        (ax, ay), (bx, by) = p[1] - p[0], p[2] - p[0]
        return float(abs(ax * by - ay * bx)) / math.cos(math.radians(lat + step / 2))

    assert [area(lat, lon) for lat, lon in ((40.0, 100.0), (-70.0, 170.0), (80.0, -3.0))] == pytest.approx(
        [area(0, 0)] * 3, rel=1e-3
    )


def test_mercator_is_epsg_3857_in_the_order_y_x_and_clamped() -> None:
    lat, lon = 48.2, 16.37
    y = 6378137.0 * math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))
    x = 6378137.0 * math.radians(lon)
    assert mercator(np.array([[lat, lon]]))[0] == pytest.approx([y / 20037508.3427892, x / 20037508.3427892], abs=1e-12)
    ends = mercator(np.array([[90.0, 0.0], [-90.0, 0.0], [85.06, 0.0], [85.0511287798, 0.0]]))[:, 0]
    assert ends[0] == -ends[1] == ends[2]
    assert ends[3] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("name", list(PROJECTIONS))
def test_numpy_and_torch_agree(name: str) -> None:
    import torch

    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-90, 90, 500), rng.uniform(-180, 180, 500)], axis=1)
    points[:3] = [[90, 0], [-90, 180], [0, -180]]
    project, width = PROJECTIONS[name]
    there = project(points)
    assert there.shape == (500, width)
    assert project(torch.from_numpy(points)).numpy() == pytest.approx(there, abs=1e-12)
    assert project(torch.from_numpy(points.astype(np.float32))).numpy() == pytest.approx(there, abs=3e-5)


@settings(deadline=None, max_examples=60)
@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 360), st.floats(0.001, 50))
def test_the_sphere_is_continuous_everywhere(lat: float, lon: float, bearing: float, km: float) -> None:
    lat2, lon2 = destination(lat, lon, bearing, km)
    a, b = unit_sphere(np.array([[lat, lon], [float(lat2), float(lon2)]]))
    assert np.linalg.norm(a - b) * 6371.0088 == pytest.approx(km, rel=1e-3, abs=1e-4)
    assert a == pytest.approx(unit_vectors(lat, lon))
