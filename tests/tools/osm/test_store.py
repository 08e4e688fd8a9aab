"""The store answers as brute force over the file does, wherever on the Earth."""

from __future__ import annotations

import sqlite3
import threading

import numpy as np
import pytest

from geo.sphere import bearing_deg, destination
from tests.tools.osm.reference import nearby
from tools.osm.element import LICENCE, OsmError
from tools.osm.filters import parse_filters
from tools.osm.schema import APPLICATION_ID
from tools.osm.shape import boxes_around, point
from tools.osm.store import OsmStore

ASKED = [["shop"], ["church"], ["river"], ["building:levels>=5"], ["maxspeed<=32 km/h & highway=*"], ["park", "level crossing"], ["name~street"],
         ["amenity=cafe|bar"], ["building=* & building!=yes"], []]  # fmt: skip


def check(built, lat, lon, radius_m, what):
    found = built.store.around(lat, lon, radius_m, parse_filters(what), limit=100_000)
    wanted = nearby(built.things, lat, lon, radius_m, what)
    ours = {near.element.key: near.distance_m for near in found.near}
    # What lies within a millimetre of the circle may fall on either side.
    assert {key for key, d in ours.items() if d < radius_m - 0.001} <= set(wanted)
    assert {key for key, d in wanted.items() if d < radius_m - 0.001} <= set(ours)
    for key in set(ours) & set(wanted):
        assert ours[key] == pytest.approx(wanted[key], abs=0.002)
    assert [near.distance_m for near in found.near] == sorted(near.distance_m for near in found.near)
    assert found.n_total == len(found.near)
    assert not found.truncated
    return found


@pytest.mark.parametrize("place", ["north", "antimeridian", "pole"])
def test_what_lies_around_points_of_a_town(request, place):
    built = request.getfixturevalue(place)
    lat, lon = {"north": (60.0, 24.0), "antimeridian": (0.0, 180.0), "pole": (89.999, 10.0)}[place]
    rng = np.random.default_rng(3)
    total = 0
    for i, what in enumerate(ASKED):
        at_lat, at_lon = destination(lat, lon, rng.uniform(0, 360), rng.uniform(0, 0.6))
        radius_m = 150.0 if not what else float(rng.uniform(50, 700))
        total += check(built, float(at_lat), float(at_lon), radius_m, what).n_total
        if i == 0:
            check(built, lat, lon if lon < 180 else -180.0, 400.0, what)
    assert total > 100


def test_what_lies_around_points_of_helsinki(helsinki):
    rng = np.random.default_rng(5)
    for what in (["pharmacy"], ["church"], ["tram line"], ["building:levels>=6"], ["name=Stockmann"], ["park"], ["shop"]):
        check(helsinki, float(rng.uniform(60.166, 60.177)), float(rng.uniform(24.937, 24.951)), float(rng.uniform(50, 600)), what)


def test_the_pole_itself(pole):
    check(pole, 90.0, 0.0, 300.0, ["building"])
    check(pole, 90.0, 123.0, 300.0, ["building"])


def test_bearings_and_what_one_stands_in(north):
    found = north.store.around(60.0, 24.0, 500.0, parse_filters(["building"]), limit=5)
    assert found.truncated
    assert found.n_total > 5
    near = found.near[0]
    assert near.bearing_deg is not None
    assert abs((near.bearing_deg - float(bearing_deg(60.0, 24.0, near.element.lat, near.element.lon)) + 180) % 360 - 180) < 60
    inside = north.store.around(near.element.lat, near.element.lon, 1.0, parse_filters(["building"])).near[0]
    assert (inside.element.key, inside.distance_m, inside.bearing_deg) == (near.element.key, 0.0, None)


def test_elements_are_whole(helsinki):
    [found] = helsinki.store.around(60.17, 24.943, 60.0, parse_filters(["pharmacy"])).near
    element = found.element
    assert (element.key, element.name, element.version, element.shape) == (("node", 4727972444), "Kluuvin Apteekki", 3, "point")
    assert element.url == "https://www.openstreetmap.org/node/4727972444"
    assert element.timestamp == "2017-06-01T16:39:18Z"
    assert element.tags["addr:street"] == "Keskuskatu"
    assert dict(element.tags) == helsinki.things[element.key].tags


def test_every_element_is_kept_with_all_of_its_tags(helsinki):
    elements = helsinki.store.elements(range(1, 1 + helsinki.store.about().elements))
    assert {element.key for element in elements} == set(helsinki.things)
    assert all(dict(element.tags) == helsinki.things[element.key].tags for element in elements)


