"""Vectors of patches on a grid over an area: what frames are compared with. Kept in one file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from models.aerial.descriptors import PATCH_PIXELS, descriptor
from models.aerial.ground import Ground, image_at
from models.aerial.web_mercator import Floats, metres_per_degree
from models.model_folder import replaced

VERSION = 1
MAX_CELLS = 100_000
_MAX_ARRAY_BYTES = 1_000_000_000
_ARRAYS = ("card", "lat", "lon", "emb", "mean", "seen")


@dataclass(frozen=True)
class AerialIndex:
    """A grid of rows (to the north) and columns (to the east)."""

    lat: Floats
    """[rows] degrees."""
    lon: Floats
    """[columns] degrees, rising; past 180 where the area crosses the antimeridian."""
    emb_ND: NDArray[np.float32]
    """[rows · columns, size]: unit vectors, less the mean of the area; zero where nothing is known."""
    mean_D: NDArray[np.float32]
    seen: NDArray[np.bool_]
    """[rows · columns]: half of the patch or more is known."""
    card: dict[str, Any] = field(hash=False)
    """`descriptor`, `metres`, `spacing_m`, `digest` of the patches, `missing` patches, `calibration` or None."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.lat), len(self.lon)

    def embed(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors [n, size] of frames as those of the index."""
        return _centred(vectors, self.mean_D)

    def with_calibration(self, calibration: dict[str, Any]) -> AerialIndex:
        """The same index that knows how its scores are to be read."""
        return replace(self, card={**self.card, "calibration": calibration})

    def save(self, path: Path) -> None:
        """Write one npz file, whole or not at all. Raises OSError."""
        card = {**self.card, "version": VERSION, "sha256": _digest(self)}
        with replaced(path) as temporary, temporary.open("wb") as file:
            np.savez(file, card=np.array(json.dumps(card, allow_nan=False)), lat=self.lat, lon=self.lon,
                     emb=self.emb_ND.astype(np.float16), mean=self.mean_D, seen=self.seen)  # fmt: skip


def build_index(ground: Ground, box: Box, metres: float, spacing_m: float, kind: str = "orientation",
                progress: Callable[[int, int], None] = lambda done, total: None) -> AerialIndex:  # fmt: skip
    """Vectors of the squares of `metres` every `spacing_m` over a box. Raises ValueError where the grid is too large or nothing is known."""
    lat, lon = grid(box, spacing_m)
    embed, shown = descriptor(kind).embed, hashlib.sha256()
    emb = np.zeros((len(lat) * len(lon), descriptor(kind).size), dtype=np.float32)
    seen = np.zeros(len(emb), dtype=bool)
    for n, (y, x) in enumerate((y, x) for y in lat.tolist() for x in lon.tolist()):
        patch = image_at(ground, y, x, metres, PATCH_PIXELS)
        seen[n] = patch.known.mean() >= 0.5
        if seen[n]:
            emb[n] = embed(patch.rgb, patch.known)
            shown.update(patch.rgb.tobytes())
        progress(n + 1, len(emb))
    if not seen.any():
        raise ValueError("the tiles show nothing of this area")
    mean = emb[seen].mean(axis=0)
    emb[seen] = _centred(emb[seen], mean)
    card = {"descriptor": kind, "metres": metres, "spacing_m": spacing_m, "digest": shown.hexdigest(), "missing": int((~seen).sum()),
            "calibration": None}  # fmt: skip
    return AerialIndex(lat, lon, emb.astype(np.float16).astype(np.float32), mean, seen, card)


def grid(box: Box, spacing_m: float) -> tuple[Floats, Floats]:
    """Latitudes and longitudes of the points every `spacing_m`, centred in the box. Raises ValueError where they are too many."""
    if not spacing_m > 0:
        raise ValueError("the spacing is a length in metres")
    east, north = (float(v) for v in metres_per_degree((box.south + box.north) / 2))
    width = (box.east - box.west) % 360.0
    rows, columns = int((box.north - box.south) * north / spacing_m) + 1, int(width * east / spacing_m) + 1
    if rows * columns > MAX_CELLS:
        raise ValueError(f"the area has {rows * columns} points every {spacing_m:g} m; at most {MAX_CELLS} are indexed")
    up, right = (((np.arange(n) - (n - 1) / 2) * spacing_m).astype(np.float64) for n in (rows, columns))
    return (box.south + box.north) / 2 + up / north, box.west + width / 2 + right / east


def load_index(path: Path) -> AerialIndex:
    """The index at `path`. Nothing in it is executed. Raises ValueError with one line."""
    try:
        if path.stat().st_size > _MAX_ARRAY_BYTES:
            raise ValueError("too large")
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_ARRAY_BYTES:
                raise ValueError("too large")
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in _ARRAYS}
        card = json.loads(str(arrays["card"]))
        emb = arrays["emb"].astype(np.float32)
        index = AerialIndex(arrays["lat"], arrays["lon"], emb, arrays["mean"], arrays["seen"], card)
        _check(index)
    except FileNotFoundError:
        raise ValueError(f"{path}: is not there") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise ValueError(f"{path}: is no index of aerial patches ({' '.join(str(error).split())[:80]})") from None
    return index


def _check(index: AerialIndex) -> None:
    card, (rows, columns) = index.card, index.shape
    if card.get("version") != VERSION:
        raise ValueError("another version")
    size = descriptor(str(card["descriptor"])).size
    if index.emb_ND.shape != (rows * columns, size) or index.mean_D.shape != (size,) or index.seen.shape != (rows * columns,):
        raise ValueError("its parts do not fit together")
    if index.lat.ndim != 1 or not all(np.isfinite(part).all() for part in (index.lat, index.lon, index.mean_D, index.emb_ND)):
        raise ValueError("its numbers are none")
    if not (float(card["metres"]) > 0 and float(card["spacing_m"]) > 0) or card.pop("sha256") != _digest(index):
        raise ValueError("damaged")


def _centred(emb: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    less = emb - mean
    return np.asarray(less / np.maximum(np.linalg.norm(less, axis=-1, keepdims=True), 1e-9), dtype=np.float32)


def _digest(index: AerialIndex) -> str:
    parts = (index.lat, index.lon, index.emb_ND.astype(np.float16), index.mean_D, index.seen)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
