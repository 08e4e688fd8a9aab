"""Scenes against trying every way to give out the parts, and the chance of a scene against drawn maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from geo.area import Area, Box, parse_area
from tests.tools.osm.reference import scene
from tools.osm.element import OsmError
from tools.osm.scene_match import match_scene
from tools.osm.scene_query import parse_scene
from tools.osm.scene_rarity import Size, box_area_m2, log_at_least, log_none, log_some, reach_m2, size_of


def entity(name, *what, **cluster):
    return {"id": name, "what": list(what), **({"cluster": cluster} if cluster else {})}


def within(a, b, metres):
    return {"kind": "within", "a": a, "b": b, "metres": metres}


CROSSING = {
    "entities": [entity("church", "church"), entity("crossing", "level crossing"), entity("river", "river")],
    "relations": [within("church", "crossing", 50), within("church", "river", 100)],
}
QUERIES = [
    {"entities": [entity("c", "church"), entity("x", "level crossing")], "relations": [within("c", "x", 50)]},
    {"entities": [entity("p", "pharmacy"), entity("b", "amenity=bar|pub|cafe")], "relations": [within("p", "b", 60)]},
    {"entities": [entity("p", "pharmacy"), entity("s", "shop"), entity("t", "bus stop")],
     "relations": [within("p", "s", 120), within("s", "t", 90), within("p", "t", 150)]},
    {"entities": [entity("h", "building:levels>=7"), entity("s", "shop=bakery|books")], "relations": [{"kind": "contains", "a": "h", "b": "s"}]},
    {"entities": [entity("s", "shop=bakery|books|kiosk", count=2, within_m=70), entity("m", "highway=primary")], "relations": [within("s", "m", 60)]},
    {"entities": [entity("c", "church"), entity("s", "shop")],
     "relations": [within("c", "s", 90), {"kind": "not_near", "a": "c", "what": ["pharmacy"], "metres": 150}]},
    {"entities": [entity("a", "pharmacy"), entity("b", "pharmacy")], "relations": [within("a", "b", 200)]},
    {"entities": [entity("r", "river"), entity("w", "highway=primary"), entity("b", "building=* & height>20 m")],
     "relations": [within("r", "w", 1), within("b", "w", 40), within("b", "r", 150)]},
    {"entities": [entity("p", "park"), entity("l", "lake"), entity("t", "tree")],
     "relations": [{"kind": "contains", "a": "p", "b": "l"}, within("t", "l", 70)]},
]  # fmt: skip


def middles(built):
    elements = built.store.elements(range(1, 1 + built.store.about().elements))
    return {element.key: (element.lat, element.lon) for element in elements}


def check(built, query):
    result = match_scene(built.store, parse_scene(query), limit=500, seconds=60)
    assert not result.stopped_early
    root = min(query["entities"], key=lambda e: result.counts[e["id"]])["id"]
    wanted: dict = {}
    for hit in scene(built.things, middles(built), query):
        for name, key in hit.items():
            wanted.setdefault(hit[root], {}).setdefault(name, set()).add(key)
    found = [({element.key for element in place.parts[root]}, place) for place in result.places]
    assert sum(len(roots) for roots, _ in found) == len(wanted)
    assert set().union(*(roots for roots, _ in found)) == set(wanted)
    assert result.n_total == len(found)
    for roots, place in found:
        for name, elements in place.parts.items():
            keys, all_keys = {element.key for element in elements}, set().union(*(wanted[key][name] for key in roots))
            assert keys == all_keys if len(all_keys) <= 20 else keys < all_keys
    assert [place.score for place in result.places] == sorted((place.score for place in result.places), reverse=True)
    return result


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_scenes_of_a_town_as_brute_force(north, number):
    assert check(north, QUERIES[number]).n_total > 0


@pytest.mark.parametrize("place", ["antimeridian", "pole"])
def test_scenes_across_the_antimeridian_and_at_the_pole(request, place):
    built = request.getfixturevalue(place)
    assert sum(check(built, QUERIES[number]).n_total for number in (0, 1, 4, 7, 8)) > 3


def test_scenes_of_helsinki(helsinki):
    query = {"entities": [entity("c", "church"), entity("b", "bar"), entity("t", "tram stop")],
             "relations": [within("c", "b", 100), within("c", "t", 200), {"kind": "not_near", "a": "t", "what": ["pharmacy"], "metres": 100}]}  # fmt: skip
    assert check(helsinki, query).n_total >= 2
    assert check(helsinki, {"entities": [entity("r", "cafe", count=3, within_m=40)], "relations": []}).n_total > 5


def test_a_church_beside_a_level_crossing_and_a_river(north):
    [place] = check(north, CROSSING).places
    assert {name: len(found) for name, found in place.parts.items()} == {"church": 1, "crossing": 1, "river": 2}, (
        "its line and its banks"
    )
    [crossing] = place.parts["crossing"]
    assert crossing.tags == {"railway": "level_crossing"}
    assert (place.lat, place.lon) == (crossing.lat, crossing.lon)
    assert place.extent_m < 100
    assert place.score > 2, "rare by chance"


def test_an_area_binds_the_rarest_part(north):
    query = QUERIES[1]
    whole = check(north, query)
    half = Area(box=Box(59.9, 23.9, 60.1, 24.0))
    west = match_scene(north.store, parse_scene(query), area=half)
    wanted = [place for place in whole.places if place.parts["p"][0].lon <= 24.0]
    assert {p.parts["p"][0].key for p in west.places} == {p.parts["p"][0].key for p in wanted}
    assert 0 < west.n_total < whole.n_total
    said = match_scene(north.store, parse_scene({**query, "area": "59.9,23.9,60.1,24.0"}))
    assert said.places == west.places
    # Sixty degrees north, 24 east is sea and coast near Helsinki's latitude: Finland or nobody's.
    assert match_scene(north.store, parse_scene({**query, "area": "BR"})).n_total == 0
    with pytest.raises(ValueError, match="cannot read the area"):
        match_scene(north.store, parse_scene({**query, "area": "nowhere at all"}))


def test_an_area_across_the_antimeridian(antimeridian):
    query = parse_scene({"entities": [entity("s", "shop")], "relations": []})
    area = parse_area("-1,179.9,1,-179.9")
    assert match_scene(antimeridian.store, query, area=area).n_total == match_scene(antimeridian.store, query).n_total > 0
    east = match_scene(antimeridian.store, query, area=parse_area("-1,179.9,1,180"))
    assert 0 < east.n_total < match_scene(antimeridian.store, query).n_total


def test_the_limit_and_the_time(north):
    query = parse_scene(QUERIES[1])
    whole, few = match_scene(north.store, query), match_scene(north.store, query, limit=2)
    assert few.places == whole.places[:2]
    assert (few.n_total, few.truncated) == (whole.n_total, True)
    ticks = iter(range(10_000))
    early = match_scene(north.store, query, seconds=5.0, clock=lambda: float(next(ticks)))
    assert early.stopped_early
    assert early.looked_at < early.roots
    assert early.n_total < whole.n_total


def test_ways_to_give_parts_out_are_bounded(north, monkeypatch):
    monkeypatch.setattr("tools.osm.scene_match.MOST_HITS", 3)
    monkeypatch.setattr("tools.osm.scene_match.MOST_PARTS", 2)
    result = match_scene(north.store, parse_scene({"entities": [entity("c", "church"), entity("b", "building")],
                                                   "relations": [within("c", "b", 200)]}))  # fmt: skip
    assert result.places
    assert all(place.cut and len(place.parts["b"]) == 2 for place in result.places)
    monkeypatch.setattr("tools.osm.scene_match.MOST_ROOTS", 1)
    with pytest.raises(OsmError, match="rarest part of the scene is still too common"):
        match_scene(north.store, parse_scene(QUERIES[1]))


def test_common_things_are_looked_up_in_the_file(north, monkeypatch):
    wanted = match_scene(north.store, parse_scene(QUERIES[2])).places
    monkeypatch.setattr("tools.osm.scene_rows._IN_MEMORY", 0)
    monkeypatch.setattr("tools.osm.scene_rows._KEPT", 40)
    assert match_scene(north.store, parse_scene(QUERIES[2])).places == wanted


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "entities"), ([], "dictionary"), ({"entities": []}, "entities"), ({"entities": [entity("a", "Foo bar")]}, "is no filter"),
        ({"entities": [entity("a", "bar"), entity("a", "pub")]}, "same id"), ({"entities": [entity("a", "bar"), entity("b", "pub")]}, "ties 'b'"),
        ({"entities": [entity("a", "bar")], "relations": [within("a", "a", 5)]}, "to itself"),
        ({"entities": [entity("a", "bar")], "relations": [within("a", "z", 5)]}, "no entity has that id"),
        ({"entities": [entity("a", "bar")], "relations": [{"kind": "near", "a": "a"}]}, "expected tags"),
        ({"entities": [entity("a", "bar"), entity("b", "pub")], "relations": [within("a", "b", 5001)]}, "less than or equal"),
        ({"entities": [entity("a", "bar"), entity("b", "pub")], "relations": [within("a", "b", float("nan"))]}, "metres"),
        ({"entities": [entity("a", "bar", count=1, within_m=5)]}, "greater than or equal"), ({"entities": [entity("a", "bar")], "sql": 1}, "Extra"),
        ({"entities": [entity("a b", "bar")]}, "pattern"), ({"entities": [entity("a", *["bar"] * 9)]}, "at most 8"),
    ],
)  # fmt: skip
def test_what_is_no_query_gives_one_line(query, said):
    with pytest.raises(ValueError, match=said) as caught:
        parse_scene(query)
    assert "\n" not in str(caught.value)


def test_one_word_stands_for_a_list():
    assert parse_scene({"entities": [{"id": "a", "what": "bar"}]}).entities[0].what == ["bar"]


# -- rarity


def test_tails_of_poisson_against_scipy():
    for mean in (1e-9, 0.01, 0.7, 3.0, 40.0, 300.0):
        for count in (1, 2, 5, 30):
            assert math.exp(log_at_least(count, mean, 1.0)) == pytest.approx(
                stats.poisson.sf(count - 1, mean), rel=1e-6, abs=1e-290
            )
        assert log_some(mean, 1.0) == pytest.approx(math.log(-math.expm1(-mean)))
        assert log_none(mean, 2.0) == -2.0 * mean
    assert log_at_least(0, 1.0, 1.0) == 0.0


def test_the_reach_of_two_things_is_what_draws_find():
    """A rectangle and a line dropped at random: how often they come within d, against the area of the formula."""
    import shapely
    from shapely.geometry import LineString, box

    rng = np.random.default_rng(4)
    side, hits, n, d = 1000.0, 0, 4000, 12.0
    one = box(-20, -35, 20, 35)
    for _ in range(n):
        turn, x, y = rng.uniform(0, np.pi), *rng.uniform(-side / 2, side / 2, 2)
        other = LineString([(x - 60 * np.cos(turn), y - 60 * np.sin(turn)), (x + 60 * np.cos(turn), y + 60 * np.sin(turn))])
        hits += shapely.distance(one, other) <= d
    reach = reach_m2(d, size_of(one.length, one.area), size_of(120.0, 0.0))
    share = reach / side**2
    assert hits / n == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))
    assert reach_m2(10.0, Size(), Size()) == pytest.approx(math.pi * 100)


def test_the_expected_number_is_what_random_maps_have(tmp_path):
    """Points strewn at random: scenes found, on average over maps, against what the score of a hit at the full distance says."""
    from tools.osm.build import build_store
    from tools.osm.store import OsmStore

    rng, found = np.random.default_rng(8), []
    for number in range(6):
        rows = [f'<node id="{i}" lat="{lat:.7f}" lon="{lon:.7f}"><tag k="{"shop" if i < 60 else "office"}" v="x"/></node>'
                for i, (lat, lon) in enumerate(zip(rng.uniform(0, 0.02, 180), rng.uniform(0, 0.02, 180), strict=True))]  # fmt: skip
        source = tmp_path / f"{number}.osm"
        source.write_text(
            '<osm version="0.6"><bounds minlat="0" minlon="0" maxlat="0.02" maxlon="0.02"/>' + "".join(rows) + "</osm>"
        )
        build_store(source, tmp_path / f"{number}.osm.sqlite")
        store = OsmStore(tmp_path / f"{number}.osm.sqlite")
        found.append(
            match_scene(
                store,
                parse_scene({"entities": [entity("s", "shop"), entity("o", "office")], "relations": [within("s", "o", 60)]}),
            )
        )
    area = box_area_m2(Box(0, 0, 0.02, 0.02))
    wanted = 60 * -math.expm1(-120 / area * math.pi * 60**2)
    mean = float(np.mean([result.n_total for result in found]))
    assert mean == pytest.approx(wanted, abs=4 * math.sqrt(wanted / 6))
    # The loosest hit is expected as often as the scene itself, tighter ones less.
    assert max(place.expected for result in found for place in result.places) == pytest.approx(wanted, rel=0.1)
    assert min(place.expected for result in found for place in result.places) < wanted / 5


def test_the_area_of_a_box():
    assert box_area_m2(Box(-90, -180, 90, 180)) == pytest.approx(5.1006e14, rel=1e-4)
    assert box_area_m2(Box(0, 179.5, 1, -179.5)) == pytest.approx(box_area_m2(Box(0, 0, 1, 1)))
