"""Search areas: reading them, boxes over the antimeridian and at the poles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.area import Area, Box, parse_area

CODES = frozenset({"FR", "DE", "PT"})


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("FR", Area(frozenset({"FR"}))),
        (" fr, de ", Area(frozenset({"FR", "DE"}))),
        ("41.1,-9.6,42.2,-8", Area(box=Box(41.1, -9.6, 42.2, -8.0))),
        ("PT;41.1,-9.6,42.2,-8", Area(frozenset({"PT"}), Box(41.1, -9.6, 42.2, -8.0))),
        ("-20,170,-10,-170", Area(box=Box(-20.0, 170.0, -10.0, -170.0))),
        ("-20,170,-10,190", Area(box=Box(-20.0, 170.0, -10.0, -170.0))),
        ("60,-180,90,180", Area(box=Box(60.0, -180.0, 90.0, 180.0))),
        ("60,0,90,360", Area(box=Box(60.0, -180.0, 90.0, 180.0))),
        ("0,90,10,180", Area(box=Box(0.0, 90.0, 10.0, 180.0))),
    ],
)
def test_areas_are_read(text: str, area: Area) -> None:
    assert parse_area(text, CODES) == area
    assert parse_area(area.to_text(), CODES) == area


@pytest.mark.parametrize(
    "text",
    ["", ";", ",", "XX", "Portugal", "1,2,3", "1,2,3,4,5", "42,0,41,1", "0,5,1,5", "0,180,1,-180", "-91,0,0,1", "0,0,91,1",
     "nan,0,1,1", "0,nan,1,1", "0,0,1,inf", "0,-400,1,0", "0,0,1,1;2,2,3,3", "FR,1", "a" * 5000, "0,0,1,1\n0", "'; DROP TABLE"],
)  # fmt: skip
def test_what_is_no_area_gets_one_plain_sentence(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_area(text, CODES)
    message = str(caught.value)
    assert 10 < len(message) < 200
    assert "\n" not in message


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        area = parse_area(text)
    except ValueError:
        return
    assert area


@given(st.floats(-89, 88), st.floats(0.5, 90), st.floats(-180, 179.5), st.floats(1, 359))
def test_a_box_holds_its_middle_and_its_corners_and_not_its_opposite(
    south: float, height: float, west: float, width: float
) -> None:
    north = min(90.0, south + height)
    box = parse_area(f"{south!r},{west!r},{north!r},{west + width!r}").box if west + width <= 360 else None
    if box is None:
        return
    middle_lat, middle_lon = (south + north) / 2, west + width / 2
    assert box.contains(middle_lat, middle_lon)
    assert box.contains(middle_lat, middle_lon + 360)
    assert box.contains([south, north], box.west).all()
    assert not box.contains(middle_lat, west + width + (360 - width) / 2)
    assert not box.contains(south - 0.01, middle_lon)


@pytest.mark.parametrize(
    ("box", "point", "inside"),
    [
        (Box(-20, 170, -10, -170), (-15, 180), True),
        (Box(-20, 170, -10, -170), (-15, -180), True),
        (Box(-20, 170, -10, -170), (-15, 0), False),
        (Box(-90, -180, 90, 180), (90, 77), True),
        (Box(0, 90, 10, 180), (5, 180), True),
        (Box(0, 90, 10, 180), (5, -179.9), False),
    ],
)
def test_points_in_boxes(box: Box, point: tuple[float, float], inside: bool) -> None:
    assert bool(box.contains(*point)) is inside


def test_only_an_empty_area_is_false() -> None:
    assert not Area()
    assert Area(frozenset({"PT"}))
    assert Area(box=Box(0, 0, 1, 1))
