"""How dense a gallery's own photos lie: what has to be divided out of its neighbours, or they say where photos are and not where this one is."""

from __future__ import annotations

import contextlib
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from geo.cells import KEY_ORDER, Cells, Ints, keys_at, order_of_side
from geo.kernels import KernelSet
from geo.prior import density_under, photo_density
from geo.sphere import Floats
from models.gallery.catalogue import NamedGallery
from models.model_folder import replaced

_ORDER = 10
"""Photos are counted in cells of this order (6.4 km)."""
_FILE = "density.npz"
_COVERING_PHOTOS = 5.0
_PRIOR_PHOTOS = 50.0
"""The gallery's density is mixed with as many photos spread as the photo prior, so that a lone photo does not outweigh a city."""


@dataclass(frozen=True, eq=False)
class OwnDensity:
    """Photos of a gallery counted on cells of the Earth."""

    ipix: Ints
    """Cells [c] of order 10 that hold any, sorted."""
    photos: Ints
    """How many each holds."""

    @classmethod
    def of_points(cls, lat: Floats, lon: Floats) -> OwnDensity:
        """Of photos at points [n]."""
        ipix, photos = np.unique(keys_at(lat, lon) >> (2 * (KEY_ORDER - _ORDER)), return_counts=True)
        return cls(ipix, photos.astype(np.int64))

    @property
    def total(self) -> int:
        return int(self.photos.sum())

    @cached_property
    def _running(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.photos)])

    @cached_property
    def coverage(self) -> float:
        """Share of the photo prior, 0 to 1, that the gallery covers: a cell of 400 km counts n / (n + 5) with n photos in it."""
        level = 4
        cells = Cells.of(np.full(12 * 4**level, level), np.arange(12 * 4**level))
        prior = photo_density(cells.lat, cells.lon, cells.side_km)
        photos = np.bincount(self.ipix >> (2 * (_ORDER - level)), weights=self.photos, minlength=len(prior))
        return float((prior * photos / (photos + _COVERING_PHOTOS)).sum() / prior.sum())

    def at(self, lat: Floats, lon: Floats, sigma_km: float) -> Floats:
        """Density [n] of photos around points relative to that of a uniform Earth, smoothed by a kernel of `sigma_km` (the points of
        `KernelSet.spread_keys` stand for it), mixed with the photo prior as the weight of 50 photos."""
        level = min(int(order_of_side(sigma_km)), _ORDER)
        keys = KernelSet(lat, lon, np.full(len(lat), sigma_km), np.ones(len(lat))).spread_keys
        cell = keys >> (2 * (KEY_ORDER - level))
        first, last = (np.searchsorted(self.ipix, (cell + step) << (2 * (_ORDER - level))) for step in (0, 1))
        own = (self._running[last] - self._running[first]).mean(axis=1) * (12.0 * 4.0**level)
        prior = density_under(lat, lon, sigma_km)
        return np.asarray((own + _PRIOR_PHOTOS * prior) / (self.total + _PRIOR_PHOTOS))


def forget_density(folder: Path) -> None:
    """Say that the gallery in `folder` is about to change. Raises OSError."""
    (folder / _FILE).unlink(missing_ok=True)


def own_density(gallery: NamedGallery) -> OwnDensity:
    """Of a gallery; counted once and kept in its folder until something is written into it (`forget_density`)."""
    path, count = gallery.folder / _FILE, gallery.store.count()
    with (
        contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError),
        np.load(path, allow_pickle=False) as data,
    ):
        known = OwnDensity(data["ipix"].astype(np.int64), data["photos"].astype(np.int64))
        if known.total == count and len(known.ipix) == len(known.photos):
            return known
    density = OwnDensity.of_points(*gallery.store.points())
    with contextlib.suppress(OSError), replaced(path) as temporary, temporary.open("wb") as file:
        np.savez(file, ipix=density.ipix, photos=density.photos)
    return density
