"""Reading coordinates: forms, traps, and round trips."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.coordinates import find_coordinates, parse_coordinates

ROME_DMS = (41 + 54 / 60 + 10 / 3600, 12 + 29 / 60 + 47 / 3600)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("41.15, -8.61", (41.15, -8.61)),
        ("41.15,-8.61", (41.15, -8.61)),
        ("41.15 -8.61", (41.15, -8.61)),
        ("41 -8", (41, -8)),
        ("41,-8", (41, -8)),
        ("(41.15, −8.61)", (41.15, -8.61)),
        ("lat: 41.15, lon: -8.61", (41.15, -8.61)),
        ("latitude=41.15; longitude=-8.61", (41.15, -8.61)),
        ("41.9 N 12.5 E", (41.9, 12.5)),
        ("41.9N12.5E", (41.9, 12.5)),
        ("41.9° N, 12.5° W", (41.9, -12.5)),
        ("N41.9 E12.5", (41.9, 12.5)),
        ("S 33.86, E 151.2", (-33.86, 151.2)),
        ("12.5E 41.9N", (41.9, 12.5)),
        ("W8.61 N41.15", (41.15, -8.61)),
        ("33.86 south, 151.2 east", (-33.86, 151.2)),
        ("41°54'10\"N 12°29'47\"E", ROME_DMS),
        ("41º54′10″ N, 12º29′47″ E", ROME_DMS),
        ("41°54'10'' N 12°29'47'' E", ROME_DMS),
        ("41 54 10 N 12 29 47 E", ROME_DMS),
        ("41°54'10\", 12°29'47\"", ROME_DMS),
        ("41°54.5'N 12°30'E", (41 + 54.5 / 60, 12.5)),
        ("N 41° 54.5' W 12° 30'", (41 + 54.5 / 60, -12.5)),
        ("41,9; 12,5", (41.9, 12.5)),
        ("41,9 12,5", (41.9, 12.5)),
        ("41,9, -12,5", (41.9, -12.5)),
        ("41,9 N 12,5 E", (41.9, 12.5)),
        ("geo:41.15,-8.61", (41.15, -8.61)),
        ("geo:41.15,-8.61,120;u=35", (41.15, -8.61)),
        ("@41.15,-8.61,17z", (41.15, -8.61)),
        ("https://www.google.com/maps/place/Porto/@41.15,-8.61,17z/data=x", (41.15, -8.61)),
        ("https://maps.google.com/?q=41.15,-8.61", (41.15, -8.61)),
        ("https://www.openstreetmap.org/#map=15/41.15/-8.61", (41.15, -8.61)),
        ("0, 0", (0.0, 0.0)),
        ("90, 180", (90, 180)),
        ("-90 -180", (-90, -180)),
    ],
)
def test_reads(text: str, expected: tuple[float, float]) -> None:
    assert parse_coordinates(text) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "41.15",
        "41,15",
        "1, 2, 3",
        "41, 9,12",
        "41.9,12,5",
        "91, 0",
        "0, 181",
        "139.7, 35.6",
        "41.9 N 12.5 N",
        "41.9 E 12.5 W",
        "-41.9 S 12.5 E",
        "41.9 N -12.5 W",
        "41.9 O 12.5 N",
        "41°60'N 12°0'E",
        "41.5°30'N 12°0'E",
        "91 N 12 E",
        "12.5.6, 7",
        "1e1, 3",
        "nan, nan",
        "inf 3",
        "geo:91,0",
        "@41.15",
        "12:30",
        "41.15, -8.61 or so",
        "+351 912345678",
        "9" * 5000,
    ],
)
def test_refuses(text: str) -> None:
    assert parse_coordinates(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We met at 41.1496, -8.6109, by the river.", [(41.1496, -8.6109)]),
        ("From N41.9 E12.5 to 52.52° N, 13.405° E", [(41.9, 12.5), (52.52, 13.405)]),
        ("see geo:1.5,2.5 and https://maps.example/@3.25,4.25,17z", [(1.5, 2.5), (3.25, 4.25)]),
        ("GPS 41.15, 8.61.", [(41.15, 8.61)]),
        ("41.15, -8.61 twice 41.15, -8.61", [(41.15, -8.61)]),
        ("prices 12.50, 13.50", []),
        ("version 1.234, 5.678, 9.101", []),
        ("on 10.05.2024, at 12:30", []),
        ("5 N 7 E", []),
        ("call 212.555.0187, 212.555.0188", []),
        ("nothing", []),
    ],
)
def test_finds_in_text(text: str, expected: list[tuple[float, float]]) -> None:
    assert find_coordinates(text) == expected


LATS = st.floats(-90, 90, allow_nan=False)
LONS = st.floats(-180, 180, allow_nan=False)


@given(LATS, LONS)
def test_decimal_round_trip(lat: float, lon: float) -> None:
    expected = (float(f"{lat:.9f}"), float(f"{lon:.9f}"))
    for form in (f"{lat:.9f}, {lon:.9f}", f"{lat:.9f} {lon:.9f}", f"geo:{lat:.9f},{lon:.9f}", f"@{lat:.9f},{lon:.9f},3z"):
        assert parse_coordinates(form) == expected
    assert parse_coordinates(f"{lat:.9f}; {lon:.9f}".replace(".", ",")) == expected


@given(LATS, LONS)
def test_hemisphere_round_trip(lat: float, lon: float) -> None:
    ns, ew = ("S" if lat < 0 else "N"), ("W" if lon < 0 else "E")
    a, b = f"{abs(lat):.9f}", f"{abs(lon):.9f}"
    for form in (f"{a}{ns} {b}{ew}", f"{ns}{a}, {ew}{b}", f"{b}° {ew} {a}° {ns}"):
        assert parse_coordinates(form) == pytest.approx((lat, lon), abs=1e-9)


@given(LATS, LONS)
def test_degrees_minutes_seconds_round_trip(lat: float, lon: float) -> None:
    def written(value: float, hemispheres: str) -> str:
        total = round(abs(value) * 36000)
        degrees, rest = divmod(total, 36000)
        minutes, seconds = divmod(rest, 600)
        return f"{degrees}°{minutes:02d}'{seconds / 10:04.1f}\"{hemispheres[value < 0]}"

    assert parse_coordinates(f"{written(lat, 'NS')} {written(lon, 'EW')}") == pytest.approx((lat, lon), abs=0.06 / 3600)


@given(st.text(alphabet="0123456789.,;:-+°'\" NSEWnsewO@/geo", max_size=60))
def test_any_text_gives_a_place_on_earth_or_none(text: str) -> None:
    for pair in [parse_coordinates(text), *find_coordinates(text)]:
        if pair is not None:
            assert abs(pair[0]) <= 90
            assert abs(pair[1]) <= 180
            assert all(math.isfinite(v) for v in pair)
