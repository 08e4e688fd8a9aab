"""Country polygons: places with known answers, and the grid against the even-odd rule on the polygons themselves."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.borders import Borders, borders_of, load_borders
from geo.build.borders import build_tables
from geo.gazetteer import gazetteer


@cache
def borders() -> Borders:
    return load_borders()


def country(lat: float, lon: float) -> str | None:
    index = int(gazetteer().country_index_at(lat, lon)[0])
    return gazetteer().country_codes[index] if index >= 0 else None


@pytest.mark.parametrize(
    ("lat", "lon", "code"),
    [
        (-90, 0, "AQ"), (-90, 179.99, "AQ"), (-89.9, -180, "AQ"), (90, 0, None), (-75, 120, "AQ"),
        (66.5, -175, "RU"), (71.2, -179.5, "RU"), (71.2, 179.5, "RU"), (-16.85, -179.97, "FJ"), (-17.8, 178, "FJ"),
        (52.1, -174.4, "US"), (52.95, 172.9, "US"), (0, 180, None), (0, -180, None),
        (-29.5, 28.2, "LS"), (43.94, 12.45, "SM"), (41.9029, 12.4534, "VA"), (41.89, 12.48, "IT"), (43.735, 7.42, "MC"),
        (47.15, 9.54, "LI"), (42.55, 1.55, "AD"), (22.35, 114.15, "HK"), (1.35, 103.82, "SG"), (35.9, 14.42, "MT"),
        (42.66, 21.16, "XK"), (35.33, 33.32, "CY"), (9.56, 44.06, "SO"), (45.0, 34.1, "UA"), (27.15, -13.18, "EH"),
        (33.57, -7.59, "MA"), (4.9, -52.4, "GF"), (16.2, -61.6, "GP"), (14.65, -61.0, "MQ"), (-21.1, 55.5, "RE"),
        (-12.8, 45.15, "YT"),
        (78.9, 17.0, "SJ"), (12.2, -68.3, "BQ"), (-10.49, 105.63, "CX"), (68, -50, "GL"), (69.5, 25, "NO"), (65, -110, "CA"),
        (-48.87, -123.39, None), (30, -40, None), (54.7, 20.5, "RU"), (-8.9, 125.6, "TL"), (52.45, 20.9, "PL"),
    ],
)  # fmt: skip
def test_country_of_a_point(lat: float, lon: float, code: str | None) -> None:
    assert country(lat, lon) == code
    assert country(lat, lon + 360) == code
    assert country(lat, lon - 360) == code


def even_odd(lat: float, lon: float) -> int:
    """The code of a point by a ray due north over all edges, without the grid; lon is off every vertex."""
    b = borders()
    lines = np.ones(len(b.x) - 1, dtype=bool)
    lines[_line_ends()] = False
    edge = np.flatnonzero(lines)
    ax, bx = b.x[edge], b.x[edge + 1]
    edge = edge[(ax <= lon) != (bx <= lon)]
    ax, ay, bx, by = b.x[edge], b.y[edge], b.x[edge + 1], b.y[edge + 1]
    above = ay + (lon - ax) / (bx - ax) * (by - ay) > lat
    return int(np.bitwise_xor.reduce(b.label[edge[above]], initial=np.uint8(0)))


@cache
def _line_ends() -> np.ndarray:
    from importlib.resources import files

    with (files("geo") / "data" / "borders.npz").open("rb") as file, np.load(file) as data:
        ends: np.ndarray = np.cumsum(data["line_length"])[:-1] - 1
    return ends


def without_patches(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    b = borders()
    plain = Borders(b.cells, b.rows, b.starts, b.edges, b.x, b.y, b.label, np.empty((0, 4)), np.empty((0, 2), dtype=np.uint8))
    return plain.codes_at(lat, lon)


@settings(max_examples=200, deadline=None)
@given(st.floats(-89.99, 89.99), st.floats(-179.99, 179.99))
def test_grid_equals_the_polygons(lat: float, lon: float) -> None:
    lon += 1.2345e-7
    assert without_patches(np.array([lat]), np.array([lon]))[0] == even_odd(lat, lon)


def test_grid_equals_the_polygons_close_to_borders() -> None:
    rng = np.random.default_rng(3)
    b = borders()
    edge = rng.choice(b.edges, 400)
    lat = b.y[edge] + rng.normal(0, 0.003, 400)
    lon = b.x[edge] + rng.normal(0, 0.003, 400)
    inside = np.abs(lon) < 180
    lat, lon = lat[inside], lon[inside]
    assert without_patches(lat, lon).tolist() == [even_odd(*point) for point in zip(lat.tolist(), lon.tolist(), strict=True)]


def square(west: int, south: int, size: int) -> list[list[int]]:
    """A closed ring on the lattice as first point and steps."""
    return [[west, south], [size, 0], [0, size], [-size, 0], [0, -size]]


def test_build_of_an_enclave_and_of_a_country_across_the_antimeridian() -> None:
    # Lattice of 0.0036 degrees across: country 1 with country 2 inside, and country 3 around 180 degrees.
    atlas: dict[str, Any] = {
        "transform": {"scale": [360 / 99_999, 0.0018], "translate": [-180.0, -90.0]},
        "arcs": [square(50_000, 50_000, 3000), square(51_000, 51_000, 500),
                 [[99_800, 20_000], [-99_600, 0], [0, 400], [99_600, 0], [0, -400]]],
        "objects": {"countries": {"geometries": [
            {"type": "Polygon", "id": "001", "properties": {"name": "A"}, "arcs": [[0], [~1]]},
            {"type": "Polygon", "id": "002", "properties": {"name": "B"}, "arcs": [[1]]},
            {"type": "MultiPolygon", "id": "003", "properties": {"name": "C"}, "arcs": [[[2]]]},
        ]}},
    }  # fmt: skip
    numbers = {"A": 1, "B": 2, "C": 3, "MA": 4, "EH": 5, "IT": 6, "VA": 7}
    made = borders_of(build_tables(atlas, {1: "A", 2: "B", 3: "C"}, numbers))
    lat = [0.1, 1.81, 2.6, 6.0, -53.9, -53.9, -53.9, -53.9]
    lon = [0.1, 3.7, 4.0, 4.0, 179.5, -179.5, 179.2, -179.2]
    assert made.codes_at(lat, lon).tolist() == [1, 2, 2, 0, 3, 3, 0, 0]
