"""The belief: a probability map of the Earth that evidence is multiplied into.

The map lives on HEALPix cells, order 6 (102 km) everywhere and split in four where the mass is, down to order 14
(0.4 km). A belief never changes: `update` gives a new one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.area import Area
from geo.cells import Cells, side_km
from geo.discs import disc_share
from geo.evidence import Evidence
from geo.expected import best_point
from geo.product import TINY, Clues, mean_of
from geo.refine import MAX_CELLS, Table
from geo.score import Score, geoscore
from geo.sphere import EARTH_RADIUS_KM, Floats, haversine_km, lat_lon

_REBUILD_ABOVE = MAX_CELLS - 20_000
"""A belief with more cells than this is made anew from its evidence, so that cells split for mass that has gone are dropped."""

_NEGLIGIBLE = 1e-11


@dataclass(frozen=True, eq=False)
class Belief:
    """P(photo was taken in cell | evidence). Build it with `Belief.start` and `update`."""

    table: Table
    """The cells, with what prior and evidence say of them."""
    clues: Clues
    """The evidence, with the mean of each clue under the prior."""
    mass: Floats
    """Probability [n] of each cell, summing to 1."""
    with_prior: bool
    area: Area | None

    @classmethod
    def start(cls, *, prior: bool = True, area: Area | None = None) -> Belief:
        """The belief before any evidence: where photos are taken (`prior`) or uniform over the sphere, within `area`.

        Raises ValueError when the area holds nothing.
        """
        table = Table.start(prior, area or None)
        return cls(table, Clues((), ()), table.reference, prior, area or None)

    def update(self, *evidence: Evidence) -> Belief:
        """The belief with these clues multiplied in; only their sources are asked again in cells that were there before."""
        if not evidence:
            return self
        asked = [mean_of(item, self.with_prior, self.area) for item in evidence]
        clues = self.clues + Clues(evidence, tuple(mean for mean, _ in asked))
        known = [None] * len(self.evidence) + [values for _, values in asked]
        start = Table.start(self.with_prior, self.area)
        anew = len(self.cells) > _REBUILD_ABOVE
        table, done = (start, 0) if anew else (self.table, len(self.evidence))
        for source in dict.fromkeys(item.source for item in clues.evidence[done:]):
            rows = [i for i, item in enumerate(clues.evidence) if item.source == source]
            if before := [i for i in rows if i < done]:
                table = table.added(clues.pick(before), start.cells, sign=-1.0)
            table = table.added(clues.pick(rows), start.cells, [known[i] for i in rows])
        table = table.refined(clues, self.with_prior, self.area)
        return Belief(table, clues, table.mass(), self.with_prior, self.area)

    def without_prior(self) -> Belief:
        """The same evidence over a uniform Earth (within the search area)."""
        return Belief.start(prior=False, area=self.area).update(*self.evidence)

    @property
    def cells(self) -> Cells:
        """The cells [n], sorted by key; together they are the sphere."""
        return self.table.cells

    @property
    def reference(self) -> Floats:
        """Probability [n] of each cell before any evidence: prior density times area, inside the search area."""
        return self.table.reference

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What the belief rests on, in the order in which it came."""
        return self.clues.evidence

    # -- reading the belief

    def density(self) -> Floats:
        """Probability per km² of each cell."""
        return np.asarray(self.mass / self.cells.area_km2)

    def credible_cells(self, share: float) -> NDArray[np.bool_]:
        """The smallest set of cells that holds `share` of the mass: the highest-density region."""
        order = np.argsort(-self.density(), kind="stable")
        before = np.cumsum(self.mass[order]) - self.mass[order]
        inside = np.zeros(len(self.cells), dtype=np.bool_)
        inside[order] = before < share
        return inside

    def credible_area_km2(self, share: float) -> float:
        """Area of that region; its last cell counts by the part that is needed."""
        order = np.argsort(-self.density(), kind="stable")
        mass, area = self.mass[order], self.cells.area_km2[order]
        needed = np.clip((share - (np.cumsum(mass) - mass)) / np.maximum(mass, TINY), 0.0, 1.0)
        return float((needed * area).sum())

    def radius_km(self, lat: float, lon: float, share: float) -> float:
        """Radius of the circle around a point that holds `share` of the belief: the inverse of `mass_within`."""
        mass, distance, disc = self._as_discs(lat, lon)
        low, high = 0.0, float((distance + disc).max())
        for _ in range(60):
            if high - low <= 1e-6 * high + 1e-3:
                break
            middle = (low + high) / 2.0
            low, high = (middle, high) if float(mass @ disc_share(distance, disc, middle)) < share else (low, middle)
        return min(high, np.pi * EARTH_RADIUS_KM)

    def entropy_bits(self) -> float:
        """log2 of the effective area in km²: 28.9 for the whole Earth, 0 for one square kilometre."""
        held = self.mass > 0
        return float(-(self.mass[held] * np.log2(self.density()[held])).sum())

    def log_normaliser(self) -> float:
        """log Σ reference·likelihood in nats: with the means of the clues it gives the density at a point without the cells
        (`geo/density_at.py`)."""
        held = self.table.reference > 0
        shift = float(self.table.log_like[held].max())
        return float(np.log((self.table.reference * np.exp(np.minimum(self.table.log_like - shift, 0.0)))[held].sum()) + shift)

    def gain_bits(self) -> float:
        """What the evidence tells beyond the prior: the Kullback-Leibler divergence from it, in bits."""
        return _kl_bits(self.mass, self.reference)

    def bits_of(self, index: int) -> float:
        """What one piece of evidence tells on its own: the divergence from the prior after it alone, in bits."""
        alone = self.reference * self._ratio(index, self.cells)
        return _kl_bits(alone / max(alone.sum(), TINY), self.reference)

    def support_bits(self, index: int, lat: float, lon: float) -> float:
        """log2 of how much more likely one piece of evidence is at a point than on average; negative: it speaks against."""
        row = self.cells.rows_at([lat], [lon])
        return float(np.log2(self._ratio(index, Cells.of(self.cells.order[row], self.cells.ipix[row]))[0]))

    def mass_within(self, lat: float, lon: float, radius_km: float) -> float:
        """Probability of the circle around a point; a cell on its edge counts in part, as a disc of its area."""
        mass, distance, disc = self._as_discs(lat, lon)
        return float(mass @ disc_share(distance, disc, radius_km))

    def best(self, score: Score = geoscore, among: NDArray[np.bool_] | None = None) -> tuple[float, float]:
        """The point of highest expected score, `E[score(distance)]`; `among` [n] limits it to points in some cells.

        When `among` holds no cell, it does not count.
        """
        return best_point(self.cells, self.mass, score, among)

    def centre(self) -> tuple[float, float]:
        """Direction of the mean vector: of use for a belief with one peak."""
        lat, lon = lat_lon(self.mass @ self.cells.vectors)
        return float(lat), float(lon)

    def _ratio(self, index: int, cells: Cells) -> Floats:
        """(1 − ε)·clue/⟨clue⟩ + ε of one piece of evidence in cells."""
        return self.clues.pick([index]).ratios(cells)[0]

    def _as_discs(self, lat: float, lon: float) -> tuple[Floats, Floats, Floats]:
        """Of the cells that hold any mass to speak of: mass, distance from a point and radius in km of the disc of their area."""
        held = np.flatnonzero(self.mass > _NEGLIGIBLE)
        disc = side_km(self.cells.order[held]) / np.sqrt(np.pi)
        return self.mass[held], haversine_km(lat, lon, self.cells.lat[held], self.cells.lon[held]), disc


def belief_from(evidence: Iterable[Evidence], *, prior: bool = True, area: Area | None = None) -> Belief:
    """The belief that all of this evidence gives."""
    return Belief.start(prior=prior, area=area).update(*evidence)


def _kl_bits(p: Floats, q: Floats) -> float:
    held = p > 0
    return float(max(0.0, (p[held] * np.log2(p[held] / np.maximum(q[held], TINY))).sum()))
