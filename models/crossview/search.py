"""Where in an indexed area a picture from the ground was taken: a map of probability, the best places looked at twice, or "I do not know"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from geo.sphere import wrap_lon
from models.aerial.ground import Ground
from models.aerial.pictures import Picture
from models.aerial.web_mercator import Floats, east_north_m, moved
from models.crossview.calibrate import LOOKED_AGAIN
from models.crossview.ground_view import Aim
from models.crossview.heat_map import probabilities
from models.crossview.index import TileIndex, surroundings
from models.crossview.match import OFFSETS, Asked, Heading, asked, best_likeness, standardised
from models.crossview.model import CrossView
from models.geolocator import ModelError

TOLD = 0.5
"""A place is told where it is likelier than all others and "outside" together."""
OUTSIDE = 0.3
"""Prior that a picture was taken outside the area, where nobody says more."""
LEAST_TILES = 50
NEAR_SPACINGS = 2.0
"""Tiles so close to the best one count as the same place."""
_SHOWN = 8


@dataclass(frozen=True)
class Place:
    """A place of the area."""

    lat: float
    lon: float
    heading_deg: float
    """Where the picture's middle would look."""
    likeness: float
    """In standard deviations over the area."""
    probability: float
    """Of the tile and those around it."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a search gives."""

    places: tuple[Place, ...]
    """The best ones, none next to another, the likeliest first."""
    outside: float
    """Probability that the picture was not taken in the area."""
    probability_N: Floats
    """Of each tile of the index."""
    fov_deg: float
    """The field of view that fits best of those that were tried."""
    tiles: int
    """How many were compared."""
    looked_again: int

    @property
    def best(self) -> Place:
        """The likeliest place."""
        return self.places[0]

    @property
    def sure(self) -> bool:
        """Whether the place is told."""
        return self.best.probability > TOLD


def locate(model: CrossView, index: TileIndex, picture: Picture, aims: Sequence[Aim], heading: Heading | None = None, *, ground: Ground | None = None,
           box: Box | None = None, outside: float = OUTSIDE) -> Found:  # fmt: skip
    """Search the index (within `box`) for a picture with one of the fields of view of `aims`.

    With `ground`, the tile store of the index, the best places are looked at again at finer offsets. Raises ModelError for an index of
    another model, or fewer than 50 tiles; ValueError for fields of view that are none.
    """
    if index.card["model_digest"] != model.digest:
        raise ModelError("the index was made by another cross-view model; make it again")
    heading, there = heading or Heading(), index.seen.copy()
    lat, lon = index.points()
    if box is not None:
        there &= box.contains(lat, lon)
    rows = np.flatnonzero(there)
    if len(rows) < LEAST_TILES:
        raise ModelError(f"{len(rows)} tiles of the index lie in the area; at least {LEAST_TILES} are needed")
    looks, z, headings, mean, spread, fov = _first_look(model, index, rows, picture, aims, heading)
    reading = model.calibration.reading(fov, heading.spread_deg)
    best = _apart(z, lat[rows], lon[rows], index.spacing_m, LOOKED_AGAIN)
    lat_R, lon_R, second = lat[rows].copy(), lon[rows].copy(), np.zeros(len(rows), dtype=bool)
    if ground is not None:
        for i in best:
            again = _second_look(model, index, ground, float(lat_R[i]), float(lon_R[i]), looks)
            if again is not None:
                value, headings[i], lat_R[i], lon_R[i] = again
                z[i], second[i] = (value - mean) / spread, True
    p, out = probabilities(reading.log_ratio(z, second), np.ones(len(rows), dtype=bool), outside)
    whole = np.zeros(len(lat))
    whole[rows] = p
    order = _apart(np.log(np.maximum(p, 1e-300)), lat[rows], lon[rows], index.spacing_m * NEAR_SPACINGS, _SHOWN)
    places = [Place(float(lat_R[i]), float(wrap_lon(lon_R[i])), float(headings[i]), float(z[i]),
                    _around(p, lat[rows], lon[rows], i, index.spacing_m)) for i in order]  # fmt: skip
    places.sort(key=lambda place: -place.probability)
    return Found(tuple(places), out, whole, fov, len(rows), int(second.sum()))


def _first_look(model: CrossView, index: TileIndex, rows: NDArray[np.intp], picture: Picture, aims: Sequence[Aim], heading: Heading
                ) -> tuple[list[Asked], Floats, Floats, float, float, float]:  # fmt: skip
    """Standardised likeness and heading of each tile, at the field of view whose best tile stands out most."""
    codes = index.codes if len(rows) == len(index.codes) else index.codes[rows]
    found = []
    for aim in aims:
        looks = asked(model.reader, picture, aim, heading)
        values, headings = best_likeness(codes, looks)
        mean, spread = standardised(values, np.ones(len(rows), dtype=bool))
        z = ((values - mean) / spread).astype(np.float64)
        found.append((float(z.max()), looks, z, headings, mean, spread, aim.fov_deg * (aim.box[2] - aim.box[0])))
    if not found:
        raise ModelError("no field of view is given")
    return max(found, key=lambda one: one[0])[1:]


def _second_look(model: CrossView, index: TileIndex, ground: Ground, lat: float, lon: float, looks: Sequence[Asked]) -> tuple[float, float, float, float] | None:  # fmt: skip
    """Likeness, heading and place of the best of nine points of a tile; None where the store shows too little there now."""
    lats, lons = moved(lat, lon, *(OFFSETS * index.spacing_m).T)
    around, known = surroundings(ground, lats, lons, model.radius_m)
    if not known.any():
        return None
    values, headings = best_likeness(model.reader.above(around, model.radius_m), looks)
    best = int(np.where(known, values, -2.0).argmax())
    return float(values[best]), float(headings[best]), float(lats[best]), float(lons[best])


def _apart(values: Floats, lat: Floats, lon: Floats, metres: float, count: int) -> list[int]:
    """The highest `count` tiles, none within `metres` · 1.5 of a higher one."""
    order = np.argsort(-values, kind="stable")[: 400 * count]
    chosen: list[int] = []
    free = np.ones(len(order), dtype=bool)
    for n, i in enumerate(order.tolist()):
        if not free[n]:
            continue
        chosen.append(i)
        if len(chosen) == count:
            break
        free &= np.hypot(*east_north_m(float(lat[i]), float(lon[i]), lat[order], lon[order])) > 1.5 * metres
    return chosen


def _around(p: Floats, lat: Floats, lon: Floats, i: int, spacing_m: float) -> float:
    """Probability within two spacings of a tile."""
    near = np.hypot(*east_north_m(float(lat[i]), float(lon[i]), lat, lon)) <= NEAR_SPACINGS * spacing_m * 1.01
    return min(float(p[near].sum()), 1.0)
