"""HEALPix cells of mixed orders, nested scheme (Górski et al. 2005): equal areas, each splitting into four."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import healpix
import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.sphere import EARTH_AREA_KM2, Floats, unit_vectors, wrap_lon

Ints = NDArray[np.int64]

BASE_ORDER = 6
MAX_ORDER = 14
KEY_ORDER = 29
"""The finest order that 64-bit indices hold; keys count its cells, so that keys of every order compare."""
RUN = 64
"""Neighbouring rows are grouped in runs of this many; a run lies within a small cap, which prunes far kernels."""


_SIDES_KM = math.sqrt(EARTH_AREA_KM2 / 12.0) / 2.0 ** np.arange(KEY_ORDER + 1)


def side_km(order: Ints | int) -> Floats:
    """Side of the square with a cell's area: 101.9 km at order 6, 0.40 km at order 14."""
    return np.asarray(_SIDES_KM[order])


def order_of_side(cell_km: ArrayLike) -> Ints:
    """The order whose cells have about this side; at most `KEY_ORDER`."""
    ratio = float(side_km(0)) / np.maximum(np.asarray(cell_km, dtype=np.float64), 1e-6)
    return np.asarray(np.clip(np.rint(np.log2(ratio)), 0, KEY_ORDER), dtype=np.int64)


