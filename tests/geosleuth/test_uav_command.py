"""`geosleuth uav` as a person or a script calls it."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from evals.drawn_ground import DrawnGround, Light
from geosleuth.uav_command import uav
from models.aerial.ground import image_at
from models.aerial.web_mercator import east_north_m, moved

DRAWN = DrawnGround(45.0, 5.0, 16, 4, 1)


def run(*args, code=0):
    result = CliRunner().invoke(uav, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


def one_line(result):
    [line] = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    return line


@pytest.fixture(scope="module")
def middle():
    south, west, north, east = DRAWN.box
    return (south + north) / 2, (west + east) / 2


@pytest.fixture(scope="module")
def area(middle):
    lat, lon = moved(*middle, [-400, 400], [-400, 400])
    return f"{lat[0]},{lon[0]},{lat[1]},{lon[1]}"


@pytest.fixture(scope="module")
def index(tmp_path_factory, area):
    folder = tmp_path_factory.mktemp("uav")
    DRAWN.write_tiles(folder / "tiles")
    done = run(
        "index",
        folder / "tiles",
        "--area",
        area,
        "--heading-error",
        10,
        "--metres",
        300,
        "--calibrate",
        20,
        "--into",
        folder / "map.npz",
    )
    assert done.stdout.startswith("256 patches of 300 m every 50 m, 0 without a picture, 0 tiles missing")
    assert "confidence above" in done.stdout
    assert "256 of 256 patches, " in done.stderr
    return folder / "map.npz"


@pytest.fixture(scope="module")
def spring():
    return DRAWN.ground("spring", Light(200.0), year=2)


def write_frame(path, ground, place):
    Image.fromarray(image_at(ground, *place, 390.0, 200).rgb).save(path)
    return path


def test_a_frame_is_located(index, spring, middle, tmp_path):
    place = tuple(float(v) for v in moved(*middle, 130, -90))
    frame, out = write_frame(tmp_path / "frame.png", spring, place), tmp_path / "place.geojson"
    options = ("--index", index, "--heading", 0, "--frame-metres", 390, "--scale-error", 0)
    answer = json.loads(run("locate", frame, *options, "--json", "--geojson", out).stdout)
    assert np.hypot(*east_north_m(*place, answer["lat"], answer["lon"])) <= 50
    assert answer["sure"] is True
    assert answer["confidence"] > answer["threshold"] >= 1
    [feature] = json.loads(out.read_text())["features"]
    assert feature["geometry"]["coordinates"] == [answer["lon"], answer["lat"]]
    assert run("locate", frame, *options).stdout.startswith(f"{answer['lat']:.6f}, ")


def test_a_frame_from_elsewhere_is_not(index, middle, tmp_path):
    frame = write_frame(tmp_path / "frame.png", DrawnGround(45.0, 5.0, 16, 4, 77).ground(), middle)
    text = run("locate", frame, "--index", index, "--heading", 0, "--frame-metres", 390, "--scale-error", 0).stdout
    assert text.startswith("I do not know (confidence 1.")


def test_a_flight_is_followed_over_a_frame_that_cannot_be_read(index, spring, middle, tmp_path):
    places = [tuple(float(v) for v in moved(*middle, -300 + 60 * n, 50)) for n in range(8)]
    for n, place in enumerate(places):
        write_frame(tmp_path / f"{n:03}.png", spring, place)
    (tmp_path / "004.png").write_bytes(b"rubbish")
    options = (
        "--index",
        index,
        "--heading",
        0,
        "--frame-metres",
        390,
        "--scale-error",
        0,
        "--speed",
        20,
        "--every",
        3,
        "--course",
        90,
    )
    done = run("track", tmp_path, *options)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["seen"] for row in rows] == list("11110111")
    assert np.hypot(*east_north_m(*places[-1], float(rows[-1]["lat"]), float(rows[-1]["lon"]))) <= 50
    assert "8 of 8 frames, " in done.stderr
    assert "1 of 8 frames cannot be read" in done.stderr
    run("track", tmp_path, *options, "--csv", tmp_path / "f.csv", "--geojson", tmp_path / "f.geojson")
    assert (tmp_path / "f.csv").read_text() == done.stdout
    assert len(json.loads((tmp_path / "f.geojson").read_text())["features"]) == 8


def test_errors_are_one_line(index, area, tmp_path):
    (tmp_path / "frame.png").write_bytes(b"rubbish")
    assert "frame.png: is not a picture" in one_line(run("locate", tmp_path / "frame.png", "--index", index, code=2))
    assert "is no index" in one_line(run("locate", tmp_path / "frame.png", "--index", tmp_path / "frame.png", code=2))
    assert "frame.png: says nowhere" in one_line(_plain(tmp_path, area))
    assert "the area is a box" in one_line(run("index", tmp_path, "--area", "FR", "--into", tmp_path / "o", code=2))
    assert "has no tiles" in one_line(run("index", tmp_path, "--area", area, "--into", tmp_path / "o", code=2))
    assert "is no folder" in one_line(run("index", tmp_path, "--area", area, "--into", tmp_path / "none" / "o", code=2))
    (tmp_path / "empty").mkdir()
    assert "has 0 pictures" in one_line(run("track", tmp_path / "empty", "--index", index, "--speed", 5, code=2))
    assert not (tmp_path / "o").exists()


def _plain(tmp_path, area):
    Image.new("RGB", (50, 50)).save(tmp_path / "frame.png")
    return run("index", tmp_path / "frame.png", "--area", area, "--into", tmp_path / "o", code=2)
