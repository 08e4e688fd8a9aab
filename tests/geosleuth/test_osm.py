"""`geosleuth osm` as a person or a script calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from geosleuth.osm import osm
from tools.osm.drawn_town import TownSettings, write_town

QUERY = {"entities": [{"id": "church", "what": "church"}, {"id": "crossing", "what": "level crossing"}],
         "relations": [{"kind": "within", "a": "church", "b": "crossing", "metres": 50}]}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("osm")
    write_town(folder / "town-latest.osm.pbf", TownSettings(900, seed=7))
    (folder / "query.json").write_text(json.dumps(QUERY))
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    monkeypatch.setenv("GEOSLEUTH_DATA", str(folder / "data"))

    def invoke(*args, code=0, **more):
        result = CliRunner().invoke(osm, [str(arg) for arg in args], **more)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def town(run, folder):
    if not (folder / "data" / "osm" / "town.osm.sqlite").exists():
        run("build", folder / "town-latest.osm.pbf")
    return "town"


def one_line(result):
    """The complaint, which is one line under the usage."""
    [line] = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    return line


def test_build_list_and_info(run, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "data"))
    assert "there is no extract yet" in run("list").stdout
    built = run("build", folder / "town-latest.osm.pbf")
    assert built.stdout.startswith("extract town: ")
    assert "as of 2026-01-01; © OpenStreetMap contributors, ODbL 1.0" in built.stdout
    as_json = json.loads(run("build", folder / "town-latest.osm.pbf", "--into", "other", "--json").stdout)
    assert as_json["elements"] > 700
    assert Path(as_json["path"]) == tmp_path / "data" / "osm" / "other.osm.sqlite"
    (tmp_path / "data" / "osm" / "broken.osm.sqlite").write_text("no database at all" * 100)
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [line["name"] for line in lines] == ["broken", "other", "town"]
    assert "cannot be read" in lines[0]["problem"]
    assert "elements, as of 2026-01-01" in run("list").stdout
    info = json.loads(run("info", "town", "--json").stdout)
    assert info["nodes"] + info["ways"] + info["relations"] == info["elements"]
    assert info["sha256"] == as_json["sha256"]
    text = run("info", "town").stdout
    assert "SHA-256" in text
    assert "2026-01-01" in text
    by_path = run("build", folder / "town-latest.osm.pbf", "--into", f"{tmp_path}/here.osm.sqlite")
    assert "extract here" in by_path.stdout
    assert run("info", f"{tmp_path}/here.osm.sqlite").stdout.startswith("here")


def test_nearby(run, town):
    text = run("nearby", town, "60.0", "24.0", "--radius", "300", "--what", "shop").stdout
    assert text.startswith("shop within 300 m of 60.00000, 24.00000: ")
    data = json.loads(
        run("nearby", town, "60.0", "24.0", "--radius", "300", "--what", "shop", "--what", "pharmacy", "--json").stdout
    )
    assert data["what"] == ["shop=*", "amenity=pharmacy"]
    assert data["elements"][0]["distance_m"] <= 300
    assert "does not cover that point" in run("nearby", town, "-60.0", "-24.0").stdout


def test_scene(run, town, folder):
    text = run("scene", town, folder / "query.json").stdout
    assert text.startswith("church within 50 m of level crossing: 2 places")
    data = json.loads(run("scene", town, "-", "--json", "--limit", "1", input=json.dumps(QUERY)).stdout)
    assert (data["n_total"], len(data["places"]), data["truncated"]) == (2, 1, True)


def test_the_real_example(run):
    example = Path(__file__).resolve().parents[2] / "examples" / "helsinki-centre.osm.pbf"
    assert "13,599 elements; 39 relations without a place in the file left out; as of 2019-04-21" in run("build", example).stdout
    assert (
        "“Kluuvin Apteekki” amenity=pharmacy, 45 m south"
        in run("nearby", "helsinki-centre", "60.17", "24.943", "--what", "pharmacy").stdout
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["build", "nothing.osm.pbf"], "there is no file nothing.osm.pbf"),
        (["build", "{folder}/query.json"], "is none of .osm.pbf"),
        (["build", "{folder}/town-latest.osm.pbf", "--into", "a b"], "is no name of an extract"),
        (["build", "{folder}/town-latest.osm.pbf", "--into", "{folder}/query.json"], "is no extract"),
        (["info", "twon"], "there is no extract 'twon'; "),
        (["nearby", "town", "95", "24"], "not between -90 and 90"),
        (["nearby", "town", "60", "24", "--what", "Foo bar"], "is no filter"),
        (["nearby", "town", "60", "24", "--radius", "9999"], "is not in the range"),
        (["nearby", "town", "x", "24"], "is not a valid float"),
        (["nearby", "town", "60", "24", *["--what", "bar"] * 9], "at most 8 filters"),
        (["scene", "town", "{folder}/town-latest.osm.pbf"], "is no text"),
        (["scene", "town", "{folder}/bad.json"], "nothing ties"),
    ],
)
def test_complaints_are_one_line(run, town, folder, args, said):
    bad = {"entities": [{"id": "a", "what": "bar"}, {"id": "b", "what": "bar"}]}
    (folder / "bad.json").write_text(json.dumps(bad))
    assert said in one_line(run(*(arg.format(folder=folder) for arg in args), code=2))


def test_a_missing_query_file_is_the_disks_fault(run, town):
    assert "No such file" in one_line(run("scene", town, "/nothing.json", code=1))


def test_a_query_that_is_no_json_or_too_long(run, town, folder):
    assert "is no JSON" in one_line(run("scene", town, "-", input="{", code=2))
    assert "is too long" in one_line(run("scene", town, "-", input=" " * 200_000, code=2))
