"""Questions about what lies around a spot: the nearest place, what is within the radius, how many, the nearest street."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from evals.place_questions.draft import WRONG_OPTIONS, Draft, drawn, metres, one_of
from evals.place_questions.kinds import STREET, PlaceKind, named, place_kind
from evals.place_questions.surroundings import NEAR, Surroundings, Thing
from geo.names import fold
from tools.quote import quoted

_APART_M = 5.0
"""The second nearest is farther away by 10 % and by this."""
_STREET_APART, _STREET_APART_M = 1.5, 40.0
_RIVALS = 12
_CITED = 20
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def place_drafts(around: Surroundings, kind: PlaceKind, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    """Every question about one kind of place."""
    yield from _nearest(around, kind, place, rng)
    yield from _named(around, kind, place, rng)
    yield from _any(around, kind, place)
    yield from _which(around, kind, place, rng)
    yield from _count(around, kind, place, rng)


def nearest_of(around: Surroundings, kind: PlaceKind) -> tuple[Thing, tuple[str, ...], tuple[str, ...]] | None:
    """The nearest thing of a kind, the elements that are it, and names of others; None where another one is about as near.

    A thing may be mapped twice, as a point and as a building: elements of one name are one.
    """
    things = around.things(kind)
    first = next((thing for thing in things if thing.distance_m <= around.inner_m), None)
    if first is None or not first.name:
        return None
    clear_m = first.distance_m * (1.0 + NEAR) + _APART_M
    same = [thing for thing in things if fold(thing.name) == fold(first.name)]
    others = [thing for thing in things if fold(thing.name) != fold(first.name)]
    if any(thing.distance_m <= clear_m for thing in others):
        return None
    known = {fold(name) for name in first.accepted}
    rivals = dict.fromkeys(thing.name for thing in others if thing.name and not thing.folded & known)
    ids = tuple(thing.id for thing in same if thing.distance_m <= clear_m)
    return first, ids, tuple(rivals)[:_RIVALS]


def _nearest(around: Surroundings, kind: PlaceKind, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    found = nearest_of(around, kind)
    if found is None:
        return
    thing, ids, rivals = found
    question = one_of(rng, (f"Which {kind.word} is nearest to {place}? Give its name as OpenStreetMap has it.",
                            f"What is the name of the {kind.word} closest to {place}, as mapped in OpenStreetMap?"))  # fmt: skip
    yield Draft("short", "nearest place", kind.word, question, accepted=thing.accepted, against=rivals, element_ids=ids,
                attribute=tuple(f"{text} & name=*" for text in kind.texts))  # fmt: skip


def _named(around: Surroundings, kind: PlaceKind, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    """Statements of a name: every name that is near, and as many of those elsewhere."""
    near = _by_name([thing for thing in around.within(kind) if thing.name])
    far = _by_name(around.elsewhere(kind))
    for things, right in ((list(near.values()), "true"), (drawn(rng, list(far.values()), max(2 * len(near), 4)), "false")):
        for same in things:
            name = same[0].name
            says = f"OpenStreetMap has {kind.article} named {quoted(name, 80)} within {metres(around.radius_m)} of {place}."
            true = right == "true"
            yield Draft("true_false", "named place", kind.word, says, right, element_ids=_ids(same) if true else (),
                        attribute=named(kind.texts, name) if true else ())  # fmt: skip


def _any(around: Surroundings, kind: PlaceKind, place: str) -> Iterator[Draft]:
    """Statements that there is one, or none while there are some elsewhere."""
    things = around.things(kind)
    if not things or around.inner_m < things[0].distance_m <= around.elsewhere_m:
        return
    says = f"OpenStreetMap has at least one {kind.word} within {metres(around.radius_m)} of {place}."
    inside = around.within(kind)
    yield Draft("true_false", "kind of place", kind.word, says, "true" if inside else "false", element_ids=_ids(inside),
                attribute=kind.texts if inside else ())  # fmt: skip


def _which(around: Surroundings, kind: PlaceKind, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    inside, outside = _by_name([thing for thing in around.within(kind) if thing.name]), _by_name(around.elsewhere(kind))
    if not inside or len(outside) < WRONG_OPTIONS:
        return
    same = one_of(rng, list(inside.values()))
    wrong = tuple(things[0].name for things in drawn(rng, list(outside.values()), WRONG_OPTIONS))
    within = f"within {metres(around.radius_m)} of {place}"
    question = one_of(rng, (f"Which of these {kind.plural} is {within}?",
                            f"One of these {kind.plural} lies {within}, the others are farther away. Which one?"))  # fmt: skip
    yield Draft("choice", "which is near", kind.word, question, same[0].name, wrong, element_ids=_ids(same),
                attribute=named(kind.texts, same[0].name))  # fmt: skip


def _count(around: Surroundings, kind: PlaceKind, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    """How many there are, in ranges; only where a little more or less radius, and things mapped twice, change nothing."""
    things = around.things(kind)
    inside = [thing for thing in things if thing.distance_m <= around.radius_m]
    names = {fold(thing.name) or thing.id for thing in inside}
    counts = {len(inside), len(names), len(around.within(kind)), sum(thing.distance_m <= around.outer_m for thing in things)}
    ranges = {_range_of(count) for count in counts}
    if len(ranges) != 1 or 0 in counts or len(inside) >= _COUNTS[-1]:
        return
    at = ranges.pop()
    first = int(rng.integers(max(0, at - WRONG_OPTIONS), min(at, len(_COUNTS) - WRONG_OPTIONS - 2) + 1))
    wrong = tuple(_range_text(i) for i in range(first, first + WRONG_OPTIONS + 1) if i != at)
    question = f"How many {kind.plural} does OpenStreetMap have within {metres(around.radius_m)} of {place}?"
    yield Draft("choice", "count", kind.word, question, _range_text(at), wrong, element_ids=_ids(inside), attribute=kind.texts)


def _range_of(count: int) -> int:
    return max((i for i, low in enumerate(_COUNTS) if low <= count), default=-1)


def _range_text(at: int) -> str:
    low, high = _COUNTS[at], _COUNTS[at + 1] - 1
    return str(low) if low == high else f"{low} to {high}"


def street_drafts(around: Surroundings, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    """Which of four streets is nearest."""
    kind = place_kind(STREET)
    streets = _by_name([thing for thing in around.things(kind) if thing.name])
    if not streets:
        return
    first = next(iter(streets.values()))
    nearest_m = first[0].distance_m
    if nearest_m > around.inner_m:
        return
    clear_m = max(_STREET_APART * nearest_m, nearest_m + _STREET_APART_M)
    known = {name for thing in first for name in thing.folded}
    farther = [things[0] for things in streets.values() if things[0].distance_m > clear_m and not things[0].folded & known]
    if len(farther) < WRONG_OPTIONS:
        return
    question = one_of(rng, (f"Which of these streets is nearest to {place}?", f"Which of these streets runs closest to {place}?"))
    yield Draft("choice", "nearest street", STREET, question, first[0].name,
                tuple(thing.name for thing in drawn(rng, farther[:40], WRONG_OPTIONS)),
                element_ids=_ids([thing for thing in first if thing.distance_m <= around.radius_m]),
                attribute=named(kind.texts, first[0].name))  # fmt: skip


def _by_name(things: Sequence[Thing]) -> dict[str, list[Thing]]:
    """Things of one name together, in the order of the nearest of each."""
    found: dict[str, list[Thing]] = {}
    for thing in things:
        found.setdefault(fold(thing.name), []).append(thing)
    return found


def _ids(things: Sequence[Thing]) -> tuple[str, ...]:
    return tuple(thing.id for thing in things[:_CITED])