@pytest.mark.parametrize(
    "what", [["shop"], ["church"], ["cuisine=pizza"], ["name=ateneum"], ["height>20 m"], ["building=* & building!=yes"]]
)
def test_the_index_finds_what_the_tags_say(helsinki, what):
    filters = parse_filters(what)
    from tools.osm.filters import any_holds

    wanted = {key for key, thing in helsinki.things.items() if any_holds(filters, thing.tags)}
    ids = helsinki.store.ids(filters)
    assert {element.key for element in helsinki.store.elements(ids)} == wanted
    assert helsinki.store.count(filters) == len(wanted) <= helsinki.store.estimate(filters)


def test_tests_that_are_not_indexed_give_the_same(north, monkeypatch):
    filters = parse_filters(["building:levels>=5 & building=apartments|house", "shop"])
    before = north.store.around(60.0, 24.0, 500.0, filters, 1000)
    monkeypatch.setattr("tools.osm.store._INDEXED_AT_MOST", 3)
    other = OsmStore(north.store.path)
    assert other.around(60.0, 24.0, 500.0, filters, 1000) == before
    assert np.array_equal(other.ids(filters), north.store.ids(filters))
    other.close()


def test_what_an_extract_says_of_itself(helsinki, antimeridian):
    about = helsinki.store.about()
    assert (about.name, about.snapshot, about.licence, about.elements) == ("helsinki-centre", "2019-04-21", LICENCE, 13_599)
    assert len(about.sha256) == 64
    assert helsinki.store.covers(60.17, 24.94)
    assert not helsinki.store.covers(60.17, 25.94)
    assert about.to_json()["box"] == [60.164155, 24.9351762, 60.179113, 24.9534145]
    box = antimeridian.store.about().box
    assert box.west > 179.98
    assert box.east < -179.98
    assert antimeridian.store.covers(0.0, -179.995)
    assert not antimeridian.store.covers(0.0, 0.0)


def test_too_much_is_refused_in_one_sentence(north, monkeypatch):
    monkeypatch.setattr("tools.osm.store.MOST_EXAMINED", 10)
    with pytest.raises(OsmError, match="say what to look for"):
        north.store.ids([])
    with pytest.raises(OsmError, match="more than 10 elements"):
        north.store.ids(parse_filters(["building"]), most=10)


def test_several_threads_ask_at_once(north):
    filters = parse_filters(["shop", "river"])
    wanted = north.store.around(60.0, 24.0, 700.0, filters, 500)
    store, answers = OsmStore(north.store.path), []
    threads = [threading.Thread(target=lambda: answers.append(store.around(60.0, 24.0, 700.0, filters, 500))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [wanted] * 8
    store.close()
    assert store.around(60.0, 24.0, 700.0, filters, 500) == wanted, "it opens again"
    store.close()


def test_the_file_is_opened_for_reading_alone(north):
    with north.store._connection() as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM element")


def test_foreign_and_damaged_files_give_one_line(tmp_path, north):
    def complaint(path):
        with pytest.raises(OsmError) as caught:
            OsmStore(path).around(60.0, 24.0, 300.0, (), 5)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "there is no extract" in complaint(tmp_path / "nothing.osm.sqlite")
    (tmp_path / "text").write_text("not a database, but long enough to look like a file of some kind" * 20)
    assert "cannot be read" in complaint(tmp_path / "text")
    foreign = tmp_path / "foreign"
    db = sqlite3.connect(foreign)
    db.execute("CREATE TABLE meta (key, value)")
    db.commit()
    db.close()
    assert "is no extract" in complaint(foreign)
    other = tmp_path / "newer"
    other.write_bytes(north.store.path.read_bytes())
    db = sqlite3.connect(other)
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    assert "format 99" in complaint(other)
    for statement in ("UPDATE element SET geometry = x'00'", "UPDATE element SET tags = '['", "DELETE FROM meta WHERE key = 'box'",
                      "UPDATE element SET geometry = x'010000000100000000000000ffffff7f'", "UPDATE element SET shape = 9"):  # fmt: skip
        other.write_bytes(north.store.path.read_bytes())
        db = sqlite3.connect(other)
        db.execute(statement)
        db.commit()
        assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        db.close()
        assert "damaged" in complaint(other)


def test_boxes_around_points_hold_every_point_of_the_circle():
    rng = np.random.default_rng(0)
    for lat, lon in ((60, 24), (0, 180), (0, -180), (89.9999, 5), (-90, 0), (-89.99, 179.9), (45, -179.9999)):
        for radius_m in (1.0, 300.0, 5000.0):
            boxes = boxes_around(point(lat, lon).box(), radius_m)
            around = destination(lat, lon, rng.uniform(0, 360, 200), rng.uniform(0, 1, 200) * radius_m / 1000)
            for at_lat, at_lon in zip(*(np.rint(part * 1e7) for part in around), strict=True):
                assert any(s <= at_lat <= n and w <= at_lon <= e for s, w, n, e in boxes)
