"""From cell probabilities to a density over the Earth: von Mises-Fisher kernels on photo clusters and on cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.evidence import Kernels, near
from geo.prior import density_under
from geo.sphere import Floats, kappa_of_sigma, unit_vectors, vmf_log_density
from models.geocells.clusters import Labels
from models.geocells.partition import Partition
from models.geocells.refine import Candidates, Clusters, candidates

KEPT_MASS = 0.999
KEPT_CELLS = 200
"""Cells are left out once this much mass, or this many cells, are in."""

_NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class Refinement:
    """How clusters count, learned on validation photos."""

    temperature: float = 0.1
    """T of r = softmax(−‖e − prototype‖/T); PIGEON's 1.6 and 0.6 belong to embeddings that were not of unit length."""
    share: float = 0.5
    """Part of a refined cell's mass that lies on its clusters; the rest keeps the shape of the cell."""
    floor_km: float = 10.0
    """Least standard deviation of a cluster's kernel along each axis."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Kernels [m] of one picture."""

    row: Labels
    """Which of the mixer's kernels they are: first one for each cell, then one for each cluster."""
    lat: Floats
    lon: Floats
    sigma_km: Floats
    weight: Floats
    """P(place | picture): sums to 1."""
    odds: Floats
    """The same as a likelihood: `weight` over the training density that the kernel stands on. Only ratios matter."""

    def kernels(self, likelihood: bool) -> Kernels:
        """The density, or the likelihood."""
        return near(self.lat, self.lon, self.sigma_km, self.odds if likelihood else self.weight)


@dataclass(frozen=True, eq=False)
class Mixer:
    """Makes mixtures from cell probabilities.

    The density is p(x) = Σ_c p_c K_c(x), each cell a kernel of its photos' spread; in the refined cells a share λ of the mass
    lies on kernels of the photo clusters, r_j of it on cluster j.

    The likelihood divides by the training density f(x) = Σ_c n_c/N K_c(x). Where one cell matters, p(x)/f(x) is p_c/n_c · N
    whatever its kernel: so a kernel of the likelihood must *peak* at p_c/n_c, and its weight is that times its area, 1 over
    the height of K_c. A wide cell is therefore no less likely at its centre than a narrow one with the same p_c/n_c. In a
    cell of m clusters, which are equal before the picture is seen, cluster j peaks at λ·m·r_j·p_c/n_c. A cell with fewer
    than `least_count` photos (all of a small country's) counts as having them: they say little of how often photos are
    taken there.
    """

    partition: Partition
    clusters: Clusters | None
    refinement: Refinement
    top_k: int
    max_km: float
    least_count: int

    def candidates(self, probability: Floats, vectors: NDArray[np.floating]) -> Candidates:
        """The best cells of queries and their clusters. Raises ValueError for a model without clusters."""
        if self.clusters is None:
            raise ValueError("this model was trained without clusters")
        own = self.partition
        return candidates(self.clusters, probability, vectors, own.lat, own.lon, self.top_k, self.max_km)

    def mix(self, probability: Floats, vector: NDArray[np.floating]) -> Mixture:
        """The mixture of one picture from P(cell) [c] and its unit vector [d]."""
        mass = probability.copy()
        cluster, cluster_mass = np.zeros(0, dtype=np.int64), np.zeros(0)
        if self.clusters is not None:
            found = self.candidates(probability[None], vector[None])
            cell_mass, share = found.refined(self.refinement.temperature)
            mass[found.cell[0]] = cell_mass[0]
            real = found.cluster[0] >= 0
            cluster = found.cluster[0][real]
            cluster_mass = (self.refinement.share * cell_mass[0][:, None] * share[0])[real]
            mass[found.cell[0]] *= 1.0 - self.refinement.share
        cell = _heaviest(mass, KEPT_MASS - cluster_mass.sum())
        row, weight = np.append(cell, len(mass) + cluster), np.append(mass[cell], cluster_mass)
        row, weight = row[weight > _NEGLIGIBLE], weight[weight > _NEGLIGIBLE]
        lat, lon = self._lat_lon
        return Mixture(row, lat[row], lon[row], self.sigma_km[row], weight / weight.sum(), weight / self._training[row])

    def ratio(self, mixture: Mixture, lat: Floats, lon: Floats, likelihood: bool) -> Floats:
        """L/⟨L⟩ at points [n] in degrees: the density or the likelihood over its mean under geo's photo prior."""
        share = mixture.odds if likelihood else mixture.weight
        share = share / share.sum()
        cosine = unit_vectors(lat, lon).reshape(-1, 3) @ unit_vectors(mixture.lat, mixture.lon).T
        density = np.exp(vmf_log_density(cosine, kappa_of_sigma(mixture.sigma_km))) @ share
        return np.asarray(density / (float(share @ self._photo_prior[mixture.row]) / (4.0 * math.pi)))

    @cached_property
    def sigma_km(self) -> Floats:
        """Standard deviation along each axis [c + p] of the kernels: a mean square distance is twice its square."""
        cells = self.partition.spread_km / math.sqrt(2.0)
        if self.clusters is None:
            return np.asarray(cells)
        return np.append(cells, np.maximum(self.clusters.spread_km / math.sqrt(2.0), self.refinement.floor_km))

    @cached_property
    def _lat_lon(self) -> tuple[Floats, Floats]:
        own, more = self.partition, self.clusters
        return (own.lat, own.lon) if more is None else (np.append(own.lat, more.lat), np.append(own.lon, more.lon))

    @cached_property
    def _training(self) -> Floats:
        """Training photos per steradian [c + p], up to a factor, that each kernel stands on."""
        count = np.maximum(self.partition.count, self.least_count).astype(np.float64)
        if self.clusters is not None:
            shared = count / np.bincount(self.clusters.cell, minlength=len(count))
            count = np.append(count, shared[self.clusters.cell])
        return np.asarray(count * np.exp(vmf_log_density(1.0, kappa_of_sigma(self.sigma_km))))

    @cached_property
    def _photo_prior(self) -> Floats:
        """Mean of geo's photo prior [c + p] under each kernel, relative to a uniform Earth, from points that stand for it."""
        return density_under(*self._lat_lon, self.sigma_km)


def _heaviest(mass: Floats, enough: float) -> Labels:
    """The heaviest rows that hold `enough` together, at most `KEPT_CELLS`."""
    order = np.argsort(-mass, kind="stable")[:KEPT_CELLS]
    before = np.cumsum(mass[order]) - mass[order]
    return np.asarray(order[before < enough], dtype=np.int64)
