"""The candidate places of an alignment and their vectors: encoded once, kept as a memory-mapped file, asked by one dot product."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.prior import density_under
from geo.sphere import Floats
from models.alignment.local_density import local_density
from models.alignment.location_encoder import BATCH, LocationEncoder
from models.encoders.encoder import Vectors
from models.geolocator import ModelError
from models.model_folder import replaced
from models.training_data import Told, silent

MIN_WIDTH_KM = 5.0
"""A candidate stands for at least this much around it: Fourier features of 12 km say nothing finer."""
MAX_WIDTH_KM = 500.0
_WIDTH = 0.7
"""A kernel's standard deviation in units of the local spacing; kernels of 0.7 on a lattice of 1 add up to a constant within 1 %."""
_QUERY_ROWS = 8192
_IN_MEMORY = 100_000_000
"""Numbers that are widened to 32 bits once and kept, 400 MB; more are widened anew at each query, which is what takes its time."""
MAX_CANDIDATES = 1_000_000


@dataclass(frozen=True, eq=False)
class Candidates:
    """Places [n] that a picture is compared with."""

    lat: Floats
    lon: Floats
    embeddings: NDArray[np.float16]
    """Unit vectors [n, d], often memory-mapped."""
    density: Floats
    """Candidates per km² around each."""

    def __len__(self) -> int:
        return len(self.lat)

    def cosines(self, vector: NDArray[np.floating]) -> Floats:
        """Cosine [n] between each candidate and a unit vector [d]."""
        query = np.asarray(vector, dtype=np.float32)
        if self.embeddings.size <= _IN_MEMORY:
            return (self._wide @ query).astype(np.float64)
        starts = range(0, len(self), _QUERY_ROWS)
        parts = [self.embeddings[start : start + _QUERY_ROWS].astype(np.float32) @ query for start in starts]
        return np.concatenate(parts).astype(np.float64)

    @cached_property
    def _wide(self) -> Vectors:
        return self.embeddings.astype(np.float32)

    @cached_property
    def sigma_km(self) -> Floats:
        """Standard deviation [n] of the kernel that each candidate stands for: 0.7 of the spacing there, within 5 and 500 km."""
        return np.asarray(np.clip(_WIDTH / np.sqrt(self.density), MIN_WIDTH_KM, MAX_WIDTH_KM))

    @cached_property
    def area(self) -> Floats:
        """Importance weight [n]: the area that each stands for, as a share of all. It divides the candidates' own density out."""
        area_km2 = np.minimum(1.0 / self.density, (MAX_WIDTH_KM / _WIDTH) ** 2)
        return np.asarray(area_km2 / area_km2.sum())

    @cached_property
    def prior(self) -> Floats:
        """Photo prior [n] under each candidate's kernel, relative to its mean over the Earth: the mean over points that stand for the kernel."""
        return density_under(self.lat, self.lon, self.sigma_km)


def candidates_of(
    encoder: LocationEncoder, lat: Floats, lon: Floats, folder: Path | None = None, told: Told = silent
) -> Candidates:
    """The places [n] encoded, from the files in `folder` (the user's cache) where they were encoded before.

    Files are named for the digest of weights and coordinates, and written whole or not at all; where the folder cannot be written
    the vectors stay in memory. `told` is called with `{"step": points done, "of": n, "what": "candidates"}`. Raises ModelError for no points, too
    many, or coordinates that make no sense.
    """
    lat, lon = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
    if not 1 <= len(lat) <= MAX_CANDIDATES or len(lat) != len(lon):
        raise ModelError(f"an alignment compares a picture with 1 to {MAX_CANDIDATES:,} places, not {len(lat):,}")
    if not (np.isfinite(lon).all() and (np.abs(lat) <= 90.0).all() and (np.abs(lon) <= 360.0).all()):
        raise ModelError("a candidate's latitude lies between -90 and 90 degrees and its longitude is finite")
    vectors, densities = _files(encoder, lat, lon, folder or cache_folder())
    embeddings = _kept(vectors, (len(lat), encoder.dim), np.float16, lambda: _encoded(encoder, lat, lon, told))
    density = _kept(densities, (len(lat),), np.float64, lambda: local_density(lat, lon))
    return Candidates(lat, lon, embeddings, density)


def drop_other_candidates(encoder: LocationEncoder, lat: Floats, lon: Floats, folder: Path) -> None:
    """Remove the files of other weights or places from a model's folder."""
    keep = _files(encoder, lat, lon, folder)
    for path in (*folder.glob("candidates-*.npy"), *folder.glob("density-*.npy")):
        if path not in keep:
            with contextlib.suppress(OSError):
                path.unlink()


def _files(encoder: LocationEncoder, lat: Floats, lon: Floats, folder: Path) -> tuple[Path, Path]:
    key = hashlib.sha256(encoder.digest.encode() + lat.tobytes() + lon.tobytes()).hexdigest()[:16]
    return folder / f"candidates-{key}.npy", folder / f"density-{key}.npy"


def cache_folder() -> Path:
    """Where vectors of candidates are kept: `$GEOSLEUTH_DATA/cache/alignment`, or the user's cache folder."""
    import platformdirs

    root = os.environ.get("GEOSLEUTH_DATA")
    return (Path(root) / "cache" if root else Path(platformdirs.user_cache_dir("geosleuth"))) / "alignment"


def _encoded(encoder: LocationEncoder, lat: Floats, lon: Floats, told: Told) -> NDArray[np.float16]:
    out = np.empty((len(lat), encoder.dim), dtype=np.float16)
    for start in range(0, len(lat), BATCH):
        some = slice(start, start + BATCH)
        out[some] = encoder(lat[some], lon[some])
        told({"step": min(start + BATCH, len(lat)), "of": len(lat), "what": "candidates"})
    return out


def _kept(path: Path, shape: tuple[int, ...], dtype: Any, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """The array in a file, made and written first where there is none of this shape and type."""
    with contextlib.suppress(OSError, ValueError, EOFError):
        return _mapped(path, shape, dtype)
    array = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        return _mapped(path, shape, dtype)
    except (OSError, ValueError):
        return array


def _mapped(path: Path, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Raises OSError or ValueError for anything but a whole array of this shape and type."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{path} holds something else")
    return array
