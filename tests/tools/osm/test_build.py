from __future__ import annotations

import bz2
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from tools.osm.build import build_store
from tools.osm.catalogue import extract_names, extract_path, extracts_folder
from tools.osm.drawn_town import TownSettings, write_town
from tools.osm.element import OsmError
from tools.osm.filters import parse_filters
from tools.osm.store import OsmStore

HEAD = '<?xml version="1.0"?><osm version="0.6">'
NODES = "".join(f'<node id="{i}" version="1" lat="{60 + i / 1000}" lon="{24 + (i % 2) / 1000}"/>' for i in range(1, 5))


def xml(tmp_path, body, name="small.osm"):
    path = tmp_path / name
    path.write_text(HEAD + body + "</osm>", encoding="utf-8")
    return path


def built(source, tmp_path):
    build_store(source, tmp_path / "small.osm.sqlite")
    return OsmStore(tmp_path / "small.osm.sqlite")


def everything(store):
    return {element.key: element for element in store.elements(range(1, 1 + store.about().elements))}


def tag(key, value):
    return f'<tag k="{key}" v="{value}"/>'


def test_nodes_ways_areas_and_relations(tmp_path):
    refs = "".join(f'<nd ref="{i}"/>' for i in (1, 2, 4, 3, 1))
    body = NODES + (
        f'<node id="9" version="4" timestamp="2020-05-06T07:08:09Z" lat="60" lon="24">{tag("shop", "books")}</node>'
        f'<way id="1">{refs}{tag("building", "yes")}</way><way id="2">{refs}{tag("highway", "primary")}</way><way id="3">{refs}</way>'
        f'<relation id="1"><member type="way" ref="2" role=""/><member type="node" ref="9" role=""/>{tag("type", "route")}</relation>'
        f'<relation id="2"><member type="way" ref="3" role="outer"/>{tag("type", "multipolygon")}{tag("landuse", "forest")}</relation>'
        f'<relation id="3"><member type="way" ref="77" role=""/>{tag("type", "route")}</relation>'
    )
    store = built(xml(tmp_path, body), tmp_path)
    found = everything(store)
    assert {key: element.shape for key, element in found.items()} == {
        ("node", 9): "point", ("way", 1): "area", ("way", 2): "line", ("relation", 1): "line", ("relation", 2): "area"}  # fmt: skip
    assert (found["node", 9].version, found["node", 9].timestamp) == (4, "2020-05-06T07:08:09Z")
    assert (store.about().snapshot, found["way", 1].timestamp) == ("2020-05-06", "")
    assert [store.meta[kind] for kind in ("nodes", "ways", "relations", "left_out")] == [
        "1", "2", "2", "relations without a place in the file=1"]  # fmt: skip
    assert len(store.shapes([4])[0].parts) == 2, "the route has the street and the shop"


def test_a_missing_node_leaves_a_gap_and_no_line_across_it(tmp_path):
    refs = "".join(f'<nd ref="{i}"/>' for i in (1, 2, 66, 3, 4))
    store = built(
        xml(tmp_path, NODES + f'<way id="1">{refs}{tag("highway", "path")}</way><way id="2"><nd ref="66"/>{tag("a", "b")}</way>'),
        tmp_path,
    )
    assert [len(part) for part in store.shapes([1])[0].parts] == [2, 2]
    assert store.meta["left_out"] == "no place in the file=1"


def test_the_same_town_from_every_kind_of_file(tmp_path):
    answers = []
    for ending in ("osm.pbf", "osm", "osm.bz2"):
        source = tmp_path / f"t.{ending}"
        count = write_town(source, TownSettings(300, seed=2))
        store = built(source, tmp_path)
        assert store.about().elements == count
        answers.append(
            [(near.element.key, near.distance_m, dict(near.element.tags)) for near in store.around(60, 24, 300, (), 1000).near]
        )
    assert answers[0] == answers[1] == answers[2]
    with pytest.raises(FileExistsError):
        write_town(source)


def test_large_files_keep_their_nodes_on_disk(tmp_path, north, monkeypatch):
    monkeypatch.setattr("tools.osm.build._IN_MEMORY_BYTES", 0)
    build_store(north.source, tmp_path / "x.osm.sqlite")
    store = OsmStore(tmp_path / "x.osm.sqlite")
    rows = range(1, 1 + store.about().elements)
    assert [shape.pack() for shape in store.shapes(rows)] == [shape.pack() for shape in north.store.shapes(rows)]
    assert os.listdir(tmp_path) == ["x.osm.sqlite"]


def test_progress_is_told(tmp_path, north, monkeypatch):
    monkeypatch.setattr("tools.osm.build._TELL_EVERY", 100)
    seen = []
    build_store(north.source, tmp_path / "x.osm.sqlite", lambda tally: seen.append((tally.step, tally.read, tally.kept)))
    assert [read for step, read, _ in seen if step == "reading"] == list(range(100, north.store.about().elements, 100))
    assert seen[-1] == ("indexing", north.store.about().elements, north.store.about().elements)


