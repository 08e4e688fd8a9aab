"""Codes of tiles on a grid over an area, from a tile store. Kept in one file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from models.aerial.ground import Ground, image_at
from models.aerial.web_mercator import Floats, east_north_m, metres_per_degree
from models.crossview.model import CrossView
from models.crossview.reader import Around
from models.geolocator import ModelError
from models.model_folder import replaced

VERSION = 1
MAX_TILES = 400_000
MAX_AREA_KM2 = 400.0
_MAX_BYTES = 3_000_000_000
_ARRAYS = ("card", "lat", "lon", "codes", "seen")
_BLOCK_M = 700.0
_PIXEL_M = 0.9


@dataclass(frozen=True, eq=False)
class TileIndex:
    """A grid of rows (to the north) and columns (to the east)."""

    lat: Floats
    """[rows] degrees."""
    lon: Floats
    """[columns] degrees, rising; past 180 where the area crosses the antimeridian."""
    codes: NDArray[np.float16]
    """[rows · columns, headings, dim]; zeros where nothing is known."""
    seen: NDArray[np.bool_]
    """[rows · columns]: three quarters of what lies around the point are known."""
    card: dict[str, Any] = field(hash=False)
    """`model_digest`, `radius_m`, `spacing_m`, `tiles` (path of the store), `model` (its folder)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.lat), len(self.lon)

    @property
    def spacing_m(self) -> float:
        """Metres between tiles."""
        return float(self.card["spacing_m"])

    @property
    def box(self) -> Box:
        """From the first tile's middle to the last one's."""
        return Box(float(self.lat[0]), _wrapped(self.lon[0]), float(self.lat[-1]), _wrapped(self.lon[-1]))

    def points(self) -> tuple[Floats, Floats]:
        """Latitude and longitude [rows · columns] of the tiles."""
        lats, lons = np.meshgrid(self.lat, self.lon, indexing="ij")
        return lats.ravel(), lons.ravel()

    def save(self, path: Path) -> None:
        """Write one npz file, whole or not at all. Raises OSError."""
        card = {**self.card, "version": VERSION, "sha256": _digest(self)}
        with replaced(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                card=np.array(json.dumps(card, allow_nan=False)),
                lat=self.lat,
                lon=self.lon,
                codes=self.codes,
                seen=self.seen,
            )


def area_km2(box: Box) -> float:
    """Of a box on the ellipsoid, good to a per cent below some hundred km."""
    east, north = (float(v) for v in metres_per_degree((box.south + box.north) / 2))
    return (box.north - box.south) * north * ((box.east - box.west) % 360.0) * east / 1e6


def grid(box: Box, spacing_m: float) -> tuple[Floats, Floats]:
    """Latitudes and longitudes of tiles every `spacing_m`, centred in the box. Raises ModelError where they are too many."""
    if not (math.isfinite(spacing_m) and spacing_m >= 1):
        raise ModelError("the spacing is one metre or more")
    size = area_km2(box)
    if size > MAX_AREA_KM2:
        raise ModelError(f"the area has {size:,.0f} km²; at most {MAX_AREA_KM2:g} km² are indexed")
    east, north = (float(v) for v in metres_per_degree((box.south + box.north) / 2))
    width = (box.east - box.west) % 360.0
    rows, columns = int((box.north - box.south) * north / spacing_m) + 1, int(width * east / spacing_m) + 1
    if rows * columns > MAX_TILES:
        raise ModelError(
            f"the area has {rows * columns:,} tiles every {spacing_m:g} m; at most {MAX_TILES:,} are indexed: take a larger spacing"
        )
    up, right = (((np.arange(n) - (n - 1) / 2) * spacing_m).astype(np.float64) for n in (rows, columns))
    return (box.south + box.north) / 2 + up / north, box.west + width / 2 + right / east


