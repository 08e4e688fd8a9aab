from __future__ import annotations

import json
import time
from urllib.parse import parse_qs

import pytest

from tests.tools.loopback import loopback, reply
from tools.nearby import Nearby, NearbyArguments
from tools.nominatim import default_user_agent
from tools.observation import ToolContext
from tools.osm.element import OsmSource
from tools.osm.filters import parse_filters
from tools.osm.overpass import Overpass, OverpassBusy, OverpassError, OverpassRefused, OverpassUnavailable, query_text
from tools.web.pace import Pace

NODE = {"type": "node", "id": 5, "lat": 60.001, "lon": 24.0, "version": 2, "timestamp": "2020-01-01T00:00:00Z",
        "tags": {"amenity": "pharmacy", "name": "Apteekki"}}  # fmt: skip
SQUARE = [
    {"lat": a, "lon": b} for a, b in ((59.999, 23.999), (59.999, 24.001), (60.0005, 24.001), (60.0005, 23.999), (59.999, 23.999))
]
WAY = {"type": "way", "id": 6, "geometry": SQUARE, "tags": {"building": "yes", "maxspeed": "30 mph"}}
LAKE = {"type": "relation", "id": 7, "tags": {"type": "multipolygon", "natural": "water"},
        "members": [{"type": "way", "role": "outer", "geometry": SQUARE[:3]}, {"type": "way", "role": "outer", "geometry": SQUARE[2:]}]}  # fmt: skip


def answer(*elements, **more):
    body = {"osm3s": {"timestamp_osm_base": "2026-03-04T05:06:07Z"}, "elements": list(elements), **more}
    return reply(200, json.dumps(body), "application/json")


def asked(server, folder, **settings):
    return Overpass(f"{server.url}/api", cache_folder=folder, pace=settings.pop("pace", Pace(0.0)), **settings)


def count(total):
    return {"type": "count", "id": 0, "tags": {"total": str(total)}}


def test_elements_with_true_distances_asked_once_by_name(tmp_path):
    bodies = []

    def spy(handler):
        bodies.append(parse_qs(handler.body.decode())["data"][0])
        answer(count(3), NODE, WAY, LAKE)(handler)

    with loopback({"/api": spy}) as server:
        source: OsmSource = asked(server, tmp_path)
        found = source.around(60.0, 24.0, 500.0, parse_filters(["amenity", "building", "natural"]), 10)
        again = asked(server, tmp_path).around(60.0, 24.0, 500.0, parse_filters(["amenity", "building", "natural"]), 10)
        assert len(server.seen) == 1
        assert server.seen[0][1]["user-agent"] == default_user_agent()
    assert again == found
    assert [(n.element.key, n.element.shape) for n in found.near] == [
        (("way", 6), "area"), (("relation", 7), "area"), (("node", 5), "point")]  # fmt: skip
    assert [n.distance_m for n in found.near] == [0.0, 0.0, pytest.approx(111.195, abs=0.01)]
    assert (found.n_total, found.truncated, found.snapshot) == (3, False, "2026-03-04")
    assert found.near[2].bearing_deg == pytest.approx(0.0, abs=1e-6)
    assert "(around:500.0,60.0000000,24.0000000)" in bodies[0]
    assert source.covers(0.0, 0.0)
    assert source.about().source.endswith("/api")


def test_comparisons_and_folded_names_are_tested_here(tmp_path):
    with loopback({"/api": answer(count(2), NODE, WAY)}) as server:
        source = asked(server, tmp_path)
        for what, keys in ((["maxspeed>=40 km/h"], [("way", 6)]), (["maxspeed>=60 mph"], []), (["name=apteekki"], [("node", 5)])):
            found = source.around(60.0, 24.0, 500.0, parse_filters(what), 10)
            assert [n.element.key for n in found.near] == keys
            assert found.n_total == len(keys)


def test_the_servers_count_is_kept_where_more_fits_than_it_sends(tmp_path):
    with loopback({"/api": answer(count(900), NODE)}) as server:
        found = asked(server, tmp_path).around(60.0, 24.0, 500.0, parse_filters(["amenity=pharmacy"]), 10)
    assert (found.n_total, found.truncated, len(found.near)) == (900, True, 1)


@pytest.mark.parametrize(
    ("what", "holds", "lacks"),
    [
        ('name=x"];out;(node', 'x.*out.*node', '"];out'),
        ('amenity="a\\"', "", "\\\\\""),
        ("amenity=ba.r", "ba\\\\.r", "ba.r)"),
        ("amenity=bar|pub", "(bar|pub)", ""),
        ("amenity=café", '["amenity"]', "café"),
        ("height>20 m", '["height"]', "20"),
        ("shop=* & wheelchair!=no", '["shop"]', "wheelchair"),
    ],
)  # fmt: skip
def test_nothing_of_a_filter_can_leave_its_string(what, holds, lacks):
    try:
        filters = parse_filters([what])
    except ValueError:
        return
    text = query_text(60.0, 24.0, 300.0, filters)
    assert holds in text
    assert not lacks or lacks not in text
    # Outside of strings there is only what this module writes.
    bare, inside, i = "", False, 0
    while i < len(text):
        if inside and text[i] == "\\":
            i += 2
            continue
        inside ^= text[i] == '"'
        bare += text[i] if not inside and text[i] != '"' else ""
        i += 1
    assert not inside
    assert bare.replace("[~]", "").replace("[]", "").replace("[~,i]", "") == (
        "[out:json][timeout:25];(nwr(around:300.0,60.0000000,24.0000000);)->.a;.a out count;.a out meta geom 500;")  # fmt: skip