def keys_at(lat: ArrayLike, lon: ArrayLike) -> Ints:
    """Key of each point [...]: its nested index at `KEY_ORDER`. Shifted right by 2·(KEY_ORDER − order) it is that of its cell."""
    lat = np.clip(np.asarray(lat, dtype=np.float64), -90.0, 90.0)
    return np.asarray(healpix.ang2pix(1 << KEY_ORDER, np.asarray(lon), lat, nest=True, lonlat=True), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells [n] that do not overlap: their orders, nested indices and centres in degrees."""

    order: Ints
    ipix: Ints
    lat: Floats
    lon: Floats

    @classmethod
    def of(cls, order: Ints, ipix: Ints) -> Cells:
        """The cells with these orders and nested indices."""
        lat, lon = np.empty(len(ipix)), np.empty(len(ipix))
        for level in np.flatnonzero(np.bincount(order)):
            rows = order == level
            lon[rows], lat[rows] = healpix.pix2ang(1 << int(level), ipix[rows], nest=True, lonlat=True)
        return cls(order, ipix, lat, wrap_lon(lon))

    @classmethod
    def joined(cls, parts: Sequence[Cells], rows: NDArray[np.intp]) -> Cells:
        """The rows, counted through all parts, as one."""
        whole = cls(*(np.concatenate([getattr(part, name) for part in parts])[rows] for name in ("order", "ipix", "lat", "lon")))
        whole.__dict__["vectors"] = np.concatenate([part.vectors for part in parts])[rows]
        return whole

    def __len__(self) -> int:
        return len(self.ipix)

    @property
    def side_km(self) -> Floats:
        return side_km(self.order)

    @property
    def area_km2(self) -> Floats:
        return np.asarray(self.side_km**2)

    @cached_property
    def vectors(self) -> Floats:
        """Unit vectors [n, 3] of the centres."""
        return unit_vectors(self.lat, self.lon)

    @cached_property
    def keys(self) -> Ints:
        """The first key of each cell; a cell holds the 4^(KEY_ORDER − order) keys from there."""
        return np.asarray(self.ipix << (2 * (KEY_ORDER - self.order)))

    @cached_property
    def runs(self) -> tuple[Floats, Floats]:
        """A cap around each run of `RUN` rows: its centre [m, 3] and its radius [m] in radians, which covers the centres."""
        starts = np.arange(0, len(self), RUN)
        middle = np.add.reduceat(self.vectors, starts, axis=0)
        length = np.linalg.norm(middle, axis=1, keepdims=True)
        middle = np.where(length > 1e-9, middle / np.maximum(length, 1e-9), [0.0, 0.0, 1.0])
        dots = np.einsum("ij,ij->i", self.vectors, np.repeat(middle, RUN, axis=0)[: len(self)])
        return middle, np.arccos(np.clip(np.minimum.reduceat(dots, starts), -1.0, 1.0)) + 1e-7

    @cached_property
    def run_parts(self) -> tuple[Floats, Floats, Floats, Floats]:
        """x, y and z of the centres and side² in km², each [m, RUN] with the last row repeated at the end of the last run."""
        rows = np.minimum(np.arange(-(-len(self) // RUN) * RUN), len(self) - 1)
        x, y, z, area = (column[rows].reshape(-1, RUN) for column in (*self.vectors.T, self.area_km2))
        return x, y, z, area

    @cached_property
    def _by_key(self) -> NDArray[np.intp] | None:
        """The rows in the order of their keys; None where they stand so already."""
        return None if bool((self.keys[1:] > self.keys[:-1]).all()) else np.argsort(self.keys, kind="stable")

    def rows_of(self, keys: Ints) -> NDArray[np.intp]:
        """The row of the cell that holds each key [...], -1 where none does."""
        if not len(self):
            return np.full(np.shape(keys), -1)
        in_order = self.keys if self._by_key is None else self.keys[self._by_key]
        place = np.searchsorted(in_order, keys, side="right") - 1
        row = np.maximum(place, 0) if self._by_key is None else self._by_key[np.maximum(place, 0)]
        inside = (place >= 0) & ((keys >> (2 * (KEY_ORDER - self.order[row]))) == self.ipix[row])
        return np.asarray(np.where(inside, row, -1))

    def rows_at(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.intp]:
        """The row of the cell that holds each point [...], -1 where none does."""
        return self.rows_of(keys_at(lat, lon))

    def children(self, rows: NDArray[np.intp] | NDArray[np.int64]) -> Cells:
        """The four children of each of the cells `rows`, [4·rows]."""
        order = np.repeat(self.order[rows] + 1, 4)
        return Cells.of(order, (self.ipix[rows, None] * 4 + np.arange(4)).ravel())

    def uniq(self) -> Ints:
        """The NUNIQ index of each cell, 4·4^order + ipix (IVOA MOC 2.0, section 4.3.1)."""
        return np.asarray(4 * 4**self.order + self.ipix)


@cache
def base_cells() -> Cells:
    """The 49,152 cells of order 6 that cover the Earth."""
    ipix = np.arange(12 * 4**BASE_ORDER, dtype=np.int64)
    return Cells.of(np.full(len(ipix), BASE_ORDER, dtype=np.int64), ipix)


def merged(order: Ints, ipix: Ints) -> tuple[Ints, Ints]:
    """The same area with every complete set of four siblings replaced by its parent."""
    kept: list[tuple[Ints, Ints]] = []
    for level in range(int(order.max(initial=0)), -1, -1):
        here = np.unique(ipix[order == level])
        parents, counts = np.unique(here // 4, return_counts=True)
        whole = parents[counts == 4] if level > 0 else parents[:0]
        alone = here[~np.isin(here // 4, whole)]
        kept.append((np.full(len(alone), level, dtype=np.int64), alone))
        order, ipix = order[order != level], ipix[order != level]
        order = np.concatenate([order, np.full(len(whole), level - 1, dtype=np.int64)])
        ipix = np.concatenate([ipix, whole])
    return np.concatenate([k[0] for k in kept]), np.concatenate([k[1] for k in kept])


def outlines(order: Ints, ipix: Ints, points_per_side: int = 1) -> tuple[Floats, Floats]:
    """Boundary points [n, 4·points_per_side] of cells, latitude and longitude in degrees, counter-clockwise from the south.

    Longitudes of one cell run on without a jump, so they may leave [-180, 180].
    """
    step = np.arange(points_per_side) / points_per_side
    zero, one = np.zeros_like(step), np.ones_like(step)
    u = np.concatenate([step, one, 1 - step, zero])
    v = np.concatenate([zero, step, one, 1 - step])
    face, x, y = _face_xy(order, ipix)
    scale = 1.0 / 2.0 ** order.astype(np.float64)
    lat, lon = _face_to_lat_lon(face[:, None], (x[:, None] + u) * scale[:, None], (y[:, None] + v) * scale[:, None])
    _, centre_lon = _face_to_lat_lon(face, (x + 0.5) * scale, (y + 0.5) * scale)
    lon = centre_lon[:, None] + wrap_lon(lon - centre_lon[:, None])
    at_pole = np.abs(lat) > 90.0 - 1e-9
    return lat, np.where(at_pole, centre_lon[:, None], lon)


def _face_xy(order: Ints, ipix: Ints) -> tuple[Ints, Floats, Floats]:
    """Base face and the integer position on it: the even bits of a nested index are x, the odd ones y."""
    face = ipix >> (2 * order)
    within = ipix & ((1 << (2 * order)) - 1)
    x, y = np.zeros_like(within), np.zeros_like(within)
    for bit in range(int(order.max(initial=0)) + 1):
        x |= ((within >> (2 * bit)) & 1) << bit
        y |= ((within >> (2 * bit + 1)) & 1) << bit
    return face, x.astype(np.float64), y.astype(np.float64)


_RING = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])
_COLUMN = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])


def _face_to_lat_lon(face: Ints, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The HEALPix projection: a position in [0, 1]² on a base face to degrees (Górski et al. 2005, equations 4 to 9)."""
    ring = _RING[face] - x - y
    cap = np.where(ring < 1, ring, np.where(ring > 3, 4 - ring, 1.0))
    z = np.where(ring < 1, 1 - cap**2 / 3, np.where(ring > 3, cap**2 / 3 - 1, (2 - ring) * 2 / 3))
    column = (_COLUMN[face] * cap + x - y) % 8.0
    lon = np.where(cap < 1e-12, 0.0, 45.0 * column / np.maximum(cap, 1e-12))
    return np.degrees(np.arcsin(np.clip(z, -1, 1))), lon
