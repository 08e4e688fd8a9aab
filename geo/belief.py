"""The belief: a probability map of the Earth that evidence is multiplied into.

The map lives on HEALPix cells, order 6 (92 km) everywhere and split in four where the mass is, down to order 14
(0.36 km). A belief never changes: `update` gives a new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.area import Area
from geo.cells import MAX_ORDER, Cells, base_cells
from geo.evidence import Evidence
from geo.score import Score, geoscore
from geo.sphere import Floats, destination, haversine_km, lat_lon, unit_vectors

SPLIT_MASS = 1.0 / 2048.0
"""A cell that holds more than this is split; a belief has some thousands of cells beyond the base grid at most."""

_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Belief:
    """P(photo was taken in cell | evidence). Build it with `Belief.start` and `update`."""

    cells: Cells
    evidence: tuple[Evidence, ...]
    clues_EN: tuple[Floats, ...]
    """Raw likelihood of each piece of evidence in each cell."""
    reference: Floats
    """Probability of each cell before any evidence: prior density times area, inside the search area."""
    mass: Floats
    """Probability of each cell, summing to 1."""
    with_prior: bool
    area: Area | None

    @classmethod
    def start(cls, *, prior: bool = True, area: Area | None = None) -> Belief:
        """The belief before any evidence: where photos are taken (`prior`) or uniform over the sphere, within `area`.

        Raises ValueError when the area holds nothing.
        """
        cells = base_cells()
        reference = _reference(cells, prior, area)
        if not reference.sum() > 0:
            raise ValueError("the search area is empty")
        reference = reference / reference.sum()
        return cls(cells, (), (), reference, reference, prior, area)._refined()

    def update(self, *evidence: Evidence) -> Belief:
        """The belief with these clues multiplied in."""
        if not evidence:
            return self
        c = self.cells
        clues = tuple(_finite(e.likelihood.at(c.lat, c.lon, c.side_km)) for e in evidence)
        grown = Belief(c, self.evidence + evidence, self.clues_EN + clues, self.reference, self.mass, self.with_prior, self.area)
        return grown._with_mass()._refined()

    def without_prior(self) -> Belief:
        """The same evidence over a uniform Earth (within the search area)."""
        return Belief.start(prior=False, area=self.area).update(*self.evidence)

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
        needed = np.clip((share - (np.cumsum(mass) - mass)) / np.maximum(mass, _TINY), 0.0, 1.0)
        return float((needed * area).sum())

    def radius_km(self, lat: float, lon: float, share: float) -> float:
        """Radius of the circle around a point that holds `share` of the belief."""
        # The mean distance between two points of a unit square is 0.52; from its centre to its points it is 0.38.
        distance = np.maximum(haversine_km(lat, lon, self.cells.lat, self.cells.lon), 0.38 * self.cells.side_km)
        order = np.argsort(distance)
        row = int(np.searchsorted(np.cumsum(self.mass[order]), share))
        return float(distance[order][min(row, len(order) - 1)])

    def entropy_bits(self) -> float:
        """log2 of the effective area in km²: 28.9 for the whole Earth, 0 for one square kilometre."""
        held = self.mass > 0
        return float(-(self.mass[held] * np.log2(self.density()[held])).sum())

    def gain_bits(self) -> float:
        """What the evidence tells beyond the prior: the Kullback-Leibler divergence from it, in bits."""
        return _kl_bits(self.mass, self.reference)

    def bits_of(self, index: int) -> float:
        """What one piece of evidence tells on its own: the divergence from the prior after it alone, in bits."""
        alone = self.reference * self._likelihood(index)
        return _kl_bits(alone / max(alone.sum(), _TINY), self.reference)

    def support_bits(self, index: int, lat: float, lon: float) -> float:
        """log2 of how much more likely one piece of evidence is at a point than on average; negative: it speaks against."""
        nearest = int(np.argmin(haversine_km(lat, lon, self.cells.lat, self.cells.lon) / self.cells.side_km))
        return float(np.log2(max(float(self._likelihood(index)[nearest]), _TINY)))

    def mass_within(self, lat: float, lon: float, radius_km: float) -> float:
        """Probability of the circle around a point; a cell on its edge counts in part."""
        distance = haversine_km(lat, lon, self.cells.lat, self.cells.lon)
        inside = np.clip((radius_km - distance) / self.cells.side_km + 0.5, 0.0, 1.0)
        return float((inside * self.mass).sum())

    def best(self, score: Score = geoscore, among: NDArray[np.bool_] | None = None) -> tuple[float, float]:
        """The point of highest expected score, `E[score(distance)]`; `among` limits it to some cells' neighbourhood."""
        heavy = np.argsort(-self.mass)[:4000]
        weight = self.mass[heavy]
        lat, lon = self.cells.lat[heavy], self.cells.lon[heavy]
        pool = np.arange(len(heavy)) if among is None else np.flatnonzero(among[heavy])
        if len(pool) == 0:
            pool = np.arange(len(heavy))
        starts = pool[:: max(1, len(pool) // 300)][:300]
        starts = np.union1d(starts, pool[:50])

        def expected(at_lat: Floats, at_lon: Floats) -> Floats:
            return np.asarray(score(haversine_km(at_lat[:, None], at_lon[:, None], lat, lon)) @ weight)

        top = int(starts[np.argmax(expected(lat[starts], lon[starts]))])
        return _climb(float(lat[top]), float(lon[top]), expected) if among is None else (float(lat[top]), float(lon[top]))

    def centre(self) -> tuple[float, float]:
        """Direction of the mean vector: of use for a belief with one peak."""
        lat, lon = lat_lon(self.mass @ unit_vectors(self.cells.lat, self.cells.lon))
        return float(lat), float(lon)

    # -- arithmetic

    def _likelihood(self, index: int) -> Floats:
        """(1 − ε)·clue/⟨clue⟩ + ε for one piece of evidence; 1 everywhere when it names nothing inside the area."""
        clue = self.clues_EN[index]
        mean = float(self.reference @ clue)
        if not mean > _TINY:
            return np.ones(len(self.cells))
        reliability = self.evidence[index].reliability
        return np.asarray(reliability / mean * clue + (1.0 - reliability))

    def _with_mass(self) -> Belief:
        """Multiply: clues of one source are averaged first (one of its readings is right), then sources are multiplied."""
        by_source: dict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(self.evidence):
            by_source[item.source].append(index)
        log_mass = np.log(np.maximum(self.reference, _TINY))
        for indices in by_source.values():
            log_mass += np.log(sum((self._likelihood(i) for i in indices), np.zeros(len(self.cells))) / len(indices))
        mass = np.where(self.reference > 0, np.exp(log_mass - log_mass.max()), 0.0)
        total = mass.sum()
        return self._replaced(mass=mass / total)

    def _refined(self) -> Belief:
        """Split heavy cells until none is left, asking prior and evidence again in the children."""
        belief, split = self, False
        while len(rows := np.flatnonzero((belief.mass > SPLIT_MASS) & (belief.cells.order < MAX_ORDER))):
            belief, split = belief._split(rows)._with_mass(), True
        return belief if split or belief is self else belief._with_mass()

    def _split(self, rows: NDArray[np.intp]) -> Belief:
        kids = self.cells.children(rows)
        keep = np.ones(len(self.cells), dtype=np.bool_)
        keep[rows] = False
        joined = Cells(*(np.concatenate([getattr(self.cells, f)[keep], getattr(kids, f)]) for f in ("order", "ipix", "lat", "lon")))
        # A parent's reference is shared out by the prior of its children, so that splitting never changes the total.
        share = _reference(kids, self.with_prior, self.area).reshape(-1, 4)
        share = np.where(share.sum(1, keepdims=True) > 0, share, 1.0)
        share *= (self.reference[rows] / share.sum(1))[:, None]
        reference = np.concatenate([self.reference[keep], share.ravel()])
        clues = tuple(
            np.concatenate([old[keep], _finite(e.likelihood.at(kids.lat, kids.lon, kids.side_km))])
            for e, old in zip(self.evidence, self.clues_EN, strict=True)
        )
        return self._replaced(cells=joined, clues_EN=clues, reference=reference)

    def _replaced(self, **changes: object) -> Belief:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Belief(**{**values, **changes})


def belief_from(evidence: Iterable[Evidence], *, prior: bool = True, area: Area | None = None) -> Belief:
    """The belief that all of this evidence gives."""
    return Belief.start(prior=prior, area=area).update(*evidence)


def _reference(cells: Cells, prior: bool, area: Area | None) -> Floats:
    """Prior probability of each cell up to a constant: density times area times the part inside the search area."""
    weight = cells.area_km2.copy()
    if prior:
        from geo.prior import photo_density

        weight *= photo_density(cells.lat, cells.lon, cells.side_km)
    if area is not None and area.countries:
        from geo.gazetteer import gazetteer

        weight *= gazetteer().region_share(dict.fromkeys(area.countries, 1.0), cells.lat, cells.lon, cells.side_km)
    if area is not None and area.box is not None:
        weight *= _box_share(cells, area)
    return np.asarray(weight)


def _box_share(cells: Cells, area: Area) -> Floats:
    """Share of each cell inside the box, from 16 points of it (or of its centre when the box is finer still)."""
    assert area.box is not None
    deeper = np.repeat(cells.order, 16) + 2
    points = Cells.of(deeper, (cells.ipix[:, None] * 16 + np.arange(16)).ravel())
    share = area.box.contains(points.lat, points.lon).reshape(-1, 16).mean(axis=1)
    if share.any():
        return np.asarray(share)
    middle = ((area.box.south + area.box.north) / 2, area.box.west + ((area.box.east - area.box.west) % 360) / 2)
    return np.asarray(haversine_km(*middle, cells.lat, cells.lon) < 0.75 * cells.side_km, dtype=np.float64)


def _climb(lat: float, lon: float, expected: Callable[[Floats, Floats], Floats]) -> tuple[float, float]:
    """Pattern search on the sphere from a start, down to steps of 100 m."""
    bearings = np.arange(0.0, 360.0, 45.0)
    step_km = 200.0
    best = float(expected(np.array([lat]), np.array([lon]))[0])
    for _ in range(200):
        around_lat, around_lon = destination(lat, lon, bearings, step_km)
        values = expected(around_lat, around_lon)
        top = int(np.argmax(values))
        if values[top] > best:
            best, lat, lon = float(values[top]), float(around_lat[top]), float(around_lon[top])
        elif (step_km := step_km / 2) < 0.1:
            break
    return lat, lon


def _finite(values: Floats) -> Floats:
    """Likelihoods as non-negative finite numbers, whatever a callable gave."""
    return np.asarray(np.nan_to_num(np.maximum(values, 0.0), nan=0.0, posinf=0.0), dtype=np.float64)


def _kl_bits(p: Floats, q: Floats) -> float:
    held = p > 0
    return float(max(0.0, (p[held] * np.log2(p[held] / np.maximum(q[held], _TINY))).sum()))
