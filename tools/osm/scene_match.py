"""Places of an extract where a scene is found.

The rarest entity is looked up first; around each of its elements the others are sought, the rarer first, in boxes and then by exact
distances. One element of the rarest entity with everything that fits around it is one place, and two of them are the same place where the
smallest part is the same: a crossing with a church on either side. An element plays one part at a time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from geo.area import Area, Box, parse_area
from tools.osm.element import OsmElement, OsmError
from tools.osm.filters import Filter, parse_filters
from tools.osm.scene_query import Contains, Entity, NotNear, SceneQuery, Within
from tools.osm.scene_rarity import Size, box_area_m2, log_at_least, log_none, log_some, reach_m2
from tools.osm.scene_rows import Row, Rows
from tools.osm.shape import UNITS, IntBox
from tools.osm.store import Ids, OsmStore

MOST_ROOTS = 100_000
"""Elements of the rarest entity around which a scene is sought."""
MOST_KEPT = 500
"""Places that are kept, the rarest; the others are only counted."""
MOST_HITS = 1_000
"""Ways in which the parts can be given out at one place."""
MOST_PARTS = 20
"""Elements that are named for one part of a place."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Place:
    """Where the scene is found."""

    parts: Mapping[str, tuple[OsmElement, ...]]
    """Of each entity: the elements that can play it here, the best first."""
    lat: float
    lon: float
    """The middle of the smallest part."""
    extent_m: float
    """A circle of this radius around it reaches every part."""
    score: float
    """-log of the expected number of such places by chance (`tools.osm.scene_rarity`)."""
    cut: bool
    """Whether there are more ways to give the parts out than were tried."""

    @property
    def expected(self) -> float:
        """Such places by chance."""
        return math.exp(-max(self.score, -700.0))


@dataclass(frozen=True)
class SceneResult:
    """The answer to a query."""

    places: tuple[Place, ...]
    """The rarest first."""
    n_total: int
    """Places in all, as far as was looked."""
    truncated: bool
    stopped_early: bool
    """Whether the time was over before everything was looked at."""
    looked_at: int
    roots: int
    """Elements of the rarest entity, and how many of them were looked at."""
    counts: Mapping[str, int]
    """At most how many elements of the extract each entity may be."""


@dataclass(frozen=True)
class _Plan:
    """One entity as it is brought in, with the relations to those that are there already."""

    entity: Entity
    filters: tuple[Filter, ...]
    density_m2: float
    ties: tuple[Within | Contains, ...] = ()
    apart: tuple[tuple[NotNear, tuple[Filter, ...], float], ...] = ()
    """With the filters and the density of what must not be near."""


@dataclass
class _Spot:
    """A place as it is kept while others are sought."""

    log_chance: float
    roots: list[int]


class _OutOfTime(Exception):
    """Thrown in the middle of one place, which then counts as not looked at."""


@dataclass(frozen=True)
class _Hit:
    rows: dict[str, Row]
    log_chance: float


def match_scene(
    store: OsmStore, query: SceneQuery, *, area: Area | None = None, limit: int = MOST_KEPT, seconds: float = 20.0,
    clock: Clock = time.monotonic,
) -> SceneResult:  # fmt: skip
    """Where the scene is found, within `area` and that of the query (which bind the element of the rarest entity), the rarest places first.

    Raises OsmError where the rarest entity is still too common, and ValueError for an area that cannot be read.
    """
    end = clock() + seconds
    match = _Matcher(store, query, lambda: clock() > end)
    areas = [one for one in (area, parse_area(query.area) if query.area else None) if one]
    roots = match.roots(areas)
    spots: dict[int, _Spot] = {}
    looked = 0
    for root in roots.tolist():
        try:
            hits, _ = match.around(root, len(roots))
        except _OutOfTime:
            break
        looked += 1
        if hits:
            best = min(hits, key=lambda hit: hit.log_chance)
            spot = spots.setdefault(_smallest(best).id, _Spot(best.log_chance, []))
            spot.log_chance = min(spot.log_chance, best.log_chance)
            spot.roots.append(root)
    match.late = lambda: False
    ranked = sorted(spots.values(), key=lambda spot: (spot.log_chance, spot.roots[0]))[: min(limit, MOST_KEPT)]
    places = tuple(match.place(spot.roots[:MOST_PARTS], len(roots)) for spot in ranked)
    return SceneResult(places, len(spots), len(spots) > len(places), looked < len(roots), looked, len(roots), match.counts)


