"""Distances against shapely in an equidistant plane, closed forms, and a search along the arc."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon

from geo.sphere import destination, haversine_km
from tests.tools.osm.reference import planar
from tools.osm.distance import Shapes, between, inside, points_m, to_point
from tools.osm.measure import area_m2, length_m, representative
from tools.osm.shape import EARTH_RADIUS_M, Shape, bulge_m, path, point, unpack

PLACES = [(60.0, 24.0), (0.0, 0.0), (0.0, 180.0), (-45.0, -179.9999), (89.999, 77.0), (90.0, 0.0), (-89.9995, 180.0)]
metres = st.floats(-2000, 2000, allow_nan=False)
corners = st.lists(st.tuples(metres, metres), min_size=2, max_size=6, unique=True)


def moved(lat, lon, x, y):
    """The point `x` m east and `y` m north in the equidistant plane around a point."""
    at_lat, at_lon = destination(lat, lon, math.degrees(math.atan2(x, y)), math.hypot(x, y) / 1000)
    return float(at_lat), float(at_lon)


def line(place, xy, area=False):
    return path([moved(*place, x, y) for x, y in xy], area)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(PLACES), corners, metres, metres)
def test_from_a_point_to_a_line_as_shapely(place, xy, x, y):
    here = moved(*place, x, y)
    shape = line(place, xy)
    [distance], [bearing] = to_point(*here, [shape])
    flat = planar(shape.parts[0] / 1e7, *here)
    wanted = LineString(flat).distance(Point(0, 0))
    # A straight line in the plane leaves the arc by less than s³/R².
    assert distance == pytest.approx(wanted, abs=0.003)
    if distance > 1:
        nearest = LineString(flat).interpolate(LineString(flat).project(Point(0, 0)))
        turned = math.degrees(math.atan2(nearest.x, nearest.y)) - bearing
        gap = abs((turned + 180) % 360 - 180)
        # Two points may be as near as each other; then either bearing is right.
        assert gap < 0.5 or abs(float(haversine_m(here, destination(*here, bearing, distance / 1000), shape)) - distance) < 0.01


def haversine_m(here, there, shape):
    assert to_point(float(there[0]), float(there[1]), [shape])[0][0] < 0.01
    return haversine_km(*here, *there) * 1000


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(PLACES), st.lists(st.floats(0, 360), min_size=3, max_size=7, unique=True), st.floats(50, 1500), metres, metres
)
def test_areas_as_shapely(place, angles, size, x, y):
    xy = [(size * math.sin(math.radians(a)), size * math.cos(math.radians(a))) for a in sorted(angles)]
    polygon = Polygon(xy)
    if not polygon.is_valid or polygon.area < 10:
        return
    here = moved(*place, x, y)
    shape = line(place, xy, area=True)
    flat = Polygon(planar(shape.parts[0] / 1e7, *here))
    edge = flat.exterior.distance(Point(0, 0))
    if edge > 0.02:
        assert inside(*here, shape) == flat.contains(Point(0, 0))
        assert to_point(*here, [shape])[0][0] == pytest.approx(flat.distance(Point(0, 0)), abs=0.003)
    assert area_m2(shape) == pytest.approx(flat.area, rel=1e-4, abs=1.0)
    assert length_m(shape) == pytest.approx(flat.length, rel=1e-4)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(PLACES), corners, corners, st.tuples(metres, metres), st.booleans())
def test_between_two_shapes_as_shapely(place, one, other, off, area):
    a = line(place, one, area=area and len(one) > 2 and Polygon(one).is_valid)
    b = line(place, [(x / 10 + off[0], y / 10 + off[1]) for x, y in other])
    middle = b.parts[0][0] / 1e7
    flat_a = planar(a.parts[0] / 1e7, *middle)
    drawn = Polygon(flat_a) if a.kind == "area" else LineString(flat_a)
    wanted = drawn.distance(LineString(planar(b.parts[0] / 1e7, *middle)))
    assert between(a, b, 20_000) == pytest.approx(wanted, abs=0.01)
    assert between(b, a, 20_000) == pytest.approx(between(a, b, 20_000), abs=1e-6)
    if wanted > 1:
        assert between(a, b, wanted * 0.9) == math.inf
        assert between(a, b, wanted * 1.1 + 0.1) == pytest.approx(wanted, abs=0.01)


def test_long_arcs_against_a_search_along_them():
    rng = np.random.default_rng(0)
    for _ in range(40):
        ends = [(math.degrees(math.asin(rng.uniform(-1, 1))), rng.uniform(-180, 180)) for _ in range(2)]
        here = (math.degrees(math.asin(rng.uniform(-1, 1))), rng.uniform(-180, 180))
        shape = path(ends)
        a, b = (v for v in shape.vectors[0])
        angle = math.acos(np.clip(a @ b, -1, 1))
        low, high = 0.0, 1.0
        at = np.linspace(0, 1, 4001)
        for _ in range(6):
            at = np.linspace(low, high, 401)
            points = (np.sin((1 - at) * angle)[:, None] * a + np.sin(at * angle)[:, None] * b) / math.sin(angle)
            lat, lon = np.degrees(np.arcsin(points[:, 2])), np.degrees(np.arctan2(points[:, 1], points[:, 0]))
            away = haversine_km(*here, lat, lon) * 1000
            best = int(np.argmin(away))
            low, high = at[max(best - 1, 0)], at[min(best + 1, 400)]
        assert to_point(*here, [shape])[0][0] == pytest.approx(away.min(), rel=1e-7, abs=0.01)


@pytest.mark.parametrize("lat", [0.0, 60.0, 89.99, -89.99])
def test_fifty_metres_are_fifty_metres_at_any_latitude(lat):
    """Web Mercator would make 25 m of them at 60° north."""
    for bearing in (0, 45, 90, 180, 300):
        there = destination(lat, 179.9999, bearing, 0.05)
        distance = to_point(lat, 179.9999, [point(float(there[0]), float(there[1]))])[0][0]
        assert distance == pytest.approx(50.0, abs=0.012), "a vertex is kept to 1e-7 degrees, a centimetre"


def test_across_the_antimeridian_and_over_the_pole():
    assert to_point(0.0, 179.999, [point(0.0, -179.999)])[0][0] == pytest.approx(math.radians(0.002) * EARTH_RADIUS_M, rel=1e-9)
    assert to_point(89.999, 0.0, [point(89.999, 180.0)])[0][0] == pytest.approx(math.radians(0.002) * EARTH_RADIUS_M, rel=1e-9)
    street = path([(10.0, 179.99), (10.0, -179.99)])
    assert to_point(10.001, 180.0, [street])[0][0] == pytest.approx(math.radians(0.001) * EARTH_RADIUS_M, rel=1e-3)
    field = path([(10.0, 179.9), (10.0, -179.9), (10.1, -179.9), (10.1, 179.9)], area=True)
    assert [inside(10.05, lon, field) for lon in (180.0, -180.0, -179.95, 179.95, 179.8, -179.8, 0.0)] == [True] * 4 + [False] * 3


def test_an_area_around_a_pole():
    cap = path([(89.0, 0.0), (89.0, 90.0), (89.0, 180.0), (89.0, -90.0)], area=True)
    south = path([(-89.0, 0.0), (-89.0, 90.0), (-89.0, 180.0), (-89.0, -90.0)], area=True)
    assert inside(90.0, 0.0, cap)
    assert inside(89.9, 45.0, cap)
    assert not inside(88.0, 45.0, cap)
    assert inside(-90.0, 12.0, south)
    assert not inside(-88.0, 12.0, south)
    assert not inside(89.9, 45.0, south)
    assert to_point(90.0, 0.0, [cap])[0][0] == 0.0
    south_most, west, north_most, east = cap.box()
    assert (west, north_most, east) == (-1_800_000_000, 900_000_000, 1_800_000_000)
    assert south_most <= 890_000_000


@pytest.mark.parametrize("turn", [0.0, 17.0, 90.0, 180.0, -123.4])
def test_a_pole_on_the_edge_of_an_area(turn):
    """A corner in the pole, and a side across it: its longitude there may be any."""
    for pole_lon in (0.0, 77.0, -180.0, 180.0):
        for sign in (1.0, -1.0):
            corner = path(
                [(sign * 90.0, pole_lon), (sign * 89.0, turn), (sign * 89.0, turn + 60.0 - 360.0 * (turn + 60 > 180))], area=True
            )
            assert inside(sign * 89.5, turn + 30.0, corner)
            for off in (-30.0, 90.0, 180.0, 270.0):
                assert not inside(sign * 89.5, turn + off, corner)
            other = (turn + 360.0) % 360.0 - 180.0
            half = path([(sign * 89.0, turn), (sign * 88.0, (turn + 270.0) % 360.0 - 180.0), (sign * 89.0, other)], area=True)
            assert inside(sign * 89.7, turn + 90.0, half)
            assert not inside(sign * 89.7, turn - 90.0, half)


def test_holes_are_outside():
    outer = path([(60.0, 24.0), (60.0, 24.02), (60.01, 24.02), (60.01, 24.0)], area=True)
    hole = path([(60.004, 24.008), (60.004, 24.012), (60.006, 24.012), (60.006, 24.008)], area=True)
    both = Shape("area", (*outer.parts, *hole.parts))
    assert inside(60.001, 24.001, both)
    assert not inside(60.005, 24.01, both)
    assert area_m2(both) == pytest.approx(area_m2(outer) - area_m2(hole))
    assert to_point(60.005, 24.01, [both])[0][0] == pytest.approx(111.2, abs=0.5)
    lat, lon = representative(both)
    assert inside(lat, lon, both) or (lat, lon) == (60.0, 24.0)


def test_many_shapes_at_once_are_as_each_alone():
    rng = np.random.default_rng(1)
    shapes = [point(60 + rng.normal(0, 0.01), 24 + rng.normal(0, 0.01)) for _ in range(20)]
    shapes += [path([(60 + rng.normal(0, 0.01), 24 + rng.normal(0, 0.01)) for _ in range(n)], area=n > 3) for n in (2, 3, 4, 5)]
    shapes.insert(3, Shape("line", (shapes[-2].parts[0], shapes[0].parts[0])))
    together, bearings = to_point(60.0, 24.0, shapes)
    for i, shape in enumerate(shapes):
        [alone], [bearing] = to_point(60.0, 24.0, [shape])
        assert together[i] == alone
        assert bearings[i] == bearing
    assert np.allclose(points_m(60.0, 24.0, np.concatenate([s.parts[0] for s in shapes[:3]])), together[:3])
    assert to_point(60.0, 24.0, [])[0].shape == (0,)


def test_an_arc_stays_in_its_box():
    for lat in (10.0, 60.0, 80.0, 89.0):
        arc = path([(lat, 0.0), (lat, 3.0)])
        _, _, north, _ = arc.box()
        lats, _ = destination(lat, 0.0, 0.0, 0.0), None
        start, end = arc.vectors[0]
        middle = (start + end) / np.linalg.norm(start + end)
        top = math.degrees(math.asin(middle[2]))
        assert lats is not None
        assert lat < top <= north / 1e7 <= lat + 2.5 * (top - lat) + 1e-6
    assert bulge_m(point(60.0, 24.0)) == 0.0


@given(corners, st.booleans())
@settings(max_examples=30, deadline=None)
def test_shapes_are_read_back(xy, area):
    shape = line((60.0, 24.0), xy, area)
    again = unpack(shape.kind, shape.pack())
    assert again.kind == shape.kind
    assert all(np.array_equal(a, b) for a, b in zip(again.parts, shape.parts, strict=True))


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\1\0",
        b"\0\0\0\0",
        b"\1\0\0\0",
        b"\1\0\0\0\5\0\0\0" + b"\0" * 8,
        b"\xff" * 40,
        b"\1\0\0\0\1\0\0\0" + b"\xff\xff\xff\x7f" * 2,
    ],
)
def test_damaged_shapes_are_refused(blob):
    with pytest.raises(ValueError, match="a geometry"):
        unpack("line", blob)


def test_halfway_along_a_line_and_the_middle_of_an_area():
    lat, lon = representative(path([(0.0, 0.0), (0.0, 0.01), (0.0, 0.04)]))
    assert (lat, lon) == (pytest.approx(0.0, abs=1e-9), pytest.approx(0.02, abs=1e-9))
    square = path([(60.0, 24.0), (60.0, 24.01), (60.01, 24.01), (60.01, 24.0)], area=True)
    lat, lon = representative(square)
    assert (lat, lon) == (pytest.approx(60.005, abs=1e-4), pytest.approx(24.005, abs=1e-6))
    # A crescent's middle lies outside it.
    bow = path([(0, 0), (0.01, 0.005), (0, 0.01), (0.0085, 0.005)], area=True)
    assert representative(bow) == (0.0, 0.0) or inside(*representative(bow), bow)
    assert Shapes.of([square]).is_area.tolist() == [True]
