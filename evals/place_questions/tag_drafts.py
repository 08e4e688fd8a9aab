"""Questions about what a tag of one named place says: cuisine, denomination, levels, height, wheelchair access."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.place_questions.draft import WRONG_OPTIONS, Draft, metres
from evals.place_questions.kinds import FOOD, PlaceKind, named, place_kind
from evals.place_questions.surroundings import Surroundings, Thing
from geo.names import fold
from tools.osm.tag_values import quantities
from tools.quote import clean, quoted

_MOST_A_KIND = 3
_CLOSE = 0.1
"""Two numbers that differ by less than this share are too alike to be options of one question."""


@dataclass(frozen=True)
class TagTopic:
    """A tag that can be asked for."""

    topic: str
    key: str
    kinds: tuple[str, ...]
    number: bool = False
    values: tuple[str, ...] = ()
    """The only values that are asked for, where there are few; no choice is made of fewer than four."""


TAG_TOPICS = (
    TagTopic("cuisine", "cuisine", FOOD),
    TagTopic("denomination", "denomination", ("place of worship",)),
    TagTopic("number of levels", "building:levels", ("building",), number=True),
    TagTopic("height", "height", ("building",), number=True),
    TagTopic("wheelchair access", "wheelchair", (*FOOD, "hotel", "museum", "library", "theatre", "bank", "pharmacy"), values=("yes", "no", "limited")),
)  # fmt: skip


def tag_drafts(around: Surroundings, place: str, rng: np.random.Generator) -> Iterator[Draft]:
    """Questions of every topic about named places within the radius."""
    for topic in TAG_TOPICS:
        for word in topic.kinds:
            kind = place_kind(word)
            inside = [thing for thing in around.within(kind) if thing.name and values_of(topic, thing.tags.get(topic.key, ""))]
            far = [thing for thing in around.things(kind) if thing.distance_m > around.elsewhere_m]
            for i in rng.permutation(len(inside))[:_MOST_A_KIND].tolist():
                if _alone(around, kind, inside[i]):
                    yield from _of_thing(around, topic, kind, inside[i], far, place, rng)


def values_of(topic: TagTopic, text: str) -> tuple[str, ...]:
    """The values of a tag in words: `coffee shop` and `cake` of `coffee_shop;cake`; a number with its unit; none where it is no value."""
    if topic.number:
        found = quantities(topic.key, text)
        unit = " m" if topic.key == "height" else ""
        return (f"{found[0].value:g}{unit}",) if len(found) == 1 and ";" not in text else ()
    words = [clean(part.replace("_", " ").strip().lower(), 40) for part in text.split(";")]
    words = [word for word in words if fold(word) and (not topic.values or word in topic.values)]
    return tuple(dict.fromkeys(words))


def _alone(around: Surroundings, kind: PlaceKind, thing: Thing) -> bool:
    """Whether no other thing of the kind has the name so near that it may be meant."""
    return (
        sum(bool(other.folded & {fold(thing.name)}) and other.distance_m <= around.elsewhere_m for other in around.things(kind))
        == 1
    )


def _of_thing(around: Surroundings, topic: TagTopic, kind: PlaceKind, thing: Thing, far: Sequence[Thing], place: str,
              rng: np.random.Generator) -> Iterator[Draft]:  # fmt: skip
    values = values_of(topic, thing.tags[topic.key])
    others = _others(topic, values, far)
    which = f"the {kind.word} {quoted(thing.name, 80)}, within {metres(around.radius_m)} of {place}"
    attribute = named(kind.texts, thing.name, f"{topic.key}=*")
    question = f"What {topic.topic} does OpenStreetMap give for {which}?"
    more: dict[str, Any] = {"element_ids": (thing.id,), "attribute": attribute, "general": True}
    if not topic.values and not (topic.number and topic.key == "height"):
        yield Draft("short", topic.topic, kind.word, question, accepted=values, against=tuple(others)[:12], **more)
    if len(others) >= WRONG_OPTIONS and not topic.values:
        yield Draft("choice", topic.topic, kind.word, question, values[0], tuple(_weighted(rng, others, WRONG_OPTIONS)), **more)
    # A statement whose truth hangs on a tag that is there rests on its element, whether it is true or false.
    for value, right in ((values[0], "true"), *((other, "false") for other in _weighted(rng, others, 1))):
        says = f"OpenStreetMap gives the {topic.topic} of {which}, as {quoted(value, 60)}."
        yield Draft("true_false", topic.topic, kind.word, says, right, **more)


def _others(topic: TagTopic, values: Sequence[str], far: Sequence[Thing]) -> Counter[str]:
    """Values that things elsewhere have and that are not like those of this one, with how many have each."""
    found: Counter[str] = Counter()
    for thing in far:
        for value in values_of(topic, thing.tags.get(topic.key, ""))[:1]:
            if not any(_alike(topic, value, own) for own in values):
                found[value] += 1
    if topic.number:  # options of one question are not too alike either
        kept: list[str] = []
        for value in found:
            if not any(_alike(topic, value, other) for other in kept):
                kept.append(value)
        return Counter({value: found[value] for value in kept})
    return found


def _alike(topic: TagTopic, a: str, b: str) -> bool:
    if topic.number:
        one, other = float(a.split()[0]), float(b.split()[0])
        return abs(one - other) <= _CLOSE * max(abs(one), abs(other)) or (topic.key != "height" and abs(one - other) < 1)
    words, more = fold(a).split(), fold(b).split()
    return bool(set(words) & set(more))


def _weighted(rng: np.random.Generator, values: Counter[str], count: int) -> list[str]:
    """Different values, each as likely as it is common, so that true and false statements name alike values."""
    names = list(values)
    if not names:
        return []
    share = np.array([values[name] for name in names], dtype=np.float64)
    return [names[i] for i in rng.choice(len(names), min(count, len(names)), replace=False, p=share / share.sum()).tolist()]
