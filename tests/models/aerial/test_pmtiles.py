"""PMTiles archives, well made and not."""

from __future__ import annotations

import gzip
import itertools
import struct

import pytest

from models.aerial.ground import image_at
from models.aerial.open_ground import open_ground
from models.aerial.pmtiles import PmTiles, tile_id
from models.aerial.web_mercator import from_pixel
from tests.models.aerial.test_tiles import COLOURS, corners, four

HEADER = struct.Struct("<7sB11Q6B4iB2i")


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def directory(entries):
    """Entries (id, run, length, offset) by rising id, as the format writes them."""
    ids = [entry[0] for entry in entries]
    steps = [b - a for a, b in zip([0, *ids], ids, strict=False)]
    columns = [steps, *([entry[n] for entry in entries] for n in (1, 2)), [entry[3] + 1 for entry in entries]]
    return number(len(entries)) + b"".join(number(value) for column in columns for value in column)


def archive(path, tiles, leaves=False, kind=2, packed=2, tiles_packed=1, version=3, zooms=(0, 16)):
    """Write tiles {(zoom, x, y): bytes} to one file, its entries in the root or in two leaves."""
    entries, body = [], b""
    for at, key in sorted((tile_id(*key), key) for key in tiles):
        data = gzip.compress(tiles[key]) if tiles_packed == 2 else tiles[key]
        entries.append((at, 1, len(data), len(body)))
        body += data
    pack = gzip.compress if packed == 2 else bytes
    leaf, root = b"", directory(entries)
    if leaves:
        halves = [entries[: len(entries) // 2], entries[len(entries) // 2 :]]
        parts = [pack(directory(half)) for half in halves]
        leaf = b"".join(parts)
        root = directory([(halves[0][0][0], 0, len(parts[0]), 0), (halves[1][0][0], 0, len(parts[1]), len(parts[0]))])
    root = pack(root)
    at = HEADER.size
    head = HEADER.pack(b"PMTiles", version, at, len(root), 0, 0, at + len(root), len(leaf), at + len(root) + len(leaf), len(body), len(tiles), len(tiles),
                       len(tiles), 1, packed, tiles_packed, kind, *zooms, 0, 0, 0, 0, 0, 0, 0)  # fmt: skip
    path.write_bytes(head + root + leaf + body)
    return path


def test_numbers_of_tiles_as_the_format_says():
    assert [tile_id(0, 0, 0), tile_id(1, 0, 0), tile_id(1, 0, 1), tile_id(1, 1, 1), tile_id(1, 1, 0), tile_id(2, 0, 0)] == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]
    assert tile_id(12, 3423, 1763) == 19_078_479
    assert sorted(tile_id(5, x, y) for x in range(32) for y in range(32)) == list(range(341, 341 + 1024))
    along = [place for _, place in sorted((tile_id(5, x, y), (x, y)) for x in range(32) for y in range(32))]
    assert all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in itertools.pairwise(along))
    with pytest.raises(ValueError, match="no such tile"):
        tile_id(3, 8, 0)


@pytest.mark.parametrize("options", [{}, {"leaves": True}, {"packed": 1}, {"tiles_packed": 2, "leaves": True}])
def test_the_four_tiles_lie_as_on_a_map(tmp_path, options):
    tiles = {(16, x, y): data for (x, y), data in four(33_000, 23_000).items()}
    ground = open_ground(archive(tmp_path / "map.pmtiles", tiles, **options))
    lat, lon = (float(v) for v in from_pixel(33_001 * 256, 23_001 * 256, 16))
    patch = image_at(ground, lat, lon, 200.0, 64)
    assert corners(patch) == list(COLOURS.values())
    assert patch.missing == 0
    source = PmTiles(tmp_path / "map.pmtiles")
    assert source.read(16, 1, 1) is None
    assert source.read(17, 1, 1) is None
    assert source.read(16, -1, 1) is None


def test_a_run_is_one_picture_for_many_tiles(tmp_path):
    path = archive(tmp_path / "sea.pmtiles", {(1, 0, 0): b"sea"}, packed=1)
    data = bytearray(path.read_bytes())
    data[HEADER.size : HEADER.size + 5] = directory([(1, 4, 3, 0)])
    path.write_bytes(data)
    assert [PmTiles(path).read(1, x, y) for x in (0, 1) for y in (0, 1)] == [b"sea"] * 4
    assert PmTiles(path).read(0, 0, 0) is None
    assert PmTiles(path).read(2, 0, 0) is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"kind": 1}, "another format"),
        ({"version": 2}, "version 3"),
        ({"packed": 3}, "another way than gzip"),
        ({"tiles_packed": 4}, "another way than gzip"),
        ({"zooms": (9, 3)}, "no tiles"),
    ],
)
def test_archives_that_are_refused(tmp_path, options, reason):
    with pytest.raises(ValueError, match=rf"map\.pmtiles: .*{reason}"):
        open_ground(archive(tmp_path / "map.pmtiles", {(0, 0, 0): b"x"}, **options))


@pytest.mark.parametrize("length", [0, 7, 100, 126, 130])
def test_archives_that_are_cut_short(tmp_path, length):
    path = archive(tmp_path / "map.pmtiles", {(0, 0, 0): b"x" * 50})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"map\.pmtiles: is cut short"):
        open_ground(path)


def hostile(path, root, packed=1, leaf=b"", body=b"x", leaf_long=None):
    at = HEADER.size
    head = HEADER.pack(b"PMTiles", 3, at, len(root), 0, 0, at + len(root), len(leaf) if leaf_long is None else leaf_long, at + len(root) + len(leaf), len(body),
                       1, 1, 1, 1, packed, 1, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0)  # fmt: skip
    path.write_bytes(head + root + leaf + body)
    return path


@pytest.mark.parametrize(
    "root",
    [
        b"",
        number(10**9),
        number(3) + b"\x01",
        b"\x80" * 30,
        number(1) + number(0) + number(1) + number(1) + number(0),
        directory([(0, 1, 1, 10**6)]),
        directory([(0, 1, 2**60, 0)]),
        directory([(0, 0, 5, 10**9)]),
        directory([(0, 0, 0, 0)]),
    ],
)
def test_directories_that_lie(tmp_path, root):
    with pytest.raises(ValueError, match=r"map\.pmtiles: "):
        PmTiles(hostile(tmp_path / "map.pmtiles", root)).read(0, 0, 0)


def test_directories_in_circles_and_bombs(tmp_path):
    leaf = directory([(0, 0, 5, 0)])
    assert len(leaf) == 5
    with pytest.raises(ValueError, match="in circles"):
        PmTiles(hostile(tmp_path / "map.pmtiles", leaf, leaf=leaf)).read(0, 0, 0)
    with pytest.raises(ValueError, match="unpacks to too much"):
        PmTiles(hostile(tmp_path / "map.pmtiles", gzip.compress(b"\0" * 40_000_000), packed=2))
    with pytest.raises(ValueError, match="cannot be unpacked"):
        PmTiles(hostile(tmp_path / "map.pmtiles", b"no gzip at all", packed=2))