def _smallest(hit: _Hit) -> Row:
    """The smallest part: what says best where the place is."""
    return min(hit.rows.values(), key=lambda row: (row.half_diagonal_m, row.id))


class _Matcher:
    """One query over one extract."""

    def __init__(self, store: OsmStore, query: SceneQuery, late: Callable[[], bool]) -> None:
        self._store, self._rows, self.late = store, Rows(store), late
        box = store.about().box
        self._extract_m2 = box_area_m2(box) if box else 1.0
        filters = {entity.id: parse_filters(entity.what) for entity in query.entities}
        self.counts = {name: store.estimate(found) for name, found in filters.items()}
        self._plans = [self._plan(query, entity, filters, before) for entity, before in self._order(query)]

    def _order(self, query: SceneQuery) -> Iterator[tuple[Entity, set[str]]]:
        """Entities with those placed before them: the rarest, then always the rarest of those tied to one that is there."""
        left = list(query.entities)
        placed: set[str] = set()
        while left:
            ties = [{r.a, r.b} for r in query.relations if not isinstance(r, NotNear)]
            open_ = [e for e in left if not placed or any(e.id in tie and tie & placed for tie in ties)]
            entity = min(open_, key=lambda e: (self.counts[e.id], left.index(e)))
            yield entity, set(placed)
            placed.add(entity.id)
            left.remove(entity)

    def _plan(self, query: SceneQuery, entity: Entity, filters: Mapping[str, tuple[Filter, ...]], before: set[str]) -> _Plan:
        ties = tuple(r for r in query.relations if not isinstance(r, NotNear) and entity.id in {r.a, r.b} and {r.a, r.b} & before)
        apart = tuple((r, found := parse_filters(r.what), self._density(self._store.estimate(found)))
                      for r in query.relations if isinstance(r, NotNear) and r.a == entity.id)  # fmt: skip
        return _Plan(entity, filters[entity.id], self._density(self.counts[entity.id]), ties, apart)

    def _density(self, count: int) -> float:
        return count / self._extract_m2

    def roots(self, areas: Sequence[Area]) -> Ids:
        """Elements of the rarest entity whose middle lies in every area. Raises OsmError where they are too many."""
        boxes = next((boxes_of(one.box) for one in areas if one.box is not None), None)
        try:
            ids = self._store.ids(self._plans[0].filters, boxes, most=MOST_ROOTS)
        except OsmError as error:
            raise OsmError(f"the rarest part of the scene is still too common: {error}") from error
        columns = self._store.columns(ids)
        inside = np.ones(len(ids), dtype=np.bool_)
        for one in areas:
            inside &= _inside(one, columns.lat, columns.lon)
        return columns.id[inside]

    def around(self, root: int, roots: int) -> tuple[list[_Hit], bool]:
        """Every way to give the parts out around one element, at most `MOST_HITS`, and whether there are more."""
        if self.late():
            raise _OutOfTime
        (row,) = self._rows.get([root])
        hits: list[_Hit] = []
        alone = self._alone(self._plans[0], row)
        if alone is None:
            return [], False
        for hit in self._extend(_Hit({self._plans[0].entity.id: row}, math.log(max(roots, 1)) + alone), 1):
            if len(hits) >= MOST_HITS:
                return hits, True
            hits.append(hit)
        return hits, False

    def _extend(self, hit: _Hit, step: int) -> Iterator[_Hit]:
        if step == len(self._plans):
            yield hit
            return
        plan = self._plans[step]
        for row, reach in self._candidates(plan, hit.rows):
            alone = self._alone(plan, row)
            if alone is not None:
                chance = hit.log_chance + alone + log_some(plan.density_m2, reach)
                yield from self._extend(_Hit({**hit.rows, plan.entity.id: row}, chance), step + 1)

    def _candidates(self, plan: _Plan, rows: Mapping[str, Row]) -> Iterator[tuple[Row, float]]:
        """Elements that may play a part beside those placed, with the least area that a tie leaves them."""
        name, taken = plan.entity.id, {row.id for row in rows.values()}
        for row in self._by_first_tie(plan, rows):
            if self.late():
                raise _OutOfTime
            if row.id in taken:
                continue
            reaches = [_tied(tie, {**rows, name: row}) for tie in plan.ties]
            known = [reach for reach in reaches if reach is not None]
            if len(known) == len(reaches):
                yield row, min(known)

    def _by_first_tie(self, plan: _Plan, rows: Mapping[str, Row]) -> list[Row]:
        tie = plan.ties[0]
        other = rows[tie.b if tie.a == plan.entity.id else tie.a]
        return self._rows.get(self._rows.near(plan.filters, other, tie.metres if isinstance(tie, Within) else 0.0))

    def _alone(self, plan: _Plan, row: Row) -> float | None:
        """log of how likely by chance what is asked of an element alone is; None where it does not hold."""
        log_chance = 0.0
        if plan.entity.cluster is not None:
            cluster = plan.entity.cluster
            others = self._count(plan.filters, row, cluster.within_m, cluster.count - 1)
            if others < cluster.count - 1:
                return None
            log_chance += log_at_least(cluster.count - 1, plan.density_m2, reach_m2(cluster.within_m, row.size, Size()))
        for relation, filters, density_m2 in plan.apart:
            if self._count(filters, row, relation.metres, 1):
                return None
            log_chance += log_none(density_m2, reach_m2(relation.metres, row.size, Size()))
        return log_chance

    def _count(self, filters: tuple[Filter, ...], row: Row, metres: float, enough: int) -> int:
        """How many others fit within a distance of an element, counted up to `enough`."""
        found = 0
        for other in self._rows.get(self._rows.near(filters, row, metres)):
            found += other.id != row.id and row.distance_m(other, metres) <= metres
            if found >= enough:
                break
        return found

    def place(self, roots: Sequence[int], n_roots: int) -> Place:
        """The place of some elements of the rarest entity: its parts, and where the rarest way to give them out is."""
        found = [self.around(root, n_roots) for root in roots]
        ordered = sorted((hit for hits, _ in found for hit in hits), key=lambda hit: hit.log_chance)
        best, middle = ordered[0], _smallest(ordered[0])
        ids = {name: list(dict.fromkeys(hit.rows[name].id for hit in ordered))[:MOST_PARTS] for name in best.rows}
        away = max(float(row.shapes.nearest(middle.lat, middle.lon)[0][0]) for row in best.rows.values())
        parts = {name: tuple(self._store.elements(rows)) for name, rows in ids.items()}
        cut = any(more for _, more in found)
        return Place(parts, middle.lat, middle.lon, max(away, middle.half_diagonal_m), -best.log_chance, cut)


