"""HEALPix cells of mixed orders, nested scheme (Górski et al. 2005): equal areas, each splitting into four."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import healpix
import numpy as np
from numpy.typing import NDArray

from geo.sphere import EARTH_AREA_KM2, Floats, wrap_lon

Ints = NDArray[np.int64]

BASE_ORDER = 6
MAX_ORDER = 14


def side_km(order: Ints | int) -> Floats:
    """Side of the square with a cell's area: 91.6 km at order 6, 0.36 km at order 14."""
    return np.asarray(math.sqrt(EARTH_AREA_KM2 / 12.0) / 2.0 ** np.asarray(order, dtype=np.float64))


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
        for level in np.unique(order):
            rows = order == level
            lon[rows], lat[rows] = healpix.pix2ang(1 << int(level), ipix[rows], nest=True, lonlat=True)
        return cls(order, ipix, lat, wrap_lon(lon))

    def __len__(self) -> int:
        return len(self.ipix)

    @property
    def side_km(self) -> Floats:
        return side_km(self.order)

    @property
    def area_km2(self) -> Floats:
        return np.asarray(self.side_km**2)

    def children(self, rows: Ints) -> Cells:
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
    centre_lat, centre_lon = _face_to_lat_lon(face, (x + 0.5) * scale, (y + 0.5) * scale)
    lon = centre_lon[:, None] + wrap_lon(lon - centre_lon[:, None])
    at_pole = np.abs(lat) > 89.999999
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
