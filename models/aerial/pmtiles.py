"""PMTiles archives, version 3, of pictures on this disk: one file, whose directories say where each tile's bytes lie.

Every number of the file is checked against its size before anything is read or unpacked.
Format: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from models.aerial.pictures import MAX_TILE_BYTES
from models.aerial.web_mercator import MAX_ZOOM

_HEADER = struct.Struct("<7sB11Q6B4iB2i")  # 127 bytes
_NONE, _GZIP = 1, 2
_PICTURES = {2: "png", 3: "jpg", 4: "webp"}
_MOST_DIRECTORY = 32_000_000  # bytes, unpacked
_MOST_ENTRIES = 2_000_000
_MOST_DEPTH = 4
_KEPT = 32  # leaf directories


@dataclass(frozen=True)
class Directory:
    """Entries by rising first tile id; a run of 0 points to a leaf directory."""

    ids: list[int]
    runs: list[int]
    lengths: list[int]
    offsets: list[int]


class PmTiles:
    """Raster tiles of one archive, by zoom, x and y from the north. Raises ValueError with one line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = path.stat().st_size
        self._leaves: OrderedDict[tuple[int, int], Directory] = OrderedDict()
        raw = self._bytes(0, _HEADER.size, "header")
        magic, version, *numbers = _HEADER.unpack(raw)
        if magic != b"PMTiles" or version != 3:
            raise self._bad("is no PMTiles archive of version 3")
        root_at, root_long, _, _, self._leaves_at, self._leaves_long, self._tiles_at, self._tiles_long = numbers[:8]
        _, self._packed, self._tiles_packed, kind, low, high = numbers[11:17]
        if kind not in _PICTURES:
            raise self._bad("holds tiles of another format than png, jpg and webp")
        if self._packed not in {_NONE, _GZIP} or self._tiles_packed not in {_NONE, _GZIP}:
            raise self._bad("is packed in another way than gzip")
        if low > high or low > MAX_ZOOM:
            raise self._bad("has no tiles")
        self.zooms = tuple(range(low, min(high, MAX_ZOOM) + 1))
        self._root = self._directory(root_at, root_long)

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """The bytes of a tile, None where there is none."""
        if zoom not in self.zooms or not (0 <= x < 1 << zoom and 0 <= y < 1 << zoom):
            return None
        wanted, directory = tile_id(zoom, x, y), self._root
        for _ in range(_MOST_DEPTH):
            row = bisect_right(directory.ids, wanted) - 1
            if row < 0:
                return None
            run, length, offset = directory.runs[row], directory.lengths[row], directory.offsets[row]
            if run:
                return self._tile(offset, length) if wanted < directory.ids[row] + run else None
            directory = self._leaf(offset, length)
        raise self._bad("has directories that lead in circles")

    def _tile(self, offset: int, length: int) -> bytes:
        if length > MAX_TILE_BYTES:
            raise self._bad(f"a tile has more than {MAX_TILE_BYTES // 1_000_000} million bytes")
        if offset + length > self._tiles_long:
            raise self._bad("a tile lies outside the archive")
        raw = self._bytes(self._tiles_at + offset, length, "tile")
        return self._unpacked(raw, MAX_TILE_BYTES) if self._tiles_packed == _GZIP else raw

    def _leaf(self, offset: int, length: int) -> Directory:
        key = (offset, length)
        if key not in self._leaves:
            if offset + length > self._leaves_long:
                raise self._bad("a directory lies outside the archive")
            self._leaves[key] = self._directory(self._leaves_at + offset, length)
            if len(self._leaves) > _KEPT:
                self._leaves.popitem(last=False)
        self._leaves.move_to_end(key)
        return self._leaves[key]

    def _directory(self, at: int, length: int) -> Directory:
        raw = self._bytes(at, length, "directory")
        data = self._unpacked(raw, _MOST_DIRECTORY) if self._packed == _GZIP else raw
        try:
            return _entries(data)
        except (IndexError, ValueError):
            raise self._bad("has a directory that cannot be read") from None

    def _bytes(self, at: int, length: int, noun: str) -> bytes:
        if length > _MOST_DIRECTORY or at + length > self._size:
            raise self._bad(f"is cut short: its {noun} lies outside the file")
        with self.path.open("rb") as file:
            file.seek(at)
            data = file.read(length)
        if len(data) != length:
            raise self._bad(f"is cut short: its {noun} lies outside the file")
        return data

    def _unpacked(self, raw: bytes, most: int) -> bytes:
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            data = unpack.decompress(raw, most + 1)
        except zlib.error:
            raise self._bad("is damaged: a part of it cannot be unpacked") from None
        if len(data) > most or not unpack.eof:
            raise self._bad("is damaged: a part of it unpacks to too much or is cut short")
        return data

    def _bad(self, reason: str) -> ValueError:
        return ValueError(f"{self.path.name}: {reason}")


def _entries(data: bytes) -> Directory:
    """Columns of variable-length numbers: how many, id steps, runs, lengths, offsets (0: right after the one before, else one more)."""
    at = 0

    def number() -> int:
        nonlocal at
        value, shift = 0, 0
        while shift < 64:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ValueError("a number that never ends")

    count = number()
    if not 0 < count <= min(_MOST_ENTRIES, len(data)):
        raise ValueError("a count that cannot be")
    columns = [[number() for _ in range(count)] for _ in range(4)]
    ids: list[int] = []
    offsets: list[int] = []
    for n in range(count):
        ids.append((ids[-1] if ids else 0) + columns[0][n])
        given = columns[3][n]
        if given == 0 and n == 0:
            raise ValueError("a first entry without an offset")
        offsets.append(given - 1 if given else offsets[-1] + columns[2][n - 1])
    return Directory(ids, columns[1], columns[2], offsets)


def tile_id(zoom: int, x: int, y: int) -> int:
    """The tile's number: all tiles of smaller zooms first, then along the Hilbert curve of this one. (0, 0, 0) is 0."""
    if not (0 <= zoom <= MAX_ZOOM and 0 <= x < 1 << zoom and 0 <= y < 1 << zoom):
        raise ValueError("there is no such tile")
    before, along = ((1 << 2 * zoom) - 1) // 3, 0
    for level in range(zoom - 1, -1, -1):
        right, down = (x >> level) & 1, (y >> level) & 1
        along += ((3 * right) ^ down) << 2 * level
        if not down:  # the quadrants at both ends are turned
            if right:
                x, y = (1 << zoom) - 1 - x, (1 << zoom) - 1 - y
            x, y = y, x
    return before + along
