from __future__ import annotations

import json

import pytest

from geo.area import parse_area
from geo.evidence import Regions
from geo.moment import read_when
from geo.shadow import Shadow, SunSeen
from geo.sphere import EARTH_AREA_KM2
from geo.sun_region import region_of, say_lat


def test_a_ring_in_words_and_numbers():
    seen = SunSeen((Shadow(30.0, 1.0),), read_when("2024-03-05T14:20Z"))
    region = region_of(seen)
    # A ring of radius 60° with 90 % within ±1.64° has sin 60° · 3.3° / 2 of the sphere (in radians): 2.5 %, and the clock adds to it.
    assert 0.022 < region.share_of_earth < 0.045
    assert region.bands[0][0] < -60
    assert region.bands[-1][1] > 50
    assert region.words().startswith("90 % within ")
    data = region.to_json()
    assert data["area_km2"] == pytest.approx(data["share_of_earth"] * EARTH_AREA_KM2, rel=0.01)
    assert sum(data["countries"].values()) < 1.0
    json.dumps(data, allow_nan=False)


def test_within_a_search_area():
    france = parse_area("FR", frozenset({"FR"}))
    inside = region_of(SunSeen((Shadow(30.0, 1.0),), read_when("2024-03-05T14:20Z")), france)
    assert inside.area_km2 < 2_000_000
    assert next(iter(inside.countries)) == "FR"


def test_nothing_fits():
    with pytest.raises(ValueError, match="nowhere"):
        region_of(Regions({"ZZ": 1.0}))


def test_latitudes_in_words():
    assert [say_lat(lat) for lat in (38.2, -12.0, 0.2, -0.4)] == ["38 N", "12 S", "0", "0"]
