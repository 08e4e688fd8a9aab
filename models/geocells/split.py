"""Splitting an area that holds too many photos: OPTICS clusters, then the spherical Voronoi cells of their centres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.sphere import Floats, lat_lon
from models.geocells.areas import merged
from models.geocells.clusters import Labels, means, nearest, optics, sampled, spherical_kmeans

_PUBLISHED_LEAST = 30
OPTICS_ROUNDS = ((8, 0.05), (10, 0.025), (15, 0.015))
"""(min_samples, xi) of PIGEON's rounds, for cells of at least 30 photos."""
_PASSES = 2
"""Each round looks this many times at what is still too large."""


@dataclass(frozen=True)
class Pieces:
    """Generators (unit vectors [g, 3]) and the cell of each [g], from 0; a cell is what is nearest to one of its generators."""

    generators: Floats
    cell: Labels

    def assign(self, points: Floats) -> Labels:
        """Cell of each point [n, 3]."""
        return np.asarray(self.cell[nearest(points, self.generators)], dtype=np.int64)


def split_area(points: Floats, least: int, most: int, rng: np.random.Generator) -> Pieces:
    """Cells of one area with the photos `points` [n, 3]: none below `least` (unless it is all), few above `most`.

    PIGEON's rounds of OPTICS, each with finer parameters, look for clusters in every cell that is too large; two or more
    replace it by the Voronoi cells of their centres. Where all rounds find fewer than two, spherical k-means with
    k = ⌈n/most⌉ takes over (not in PIGEON, whose cells stay large there). After each pass what is too small is merged into
    its nearest neighbour, which then has several generators. What remains above `most`: photos at one point, and cells
    that took in small ones at last.
    """
    pieces = Pieces(means(points, np.zeros(len(points), dtype=np.int64), 1), np.zeros(1, dtype=np.int64))
    if not pieces.generators.any():  # opposite points have no mean
        pieces = Pieces(points[:1], pieces.cell)
    for parameters in (*OPTICS_ROUNDS, None):
        for _ in range(_PASSES):
            again = _split_once(pieces, points, least, most, parameters, rng)
            if again is None:
                break
            pieces = _without_small(again, points, least)
    return pieces


def _split_once(
    pieces: Pieces, points: Floats, least: int, most: int, parameters: tuple[int, float] | None, rng: np.random.Generator
) -> Pieces | None:
    """The cells with those above `most` split; None when none is."""
    of = pieces.assign(points)
    generators, cells, next_cell, found = [], [], 0, False
    for cell in range(int(pieces.cell.max()) + 1):
        rows = np.flatnonzero(of == cell)
        centres = _centres(points[rows], least, most, parameters, rng) if len(rows) > most else None
        if centres is not None and len(centres) > 1:
            found = True
            generators.append(centres)
            cells.append(next_cell + np.arange(len(centres)))
        else:
            generators.append(pieces.generators[pieces.cell == cell])
            cells.append(np.full(len(generators[-1]), next_cell))
        next_cell = int(cells[-1].max()) + 1
    return Pieces(np.concatenate(generators), np.concatenate(cells)) if found else None


def _centres(points: Floats, least: int, most: int, parameters: tuple[int, float] | None, rng: np.random.Generator) -> Floats:
    """Middles [k, 3] of the clusters in a cell that is too large; `parameters` are those of OPTICS, none means k-means.

    For cells larger than PIGEON's, `min_samples` grows with `least`, and shrinks with the share of the points that is
    looked at. Clusters below `least` are noise.
    """
    if parameters is None:
        return spherical_kmeans(points, -(-len(points) // most), rng)
    rows = sampled(len(points), rng)
    scale = max(least, 1) / _PUBLISHED_LEAST * len(rows) / len(points)
    labels = optics(*lat_lon(points[rows]), max(3, round(parameters[0] * scale)), parameters[1])
    size = np.bincount(labels[labels >= 0], minlength=1)
    kept = np.flatnonzero(size >= max(2.0, least * len(rows) / len(points)))
    inside = np.isin(labels, kept)
    return means(points[rows][inside], np.searchsorted(kept, labels[inside]), len(kept))


def _without_small(pieces: Pieces, points: Floats, least: int) -> Pieces:
    """The cells with each below `least` photos made part of a neighbour; the generators stay."""
    n = int(pieces.cell.max()) + 1
    of = pieces.assign(points)
    group = merged(np.bincount(of, minlength=n), _middles(pieces, points, of, n), least)
    return Pieces(pieces.generators, np.unique(group[pieces.cell], return_inverse=True)[1])


def _middles(pieces: Pieces, points: Floats, of: Labels, n: int) -> Floats:
    """Where the photos of each cell [n, 3] lie; of a cell without any, where its generators do."""
    middle = means(points, of, n)
    return np.where(middle.any(axis=1, keepdims=True), middle, means(pieces.generators, pieces.cell, n))
