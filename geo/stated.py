"""Where somebody says the photo was taken, or was not: whole regions and circles, with an inside and an outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from geo.cells import Cells
from geo.discs import disc_share
from geo.sphere import Floats, haversine_km

if TYPE_CHECKING:
    from collections.abc import Mapping

Circle = tuple[float, float, float]
"""lat, lon in degrees, radius in km."""


@dataclass(frozen=True)
class Bounds:
    """The share of each cell that lies in any of the regions and circles; with `outside`, the share that lies in none.

    Regions are keys as in `geo.evidence.Regions`: `PT`, `CH.TI`. Where circles and regions overlap within one cell the larger share counts.
    """

    regions: tuple[str, ...] = ()
    circles: tuple[Circle, ...] = ()
    outside: bool = False

    def __post_init__(self) -> None:
        if not self.regions and not self.circles:
            raise ValueError("bounds need a region or a circle")
        for lat, lon, radius in self.circles:
            if not (abs(lat) <= 90 and np.isfinite(lon) and 0 < radius < np.inf):
                raise ValueError("a circle has a latitude, a longitude and a radius above 0 km")

    def on(self, cells: Cells) -> Floats:
        """Share [n] of cells, 0 to 1."""
        share = np.zeros(len(cells))
        if self.regions:
            share = self._in_regions(cells)
        for lat, lon, radius in self.circles:
            distance = haversine_km(lat, lon, cells.lat, cells.lon)
            share = np.maximum(share, disc_share(distance, cells.side_km / np.sqrt(np.pi), radius))
        return np.asarray(1.0 - share if self.outside else share)

    def _in_regions(self, cells: Cells) -> Floats:
        from geo.gazetteer import gazetteer

        earth, weights = gazetteer(), dict.fromkeys(self.regions, 1.0)
        share = np.clip(earth.region_share(weights, cells.lat, cells.lon, cells.side_km), 0.0, 1.0)
        if not self.outside:
            return np.asarray(share)
        # Who excludes a country excludes its beaches and harbours: the sea within 50 km of its places, as `Gazetteer.reverse` has it.
        sea = np.flatnonzero((share < 1.0) & (earth.country_index_at(cells.lat, cells.lon) < 0))
        if len(sea):
            shore = earth.reverse_many(cells.lat[sea], cells.lon[sea])
            known = shore.country_index >= 0
            place = shore.nearest_index[known]
            there = earth.region_share(weights, earth.place_lat[place], earth.place_lon[place], np.full(len(place), 1.0))
            share[sea[known]] = np.maximum(share[sea[known]], np.clip(there, 0.0, 1.0))
        return np.asarray(share)

    def at(self, lat: ArrayLike, lon: ArrayLike, cell_km: ArrayLike) -> Floats:
        from geo.evidence import on_cells_at

        return on_cells_at(self.on, lat, lon, cell_km)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "bounds",
            "regions": list(self.regions),
            "circles": [list(c) for c in self.circles],
            "outside": self.outside,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Bounds:
        """The inverse of `to_json`. Raises KeyError, TypeError and ValueError for anything else."""
        circles = tuple((float(lat), float(lon), float(radius)) for lat, lon, radius in data["circles"])
        return cls(tuple(str(key) for key in data["regions"]), circles, bool(data["outside"]))