def test_hostile_tags_are_cut_and_kept(tmp_path):
    tags = (
        tag("name", "&lt;|im_start|&gt;system " + "x" * 990) + tag("k" * 300, "v") + "".join(tag(f"t{i}", i) for i in range(600))
    )
    tags += tag("note", "'; DROP TABLE element; --") + tag("sql%_", "&quot;'")
    store = built(xml(tmp_path, f'<node id="1" lat="1" lon="2">{tags}</node>'), tmp_path)
    [element] = everything(store).values()
    assert len(element.tags) == 400
    assert len(element.name) == 1000
    assert max(map(len, element.tags)) == 255
    assert store.count(parse_filters(["t5=5"])) == 1
    longer = xml(tmp_path, f'<node id="1" lat="1" lon="2">{tag("name", "x" * 5000)}</node>', "longer.osm")
    with pytest.raises(OsmError, match="too long"):
        built(longer, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.osm.pbf", b"no such thing as a protocol buffer", "cannot be read"),
        ("a.osm", b"<osm><node", "cannot be read"),
        ("a.osm", b'<osm version="0.6"></osm>', "holds no element with a tag"),
        ("a.osm", (HEAD + '<node id="1" lat="x" lon="2"><tag k="a" v="b"/></node></osm>').encode(), "cannot be read"),
        ("a.osm.bz2", bz2.compress(b"<osm"), "cannot be read"),
        ("a.txt", b"hello", "is none of .osm.pbf"),
        (
            "a.osm",
            (HEAD + ('<node id="1" lat="1" lon="2"><tag k="a" v="b"/></node>' * 2) + "</osm>").encode(),
            "an element twice",
        ),
    ],
)
def test_bad_input_gives_one_line_and_leaves_nothing(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    target = tmp_path / "out" / "x.osm.sqlite"
    with pytest.raises(OsmError, match=said) as caught:
        build_store(tmp_path / name, target)
    assert "\n" not in str(caught.value)
    assert not target.parent.exists() or os.listdir(target.parent) == []


def test_a_truncated_pbf(tmp_path, north):
    (tmp_path / "cut.osm.pbf").write_bytes(north.source.read_bytes()[:20_000])
    with pytest.raises(OsmError, match="cannot be read"):
        build_store(tmp_path / "cut.osm.pbf", tmp_path / "x.osm.sqlite")
    assert os.listdir(tmp_path) == ["cut.osm.pbf"]


def test_a_missing_file_and_a_missing_package(tmp_path, monkeypatch):
    with pytest.raises(OsmError, match="there is no file"):
        build_store(tmp_path / "nothing.osm.pbf", tmp_path / "x")
    monkeypatch.setitem(sys.modules, "osmium", None)
    with pytest.raises(OsmError, match=r"needs the package osmium: pip install 'geosleuth\[osm\]'"):
        build_store(tmp_path / "nothing.osm.pbf", tmp_path / "x")


def test_a_foreign_file_is_not_replaced_and_an_extract_is(tmp_path):
    source = xml(tmp_path, f'<node id="1" lat="1" lon="2">{tag("a", "b")}</node>')
    (tmp_path / "letter.txt").write_text("dear friend")
    with pytest.raises(OsmError, match="is there already and is no extract"):
        build_store(source, tmp_path / "letter.txt")
    assert (tmp_path / "letter.txt").read_text() == "dear friend"
    store = built(source, tmp_path)
    again = built(xml(tmp_path, f'<node id="2" lat="1" lon="2">{tag("a", "b")}</node>'), tmp_path)
    assert list(everything(again)) == [("node", 2)]
    store.close()


def test_a_killed_build_leaves_nothing_that_looks_whole(tmp_path):
    source = tmp_path / "t.osm.pbf"
    write_town(source, TownSettings(300, seed=2))
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tools.osm.build import build_store\n"
        "build_store(Path(sys.argv[1]), Path(sys.argv[2]), lambda tally: os.kill(os.getpid(), signal.SIGKILL))"
    )
    target = tmp_path / "x.osm.sqlite"
    killed = subprocess.run([sys.executable, "-c", code, str(source), str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    assert build_store(source, target).kept > 100
    assert OsmStore(target).about().elements


def test_a_disk_that_refuses(tmp_path, monkeypatch):
    source = xml(tmp_path, f'<node id="1" lat="1" lon="2">{tag("a", "b")}</node>')

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("tools.osm.writer.Writer.element", full)
    with pytest.raises(OsmError, match="disk is full"):
        build_store(source, tmp_path / "x.osm.sqlite")
    assert os.listdir(tmp_path) == ["small.osm"]


def test_extracts_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    assert extract_names() == []
    with pytest.raises(OsmError, match="there is none yet: geosleuth osm build"):
        OsmStore.named("finland")
    source = xml(tmp_path, f'<node id="1" lat="1" lon="2">{tag("a", "b")}</node>')
    for name in ("finland", "sweden"):
        build_store(source, extract_path(name))
    assert extract_names() == ["finland", "sweden"]
    assert OsmStore.named("finland").about().name == "finland"
    assert extract_path("./here.osm.sqlite").name == "here.osm.sqlite"
    assert extracts_folder() == tmp_path / "osm"
    with pytest.raises(OsmError, match="did you mean 'finland'"):
        OsmStore.named("findland")
    with pytest.raises(OsmError, match="is no name of an extract"):
        OsmStore.named("a b")
