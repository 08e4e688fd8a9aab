"""Semantic geocells: administrative areas, merged where photos are few and split where they are many (PIGEON)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats, lat_lon, unit_vectors
from models.geocells.areas import SEA, Area, areas_of, merged_areas
from models.geocells.clusters import Labels, means, nearest, rms_km
from models.geocells.split import Pieces, split_area
from models.geolocator import ModelError

LEAST_SPREAD_KM = 5.0
"""A cell of photos at one point is no point."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Cells [c] of the Earth."""

    areas: Mapping[Area, int]
    """Which merged area each known administrative area belongs to; `SEA` only where all training photos lie at sea."""
    cell_area: Labels
    """The merged area [c] that each cell is a part of."""
    key: tuple[Area, ...]
    """The administrative area [c] with most of the merged area's photos."""
    name: tuple[str, ...]
    """For people [c]: `Bavaria, Germany (3)`."""
    lat: Floats
    lon: Floats
    """Spherical mean [c] of the training photos in degrees, as in PIGEON, not the middle of the area."""
    count: Labels
    """Training photos [c]."""
    spread_km: Floats
    """Root mean square distance [c] of the training photos from it, at least 5 km."""
    generators: Floats
    """Unit vectors [g, 3]."""
    generator_cell: Labels
    """The cell [g] of each: it holds what, in its merged area, is nearest to one of its generators."""

    def __len__(self) -> int:
        return len(self.lat)

    def assign(self, lat: Floats, lon: Floats) -> Labels:
        """Cell of each point [n] in degrees.

        The nearest generator of the area that it lies in; where no training photo was in that area, the nearest one of its
        country; in a country without cells, and at sea, of all. Raises ValueError for what are no coordinates.
        """
        points = unit_vectors(lat, lon).reshape(-1, 3)
        areas, of = areas_of(np.atleast_1d(lat), np.atleast_1d(lon))
        cell = np.empty(len(points), dtype=np.int64)
        for number, area in enumerate(areas):
            rows, own = np.flatnonzero(of == number), self._generators_for(area)
            cell[rows] = self.generator_cell[own][nearest(points[rows], self.generators[own])]
        return cell

    def _generators_for(self, area: Area) -> NDArray[np.intp]:
        """The generators that points of an area are given to."""
        if area in self.areas:
            own = self.cell_area[self.generator_cell] == self.areas[area]
        else:
            own = self._country[self.generator_cell] == (area[0] or None)
        return np.flatnonzero(own) if own.any() else np.arange(len(self.generators))

    @cached_property
    def _country(self) -> NDArray[np.object_]:
        return np.array([country for country, _ in self.key], dtype=object)


def build_partition(lat: Floats, lon: Floats, least: int, most: int, seed: int = 0) -> Partition:
    """The geocells of training photos at points [n] (degrees): from `least` to `most` photos each.

    First-order administrative areas of the gazetteer with fewer photos are merged inside their country
    (`areas.merged_areas`), merged areas with more are split (`split.split_area`). A country with fewer photos stays one cell;
    photos at sea, far from any place, fall into the nearest cell afterwards. Deterministic by `seed`. Raises ModelError without
    photos, and where a coordinate is none.
    """
    if not len(lat):
        raise ModelError("geocells need photos whose place is known")
    try:
        areas, of = areas_of(lat, lon)
    except ValueError as error:
        raise ModelError(f"the training data hold places that are none: {error}") from error
    points, count = unit_vectors(lat, lon), np.bincount(of, minlength=len(areas))
    ashore = np.array([area != SEA for area in areas])
    if ashore.any():
        areas, count, middles = [a for a in areas if a != SEA], count[ashore], means(points, of, len(areas))[ashore]
        of = np.where(ashore[of], np.cumsum(ashore)[of] - 1, -1)
    else:
        middles = means(points, of, len(areas))
    group = merged_areas(areas, count, middles, least)
    rng = np.random.default_rng([seed, 1])
    in_group = np.where(of >= 0, group[of], -1)
    pieces = [split_area(points[in_group == g], least, most, rng) for g in range(int(group.max()) + 1)]
    return _described(areas, count, group, pieces, lat, lon)


def _described(areas: list[Area], count: Labels, group: Labels, pieces: list[Pieces], lat: Floats, lon: Floats) -> Partition:
    """The partition of merged areas whose cells are known."""
    cells = [int(part.cell.max()) + 1 for part in pieces]
    first = np.concatenate([[0], np.cumsum(cells)])
    cell_area = np.repeat(np.arange(len(pieces)), cells)
    largest = [max(np.flatnonzero(group == g), key=lambda a: (count[a], -a)) for g in range(len(pieces))]
    n = int(first[-1])
    blank = Partition(
        areas={area: int(g) for area, g in zip(areas, group, strict=True)},
        cell_area=cell_area, key=tuple(areas[largest[g]] for g in cell_area), name=("",) * n,
        lat=np.zeros(n), lon=np.zeros(n), count=np.zeros(n, dtype=np.int64), spread_km=np.zeros(n),
        generators=np.concatenate([part.generators for part in pieces]),
        generator_cell=np.concatenate([part.cell + start for part, start in zip(pieces, first, strict=False)]),
    )  # fmt: skip
    of = blank.assign(lat, lon)
    middle = means(unit_vectors(lat, lon), of, n)
    own = means(blank.generators, blank.generator_cell, n)
    centre_lat, centre_lon = lat_lon(np.where(middle.any(axis=1, keepdims=True), middle, own))
    spread = np.maximum(rms_km(lat, lon, of, centre_lat, centre_lon), LEAST_SPREAD_KM)
    return Partition(blank.areas, cell_area, blank.key, _names(blank.key, cell_area), centre_lat, centre_lon,
                     np.bincount(of, minlength=n), spread, blank.generators, blank.generator_cell)  # fmt: skip


def _names(key: tuple[Area, ...], cell_area: Labels) -> tuple[str, ...]:
    """A name for each cell [c]; the cells of one area are numbered."""
    from geo.gazetteer import gazetteer

    countries = gazetteer().countries
    size, seen, names = np.bincount(cell_area), Counter[int](), []
    for (country, region), area in zip(key, cell_area.tolist(), strict=True):
        name = ", ".join(part for part in (region, countries[country].name if country else "open sea") if part)
        seen[area] += 1
        names.append(f"{name} ({seen[area]})" if size[area] > 1 else name)
    return tuple(names)
