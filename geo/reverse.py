"""From points to a country and its nearest populated place: polygon first, then the nearest place of that country."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.borders import Borders
from geo.nearest import Nearest
from geo.ragged import slices
from geo.sphere import Floats, haversine_km, unit_vectors

SHORE_KM = 50.0
"""A point at sea is given the country of a place at most this far away."""
_MANY_PAIRS = 100_000_000
_BLOCK = 4_000_000


@dataclass(frozen=True)
class Reverse:
    """Borders and places; `country` [n] is the country index of each place."""

    borders: Borders
    nearest: Nearest
    lat: Floats
    lon: Floats
    country: NDArray[np.int16]

    def resolve(self, lat: Floats, lon: Floats) -> tuple[NDArray[np.int16], NDArray[np.int32], Floats]:
        """Country index, -1 at sea, then the nearest place that lies in that country and its distance in km, all [m].

        At sea, and in a country that has no places, the nearest place of all.
        """
        country = self.borders.codes_at(lat, lon).astype(np.int16) - np.int16(1)
        place, km = self.nearest.query(lat, lon)
        wrong = np.flatnonzero((country >= 0) & (self.country[place] != country))
        for code in np.unique(country[wrong]):
            members = np.flatnonzero(self.country == code)
            if len(members):
                rows = wrong[country[wrong] == code]
                place[rows] = members[self._nearest_of(members, lat[rows], lon[rows])]
                km[rows] = haversine_km(lat[rows], lon[rows], self.lat[place[rows]], self.lon[place[rows]])
        return country, place, km

    def _nearest_of(self, members: NDArray[np.int64], lat: Floats, lon: Floats) -> NDArray[np.int64]:
        """Position in `members` of the nearest of these places."""
        if len(members) * len(lat) > _MANY_PAIRS:
            return Nearest(self.lat[members], self.lon[members]).query(lat, lon)[0].astype(np.int64)
        points, queries = unit_vectors(self.lat[members], self.lon[members]), unit_vectors(lat, lon)
        parts = slices(np.full(len(queries), len(points)), _BLOCK)
        return np.concatenate([np.argmax(queries[part] @ points.T, axis=1) for part in parts])
