"""Tiles of a web map, from a real server on loopback."""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import replace

import pytest
from PIL import Image

from models.aerial.ground import image_at
from models.aerial.tiles import TileGround
from models.aerial.web_mercator import from_pixel
from tests.tools.loopback import loopback, reply
from tools.aerial_tiles import TileError, TileLimits, UrlTiles, check_template, is_template, tiles_in, zoom_for

OURS = "© Loopback Maps"


def png(colour):
    out = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(out, "PNG")
    return out.getvalue()


def tile(colour=(250, 0, 0), media_type="image/png"):
    return reply(200, png(colour), media_type)


def source(server, folder, **options):
    waits = options.pop("waits", [])
    limits = TileLimits(**{"pause_s": 0.0, "tries": 3, "timeout_s": 5.0, **options.pop("limits", {})})
    return UrlTiles(f"{server.url}/{{z}}/{{x}}/{{y}}.png?key=secret", OURS, folder, limits=limits, loopback_ports=frozenset({server.port}),
                    sleep=waits.append, user_agent="geosleuth-test/1", **options)  # fmt: skip


def test_tiles_are_fetched_once_and_kept(tmp_path):
    with loopback({"/16/33000/23000.png": tile()}) as server:
        tiles = source(server, tmp_path)
        assert tiles.read(16, 33_000, 23_000) == png((250, 0, 0))
        assert tiles.read(16, 33_000, 23_001) is None
        again = source(server, tmp_path)
        assert again.read(16, 33_000, 23_000) == png((250, 0, 0))
        assert again.read(16, 33_000, 23_001) is None
        assert (tiles.fetched, again.fetched) == (2, 0)
        assert [path for path, _ in server.seen] == ["/16/33000/23000.png?key=secret", "/16/33000/23001.png?key=secret"]
        assert {headers["user-agent"] for _, headers in server.seen} == {"geosleuth-test/1"}
    [about] = tmp_path.rglob("about.json")
    assert json.loads(about.read_text()) == {"host": "127.0.0.1", "attribution": OURS}
    assert not any("secret" in str(path) or b"secret" in path.read_bytes() for path in tmp_path.rglob("*.*"))


def test_a_patch_is_cut_from_fetched_tiles(tmp_path):
    with loopback({"/16/33000/23000.png": tile(), "/16/33001/23000.png": tile((0, 250, 0))}) as server:
        ground = TileGround(source(server, tmp_path, zooms=(16,)))
        lat, lon = (float(v) for v in from_pixel(33_001 * 256, 23_000.5 * 256, 16))
        patch = image_at(ground, lat, lon, 100.0, 32)
    assert patch.known.all()
    assert tuple(patch.rgb[16, 0]) == (250, 0, 0)
    assert tuple(patch.rgb[16, 31]) == (0, 250, 0)


def test_old_tiles_are_fetched_again(tmp_path):
    with loopback({"/1/0/0.png": tile()}) as server:
        source(server, tmp_path).read(1, 0, 0)
        [kept] = tmp_path.rglob("*.tile")
        os.utime(kept, (time.time() - 1e9,) * 2)
        assert source(server, tmp_path).read(1, 0, 0) == png((250, 0, 0))
        assert len(server.seen) == 2


def test_a_busy_server_is_asked_again_as_late_as_it_says(tmp_path):
    answers = [reply(503, "busy", Retry_After="7"), reply(429, "slow down", Retry_After="100000"), tile()]
    waits: list[float] = []
    with loopback({"/1/0/0.png": lambda handler: answers.pop(0)(handler)}) as server:
        assert source(server, tmp_path, waits=waits).read(1, 0, 0) == png((250, 0, 0))
    assert waits == [7.0, 60.0]


def test_a_server_that_stays_busy_is_given_up(tmp_path):
    with loopback({"/1/0/0.png": reply(500, "no")}) as server:
        with pytest.raises(TileError, match=r"^127\.0\.0\.1 answered with status 500, 3 times$"):
            source(server, tmp_path).read(1, 0, 0)
        assert len(server.seen) == 3
    assert not list(tmp_path.rglob("*.tile"))


