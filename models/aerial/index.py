"""Vectors of patches on a grid over an area: what frames are compared with. Kept in one file, whole or not at all.

An index holds one layer or several: the same area on other dates. All share the grid, the descriptor and the patch.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from models.aerial.dates import check_date
from models.aerial.descriptors import DESCRIPTORS, Descriptor, descriptor
from models.aerial.ground import Ground, image_at
from models.aerial.web_mercator import Floats, metres_per_degree
from models.model_folder import replaced

VERSION = 2
_OLDER = 1  # one layer without a date
MAX_CELLS = 100_000
MAX_LAYERS = 24
_MOST_NUMBERS = 400_000_000  # of all vectors together, 1.6 GB
_MAX_ARRAY_BYTES = 1_000_000_000
_BATCH = 64
_ARRAYS = ("card", "lat", "lon", "emb", "mean", "seen")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Layer:
    """The area on one date."""

    date: str | None
    """`2023`, `2023-06` or `2023-06-30`; None where it is not known."""
    emb_ND: NDArray[np.float32]
    """[rows · columns, size]: unit vectors, less the mean of the layer; zero where nothing is known."""
    mean_D: NDArray[np.float32]
    seen: NDArray[np.bool_]
    """[rows · columns]: half of the patch or more is known."""

    def embed(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors [n, size] of frames as those of the layer."""
        return _centred(vectors, self.mean_D)


