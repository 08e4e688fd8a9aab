"""Shadows drawn by a synthetic camera and measured back; geometry that cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.shadow_pixels import Camera, focal_to_hfov, measure, pitch_of_horizon

CAMERA = Camera(4000, 3000, 65.0, -6.0)


def pixel(camera, point):
    """Where a point (right, ahead, up; camera at the origin, level) is on the picture: rotations of the camera's own axes, one by one."""
    pitch, roll = np.radians(camera.pitch_deg), np.radians(camera.roll_deg)
    ahead = np.array([0.0, np.cos(pitch), np.sin(pitch)])
    up = np.array([0.0, -np.sin(pitch), np.cos(pitch)])
    right = np.array([1.0, 0.0, 0.0])
    turned_right, turned_up = right * np.cos(roll) - up * np.sin(roll), up * np.cos(roll) + right * np.sin(roll)
    x, y, z = point @ turned_right, point @ turned_up, point @ ahead
    return camera.width / 2 + camera.focal_px * x / z, camera.height / 2 - camera.focal_px * y / z


def drawn(camera, altitude, azimuth, foot=(0.5, 8.0), height=2.0, eye=1.6):
    """Foot, top and tip of the shadow of a pole under a sun at an azimuth from the camera's direction."""
    length = height / np.tan(np.radians(altitude))
    away = np.radians(azimuth + 180.0)
    base = np.array([*foot, -eye])
    tip = base + np.array([np.sin(away) * length, np.cos(away) * length, 0.0])
    return tuple(pixel(camera, p) for p in (base, base + np.array([0.0, 0.0, height]), tip))


def off(a, b):
    return abs((a - b + 180.0) % 360.0 - 180.0)


def test_a_thousand_shadows_come_back():
    rng = np.random.default_rng(2)
    for _ in range(1000):
        camera = Camera(4000, 3000, float(rng.uniform(30, 100)), float(rng.uniform(-30, 10)), float(rng.uniform(-20, 20)))
        altitude, azimuth = float(rng.uniform(20, 85)), float(rng.uniform(0, 360))
        points = drawn(camera, altitude, azimuth, (float(rng.uniform(-1, 1)), float(rng.uniform(8, 12))))
        exact = replace(camera, hfov_error=0.0, pitch_sigma_deg=0.0, roll_sigma_deg=0.0)
        found = measure(*points, exact, click_px=0.0, draws=2)
        assert found.altitude_deg == pytest.approx(altitude, abs=1e-6)
        assert off(found.azimuth_deg, azimuth) < 1e-6
        assert (found.altitude_sigma_deg, found.azimuth_sigma_deg) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_errors_are_as_large_as_they_say():
    rng = np.random.default_rng(4)
    exact = replace(CAMERA, hfov_error=0.0, roll_sigma_deg=0.0, pitch_sigma_deg=1.0)
    said = measure(*drawn(exact, 40.0, 120.0), exact, click_px=8.0)
    missed = []
    for _ in range(300):
        tilted = replace(exact, pitch_deg=exact.pitch_deg + float(rng.normal(0, 1.0)))
        points = np.array(drawn(tilted, 40.0, 120.0)) + rng.normal(0, 8.0, (3, 2))
        missed.append(measure(*map(tuple, points), exact, click_px=8.0, draws=2).altitude_deg - 40.0)
    assert said.altitude_sigma_deg == pytest.approx(np.std(missed), rel=0.25)
    assert said == measure(*drawn(exact, 40.0, 120.0), exact, click_px=8.0), "the same draws each time"


def test_heading_field_of_view_and_horizon():
    points = drawn(CAMERA, 40.0, 120.0)
    found = measure(*points, CAMERA)
    relative, absolute = found.shadow(), found.shadow(heading_deg=300.0, heading_sigma_deg=30.0, after_minutes=5.0)
    assert (relative.relative, absolute.relative) == (True, False)
    assert absolute.azimuth_deg == pytest.approx(60.0, abs=1e-6)
    assert absolute.azimuth_sigma_deg > 30.0
    assert absolute.after_minutes == 5.0
    assert focal_to_hfov(CAMERA.focal_px, 4000) == pytest.approx(65.0)
    far = pixel(CAMERA, np.array([0.0, 1e7, -1.6]))
    assert pitch_of_horizon(far[1], CAMERA) == pytest.approx(-6.0, abs=1e-4)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (((2000, 1000), (2000, 500), (2500, 2500)), "below the horizon"),
        (((2000, 2500), (2000, 2000), (2500, 900)), "below the horizon"),
        (((2000, 2500), (2000, 2800), (2500, 2600)), "above the foot"),
        (((2000, 2500), (2000, 2000), (2000, 2500)), "lies on its foot"),
        (((2000, 2500), (2000, 2490), (3900, 2500)), "below 5 degrees"),
        (((2000, 2500), (2000, 1000), (2500, 1205)), "too near the horizon"),
        (((2000, float("nan")), (2000, 1000), (2500, 1205)), "on the picture"),
        (((2000, 1e9), (2000, 1000), (2500, 1205)), "on the picture"),
        (((2000, 1300), (2000, 1100), (2500, 1300)), "horizon"),
    ],
)
def test_geometry_that_cannot_be(points, said):
    with pytest.raises(ValueError, match=said):
        measure(*points, CAMERA)


def test_cameras_that_cannot_be():
    for change in (
        {"width": 0},
        {"hfov_deg": 2.0},
        {"hfov_deg": float("nan")},
        {"pitch_deg": 90.0},
        {"roll_deg": 100.0},
        {"hfov_error": 0.9},
    ):
        with pytest.raises(ValueError):
            replace(CAMERA, **change)
    for focal in (0.0, -5.0, float("inf")):
        with pytest.raises(ValueError, match="above 0"):
            focal_to_hfov(focal, 4000)
    with pytest.raises(ValueError, match="quarter"):
        measure(*drawn(CAMERA, 40.0, 120.0), CAMERA, click_px=5000.0)
