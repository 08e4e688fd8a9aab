"""Administrative areas of points, and the merging of small ones inside a country."""

from __future__ import annotations

import numpy as np

from geo.sphere import EARTH_RADIUS_KM, Floats
from models.geocells.clusters import Labels

Area = tuple[str, str]
"""Country (ISO 3166 alpha-2) and the name of its first-order area; empty where there is none."""

SEA: Area = ("", "")
_DETOUR = 2.0
"""A small area is preferred to a large one up to this many times its distance: PIGEON looks around twice the cell at most."""


def areas_of(lat: Floats, lon: Floats) -> tuple[list[Area], Labels]:
    """The areas that points [n] lie in, sorted, and which of them each point does [n].

    There are no polygons of regions: the region is that of the nearest populated place of the country. `SEA` is farther than
    50 km from any place. Raises ValueError for what are no coordinates.
    """
    from geo.gazetteer import gazetteer

    atlas = gazetteer()
    found = atlas.reverse_many(lat, lon)
    codes = np.stack([found.country_index.astype(np.int64), found.region_index.astype(np.int64)], axis=1)
    pairs, of = np.unique(codes, axis=0, return_inverse=True)
    named = [
        (atlas.country_codes[country] if country >= 0 else "", (atlas.region_name(int(region)) or "") if country >= 0 else "")
        for country, region in pairs
    ]
    areas = sorted(set(named))
    number = {area: i for i, area in enumerate(areas)}
    return areas, np.array([number[area] for area in named], dtype=np.int64)[of.ravel()]


def merged_areas(areas: list[Area], count: Labels, vectors: Floats, least: int) -> Labels:
    """Number of the merged area of each area [a], from 0: until none has fewer than `least` points, or is all of its country.

    `count` [a] points lie around the unit vectors [a, 3]. The smallest area joins the nearest one of its country by great-circle
    distance of their centres; another small one is taken before a larger one when it is at most twice as far (PIGEON, too,
    fuses small cells with one another first). Areas of different countries never join.
    """
    group = np.arange(len(areas))
    countries = [area[0] for area in areas]
    for country in sorted(set(countries)):
        rows = np.array([i for i, own in enumerate(countries) if own == country])
        group[rows] = rows[merged(count[rows], vectors[rows], least)]
    return np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.int64)


def merged(count: Labels, centres: Floats, least: int) -> Labels:
    """Representative [k] of the group that each of `k` parts with `count` points around unit vectors [k, 3] is merged into.

    The smallest part with fewer than `least` points goes first, ties in the order in which they come.
    """
    group, size, pull = np.arange(len(count)), count.astype(np.int64), centres * np.maximum(count, 1)[:, None]
    alive = np.ones(len(count), dtype=np.bool_)
    while alive.sum() > 1:
        part = int(np.argmin(np.where(alive, size, np.iinfo(np.int64).max)))
        if size[part] >= least:
            break
        others = np.flatnonzero(alive & (np.arange(len(count)) != part))
        into = int(others[_partner(_distance_km(pull[part], pull[others]), size[others] < least)])
        size[into] += size[part]
        pull[into] += pull[part]
        alive[part] = False
        group[group == part] = into
    return group


def _partner(distance_km: Floats, small: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """Which of the other parts: the nearest small one, unless any is less than half as far."""
    nearest = int(np.argmin(distance_km))
    if not small.any():
        return nearest
    nearest_small = int(np.argmin(np.where(small, distance_km, np.inf)))
    return nearest_small if distance_km[nearest_small] <= _DETOUR * distance_km[nearest] else nearest


def _distance_km(one: Floats, others: Floats) -> Floats:
    """Great-circle distance [k] between the directions of a vector [3] and of others [k, 3]."""
    across = np.linalg.norm(np.cross(one, others), axis=-1)
    return np.asarray(EARTH_RADIUS_KM * np.arctan2(across, others @ one))
