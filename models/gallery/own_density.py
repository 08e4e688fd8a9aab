"""How dense a gallery's own photos lie: what has to be divided out of its neighbours, or they say where photos are and not where this one is."""

from __future__ import annotations

import contextlib
import math
import zipfile
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from geo.cells import KEY_ORDER, Cells, Ints, keys_at, order_of_side
from geo.prior import photo_density
from geo.sphere import Floats, destination
from models.gallery.catalogue import NamedGallery
from models.model_folder import replaced

_ORDER = 10
"""Photos are counted in cells of this order (6.4 km)."""
_POINTS = 128
_FILE = "density.npz"
_PRIOR_PHOTOS = 50.0
"""The gallery's density is mixed with as many photos spread as the photo prior, so that a lone photo does not outweigh a city."""


def around_km(sigma_km: float) -> float:
    """Side of the cell that stands for a kernel where only a mean around a point is needed: three standard deviations."""
    return 3.0 * sigma_km


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
        """Share of the photo prior, 0 to 1, in cells of 400 km that hold a photo of the gallery."""
        level = 4
        cells = Cells.of(np.full(12 * 4**level, level), np.arange(12 * 4**level))
        prior = photo_density(cells.lat, cells.lon, cells.side_km)
        return float(prior[np.unique(self.ipix >> (2 * (_ORDER - level)))].sum() / prior.sum())

    def at(self, lat: Floats, lon: Floats, sigma_km: float) -> Floats:
        """Density [n] of photos around points relative to that of a uniform Earth, smoothed by a kernel of `sigma_km` (128 points of equal
        weight stand for it), mixed with the photo prior as the weight of 50 photos."""
        rank = np.arange(_POINTS)
        radius_km = min(sigma_km, 2000.0) * np.sqrt(-2.0 * np.log1p(-(rank + 0.5) / _POINTS))
        around = destination(lat[:, None], lon[:, None], np.degrees(rank * math.pi * (3.0 - math.sqrt(5.0))), radius_km)
        level = min(int(order_of_side(sigma_km)), _ORDER)
        cell = keys_at(*around) >> (2 * (KEY_ORDER - level))
        first, last = (np.searchsorted(self.ipix, (cell + step) << (2 * (_ORDER - level))) for step in (0, 1))
        own = (self._running[last] - self._running[first]).mean(axis=1) * (12.0 * 4.0**level)
        prior = photo_density(lat, lon, np.full(len(lat), around_km(sigma_km)))
        return np.asarray((own + _PRIOR_PHOTOS * prior) / (self.total + _PRIOR_PHOTOS))


def own_density(gallery: NamedGallery) -> OwnDensity:
    """Of a gallery; counted once and kept in its folder until the number of rows changes."""
    path, count = gallery.folder / _FILE, gallery.store.count()
    with (
        contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError),
        np.load(path, allow_pickle=False) as data,
    ):
        known = OwnDensity(data["ipix"].astype(np.int64), data["photos"].astype(np.int64))
        if known.total == count and len(known.ipix) == len(known.photos):
            return known
    lat, lon = _points(gallery)
    density = OwnDensity.of_points(lat, lon)
    with contextlib.suppress(OSError), replaced(path) as temporary, temporary.open("wb") as file:
        np.savez(file, ipix=density.ipix, photos=density.photos)
    return density


def _points(gallery: NamedGallery) -> tuple[Floats, Floats]:
    """Places [n] of all rows; a store that keeps them in columns is asked for those."""
    columns = getattr(gallery.store, "points", None)
    if columns is not None:
        lat, lon = columns()
        return np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
    places = [(row.lat, row.lon) for rows, _ in gallery.store.scan() for row in rows]
    both = np.array(places, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
