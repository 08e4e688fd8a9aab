from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.osm.tag_values import numbers, quantities


@pytest.mark.parametrize(
    ("key", "text", "wanted"),
    [
        ("maxspeed", "25 mph", (40.2336,)),
        ("maxspeed", "25mph", (40.2336,)),
        ("maxspeed", "50", (50.0,)),
        ("maxspeed", "50 km/h", (50.0,)),
        ("maxspeed", "10 knots", (18.52,)),
        ("building:levels", "3 storeys", (3.0,)),
        ("building:levels", "3.5", (3.5,)),
        ("layer", "-1", (-1.0,)),
        ("height", "12 m", (12.0,)),
        ("height", "12", (12.0,)),
        ("height", "12m", (12.0,)),
        ("height", "5'", (1.524,)),
        ("height", "5'10\"", (1.778,)),
        ("height", "5′10″", (1.778,)),
        ("height", "6 ft 6 in", (1.9812,)),
        ("height", "12,5", (12.5,)),
        ("height", "1,200", ()),
        ("maxweight", "3.5", (3500.0,)),
        ("maxweight", "3.5 t", (3500.0,)),
        ("voltage", "110 kV", (110_000.0,)),
        ("lanes", "2;3", (2.0, 3.0)),
        ("lanes", "2; ;x;3", (2.0, 3.0)),
        ("maxspeed", "walk", ()),
        ("maxspeed", "RU:urban", ()),
        ("height", "10 parsec", ()),
        ("height", "1e400", ()),
        ("height", "inf", ()),
        ("height", "nan", ()),
        ("height", "٣", ()),
        ("height", "", ()),
        ("height", "9" * 200, ()),
        ("height", "3-5", ()),
    ],
)
def test_values(key, text, wanted):
    assert numbers(key, text) == pytest.approx(wanted)


def test_what_is_measured_depends_on_the_unit_then_on_the_key():
    assert [q.measures for q in quantities("height", "3 storeys;4")] == ["count", "length"]
    assert [q.measures for q in quantities("name", "3")] == ["count"]


@given(st.text(max_size=120), st.text(max_size=120))
@settings(max_examples=300)
def test_nothing_raises(key, text):
    assert all(math.isfinite(value) for value in numbers(key, text))


@given(st.text(alphabet="0123456789.,;'\"ftm inphk/-+e", max_size=40))
@settings(max_examples=300)
def test_nothing_like_a_number_raises_either(text):
    assert all(math.isfinite(value) for value in numbers("height", text))


@given(st.floats(0, 1e6, allow_nan=False))
def test_units_agree(value):
    text = f"{value:.4f}"
    [metres], [feet] = numbers("height", f"{text} m"), numbers("height", f"{text} ft")
    assert feet == pytest.approx(metres * 0.3048)
    assert numbers("height", text) == (metres,)
    [miles] = numbers("maxspeed", f"{text} mph")
    assert miles == pytest.approx(metres * 1.609344)
