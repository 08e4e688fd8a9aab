"""`geosleuth crossview` as people and scripts call it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from PIL import Image

from evals.drawn_crossview import DrawnTown
from evals.drawn_crossview_pairs import write_town_pairs
from evals.drawn_street import Camera, street_view
from geosleuth.crossview_command import crossview

SMALL = ("dim=6", "width=3", "epochs=1", "batch=4", "neighbours=0")


@pytest.fixture(scope="module")
def town():
    return DrawnTown(47.5, 8.0, 17, 3, seed=92)


@pytest.fixture(scope="module")
def tiles(town, tmp_path_factory):
    folder = tmp_path_factory.mktemp("town") / "tiles"
    town.write_tiles(folder)
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "data"))

    def invoke(*arguments, code=0):
        result = CliRunner().invoke(crossview, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output
        return result

    return invoke


def inner(town):
    south, west, north, east = town.box
    return f"{south + 0.0008},{west + 0.001},{north - 0.0008},{east - 0.001}"


def test_index_and_locate(run, town, tiles, tmp_path):
    made = json.loads(
        run("index", tiles, "--area", inner(town), "--model", "drawn-town", "--into", tmp_path / "a.npz", "--json").stdout
    )
    assert made["tiles"] > 500
    assert made["without_picture"] == 0
    x, y = town.cameras(1, 2, margin_m=150.0)[0]
    Image.fromarray(street_view(town.layers, town.metres_per_pixel, Camera(x, y, 40.0, 360.0), size=(512, 256))).save(
        tmp_path / "p.png"
    )
    asked = ("locate", tmp_path / "p.png", "--index", tmp_path / "a.npz", "--fov", 360, "--heading", 40, "--heading-error", 5)
    found = json.loads(run(*asked, "--json", "--geojson", tmp_path / "map.geojson").stdout)
    assert found["tiles"] == made["tiles"]
    assert 0 <= found["outside"] <= 1
    assert found["places"] == sorted(found["places"], key=lambda place: -place["probability"])
    assert json.loads((tmp_path / "map.geojson").read_text())["features"]
    assert "elsewhere" in run(*asked).stdout


def test_train_and_score(run, town, tmp_path):
    pairs = write_town_pairs(town, tmp_path / "pairs", 52, 1, looks=1)
    lines = [json.loads(line) for line in pairs.read_text().splitlines()]
    for i, line in enumerate(lines):
        line["split"] = "train" if i < 8 else "validation" if i < 50 else "test"
    pairs.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    settings = [part for change in SMALL for part in ("--set", change)]
    result = run("train", "--pairs", pairs, "--name", "small", *settings, "--json")
    assert json.loads(result.stdout)["held_out"]["tiles"] == 126
    assert "epoch 1, of 1, loss" in result.stderr
    rows = json.loads(run("score", "--pairs", pairs, "--model", "small", "--fov", 75, "--fov", 360, "--json").stdout)["rows"]
    assert [(row["fov_deg"], row["queries"], row["references"]) for row in rows] == [(75.0, 2, 2), (360.0, 2, 2)]
    assert "unknown" in run("score", "--pairs", pairs, "--model", "small").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train",), "give --pairs, or --dataset with --root"),
        (("train", "--pairs", "none.jsonl"), "is not there"),
        (("train", "--pairs", "none.jsonl", "--set", "depth=3"), "fields are encoder"),
        (("train", "--dataset", "nothing", "--root", "."), "there is no data set 'nothing'"),
        (("index", "none", "--area", "FR", "--into", "a.npz"), "the area is a box"),
        (("index", "none", "--area", "1,1,1.01,1.01", "--into", "no/where.npz"), "is no folder"),
        (("index", "none", "--area", "1,1,1.01,1.01", "--model", "unheard", "--into", "a.npz"), "there is no cross-view model"),
        (("index", "none", "--area", "1,1,1.01,1.01", "--model", "drawn-town", "--into", "a.npz"), "none"),
        (("locate", "none.png", "--index", "none.npz"), "none.npz: is not there"),
        (("score", "--pairs", "none.jsonl", "--model", "drawn-town"), "is not there"),
    ],
)
def test_mistakes_are_one_line(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, code=2)
    assert words in result.stderr
    assert "Traceback" not in result.stderr
