"""How dense points lie around each of them: a kernel density whose width follows the points."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from geo.ragged import Ints, ranges, slices
from geo.sphere import EARTH_AREA_KM2, EARTH_RADIUS_KM, Floats, unit_vectors

NEIGHBOURS = 16
"""A kernel reaches at least this many points, its own included."""
FIRST_KM = 10.0
"""The narrowest kernel's radius; it doubles until enough points are inside."""
_DOUBLINGS = 11


def local_density(lat: Floats, lon: Floats) -> Floats:
    """Points per km² [n] around each of the points [n] in degrees.

    Σ_j K_h(d_ij) with the Epanechnikov kernel K_h(d) = 2 / (π h²) · (1 − d²/h²) of the chord d, which integrates to 1 over the
    sphere exactly, since a cap of chord h has the area π h². h is the first of 10, 20, 40 … km that reaches `NEIGHBOURS` points.
    """
    xyz = unit_vectors(lat, lon).reshape(-1, 3) * EARTH_RADIUS_KM
    density = np.full(len(xyz), len(xyz) / EARTH_AREA_KM2)
    left = np.arange(len(xyz))
    for doubling in range(_DOUBLINGS):
        radius_km = FIRST_KM * 2.0**doubling
        if not len(left) or radius_km > 2.0 * EARTH_RADIUS_KM:
            break
        count, total = _within(xyz, left, radius_km)
        enough = count >= NEIGHBOURS
        density[left[enough]] = total[enough]
        left = left[~enough]
    return density


def _within(xyz: Floats, rows: NDArray[np.intp], radius_km: float) -> tuple[Ints, Floats]:
    """Of each of the points `rows` [r]: how many points lie within a chord, and their kernel density per km²."""
    # Cubes with sides of the radius: every neighbour lies in one of the 27 around a point.
    cube = np.floor(xyz / radius_km).astype(np.int64) + 4096
    key = (cube[:, 0] << 26) | (cube[:, 1] << 13) | cube[:, 2]
    order = np.argsort(key, kind="stable")
    in_order = key[order]
    count, total = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
    for dx, dy, dz in itertools.product((-1, 0, 1), repeat=3):
        wanted = key[rows] + (dx << 26) + (dy << 13) + dz
        first = np.searchsorted(in_order, wanted)
        members = np.searchsorted(in_order, wanted, side="right") - first
        held = np.flatnonzero(members)
        for part in slices(members[held]):
            some = held[part]
            other = order[ranges(first[some], members[some])]
            own = np.repeat(some, members[some])
            square = ((xyz[rows[own]] - xyz[other]) ** 2).sum(axis=1) / radius_km**2
            inside = square < 1.0
            count += np.bincount(own[inside], minlength=len(rows))
            total += np.bincount(own[inside], weights=1.0 - square[inside], minlength=len(rows))
    return count, total * 2.0 / (np.pi * radius_km**2)
