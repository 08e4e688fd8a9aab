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
from tests.tools.loopback import loopback, reply

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
    ee, en, nn = answer["covariance_m2"]
    assert min(ee, nn) > 0
    assert en * en <= ee * nn
    assert 0 < answer["belief_within_a_patch"] <= 1
    assert answer["map_date"] is None
    assert feature["properties"] == answer
    told = run("locate", frame, *options)
    assert told.stdout.startswith(f"{answer['lat']:.6f}, ")
    assert "1 of 1 frames, " in told.stderr


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
    points = json.loads((tmp_path / "f.geojson").read_text())["features"]
    assert len(points) == 8
    assert points[-1]["properties"]["covariance_m2"] == [
        float(rows[-1][key]) for key in ("east_east_m2", "east_north_m2", "north_north_m2")
    ]


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


@pytest.fixture(scope="module")
def two_dates(tmp_path_factory, index, area):
    folder = tmp_path_factory.mktemp("dates")
    DRAWN.write_tiles(folder / "autumn", "autumn", Light(220.0, 12.0, 0.85, 0.1), 1)
    maps = ("--tiles", index.parent / "tiles", "--date", "2023-07", "--tiles", folder / "autumn", "--date", "2024-10-05")
    done = run("index", *maps, "--area", area, "--metres", 300, "--spacing", 100, "--calibrate", 0, "--into", folder / "map.npz")
    assert done.stdout.startswith("128 patches of 300 m every 100 m on 2 dates, 0 without a picture")
    return folder / "map.npz"


def test_the_date_that_matched_is_told_and_can_be_chosen(two_dates, middle, tmp_path):
    frame = write_frame(tmp_path / "frame.png", DRAWN.ground("autumn", Light(200.0), year=1), middle)
    options = (frame, "--index", two_dates, "--heading", 0, "--frame-metres", 390, "--scale-error", 0)
    assert json.loads(run("locate", *options, "--json").stdout)["map_date"] == "2024-10-05"
    assert ", map of 2024-10-05)" in run("locate", *options).stdout
    assert json.loads(run("locate", *options, "--json", "--season", "summer").stdout)["map_date"] == "2023-07"
    assert json.loads(run("locate", *options, "--json", "--date", "2025-06").stdout)["map_date"] == "2023-07"
    assert "no layer of the index is from winter" in one_line(run("locate", *options, "--season", "winter", code=2))
    assert "not both" in one_line(run("locate", *options, "--season", "summer", "--date", "2023", code=2))
    assert "is no date" in one_line(run("locate", *options, "--date", "soon", code=2))


def test_dates_and_maps_go_in_pairs(index, area, tmp_path):
    wrong = run(
        "index", index.parent / "tiles", "--date", "2023", "--date", "2024", "--area", area, "--into", tmp_path / "o", code=2
    )
    assert "as many dates as maps" in one_line(wrong)
    assert "name the tiles" in one_line(run("index", "--area", area, "--into", tmp_path / "o", code=2))


def test_an_encoder_is_trained_and_used(index, area, middle, tmp_path):
    tiles, encoder = index.parent / "tiles", tmp_path / "encoder.npz"
    small = ("--area", area, "--metres", 300, "--steps", 1)
    done = run("train", tiles, *small, "--kind", "autoencoder", "--size", "small", "--into", encoder)
    assert done.stdout.startswith("autoencoder: epochs 1, patches 32")
    assert "1 of 1 steps, " in done.stderr
    made = ("--area", area, "--metres", 300, "--spacing", 200, "--calibrate", 0, "--into", tmp_path / "map.npz")
    run("index", tiles, *made, "--descriptor", "autoencoder", "--encoder", encoder)
    frame = write_frame(tmp_path / "frame.png", DRAWN.ground(), middle)
    options = ("locate", frame, "--index", tmp_path / "map.npz", "--heading", 0, "--frame-metres", 390, "--scale-error", 0)
    assert json.loads(run(*options, "--json", "--encoder", encoder).stdout)["lat"]
    assert "needs the file of its encoder (--encoder)" in one_line(run(*options, code=2))
    assert "holds the descriptor autoencoder" in one_line(
        run("index", tiles, *made, "--descriptor", "contrastive", "--encoder", encoder, code=2)
    )
    assert "is learned: give the file" in one_line(run("index", tiles, *made, "--descriptor", "contrastive", code=2))


def test_tiles_by_address_only_when_it_is_said(index, area, middle, tmp_path):
    files = {f"/{path.relative_to(index.parent / 'tiles')}": path for path in (index.parent / "tiles").rglob("*.png")}
    answers = {name: reply(200, path.read_bytes(), "image/png") for name, path in files.items()}
    with loopback(answers) as server:
        address = f"{server.url}/{{z}}/{{x}}/{{y}}.png"
        made = (
            address,
            "--area",
            area,
            "--metres",
            300,
            "--spacing",
            200,
            "--calibrate",
            0,
            "--into",
            tmp_path / "map.npz",
            "--zooms",
            "16-16",
        )
        assert "tiles of zoom 16 from the network; they are fetched with --fetch" in one_line(run("index", *made, code=2))
        assert "whose map it is" in one_line(run("index", *made, "--fetch", code=2))
        assert "more than --most-tiles 3" in one_line(run("index", *made, "--fetch", "--most-tiles", 3, code=2))
        assert server.seen == []
        polite = ("--fetch", "--attribution", "Drawn by code", "--pause", 0, "--cache", tmp_path / "cache")
        assert "map: Drawn by code" in run("index", *made, *polite).stdout
        assert 0 < len(server.seen) <= 36
        asked = len(server.seen)
        run("index", *made, *polite)
        assert len(server.seen) == asked
    frame = write_frame(tmp_path / "frame.png", DRAWN.ground(), middle)
    answer = run(
        "locate", frame, "--index", tmp_path / "map.npz", "--heading", 0, "--frame-metres", 390, "--scale-error", 0, "--json"
    )
    assert json.loads(answer.stdout)["attribution"] == "Drawn by code"
    inside = "http://192.168.1.1/{z}/{x}/{y}.png"
    assert "an address of this network" in one_line(run("index", inside, *made[1:], "--fetch", "--attribution", "x", code=2))
