"""How much of a cell lies in named countries and regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import healpix
import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.cells import side_km
from geo.reverse import Reverse
from geo.sphere import EARTH_RADIUS_KM, Floats, kappa_of_sigma, unit_vectors, vmf_log_density

ORDER = 9
COAST_KM = 5.0
"""Sea this close to a place counts as its region: piers, beaches, islands too small for the polygons."""
SMALL_KM2 = 1500.0
"""Countries smaller than this are kernels around their places too, so that no cell misses them."""
_LEAST_KERNEL_KM2 = 10.0
_LEAST_SIGMA_KM = 1.5
_BLOCK = 1_000_000


@dataclass(frozen=True)
class RegionMap:
    """Region numbers on cells and at points."""

    raster: NDArray[np.uint16]
    """Region at the centre of each nested HEALPix cell of order 9; 0 is the sea."""
    country_of_region: NDArray[np.int16]
    first_region: NDArray[np.int64]
    """The empty region of each country, which holds what lies in none."""
    place_region: NDArray[np.uint16]
    reverse: Reverse
    area_km2: Floats
    """Of each country."""
    _mixed_cells: dict[int, NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    def share(self, weight: Floats, by_region: bool, lat: ArrayLike, lon: ArrayLike, cell_km: ArrayLike) -> Floats:
        """Mean over cells of side `cell_km` [n] at points [n] of the weight of the region there; `weight` is per region.

        Cells of 12.7 km and more average the map; smaller ones have the weight at their centre.
        """
        lat, lon, side = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (lat, lon, cell_km)))
        order = np.round(np.log2(side_km(0) / np.maximum(side, 1e-6))).astype(np.int64)
        value = np.zeros(len(lat))
        fine = np.flatnonzero(order >= ORDER)
        if len(fine):
            value[fine] = weight[self.region_at(lat[fine], lon[fine], by_region)]
        for level in np.unique(order[order < ORDER]):
            rows = np.flatnonzero(order == level)
            value[rows] = self._mean(weight.astype(np.float32), max(int(level), 0), lat[rows], lon[rows])
        np.maximum(value, self._small(weight, lat, lon, side), out=value)
        return value

    def region_at(self, lat: Floats, lon: Floats, by_region: bool = True) -> NDArray[np.int64]:
        """Region [n] at points; without `by_region` each country's empty region stands for all of it, which is faster."""
        if by_region:
            country, place, km = self.reverse.resolve(lat, lon)
            own = self.reverse.country[place] == country
            region = np.where(own, self.place_region[place], self.first_region[np.maximum(country, 0)]).astype(np.int64)
            return np.where(country >= 0, region, np.where(km <= COAST_KM, self.place_region[place], 0))
        code = self.reverse.borders.codes_at(lat, lon).astype(np.int64)
        region = np.where(code > 0, self.first_region[np.maximum(code - 1, 0)], 0)
        sea = np.flatnonzero(code == 0)
        if len(sea):
            place, km = self.reverse.nearest.query(lat[sea], lon[sea])
            region[sea] = np.where(km <= COAST_KM, self.first_region[self.reverse.country[place]], 0)
        return region

    def _mean(self, weight: NDArray[np.float32], order: int, lat: Floats, lon: Floats) -> Floats:
        """Mean weight over the cells of an order that hold the points."""
        cells = healpix.ang2pix(1 << order, lon, lat, nest=True, lonlat=True)
        inside = self.raster.reshape(12 * 4**order, -1)
        value: Floats = weight[inside[cells, 0]].astype(np.float64)
        mixed = np.flatnonzero(self._mixed(order)[cells])
        step = max(1, _BLOCK // inside.shape[1])
        for first in range(0, len(mixed), step):
            rows = mixed[first : first + step]
            value[rows] = weight[inside[cells[rows]]].mean(axis=1, dtype=np.float64)
        return value

    def _mixed(self, order: int) -> NDArray[np.bool_]:
        """Which cells of an order hold more than one region."""
        if order not in self._mixed_cells:
            inside = self.raster.reshape(12 * 4**order, -1)
            self._mixed_cells[order] = (inside != inside[:, :1]).any(axis=1)
        return self._mixed_cells[order]

    def _small(self, weight: Floats, lat: Floats, lon: Floats, side: Floats) -> Floats:
        """Share [n] of small countries: von Mises-Fisher kernels around their places, of their area in all."""
        value = np.zeros(len(lat))
        xyz: Floats | None = None
        for country, places in self._small_countries.items():
            at_place = weight[self.place_region[places]]
            if not at_place.any():
                continue
            xyz = unit_vectors(lat, lon) if xyz is None else xyz
            points = unit_vectors(self.reverse.lat[places], self.reverse.lon[places])
            one_km2 = max(self.area_km2[country] / len(places), _LEAST_KERNEL_KM2)
            sigma = max(np.sqrt(one_km2 / (2 * np.pi)), _LEAST_SIGMA_KM)
            middle = points.mean(axis=0) / np.linalg.norm(points.mean(axis=0))
            reach = np.arccos(np.clip((points @ middle).min(), -1, 1)) + 5.0 * np.hypot(sigma, side.max()) / EARTH_RADIUS_KM
            rows = np.flatnonzero(xyz @ middle >= np.cos(min(reach, np.pi)))
            spread = np.sqrt(sigma**2 + side[rows] ** 2 / 12.0)
            density = np.exp(vmf_log_density(xyz[rows] @ points.T, kappa_of_sigma(spread)[:, None])) / EARTH_RADIUS_KM**2
            value[rows] += np.minimum(density @ (at_place * one_km2), at_place.max())
        return value

    @cached_property
    def _small_countries(self) -> dict[int, NDArray[np.int64]]:
        small = np.flatnonzero(self.area_km2 < SMALL_KM2)
        found = {int(code): np.flatnonzero(self.reverse.country == code) for code in small}
        return {code: places for code, places in found.items() if len(places)}


def region_weights(weights: Mapping[str, float], regions: Mapping[tuple[str, str], int], country_of_region: NDArray[np.int16],
                   codes: tuple[str, ...]) -> tuple[Floats, bool]:  # fmt: skip
    """Weight of each region from weights of countries (`PT`) and regions (`CH.TI`), and whether any region is named.

    Keys that name nothing weigh nothing. A region's weight replaces its country's.
    """
    of_country = np.zeros(len(codes) + 1)
    for index, code in enumerate(codes):
        of_country[index] = weights.get(code, 0.0)
    weight = of_country[country_of_region]
    named = [(regions[country, code], value) for key, value in weights.items()
             for country, dot, code in [key.partition(".")] if dot and (country, code) in regions]  # fmt: skip
    for index, value in named:
        weight[index] = value
    return weight, bool(named)