def build_index(model: CrossView, ground: Ground, box: Box, spacing_m: float, names: tuple[str, str] = ("", ""),
                progress: Callable[[int, int], None] = lambda done, total: None) -> TileIndex:  # fmt: skip
    """Codes over a box; `names` are the paths of the store and of the model. Raises ModelError where nothing is known there."""
    lat, lon = grid(box, spacing_m)
    codes = np.zeros((len(lat) * len(lon), model.reader.headings, model.reader.dim), dtype=np.float16)
    seen = np.zeros(len(codes), dtype=bool)
    side = max(int(_BLOCK_M / spacing_m), 1)
    done = 0
    for row in range(0, len(lat), side):
        for column in range(0, len(lon), side):
            lats, lons = np.meshgrid(lat[row : row + side], lon[column : column + side], indexing="ij")
            at = ((np.arange(row, row + lats.shape[0]) * len(lon))[:, None] + np.arange(column, column + lats.shape[1])).ravel()
            around, known = surroundings(ground, lats.ravel(), lons.ravel(), model.radius_m)
            seen[at] = known
            codes[at[known]] = model.reader.above(
                [one for one, there in zip(around, known, strict=True) if there], model.radius_m
            )
            done += len(at)
            progress(done, len(codes))
    if not seen.any():
        raise ModelError("the tiles show nothing of this area")
    card = {
        "model_digest": model.digest,
        "radius_m": model.radius_m,
        "spacing_m": float(spacing_m),
        "tiles": names[0],
        "model": names[1],
    }
    return TileIndex(lat, lon, codes, seen, card)


def surroundings(ground: Ground, lats: Floats, lons: Floats, radius_m: float) -> tuple[list[Around], NDArray[np.bool_]]:
    """What lies around points [n] that are close together, cut from one picture; which of them are three quarters known."""
    lat, lon = float(lats.mean()), float(lons.mean())
    east, north = east_north_m(lat, lon, lats, lons)
    half = float(max(np.abs(east).max(), np.abs(north).max())) + radius_m + 2.0
    pixels = min(max(math.ceil(2 * half / _PIXEL_M), 16), 4096)
    patch = image_at(ground, lat, lon, 2 * half, pixels)
    metres = 2 * half / pixels
    rings = radius_m * np.sqrt((np.arange(6) + 0.5) / 6)
    angles = np.radians(np.arange(24) * 15.0)
    x = (half + east[:, None] + (rings[:, None] * np.sin(angles)).ravel()) / metres
    y = (half - north[:, None] - (rings[:, None] * np.cos(angles)).ravel()) / metres
    known = patch.known[y.astype(np.intp).clip(0, pixels - 1), x.astype(np.intp).clip(0, pixels - 1)].mean(axis=1) >= 0.75
    return [Around(patch.rgb, metres, float(e), float(n), patch.known) for e, n in zip(east, north, strict=True)], known


def load_index(path: Path) -> TileIndex:
    """The index at `path`. Nothing in it is executed. Raises ModelError with one line."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_BYTES:
                raise ValueError("too large")
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in _ARRAYS}
        index = TileIndex(arrays["lat"], arrays["lon"], arrays["codes"], arrays["seen"], json.loads(str(arrays["card"])))
        _check(index)
    except FileNotFoundError:
        raise ModelError(f"{path}: is not there") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise ModelError(f"{path}: is no cross-view index ({' '.join(str(error).split())[:80]})") from None
    return index


def _check(index: TileIndex) -> None:
    card, n = index.card, len(index.lat) * len(index.lon)
    if card.get("version") != VERSION:
        raise ValueError("another version")
    if index.lat.ndim != 1 or index.lon.ndim != 1 or index.codes.ndim != 3 or len(index.codes) != n or index.seen.shape != (n,):
        raise ValueError("its parts do not fit together")
    if index.codes.dtype != np.float16 or index.seen.dtype != np.bool_ or not 0 < n <= MAX_TILES:
        raise ValueError("its parts do not fit together")
    if not all(np.isfinite(part).all() for part in (index.lat, index.lon, index.codes)) or not index.seen.any():
        raise ValueError("its numbers are none")
    if not all(isinstance(card[key], str) for key in ("model_digest", "tiles", "model")):
        raise ValueError("its card is none")
    if not all(math.isfinite(float(card[key])) and float(card[key]) > 0 for key in ("radius_m", "spacing_m")) or card.pop(
        "sha256"
    ) != _digest(index):
        raise ValueError("damaged")


def _digest(index: TileIndex) -> str:
    digest = hashlib.sha256()
    for part in (index.lat, index.lon, index.codes, index.seen):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _wrapped(lon: float) -> float:
    return (float(lon) + 180.0) % 360.0 - 180.0
