"""What an extract has around one spot, by kind and distance, and which names must not be called absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from evals.place_questions.kinds import PlaceKind
from evals.place_questions.spot import Spot
from geo.names import fold
from tools.osm.element import Near, OsmError
from tools.osm.filters import Filter, names_in, parse_filters
from tools.osm.probability import covers_circle
from tools.osm.store import OsmStore
from tools.quote import clean

NEAR = 0.1
"""A distance within so much of the radius is too near to it: nobody measures a photo's place so well."""
ELSEWHERE = 2.0
"""What is farther away than so many radii is elsewhere."""
_REACHES_M = (5_000.0, 2_000.0, 1_000.0)
_MOST = 50_000
_LONGEST_NAME = 60
_MOST_NAMES, _MOST_WORDS = 20, 20
_OTHER_NAMES = frozenset({"alt_name", "official_name", "short_name", "int_name", "loc_name"})
_NAMED = ("name", "alt_name", "official_name", "short_name", "old_name", "brand")


@dataclass(frozen=True)
class Thing:
    """An element and how far from the spot it is."""

    id: str
    """`node/123`."""
    name: str
    """As it is called on the spot; "" where it has no name that can be asked for."""
    accepted: tuple[str, ...]
    """All names that mean it."""
    folded: frozenset[str]
    """All its names, that of its chain included, in comparable form."""
    tags: Mapping[str, str]
    distance_m: float


class Surroundings:
    """One spot in an extract. Raises OsmError for an extract that cannot be read."""

    def __init__(self, store: OsmStore, spot: Spot, radius_m: float) -> None:
        self.store, self.spot, self.radius_m = store, spot, radius_m
        self._things: dict[str, list[Thing]] = {}
        self._elsewhere: dict[str, list[Thing]] = {}

    @cached_property
    def covered(self) -> bool:
        """Whether the circle, and what is too near to its edge, lies in the extract."""
        return covers_circle(self.store, self.spot.lat, self.spot.lon, self.radius_m * (1.0 + NEAR))

    @property
    def inner_m(self) -> float:
        return self.radius_m * (1.0 - NEAR)

    @property
    def outer_m(self) -> float:
        return self.radius_m * (1.0 + NEAR)

    @property
    def elsewhere_m(self) -> float:
        return self.radius_m * ELSEWHERE

    def things(self, kind: PlaceKind) -> list[Thing]:
        """Everything of a kind in reach, the nearest first; nothing where the extract holds too many."""
        if kind.word not in self._things:
            self._things[kind.word] = [_thing(near) for near in self._reached(kind)]
        return self._things[kind.word]

    def within(self, kind: PlaceKind) -> list[Thing]:
        """Those surely within the radius."""
        return [thing for thing in self.things(kind) if thing.distance_m <= self.inner_m]

    def elsewhere(self, kind: PlaceKind) -> list[Thing]:
        """Those farther away than two radii that have a name which nothing within two radii has."""
        if kind.word not in self._elsewhere:
            self._elsewhere[kind.word] = [thing for thing in self.things(kind)
                                          if thing.distance_m > self.elsewhere_m and thing.name and not self.has_namesake(thing.folded)]  # fmt: skip
        return self._elsewhere[kind.word]

    def has_namesake(self, folded: Iterable[str]) -> bool:
        """Whether anything at all within two radii has one of these names, or a name that holds it or lies in it."""
        names, runs = self._names_near
        return any(name in runs or not names.isdisjoint(_runs(name)) for name in folded)

    @cached_property
    def _names_near(self) -> tuple[frozenset[str], frozenset[str]]:
        """Every name within two radii, folded, and every run of words in one."""
        found = self._around(self.elsewhere_m, parse_filters(_NAMED))
        names = frozenset(filter(None, (fold(name) for near in found for name in names_in(near.element.tags))))
        return names, frozenset(run for name in names for run in _runs(name))

    def _reached(self, kind: PlaceKind) -> tuple[Near, ...]:
        *wide, narrow = (max(reach_m, 3.0 * self.radius_m) for reach_m in _REACHES_M)
        for reach_m in wide:
            try:
                return self._around(reach_m, kind.filters)
            except OsmError:  # too many in a large city
                continue
        return self._around(narrow, kind.filters)

    def _around(self, radius_m: float, filters: Sequence[Filter]) -> tuple[Near, ...]:
        return self.store.around(self.spot.lat, self.spot.lon, radius_m, filters, _MOST).near


def usable(name: str) -> bool:
    """Whether a name can be put into a question as it is: short, plain, with letters or digits, without quotation marks."""
    return bool(fold(name)) and name == clean(name, _LONGEST_NAME) and not set(name) & set('"“”„«»|*')


def _thing(near: Near) -> Thing:
    element = near.element
    name, accepted, folded = _names_of(
        tuple((key, value) for key, value in element.tags.items() if "name" in key or key == "brand")
    )
    return Thing(f"{element.kind}/{element.osm_id}", name, accepted, folded, element.tags, near.distance_m)


@lru_cache(100_000)
def _names_of(tags: tuple[tuple[str, str], ...]) -> tuple[str, tuple[str, ...], frozenset[str]]:
    """Name, accepted names and all names, folded. The name of a chain, or one that it had before, means too much to be accepted."""
    by_key = dict(tags)
    name = by_key.get("name", "")
    others = [value for key, value in tags if key.startswith("name:") or key in _OTHER_NAMES]
    unlike: dict[str, str] = {}
    for text in (name, *others):
        for part in (text, *text.split(";")):
            if fold(part):
                unlike.setdefault(fold(part), clean(part, 100))
    folded = frozenset(filter(None, map(fold, names_in(by_key))))
    return name if usable(name) else "", tuple(unlike.values())[:_MOST_NAMES], folded


def _runs(name: str) -> set[str]:
    """The words of a name that stand in a row: `a`, `a b`, `b` of `a b`."""
    words = name.split()[:_MOST_WORDS]
    return {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
