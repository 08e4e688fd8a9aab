"""Maps on HEALPix cells: which region each cell lies in, and how many photos are taken there."""

from __future__ import annotations

from typing import Any

import healpix
import numpy as np
from numpy.typing import NDArray

from geo.build.places import Places
from geo.reverse import Reverse
from geo.sphere import EARTH_RADIUS_KM, Floats, kappa_of_sigma, unit_vectors, vmf_log_density

Ints = NDArray[np.int64]
REGION_ORDER = 9
DENSITY_ORDER = 8
COAST_KM = 5.0
"""Sea this close to a place counts as its region: piers, beaches and islands too small for the polygons."""


def centres(order: int) -> tuple[Floats, Floats]:
    """Latitude and longitude of all cells of an order, nested."""
    lon, lat = healpix.pix2ang(1 << order, np.arange(12 * 4**order), nest=True, lonlat=True)
    return lat, (lon + 180.0) % 360.0 - 180.0


def region_map(reverse: Reverse, places: Places, first_region: Ints) -> NDArray[np.uint16]:
    """Region at the centre of each cell of order `REGION_ORDER`; `first_region` [countries] is each country's empty region."""
    country, place, km = reverse.resolve(*centres(REGION_ORDER))
    region = places.region[place]
    region[(country >= 0) & (reverse.country[place] != country)] = 0
    elsewhere = (country >= 0) & (region == 0)
    region[elsewhere] = first_region[country[elsewhere]]
    region[(country < 0) & (km > COAST_KM)] = 0
    return region.astype(np.uint16)


def density_map(places: Places, region: NDArray[np.uint16], antarctic: Ints) -> dict[str, NDArray[Any]]:
    """The arrays of `density.npz`: photos per km² on a log scale (`geo/prior.py` has the formula)."""
    from scipy.spatial import cKDTree

    from geo.prior import HIDDEN_PEOPLE, KERNELS_KM, SHARES, STEP

    lat, lon = centres(DENSITY_ORDER)
    tree = cKDTree(unit_vectors(lat, lon))
    people = np.maximum(places.population, HIDDEN_PEOPLE) ** 0.5
    cell_km2 = 4 * np.pi * EARTH_RADIUS_KM**2 / len(lat)
    total = np.zeros(len(lat))
    for sigma in KERNELS_KM:
        spread = np.sqrt(sigma**2 + cell_km2 / 12.0)
        one = np.zeros(len(lat))
        for first in range(0, len(people), 20_000):
            part = slice(first, first + 20_000)
            xyz = unit_vectors(places.lat[part], places.lon[part])
            lists = tree.query_ball_point(xyz, 4.0 * spread / EARTH_RADIUS_KM)
            cell = np.concatenate([np.asarray(v, dtype=np.int64) for v in lists])
            row = np.repeat(np.arange(len(xyz)), [len(v) for v in lists])
            cosine = np.einsum("ij,ij->i", tree.data[cell], xyz[row])
            weight = np.exp(vmf_log_density(cosine, kappa_of_sigma(spread)))
            weight /= np.bincount(row, weights=weight)[row]
            one += np.bincount(cell, weights=weight * people[part][row], minlength=len(lat))
        total += one / one.sum() / len(KERNELS_KM)
    land = (region.reshape(len(lat), -1) > 0) & ~np.isin(region.reshape(len(lat), -1), antarctic)
    land_share = land.mean(axis=1)
    mixed = SHARES[0] * total + SHARES[1] * land_share / land_share.sum() + SHARES[2] / len(lat)
    scaled = np.round(np.log(mixed / mixed.min()) / STEP)
    return {"level": np.minimum(scaled, 255).astype(np.uint8)}


def country_centres(region: NDArray[np.uint16], country_of_region: Ints, places: Places, n: int) -> Floats:
    """Latitude and longitude [n, 2] of the cell of each country that is nearest to its middle, or of its places' middle."""
    lat, lon = centres(REGION_ORDER)
    country = country_of_region[region]
    # Wake, the largest of the minor outlying islands of the United States: they alone have neither a cell nor a place.
    middle = np.tile([19.28, 166.65], (n, 1))
    place_country = country_of_region[places.region]
    for index in range(n):
        rows, members = np.flatnonzero(country == index), np.flatnonzero(place_country == index)
        xyz = unit_vectors(lat[rows], lon[rows]) if len(rows) else unit_vectors(places.lat[members], places.lon[members])
        if len(xyz):
            best = int(np.argmax(xyz @ xyz.sum(axis=0)))
            middle[index] = (
                (lat[rows[best]], lon[rows[best]]) if len(rows) else (places.lat[members[best]], places.lon[members[best]])
            )
    return middle
