"""Metres and tiles against closed forms and published lengths of a degree."""

from __future__ import annotations

import numpy as np
import pytest

from models.aerial.web_mercator import (
    MAX_LAT,
    east_north_m,
    from_pixel,
    metres_per_degree,
    metres_per_pixel,
    moved,
    tile_of,
    to_pixel,
)


# Lengths of one degree on WGS84 in metres (east, north), as tables print them.
@pytest.mark.parametrize(
    ("lat", "east", "north"),
    [(0, 111_319.5, 110_574.3), (60, 55_800.0, 111_412.2), (80, 19_393.5, 111_659.9), (-60, 55_800.0, 111_412.2)],
)
def test_a_degree_and_a_pixel_have_their_length_at_every_latitude(lat, east, north):
    assert metres_per_degree(lat) == (pytest.approx(east, rel=1e-5), pytest.approx(north, rel=1e-5))
    wide, high = metres_per_pixel(lat, 17)
    x, y = to_pixel(lat, 10.0, 17)
    lat2, lon2 = from_pixel(x + 0.5, y - 0.5, 17)
    lat1, _ = from_pixel(x, y + 0.5, 17)
    assert float(wide) == pytest.approx((float(lon2) - 10.0) * 2 * east, rel=1e-5)
    assert float(high) == pytest.approx((float(lat2) - float(lat1)) * north, rel=1e-5)


def test_the_equator_at_zoom_0():
    wide, high = metres_per_pixel(0.0, 0)
    assert float(wide) == pytest.approx(156_543.0339)
    assert float(high) == pytest.approx(156_543.0339 * (1 - 0.00669437999014))


def test_pixels_go_there_and_back_and_end_at_the_edge_of_the_map():
    lat, lon = np.array([-84.0, 0, 45.5, 84]), np.array([-179.9, 0, 5.5, 179.9])
    back = from_pixel(*to_pixel(lat, lon, 12), 12)
    np.testing.assert_allclose(back, (lat, lon), atol=1e-10)
    assert float(to_pixel(90.0, 0.0, 0)[1]) == pytest.approx(0.0, abs=1e-6)
    assert pytest.approx(85.0511288) == MAX_LAT


def test_tiles_wrap_at_the_antimeridian():
    assert tile_of(0.1, 179.99, 3) == (7, 3)
    assert tile_of(0.1, 180.01, 3) == (0, 3)
    assert tile_of(-85.0, -180.0, 3) == (0, 7)
    assert tile_of(48.8584, 2.2945, 15) == (16592, 11272)


def test_metres_go_there_and_back_across_the_antimeridian():
    lat, lon = moved(60.0, 179.999, 300.0, -200.0)
    assert float(lon) > 180
    east, north = east_north_m(60.0, 179.999, lat, float(lon) - 360)
    assert (float(east), float(north)) == (pytest.approx(300), pytest.approx(-200))
