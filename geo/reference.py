"""What is believed before any evidence: prior density times area, inside the search area, on cells of any order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from geo.area import Area, Box
from geo.cells import MAX_ORDER, Cells, base_cells, keys_at
from geo.sphere import EARTH_RADIUS_KM, Floats

SPLIT_MASS = 1.0 / 2048.0
"""A cell that holds more than this is split."""
_DEEP = 16.0
"""A cell that holds this many times the limit is split into sixteen at once."""
_BOX_POINTS = 64
"""A box is asked at this many points along each side in cells that are not much smaller than it."""


@lru_cache(maxsize=8)
def start_of(prior: bool, area: Area | None) -> tuple[Cells, Floats]:
    """The cells [n] that every belief with this prior and area starts from, and their probabilities [n].

    Raises ValueError when the area holds nothing.
    """
    cells = base_cells()
    reference = _weight(cells, prior, area)
    if not reference.sum() > 0:
        raise ValueError("the search area is empty")
    reference = reference / reference.sum()
    while len(rows := np.flatnonzero((reference > SPLIT_MASS) & (cells.order < MAX_ORDER))):
        kids, kids_reference = split(cells, reference, rows, prior, area)
        left = np.append(np.delete(np.arange(len(cells)), rows), len(cells) + np.arange(len(kids)))
        left = left[np.argsort(np.concatenate([cells.keys, kids.keys])[left], kind="stable")]
        reference = np.concatenate([reference, kids_reference])[left]
        cells = Cells.joined([cells, kids], left)
    return cells, reference


def split_heavy(
    cells: Cells, reference: Floats, mass: Floats, most: float, prior: bool, area: Area | None
) -> tuple[Cells, Floats, NDArray[np.intp]]:
    """The cells [m] that those of a `mass` [n] above `most` are split into, their probabilities, and which cells [k] were split.

    Four come of each, or sixteen where the mass is many times too much; cells of the finest order stay.
    """
    rows = np.flatnonzero((mass > most) & (cells.order < MAX_ORDER))
    if not len(rows):
        return Cells.joined([cells], rows), np.zeros(0), rows
    kids, kids_reference = split(cells, reference, rows, prior, area)
    again = np.repeat(mass[rows] > _DEEP * most, 4) & (kids.order < MAX_ORDER)
    if again.any():
        finer, finer_reference = split(kids, kids_reference, np.flatnonzero(again), prior, area)
        kids = Cells.joined([kids, finer], np.append(np.flatnonzero(~again), len(kids) + np.arange(len(finer))))
        kids_reference = np.concatenate([kids_reference[~again], finer_reference])
    return kids, kids_reference, rows


def split(cells: Cells, reference: Floats, rows: NDArray[np.intp], prior: bool, area: Area | None) -> tuple[Cells, Floats]:
    """The children [4·rows] of some cells and their probabilities.

    A parent's probability is shared out by the prior of its children, so that splitting never changes the total.
    """
    kids = cells.children(rows)
    if not prior and not area:
        return kids, np.repeat(reference[rows] / 4.0, 4)
    share = _weight(kids, prior, area).reshape(-1, 4)
    total = share.sum(axis=1, keepdims=True)
    share = np.where(total > 0, share / np.where(total > 0, total, 1.0), 0.25)
    return kids, (share * reference[rows, None]).ravel()


def relative_density(cells: Cells, prior: bool, area: Area | None) -> Floats:
    """Probability density [n] of cells before any evidence, relative to that of a uniform Earth."""
    return np.asarray(_weight(cells, prior, area) / cells.area_km2 / _mean_density(prior, area))


@lru_cache(maxsize=8)
def _mean_density(prior: bool, area: Area | None) -> float:
    cells = base_cells()
    return float(_weight(cells, prior, area).sum() / cells.area_km2.sum())


def _weight(cells: Cells, prior: bool, area: Area | None) -> Floats:
    """Prior probability of each cell up to a constant: density times area times the part inside the search area."""
    weight = cells.area_km2
    if prior:
        from geo.prior import photo_density

        weight = weight * photo_density(cells.lat, cells.lon, cells.side_km)
    if area is not None and area.countries:
        from geo.gazetteer import gazetteer

        inside = gazetteer().region_share(dict.fromkeys(area.countries, 1.0), cells.lat, cells.lon, cells.side_km)
        weight = weight * inside
    if area is not None and area.box is not None:
        weight = weight * _box_share(cells, area.box)
    return np.asarray(weight)


def _box_share(cells: Cells, box: Box) -> Floats:
    """Share of each cell inside the box: from 16 points of the cell, or from points of the box where it is the smaller one."""
    width = (box.east - box.west) % 360.0 or 360.0
    low, high = np.sin(np.radians([box.south, box.north]))
    box_km2 = EARTH_RADIUS_KM**2 * np.radians(width) * (high - low)
    share = np.empty(len(cells))
    small = cells.side_km < 0.25 * np.sqrt(box_km2)
    rows = np.flatnonzero(small)
    if len(rows):
        points = Cells.of(np.repeat(cells.order[rows], 16) + 2, (cells.ipix[rows, None] * 16 + np.arange(16)).ravel())
        share[rows] = box.contains(points.lat, points.lon).reshape(-1, 16).mean(axis=1)
    middle = (np.arange(_BOX_POINTS) + 0.5) / _BOX_POINTS
    lat = np.degrees(np.arcsin(np.clip(low + middle * (high - low), -1.0, 1.0)))
    row = cells.rows_of(keys_at(np.repeat(lat, _BOX_POINTS), np.tile(box.west + middle * width, _BOX_POINTS)))
    held = np.bincount(row[row >= 0], minlength=len(cells)) / _BOX_POINTS**2
    share[~small] = np.minimum(held * box_km2 / cells.area_km2, 1.0)[~small]
    return share