def test_control_characters_and_places_off_the_earth_are_refused():
    with pytest.raises(ValueError, match="control"):
        query_text(60.0, 24.0, 300.0, parse_filters(["a=b\x01c"]))
    for point in ((91, 0), (0, 181), (float("nan"), 0)):
        with pytest.raises(ValueError, match="not on the Earth"):
            query_text(*point, 300.0, [])
    with pytest.raises(ValueError, match="no address"):
        Overpass("file:///etc/passwd")


@pytest.mark.parametrize(
    ("given", "failure"),
    [
        (reply(429, "slow down"), OverpassBusy),
        (reply(504, "busy"), OverpassBusy),
        (reply(400, "bad"), OverpassRefused),
        (reply(500, "oops"), OverpassUnavailable),
        (reply(302, "", Location="http://elsewhere.example/"), OverpassUnavailable),
        (reply(200, "<html>"), OverpassUnavailable),
        (reply(200, "[" * 100_000), OverpassUnavailable),
        (reply(200, '{"elements": 3}'), OverpassUnavailable),
        (answer(remark="runtime error: Query timed out"), OverpassBusy),
        (reply(200, "x" * 3_000_000), OverpassUnavailable),
        (lambda handler: handler.server.stopped.wait(2), OverpassUnavailable),
    ],
)
def test_refusals_and_faults_are_typed_and_not_kept(tmp_path, given, failure):
    with loopback({"/api": given}) as server:
        source = asked(server, tmp_path, timeout_s=0.3, most_bytes=1_000_000)
        with pytest.raises(failure) as caught:
            source.around(60.0, 24.0, 300.0, (), 5)
    assert "\n" not in str(caught.value)
    with loopback({"/api": answer(NODE)}) as server:
        assert asked(server, tmp_path).around(60.0, 24.0, 300.0, (), 5).n_total == 1


def test_a_closed_port_is_unavailable_and_soon_left_alone(tmp_path):
    with loopback({}) as server:
        source = asked(server, tmp_path)
    for _ in range(3):
        with pytest.raises(OverpassUnavailable, match="could not be asked"):
            source.around(60.0, 24.0, 300.0, (), 5)
    with pytest.raises(OverpassUnavailable, match="left alone"):
        source.around(60.0, 24.0, 300.0, (), 5)


def test_old_answers_are_asked_again_and_a_broken_cache_costs_a_request(tmp_path):
    with loopback({"/api": answer(NODE)}) as server:
        source = asked(server, tmp_path, kept_s=0.05)
        source.around(60.0, 24.0, 300.0, (), 5)
        time.sleep(0.06)
        source.around(60.0, 24.0, 300.0, (), 5)
        assert len(server.seen) == 2
        (tmp_path / "overpass.sqlite").write_text("this is no database" * 100)
        assert source.around(60.0, 24.0, 300.0, (), 5).n_total == 1
        assert len(server.seen) == 3
    assert Overpass()._turn is Overpass("http://localhost/x")._turn
    assert Overpass()._turn.interval_s >= 1.0


def test_rows_that_are_not_as_documented_are_skipped(tmp_path):
    rows = [3, {}, {"type": "node", "id": 1, "lat": 95, "lon": 0, "tags": {}}, {"type": "way", "id": 1, "tags": {}, "geometry": []},
            {"type": "x", "id": 1, "tags": {}}, {"type": "relation", "id": 1, "tags": {}, "members": [{"type": "way"}]},
            {"type": "node", "id": "x", "lat": 60, "lon": 24, "tags": {}}, {"type": "node", "id": 1, "lat": None, "lon": 24, "tags": {}}, NODE]  # fmt: skip
    with loopback({"/api": answer(*rows)}) as server:
        found = asked(server, tmp_path).around(60.0, 24.0, 500.0, (), 5)
    assert [n.element.key for n in found.near] == [("node", 5)]


def test_the_tool_over_a_server(tmp_path):
    with loopback({"/api": answer(count(1), NODE)}) as server:
        seen = Nearby(asked(server, tmp_path)).run(NearbyArguments(lat=60.0, lon=24.0, what=["pharmacy"]), ToolContext(None, {}))
    assert "“Apteekki” amenity=pharmacy, 111 m north" in seen.text
    with loopback({"/api": reply(429, "no")}) as server:
        seen = Nearby(asked(server, tmp_path / "b")).run(NearbyArguments(lat=60.0, lon=24.0), ToolContext(None, {}))
    assert not seen.ok
    assert "busy (status 429)" in seen.text
    assert issubclass(OverpassBusy, OverpassError)