@dataclass(frozen=True)
class AerialIndex:
    """A grid of rows (to the north) and columns (to the east), seen on one date or several."""

    lat: Floats
    """[rows] degrees."""
    lon: Floats
    """[columns] degrees, rising; past 180 where the area crosses the antimeridian."""
    layers: tuple[Layer, ...]
    descriptor: Descriptor
    card: dict[str, Any] = field(hash=False)
    """`descriptor`, `encoder` (digest of a learned one), `metres`, `spacing_m`, `digest` of the patches, `missing` patches a layer, `attribution`,
    `calibration` or None."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.lat), len(self.lon)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """[rows · columns]: known on any date."""
        return np.asarray(np.any([layer.seen for layer in self.layers], axis=0))

    @property
    def dates(self) -> tuple[str | None, ...]:
        """The date of each layer."""
        return tuple(layer.date for layer in self.layers)

    def with_calibration(self, calibration: dict[str, Any]) -> AerialIndex:
        """The same index that knows how its scores are to be read."""
        return replace(self, card={**self.card, "calibration": calibration})

    def save(self, path: Path) -> None:
        """Write one npz file, whole or not at all. Raises OSError."""
        card = {**self.card, "version": VERSION, "dates": list(self.dates), "sha256": _digest(self)}
        with replaced(path) as temporary, temporary.open("wb") as file:
            np.savez(file, card=np.array(json.dumps(card, allow_nan=False)), lat=self.lat, lon=self.lon,
                     emb=np.stack([layer.emb_ND.astype(np.float16) for layer in self.layers]),
                     mean=np.stack([layer.mean_D for layer in self.layers]),
                     seen=np.stack([layer.seen for layer in self.layers]))  # fmt: skip


def build_index(grounds: Ground | Sequence[Ground], box: Box, metres: float, spacing_m: float, kind: str | Descriptor = "orientation",
                progress: Progress = lambda done, total: None, dates: Sequence[str | None] = (), attribution: str = "") -> AerialIndex:  # fmt: skip
    """Vectors of the squares of `metres` every `spacing_m` over a box, for each ground. Raises ValueError where the grid is too large or a ground shows
    nothing of the area."""
    made = descriptor(kind) if isinstance(kind, str) else kind
    several = list(grounds) if isinstance(grounds, Sequence) else [grounds]
    told = [check_date(date) for date in dates] or [None] * len(several)
    lat, lon = grid(box, spacing_m)
    if len(told) != len(several) or not 0 < len(several) <= MAX_LAYERS:
        raise ValueError(f"an index has 1 to {MAX_LAYERS} layers, and as many dates as layers, or none")
    if len(several) * len(lat) * len(lon) * made.size > _MOST_NUMBERS:
        raise ValueError(f"{len(several)} layers of {len(lat) * len(lon)} points are too many; take a larger spacing")
    shown, layers, total = hashlib.sha256(), [], len(several) * len(lat) * len(lon)
    for n, (ground, date) in enumerate(zip(several, told, strict=True)):
        done = n * len(lat) * len(lon)
        layers.append(_layer(ground, date, lat, lon, metres, made, shown, lambda at, done=done: progress(done + at, total)))  # type: ignore[misc]
    card = {"descriptor": made.name, "encoder": made.digest or None, "metres": metres, "spacing_m": spacing_m, "digest": shown.hexdigest(),
            "missing": [int((~layer.seen).sum()) for layer in layers], "attribution": attribution, "calibration": None}  # fmt: skip
    return AerialIndex(lat, lon, tuple(layers), made, card)


def _layer(ground: Ground, date: str | None, lat: Floats, lon: Floats, metres: float, made: Descriptor, shown: Any,
           progress: Callable[[int], None]) -> Layer:  # fmt: skip
    places = [(y, x) for y in lat.tolist() for x in lon.tolist()]
    emb, seen = np.zeros((len(places), made.size), dtype=np.float32), np.zeros(len(places), dtype=bool)
    for at in range(0, len(places), _BATCH):
        patches = [image_at(ground, y, x, metres, made.pixels) for y, x in places[at : at + _BATCH]]
        some = [n for n, patch in enumerate(patches) if patch.known.mean() >= 0.5]
        seen[[at + n for n in some]] = True
        if some:
            emb[[at + n for n in some]] = made.embed_many([(patches[n].rgb, patches[n].known) for n in some])
        for n in some:
            shown.update(patches[n].rgb.tobytes())
        progress(min(at + _BATCH, len(places)))
    if not seen.any():
        raise ValueError(f"the tiles{f' of {date}' if date else ''} show nothing of this area")
    mean = emb[seen].mean(axis=0)
    emb[seen] = _centred(emb[seen], mean)
    return Layer(date, emb.astype(np.float16).astype(np.float32), mean, seen)


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


def load_index(path: Path, encoder: Descriptor | None = None) -> AerialIndex:
    """The index at `path`; one of a learned descriptor needs the very `encoder` that made it. Nothing in it is executed.

    Raises ValueError with one line.
    """
    try:
        if path.stat().st_size > _MAX_ARRAY_BYTES:
            raise ValueError("too large")
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_ARRAY_BYTES:
                raise ValueError("too large")
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in _ARRAYS}
        card = json.loads(str(arrays["card"]))
        kind, digest = str(card["descriptor"]), card.get("encoder")
        index = _checked(arrays, card)
    except FileNotFoundError:
        raise ValueError(f"{path}: is not there") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise ValueError(f"{path}: is no index of aerial patches ({' '.join(str(error).split())[:80]})") from None
    if not digest:
        return index
    if encoder is None or encoder.digest != digest:
        with_what = "needs the file of its encoder" if encoder is None else "was made with another encoder"
        raise ValueError(f"{path}: the descriptor {kind[:40]!r} is learned; this index {with_what} (--encoder)")
    if encoder.size != index.layers[0].emb_ND.shape[1]:
        raise ValueError(f"{path}: does not fit its encoder")
    return replace(index, descriptor=encoder)


def _checked(arrays: dict[str, NDArray[Any]], card: dict[str, Any]) -> AerialIndex:
    """The index of a file whose numbers fit together; a learned descriptor stands in with a name and a size alone. Raises ValueError."""
    version = card.pop("version")
    if version not in {VERSION, _OLDER}:
        raise ValueError("another version")
    if version == _OLDER:
        card |= {"missing": [card["missing"]], "attribution": ""}
        arrays = {**arrays, **{name: arrays[name][None] for name in ("emb", "mean", "seen")}}
    emb, mean, seen, cells = arrays["emb"], arrays["mean"], arrays["seen"], arrays["lat"].size * arrays["lon"].size
    dates = card.pop("dates", [None])
    if card.get("encoder"):
        made = Descriptor(str(card["descriptor"]), emb.shape[-1], _unknown, digest=str(card["encoder"]))
    else:
        made = DESCRIPTORS[str(card["descriptor"])]
    several = len(dates)
    if not 0 < several <= MAX_LAYERS or (emb.shape, mean.shape, seen.shape) != (
        (several, cells, made.size),
        (several, made.size),
        (several, cells),
    ):
        raise ValueError("its parts do not fit together")
    if (
        arrays["lat"].ndim != 1
        or arrays["lon"].ndim != 1
        or not all(np.isfinite(arrays[name]).all() for name in ("lat", "lon", "mean", "emb"))
    ):
        raise ValueError("its numbers are none")
    layers = tuple(Layer(check_date(dates[n]), emb[n].astype(np.float32), mean[n], seen[n]) for n in range(several))
    index = AerialIndex(arrays["lat"], arrays["lon"], layers, made, card)
    if not (float(card["metres"]) > 0 and float(card["spacing_m"]) > 0) or card.pop("sha256") != _digest(index):
        raise ValueError("damaged")
    return index


def _unknown(rgb: Any, known: Any) -> NDArray[np.float32]:
    raise ValueError("the encoder of this index is not loaded")


def _centred(emb: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    less = emb - mean
    return np.asarray(less / np.maximum(np.linalg.norm(less, axis=-1, keepdims=True), 1e-9), dtype=np.float32)


def _digest(index: AerialIndex) -> str:
    digest = hashlib.sha256()
    for part in (index.lat, index.lon):
        digest.update(np.ascontiguousarray(part).tobytes())
    for layer in index.layers:
        for kept in (layer.emb_ND.astype(np.float16), layer.mean_D, layer.seen):
            digest.update(np.ascontiguousarray(kept).tobytes())
    return digest.hexdigest()
