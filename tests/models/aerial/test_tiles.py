"""Patches from folders, MBTiles and pictures; hostile ones too."""

from __future__ import annotations

import io
import sqlite3
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from models.aerial.geo_image import open_image, read_world_file
from models.aerial.ground import image_at
from models.aerial.open_ground import open_ground
from models.aerial.pictures import decode
from models.aerial.web_mercator import from_pixel, metres_per_degree, to_pixel

COLOURS = {(0, 0): (250, 0, 0), (1, 0): (0, 250, 0), (0, 1): (0, 0, 250), (1, 1): (250, 250, 0)}


def png(colour, size=256):
    out = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(out, "PNG")
    return out.getvalue()


def write_xyz(folder, zoom, tiles):
    for (x, y), data in tiles.items():
        (folder / str(zoom) / str(x)).mkdir(parents=True, exist_ok=True)
        (folder / str(zoom) / str(x) / f"{y}.png").write_bytes(data)
    return folder


def write_mbtiles(path, zoom, tiles):
    rows = sqlite3.connect(path)
    rows.execute("CREATE TABLE metadata (name text, value text)")
    rows.execute("CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
    rows.execute("INSERT INTO metadata VALUES ('format', 'png')")
    for (x, y), data in tiles.items():
        rows.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", (zoom, x, (1 << zoom) - 1 - y, data))
    rows.commit()
    rows.close()
    return path


def four(x0, y0):
    return {(x0 + x, y0 + y): png(colour) for (x, y), colour in COLOURS.items()}


def corners(patch):
    """Colours of top left, top right, bottom left, bottom right."""
    last = len(patch.rgb) - 1
    return [tuple(patch.rgb[y, x].tolist()) for y in (0, last) for x in (0, last)]


@pytest.mark.parametrize("kind", ["xyz", "mbtiles"])
def test_the_four_tiles_lie_as_on_a_map(tmp_path, kind):
    tiles = four(33_000, 23_000)
    ground = open_ground(
        write_xyz(tmp_path / "t", 16, tiles) if kind == "xyz" else write_mbtiles(tmp_path / "t.mbtiles", 16, tiles)
    )
    lat, lon = (float(v) for v in from_pixel(33_001 * 256, 23_001 * 256, 16))
    patch = image_at(ground, lat, lon, 200.0, 64)
    assert corners(patch) == list(COLOURS.values())
    assert patch.known.all()
    assert patch.missing == 0


def test_a_turned_patch_has_its_heading_at_the_top(tmp_path):
    ground = open_ground(write_xyz(tmp_path, 16, four(33_000, 23_000)))
    lat, lon = (float(v) for v in from_pixel(33_001 * 256, 23_001 * 256, 16))
    red, green, blue, yellow = COLOURS.values()
    assert corners(image_at(ground, lat, lon, 200.0, 64, 90.0)) == [green, yellow, red, blue]
    assert corners(image_at(ground, lat, lon, 200.0, 64, 180.0)) == [yellow, blue, green, red]


def test_a_patch_is_as_wide_as_it_was_asked_to_be(tmp_path):
    """At 60° a tile is half as wide as its number at the equator says."""
    x, y = (int(v // 256) for v in to_pixel(60.0, 10.0, 16))
    ground = open_ground(
        write_xyz(
            tmp_path,
            16,
            {(x + i, y + j): png((250, 0, 0) if i == 0 else (0, 0, 0)) for i in (-1, 0, 1) for j in (-2, -1, 0, 1, 2)},
        )
    )
    lat, lon = (float(v) for v in from_pixel((x + 0.5) * 256, (y + 0.5) * 256, 16))
    patch = image_at(ground, lat, lon, 600.0, 600)
    width_m = (patch.rgb[300, :, 0] > 125).sum()
    degrees = 360.0 / (1 << 16)
    assert width_m == pytest.approx(degrees * float(metres_per_degree(lat)[0]), abs=2)


def test_a_patch_goes_across_the_antimeridian(tmp_path):
    _, y = (int(v // 256) for v in to_pixel(10.0, 0.0, 16))
    ground = open_ground(write_xyz(tmp_path, 16, {(65_535, y): png((250, 0, 0)), (0, y): png((0, 250, 0))}))
    lat = float(from_pixel(0, (y + 0.5) * 256, 16)[0])
    for lon in (180.0, -180.0):
        patch = image_at(ground, lat, lon, 200.0, 32)
        assert corners(patch) == [(250, 0, 0), (0, 250, 0)] * 2


def test_missing_and_damaged_tiles_are_masked_and_counted(tmp_path):
    tiles = four(33_000, 23_000)
    del tiles[33_000, 23_000]
    tiles[33_001, 23_000] = b"\x89PNG\r\n\x1a\nnothing"
    ground = open_ground(write_xyz(tmp_path, 16, tiles))
    lat, lon = (float(v) for v in from_pixel(33_001 * 256, 23_001 * 256, 16))
    patch = image_at(ground, lat, lon, 200.0, 64)
    assert (patch.missing, len(ground.missing)) == (2, 2)
    assert not patch.known[:31].any()
    assert patch.known[33:].all()
    assert not patch.rgb[0].any()


def test_coarse_patches_take_coarse_tiles_and_refuse_too_many(tmp_path):
    ground = open_ground(write_xyz(write_xyz(tmp_path, 16, four(33_000, 23_000)), 14, {(8250, 5750): png((9, 9, 9))}))
    lat, lon = (float(v) for v in from_pixel(8250.5 * 256, 5750.5 * 256, 14))
    assert tuple(image_at(ground, lat, lon, 800.0, 64).rgb[32, 32]) == (9, 9, 9)
    with pytest.raises(ValueError, match="more than 400 tiles"):
        image_at(open_ground(write_xyz(tmp_path / "fine", 20, {(1, 1): png((0, 0, 0))})), 0.0, 0.0, 5000.0, 64)


@pytest.mark.parametrize(("lat", "metres"), [(86.0, 100.0), (0.0, 50_000.0), (float("nan"), 100.0), (0.0, float("nan"))])
def test_patches_that_cannot_be_cut(tmp_path, lat, metres):
    with pytest.raises(ValueError, match="patches"):
        image_at(open_ground(write_xyz(tmp_path, 0, {(0, 0): png((0, 0, 0))})), lat, 0.0, metres)


def half_red(path, **options):
    rgb = np.zeros((200, 400, 3), np.uint8)
    rgb[:, :200] = (250, 0, 0)
    Image.fromarray(rgb).save(path, **options)


@pytest.mark.parametrize("system", [4326, 3857])
def test_a_picture_with_a_world_file(tmp_path, system):
    half_red(tmp_path / "map.png")
    if system == 4326:
        numbers = (1e-5, 0, 0, -1e-5, 5.0 + 0.5e-5, 45.0 - 0.5e-5)
        lat, lon = 45.0 - 100e-5, 5.0 + 200e-5
    else:
        numbers = (1.0, 0, 0, -1.0, 600_000.5, 5_599_999.5)
        lat, lon = (
            float(v)
            for v in from_pixel((600_200 / 20_037_508.342789244 + 1) * 128, (1 - 5_599_900 / 20_037_508.342789244) * 128, 0)
        )
    (tmp_path / "map.pgw").write_text("\n".join(map(str, numbers)))
    patch = image_at(open_ground(tmp_path / "map.png"), lat, lon, 100.0, 100)
    assert patch.known.all()
    assert (patch.rgb[:, :49, 0] > 200).all()
    assert (patch.rgb[:, 51:, 0] < 50).all()
    far = image_at(open_ground(tmp_path / "map.png"), lat + 1, lon, 100.0, 100)
    assert not far.known.any()


@pytest.mark.parametrize(("west", "lon"), [(-180, 100), (-180, -100), (170, -170), (-190, 175)])
def test_a_picture_may_be_as_wide_as_the_world_or_cross_the_antimeridian(tmp_path, west, lon):
    half_red(tmp_path / "map.png")
    step = 0.9 if west == -180 else 0.1
    (tmp_path / "map.pgw").write_text(f"{step} 0 0 {-step} {west} {90 * step}")
    inside = 0 <= (lon - west) % 360 < 400 * step
    patch = image_at(open_ground(tmp_path / "map.png"), 0.0, lon, 1000.0, 16)
    assert patch.known.all() == inside


def geotiff(path, changes=()):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    values = {
        33550: (1e-5, 1e-5, 0.0),
        33922: (0.0, 0.0, 0.0, 5.0, 45.0, 0.0),
        34735: (1, 1, 0, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326),
        **dict(changes),
    }
    for tag, value in values.items():
        if value is not None:
            tags[tag], tags.tagtype[tag] = value, 3 if tag == 34735 else 12
    half_red(path, tiffinfo=tags)
    return path


def test_a_simple_geotiff(tmp_path):
    patch = image_at(open_ground(geotiff(tmp_path / "map.tif")), 45.0 - 100e-5, 5.0 + 200e-5, 100.0, 100)
    assert patch.known.all()
    assert (patch.rgb[:, :49, 0] > 200).all()
    assert (patch.rgb[:, 51:, 0] < 50).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({33550: None}, "says nowhere where it lies"),
        ({34735: (1, 1, 0, 1, 3072, 0, 1, 32631)}, "EPSG 32631"),
        ({34735: None}, "EPSG unknown"),
        ({33550: (0.0, 0.0, 0.0)}, "no map"),
        ({33922: (0.0,) * 12}, "more than one tie point"),
    ],
)
def test_geotiffs_that_are_refused_with_one_line(tmp_path, changes, reason):
    with pytest.raises(ValueError, match=reason) as error:
        open_image(geotiff(tmp_path / "map.tif", changes))
    assert "map.tif" in str(error.value)
    assert "\n" not in str(error.value)


def bomb():
    """A PNG of 40,000 × 40,000 pixels in a hundred bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    with pytest.raises(ValueError, match="pixels"):
        decode(bomb())
    (tmp_path / "map.png").write_bytes(bomb())
    (tmp_path / "map.pgw").write_text("1e-5 0 0 -1e-5 5 45")
    with pytest.raises(ValueError, match=r"map\.png: has"):
        open_ground(tmp_path / "map.png")
    ground = open_ground(write_xyz(tmp_path / "t", 16, {(33_000, 23_000): bomb()}))
    lat, lon = (float(v) for v in from_pixel(33_000.5 * 256, 23_000.5 * 256, 16))
    assert image_at(ground, lat, lon, 50.0, 16).missing == 1


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"rubbish" * 100, b"no database at all"])
def test_broken_mbtiles(tmp_path, content):
    (tmp_path / "map.mbtiles").write_bytes(content)
    with pytest.raises(ValueError, match=r"map\.mbtiles: ") as error:
        open_ground(tmp_path / "map.mbtiles")
    assert "\n" not in str(error.value)


def test_mbtiles_whose_tiles_never_end_or_are_no_pictures(tmp_path):
    rows = sqlite3.connect(tmp_path / "loop.mbtiles")
    rows.execute("CREATE TABLE metadata (name text, value text)")
    rows.execute(
        "CREATE VIEW tiles AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS zoom_level, 0 AS tile_column, 0 AS tile_row, 'x' AS tile_data FROM n"
    )
    rows.commit()
    rows.close()
    with pytest.raises(ValueError, match=r"loop\.mbtiles: "):
        open_ground(tmp_path / "loop.mbtiles")
    rows = sqlite3.connect(write_mbtiles(tmp_path / "v.mbtiles", 3, {(0, 0): b"x"}))
    rows.execute("UPDATE metadata SET value = 'pbf'")
    rows.commit()
    rows.close()
    with pytest.raises(ValueError, match="another format"):
        open_ground(tmp_path / "v.mbtiles")


@pytest.mark.parametrize("text", ["", "1 2 3", "1 0 0 nan 5 45", "0 0 0 0 0 0", "a b c d e f", "1e300 0 0 -1e300 0 0"])
def test_world_files_that_are_none(tmp_path, text):
    (tmp_path / "map.pgw").write_text(text)
    with pytest.raises(ValueError, match=r"six numbers|no map"):
        read_world_file(tmp_path / "map.pgw")


def test_what_is_no_ground(tmp_path):
    with pytest.raises(ValueError, match="is not there"):
        open_ground(tmp_path / "nothing.png")
    with pytest.raises(ValueError, match="has no tiles"):
        open_ground(tmp_path)
    half_red(tmp_path / "plain.png")
    with pytest.raises(ValueError, match="says nowhere where it lies"):
        open_ground(tmp_path / "plain.png")
