"""Tiles of web maps on this disk: folders z/x/y.png and MBTiles files, as ground to cut patches from."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np

from models.aerial.ground import Patch, resampled
from models.aerial.pictures import MAX_TILE_BYTES, MAX_TILE_SIDE, Picture, decode, read_bytes
from models.aerial.web_mercator import MAX_ZOOM, TILE_PIXELS, Floats, metres_per_pixel, to_pixel

_MAX_TILES = 400  # of one patch
_CACHED = 256  # tiles, 50 MB
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


class TileSource(Protocol):
    """Bytes of tiles by zoom, x and y (y grows to the south)."""

    zooms: tuple[int, ...]

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """The picture's bytes, None where there is no such tile."""
        ...


class XyzFolder:
    """Tiles as files z/x/y.png (or jpg, webp)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = (path.name for path in folder.iterdir() if path.is_dir())
        self.zooms = tuple(
            sorted(int(n) for n in names if n.isascii() and n.isdigit() and int(n) <= MAX_ZOOM and n == str(int(n)))
        )
        if not self.zooms:
            raise ValueError(f"{folder.name}: has no tiles (z/x/y.png)")

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """The bytes of z/x/y with any of the known endings."""
        for suffix in _SUFFIXES:
            path = self.folder / str(zoom) / str(x) / f"{y}{suffix}"
            if path.is_file():
                return read_bytes(path, MAX_TILE_BYTES)
        return None


class MbTiles:
    """Tiles in one SQLite file (MBTiles 1.3), whose rows are counted from the south."""

    def __init__(self, path: Path) -> None:
        self.path, self._steps = path, 0
        if not path.is_file():
            raise ValueError(f"{path.name}: is not there")
        self._rows = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)
        self._rows.set_progress_handler(self._tick, 1_000_000)
        try:
            found = self._query("SELECT value FROM metadata WHERE name = 'format'", ())
            if found and str(found[0]) not in {"png", "jpg", "jpeg", "webp"}:
                raise ValueError(f"{path.name}: holds tiles of another format than png, jpg and webp")
            # One at a time: only so does SQLite look them up in its index.
            ends = (self._query(f"SELECT {end}(zoom_level) FROM tiles", ()) for end in ("min", "max"))  # noqa: S608 - constants
            low, high = (int(row[0]) for row in ends if row)
        except (TypeError, ValueError) as error:
            self._rows.close()
            raise (error if self.path.name in str(error) else ValueError(f"{path.name}: has no tiles")) from None
        zooms = range(max(low, 0), min(high, MAX_ZOOM) + 1)
        self.zooms = tuple(z for z in zooms if self._query("SELECT 1 FROM tiles WHERE zoom_level = ? LIMIT 1", (z,)))
        if not self.zooms:
            raise ValueError(f"{path.name}: has no tiles")

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """The bytes of a tile; y is counted from the north and turned around here."""
        row = (1 << zoom) - 1 - y
        found = self._query(
            f"SELECT substr(tile_data, 1, {MAX_TILE_BYTES + 1}) FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",  # noqa: S608 - a constant
            (zoom, x, row),
        )
        if found is None or not isinstance(found[0], bytes):
            return None
        if len(found[0]) > MAX_TILE_BYTES:
            raise ValueError(f"{self.path.name}: a tile has more than {MAX_TILE_BYTES // 1_000_000} million bytes")
        return found[0]

    def _tick(self) -> int:
        self._steps += 1
        return int(self._steps > 100)  # `tiles` may be a view that never ends

    def _query(self, text: str, values: tuple[int, ...]) -> tuple[Any, ...] | None:
        self._steps = 0
        try:
            row = self._rows.execute(text, values).fetchone()
        except sqlite3.Error as error:
            raise ValueError(f"{self.path.name}: is not MBTiles that can be read ({str(error)[:80]})") from None
        return None if row is None else tuple(row)


class TileGround:
    """Tiles as ground. Those that are missing or damaged are masked and counted, once each."""

    def __init__(self, source: TileSource) -> None:
        self.source = source
        self.missing: set[tuple[int, int, int]] = set()
        self._cache: OrderedDict[tuple[int, int, int], Picture | None] = OrderedDict()

    def sample(self, lat: Floats, lon: Floats, metres_per_pixel: float) -> Patch:
        """Colours at points, from the coarsest tiles that are fine enough. Raises ValueError where that takes too many."""
        zoom = self._zoom(float(lat.mean()), metres_per_pixel)
        x, y = to_pixel(lat, lon, zoom)
        left, right = (int(v // TILE_PIXELS) for v in (x.min() - 1, x.max() + 1))
        top, bottom = (int(v // TILE_PIXELS) for v in (y.min() - 1, y.max() + 1))
        if (right - left + 1) * (bottom - top + 1) > _MAX_TILES:
            raise ValueError(f"the patch takes more than {_MAX_TILES} tiles; there are none at a coarser zoom than {zoom}")
        mosaic = np.zeros(((bottom - top + 1) * TILE_PIXELS, (right - left + 1) * TILE_PIXELS, 3), dtype=np.uint8)
        known, missing = np.zeros(mosaic.shape[:2], dtype=bool), 0
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                tile = self._tile(zoom, column % (1 << zoom), row)
                part = (slice((row - top) * 256, (row - top + 1) * 256), slice((column - left) * 256, (column - left + 1) * 256))
                if tile is None:
                    missing += 1
                else:
                    mosaic[part], known[part] = tile, True
        east, _ = _pixel(float(lat.mean()), zoom)
        shrink = max(int(metres_per_pixel / east), 1)
        rgb, sure = resampled(mosaic, known, x - left * TILE_PIXELS, y - top * TILE_PIXELS, shrink)
        return Patch(rgb, sure, missing)

    def _zoom(self, lat: float, wanted_m: float) -> int:
        fine = [z for z in self.source.zooms if _pixel(lat, z)[0] <= wanted_m * 1.01]
        return min(fine) if fine else max(self.source.zooms)

    def _tile(self, zoom: int, x: int, y: int) -> Picture | None:
        key = (zoom, x, y)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        tile = self._decoded(zoom, x, y) if 0 <= y < 1 << zoom else None
        if tile is None:
            self.missing.add(key)
        self._cache[key] = tile
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return tile

    def _decoded(self, zoom: int, x: int, y: int) -> Picture | None:
        import cv2

        data = self.source.read(zoom, x, y)
        if data is None:
            return None
        try:
            tile = decode(data, MAX_TILE_SIDE**2)
        except ValueError:
            return None
        return tile if tile.shape[:2] == (256, 256) else np.asarray(cv2.resize(tile, (256, 256), interpolation=cv2.INTER_AREA))


def _pixel(lat: float, zoom: int) -> tuple[float, float]:
    east, north = metres_per_pixel(lat, zoom)
    return float(east), float(north)
