"""Refinement inside the best cells: clusters of photos in each cell, found again by their mean embedding (PIGEON)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats, haversine_km, lat_lon, unit_vectors
from models.encoders.encoder import Vectors, unit_rows
from models.geocells.clusters import Labels, means, optics, rms_km, sampled

OPTICS_PARAMETERS = (3, 0.15)
"""(min_samples, xi) of PIGEON, for cells of about 60 photos; PIGEOTTO took (100, 0.1) for 2,000."""
_PUBLISHED_MOST = 60


@dataclass(frozen=True, eq=False)
class Clusters:
    """Photo clusters [p] of all cells, in the order of their cells; every cell has at least one."""

    cell: Labels
    prototype: NDArray[np.float16]
    """Mean embedding [p, d], of length 1."""
    lat: Floats
    lon: Floats
    """Spherical mean of the photos, in degrees."""
    spread_km: Floats
    """Root mean square distance of the photos from it."""
    exemplar: NDArray[np.float16]
    """Embeddings [e, d] of some photos; none unless asked for."""
    exemplar_cluster: Labels
    exemplar_lat: Floats
    exemplar_lon: Floats

    def __len__(self) -> int:
        return len(self.cell)

    @cached_property
    def prototypes(self) -> Vectors:
        """The prototypes, float32, of length 1 again."""
        return unit_rows(self.prototype)

    @cached_property
    def of_cell(self) -> Labels:
        """Numbers of the clusters of each cell [c, m], -1 behind the last."""
        count = np.bincount(self.cell)
        table = np.full((len(count), int(count.max(initial=1))), -1, dtype=np.int64)
        column = np.arange(len(self.cell)) - np.repeat(np.cumsum(count) - count, count)
        table[self.cell, column] = np.arange(len(self.cell))
        return table

    def nearest_photo(self, cluster: int, vector: NDArray[np.floating]) -> tuple[float, float]:
        """Place of the photo of a cluster whose embedding is nearest to a vector [d]; the cluster's mean where none is kept.

        (The published code takes the farthest one, against its own paper.)
        """
        rows = np.flatnonzero(self.exemplar_cluster == cluster)
        if not len(rows):
            return float(self.lat[cluster]), float(self.lon[cluster])
        best = rows[np.argmax(self.exemplar[rows].astype(np.float32) @ np.asarray(vector, dtype=np.float32))]
        return float(self.exemplar_lat[best]), float(self.exemplar_lon[best])


@dataclass(frozen=True, eq=False)
class Candidates:
    """For each of `n` queries its `k` best cells and their clusters."""

    cell: Labels
    """[n, k], the most probable first."""
    mass: Floats
    """Probability [n, k] of these cells."""
    rival: NDArray[np.bool_]
    """Whether a cell [n, k] is near enough to the best one to be refined against it."""
    cluster: Labels
    """[n, k, m], -1 where a cell has no more."""
    gap: Floats
    """‖e − prototype‖ [n, k, m], infinite where there is no cluster."""

    def refined(self, temperature: float) -> tuple[Floats, Floats]:
        """Mass [n, k] of the cells after refinement and the share [n, k, m] of each cluster in its cell.

        r = softmax(−‖e − prototype‖/T); a cell counts with its nearest prototype, p_k ∝ p_cell,k · r_k among the rivals,
        which keep their mass together. Cells that are no rivals keep their own.
        """
        score = -self.gap / temperature
        nearest = score.max(axis=2)
        shift = np.where(self.rival, nearest, -np.inf).max(axis=1, keepdims=True)
        pull = np.where(self.rival, self.mass * np.exp(np.minimum(nearest - shift, 0.0)), 0.0)
        total = pull.sum(axis=1, keepdims=True)
        held = np.where(self.rival, self.mass, 0.0).sum(axis=1, keepdims=True)
        mass = np.where(self.rival & (total > 0), pull * held / np.maximum(total, 1e-300), self.mass)
        share = np.exp(score - nearest[:, :, None])
        return mass, share / share.sum(axis=2, keepdims=True)


def build_clusters(
    vectors: Vectors, lat: Floats, lon: Floats, cell: Labels, n_cells: int, most: int, exemplars: int = 0, seed: int = 0
) -> Clusters:
    """The photo clusters of the cells [n_cells] that training photos [n] (unit vectors, degrees, cell) lie in.

    OPTICS on great-circle distances in every cell; photos that are noise are dropped, and where nothing is left the cell is
    one cluster. `min_samples` is PIGEON's 3 for cells of at most 60 photos and grows as the square root of `most` above (17
    for PIGEOTTO's 2,000, where it took 100: clusters stay small enough to name a place). Of a cell with more than 2,000 photos
    OPTICS looks at as many. Every cell has a photo.
    """
    rng = np.random.default_rng([seed, 2])
    min_samples = max(OPTICS_PARAMETERS[0], round(OPTICS_PARAMETERS[0] * (most / _PUBLISHED_MOST) ** 0.5))
    label, n = np.full(len(cell), -1, dtype=np.int64), 0
    order = np.argsort(cell, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(cell, minlength=n_cells))[:-1]):
        looked = rows[sampled(len(rows), rng)]
        found = optics(lat[looked], lon[looked], min_samples, OPTICS_PARAMETERS[1])
        if (found >= 0).any():
            label[looked] = np.where(found >= 0, found + n, -1)
        else:
            label[rows] = n
        n = int(label.max()) + 1
    kept = np.flatnonzero(label >= 0)
    return _described(vectors[kept], lat[kept], lon[kept], cell[kept], label[kept], exemplars, rng)


def _described(
    vectors: Vectors, lat: Floats, lon: Floats, cell: Labels, label: Labels, exemplars: int, rng: np.random.Generator
) -> Clusters:
    """The clusters of photos [n] whose labels run from 0 without a gap."""
    n = int(label.max()) + 1
    total = np.zeros((n, vectors.shape[1]))
    np.add.at(total, label, vectors)
    middle = means(unit_vectors(lat, lon), label, n)
    first = np.unique(label, return_index=True)[1]
    middle = np.where(middle.any(axis=1, keepdims=True), middle, unit_vectors(lat[first], lon[first]))
    at_lat, at_lon = lat_lon(middle)
    mixed = rng.permutation(len(label))
    by_label = mixed[np.argsort(label[mixed], kind="stable")]
    count = np.bincount(label)
    rank = np.arange(len(label)) - np.repeat(np.cumsum(count) - count, count)
    kept = by_label[rank < exemplars]
    return Clusters(
        cell[first], unit_rows(total).astype(np.float16), at_lat, at_lon, rms_km(lat, lon, label, at_lat, at_lon),
        vectors[kept].astype(np.float16), label[kept], lat[kept], lon[kept],
    )  # fmt: skip


def candidates(
    clusters: Clusters, probability: Floats, vectors: NDArray[np.floating], lat: Floats, lon: Floats, k: int, max_km: float
) -> Candidates:
    """The `k` best cells of queries [n] by P(cell) [n, c], with their clusters and the distances of unit vectors [n, d] to them.

    Cells (centres `lat`, `lon` [c] in degrees) farther than `max_km` from the best one are no rivals to it; 0 is no limit.
    (PIGEON lets all `k` compete and takes the first guess back where the refined one lies too far from it.)
    """
    k = min(k, probability.shape[1])
    cell = np.argsort(-probability, axis=1, kind="stable")[:, :k]
    mass = np.take_along_axis(probability, cell, axis=1)
    away = haversine_km(lat[cell], lon[cell], lat[cell[:, :1]], lon[cell[:, :1]])
    cluster = clusters.of_cell[cell]
    inner = np.asarray(vectors, dtype=np.float32) @ clusters.prototypes.T
    cosine = np.take_along_axis(inner, np.maximum(cluster, 0).reshape(len(cell), -1), axis=1).reshape(cluster.shape)
    gap = np.where(cluster >= 0, np.sqrt(np.maximum(2.0 - 2.0 * cosine.astype(np.float64), 0.0)), np.inf)
    return Candidates(cell, mass, (away <= max_km) | (max_km == 0), cluster, gap)
