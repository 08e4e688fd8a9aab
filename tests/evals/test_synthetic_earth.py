"""The Earth to learn on is one Earth: smooth, the same for every draw, with regions that look alike."""

from __future__ import annotations

import numpy as np
import pytest

from evals.synthetic_earth import EarthSettings, SyntheticEarth
from geo.sphere import haversine_km, lat_lon, unit_vectors

QUIET = EarthSettings(noise=0.0, looks_strength=0.0)


def test_draws_are_reproducible_and_different() -> None:
    earth = SyntheticEarth()
    a, again, b = earth.photos(50, 1), SyntheticEarth().photos(50, 1), earth.photos(50, 2)
    np.testing.assert_array_equal(a.vectors, again.vectors)
    assert not np.array_equal(a.lat, b.lat)
    np.testing.assert_allclose(np.linalg.norm(a.vectors, axis=1), 1.0, rtol=1e-5)
    assert sum(code != "" for code in a.country) > 40


def test_near_places_look_alike_and_far_ones_do_not() -> None:
    earth, rng = SyntheticEarth(QUIET), np.random.default_rng(0)
    place = earth.vectors(np.array([48.0, 48.05, 48.5, 52.0, -20.0]), np.array([11.0, 11.0, 11.0, 11.0, 130.0]), rng)
    likeness = place @ place[0]
    assert likeness[1] > 0.98
    assert likeness[1] > likeness[2] > likeness[3] > likeness[4]


def test_there_is_no_seam_at_the_antimeridian() -> None:
    earth, rng = SyntheticEarth(QUIET), np.random.default_rng(0)
    a, b = earth.vectors(np.array([-17.0, -17.0]), np.array([179.999, -179.999]), rng)
    assert float(a @ b) > 0.999


def test_a_twin_region_shows_what_the_other_shows() -> None:
    earth = SyntheticEarth(QUIET)
    second, turn = earth._twins[0]
    lat, lon = (float(v) for v in lat_lon(second))
    points = np.array([[lat, lon], [lat + 1.0, lon], [lat, lon + 1.5]])
    shown = earth.shown_at(points[:, 0], points[:, 1])
    np.testing.assert_allclose(shown, unit_vectors(points[:, 0], points[:, 1]) @ turn.T, atol=1e-12)
    far = haversine_km(points[:, 0], points[:, 1], *lat_lon(shown))
    assert float(far.min()) > 2000.0
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    twin_lat, twin_lon = lat_lon(shown)
    a = earth.vectors(points[:, 0], points[:, 1], np.random.default_rng(0))
    b = earth.vectors(twin_lat, twin_lon, np.random.default_rng(0))
    np.testing.assert_allclose(a, b, atol=1e-5)