def _tied(tie: Within | Contains, rows: Mapping[str, Row]) -> float | None:
    """The area that a tie leaves by chance for the part that comes second, square metres; None where the tie does not hold."""
    a, b = rows[tie.a], rows[tie.b]
    if isinstance(tie, Contains):
        return max(a.size.area_m2, 1.0) if bool(a.shapes.contain(b.lat, b.lon)[0]) else None
    distance = a.distance_m(b, tie.metres)
    return reach_m2(distance, a.size, b.size) if distance <= tie.metres else None


def boxes_of(box: Box) -> list[IntBox]:
    """A box in 1e-7 degrees, in two where it crosses the antimeridian."""
    south, west, north, east = (round(value * UNITS) for value in (box.south, box.west, box.north, box.east))
    if west <= east:
        return [(south, west, north, east)]
    return [(south, west, north, 180 * UNITS), (south, -180 * UNITS, north, east)]


def _inside(area: Area, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    inside = np.ones(len(lat), dtype=np.bool_)
    if area.box is not None:
        inside &= area.box.contains(lat, lon)
    if area.countries:
        from geo.gazetteer import gazetteer

        known = gazetteer()
        codes = np.array([*known.country_codes, ""])
        inside &= np.isin(codes[known.country_index_at(lat, lon)], sorted(area.countries))
    return inside