def test_requests_keep_their_distance(tmp_path):
    waits: list[float] = []
    with loopback({"/1/0/0.png": tile(), "/1/0/1.png": tile()}) as server:
        tiles = source(server, tmp_path, waits=waits, limits={"pause_s": 30.0})
        tiles.read(1, 0, 0)
        tiles.read(1, 0, 1)
        tiles.read(1, 0, 0)
    assert len(waits) == 1
    assert 25 < waits[0] <= 30


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(403, "no"), "answered with status 403"),
        (reply(200, "<html>", "text/html"), "sent text/html instead of a picture"),
        (reply(200, b"x" * 200_000, "image/png"), "more than 0.1 million bytes"),
        (reply(302, "", Location="http://169.254.169.254/latest"), "leads to an address of this network"),
        (reply(302, "", Location="file:///etc/passwd"), "only http and https"),
        (reply(302, ""), "only http and https"),
    ],
)
def test_answers_that_are_no_tiles(tmp_path, answer, reason):
    with loopback({"/1/0/0.png": answer}) as server:
        with pytest.raises(TileError, match=reason) as error:
            source(server, tmp_path, limits={"most_bytes": 100_000}).read(1, 0, 0)
        assert "secret" not in str(error.value)
        assert "\n" not in str(error.value)


def test_a_redirect_within_the_server_is_followed(tmp_path):
    with loopback({"/1/0/0.png": reply(302, "", Location="/moved.png"), "/moved.png": tile()}) as server:
        assert source(server, tmp_path).read(1, 0, 0) == png((250, 0, 0))


def test_limits_of_tiles_and_of_what_is_kept(tmp_path):
    with loopback({f"/1/0/{y}.png": tile() for y in (0, 1)}) as server:
        tiles = source(server, tmp_path, limits={"most_tiles": 1, "most_kept_bytes": 10})
        tiles.read(1, 0, 0)
        with pytest.raises(TileError, match="more than 1 tiles would be fetched"):
            tiles.read(1, 0, 1)
    assert not list(tmp_path.rglob("*.tile"))


@pytest.mark.parametrize(
    "template",
    [
        "https://example.org/{z}/{x}.png",
        "https://example.org/{z}/{x}/{y}/{y}.png",
        "https://{z}.example.org/{z}/{x}/{y}.png",
        "https://{s}.example.org/{z}/{x}/{y}.png",
        "https://localhost/{z}/{x}/{y}.png",
        "http://127.0.0.1/{z}/{x}/{y}.png",
        "http://10.0.0.1/{z}/{x}/{y}.png",
        "http://169.254.169.254/{z}/{x}/{y}",
        "https://user:word@example.org/{z}/{x}/{y}.png",
        "https://example.org:8080/{z}/{x}/{y}.png",
        "ftp://example.org/{z}/{x}/{y}.png",
        "/etc/{z}/{x}/{y}",
    ],
)
def test_addresses_that_are_not_fetched(template):
    with pytest.raises(TileError):
        check_template(template)


def test_a_name_that_leads_inside_is_refused(tmp_path):
    tiles = UrlTiles("https://tiles.example.org/{z}/{x}/{y}.png", OURS, tmp_path, resolve=lambda host, port: ["127.0.0.1"])
    with pytest.raises(TileError, match="leads to this machine"):
        tiles.read(0, 0, 0)


def test_what_a_source_must_say(tmp_path):
    with pytest.raises(TileError, match="whose map"):
        UrlTiles("https://example.org/{z}/{x}/{y}.png", " ", tmp_path)
    with pytest.raises(TileError, match="zooms"):
        UrlTiles("https://example.org/{z}/{x}/{y}.png", OURS, tmp_path, zooms=(40,))
    (tmp_path / "file").write_text("")
    with pytest.raises(TileError, match="cannot be kept"):
        UrlTiles("https://example.org/{z}/{x}/{y}.png", OURS, tmp_path / "file")
    assert is_template("HTTPS://example.org/{z}/{x}/{y}.png")
    assert not is_template("https/tiles")


def test_how_many_tiles_an_area_takes():
    assert tiles_in(-85, -180, 85, 179.9, 2) == 16
    assert tiles_in(10.0, 179.9, 10.1, -179.9, 8) == 2  # across the antimeridian
    assert zoom_for(1.7, 45.0, range(20)) == 16
    assert zoom_for(0.01, 45.0, range(20)) == 19
    assert replace(TileLimits(), tries=1).tries == 1
