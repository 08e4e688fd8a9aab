"""Names of any size as bounds."""

from __future__ import annotations

import pytest

from geo.named_areas import named_area


@pytest.mark.parametrize(
    ("name", "kind", "regions"),
    [
        ("Portugal", "country", {"PT"}),
        ("the country of Georgia", "country", {"GE"}),
        ("Bavaria", "region", {"DE.02"}),
        ("Benelux", "part of the world", {"BE", "NL", "LU"}),
    ],
)
def test_regions_are_known_by_name(name: str, kind: str, regions: set[str]) -> None:
    area = named_area(name)
    assert area is not None
    assert (area.kind, set(area.bounds.regions)) == (kind, regions)
    assert area.outside().outside


@pytest.mark.parametrize(
    ("name", "inside", "outside"), [("South America", "BR", "FR"), ("Scandinavia", "SE", "DE"), ("europe", "FR", "US")]
)
def test_parts_of_the_world_hold_their_countries(name: str, inside: str, outside: str) -> None:
    area = named_area(name)
    assert area is not None
    assert inside in area.bounds.regions
    assert outside not in area.bounds.regions


def test_towns_are_circles() -> None:
    porto, tokyo = named_area("Porto"), named_area("Tokyo")
    assert porto is not None
    assert tokyo is not None
    assert porto.kind == tokyo.kind == "town"
    assert porto.bounds.circles[0][:2] == (porto.lat, porto.lon)
    assert tokyo.bounds.circles[0][2] > porto.bounds.circles[0][2]


@pytest.mark.parametrize("name", ["", "   ", "?!", "qqxzzwv", "x" * 5000])
def test_what_nothing_is_called_is_none(name: str) -> None:
    assert named_area(name) is None
