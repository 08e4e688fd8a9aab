"""The generator: drafts about every spot, chosen so that topics, letters, and true and false are balanced.

The same spots, extract and seed give the same questions.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from evals.place_questions.draft import PHOTO, POINT, Draft, drawn
from evals.place_questions.gazetteer_drafts import LICENCE as GAZETTEER_LICENCE
from evals.place_questions.gazetteer_drafts import gazetteer_drafts
from evals.place_questions.kinds import place_kinds
from evals.place_questions.long_drafts import long_drafts
from evals.place_questions.osm_drafts import place_drafts, street_drafts
from evals.place_questions.question import KINDS, LETTERS, Kind, PlaceQuestion
from evals.place_questions.spot import Spot
from evals.place_questions.surroundings import Surroundings
from evals.place_questions.tag_drafts import tag_drafts
from tools.osm.element import LICENCE as OSM_LICENCE
from tools.osm.store import OsmStore

SHARES: Mapping[Kind, float] = {"short": 0.3, "choice": 0.3, "true_false": 0.3, "long": 0.1}

Drafted = tuple[Spot, Draft]


@dataclass(frozen=True)
class Made:
    """The questions, and what there is to know about them."""

    questions: tuple[PlaceQuestion, ...]
    spots: int
    """Spots that were looked at."""
    uncovered: int
    """Of these: cut by the edge of the extract, or outside of it; only the gazetteer is asked about there."""


def make_questions(spots: Sequence[Spot], count: int, store: OsmStore | None, *, radius_m: float = 300.0, seed: int = 0,
                   told: Callable[[int, int], None] = lambda done, of: None) -> Made:  # fmt: skip
    """At most `count` questions about spots; without an extract they are of the gazetteer alone. Raises OsmError.

    Of true and false statements there are as many in every topic. No more spots are looked at than questions are wanted. `told` hears
    how many spots are done.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    looked = drawn(rng, spots, count)
    drafts: list[Drafted] = []
    uncovered = 0
    for done, spot in enumerate(looked, 1):
        around = Surroundings(store, spot, radius_m) if store is not None else None
        if around is not None and not around.covered:
            around, uncovered = None, uncovered + 1
        drafts += [(spot, draft) for draft in drafts_of(spot, around, seed)]
        told(done, len(looked))
    chosen = list(_chosen(drafts, count, rng))
    snapshot = (store.about().snapshot or "") if store else ""
    return Made(tuple(_finished(chosen, rng, radius_m, snapshot, seed)), len(looked), uncovered if store else 0)


def drafts_of(spot: Spot, around: Surroundings | None, seed: int) -> list[Draft]:
    """Every question there is about a spot; they depend on it, what is around it and the seed alone."""
    rng = spot.rng(seed)
    place = PHOTO if spot.photo else POINT
    drafts: list[Draft] = []
    kinds = place_kinds()
    if around is not None:
        for kind in kinds:
            drafts += place_drafts(around, kind, place, rng)
        drafts += street_drafts(around, place, rng)
        drafts += tag_drafts(around, place, rng)
    drafts += gazetteer_drafts(spot, place, rng)
    drafts += long_drafts(spot, around, kinds, place, rng)
    return drafts


def _chosen(drafts: Sequence[Drafted], count: int, rng: np.random.Generator) -> Iterator[Drafted]:
    """So many of each kind as its share says, topic by topic; what a kind lacks the others give."""
    waiting: dict[Kind, Iterator[list[Drafted]]] = {kind: _in_turn(_groups(kind, drafts, rng)) for kind in KINDS}
    left = {kind: round(count * SHARES[kind] / 2) * 2 if kind == "true_false" else round(count * SHARES[kind]) for kind in KINDS}
    total = 0
    for most in (left, dict.fromkeys(KINDS, count)):
        for kind in KINDS:
            while most[kind] > 0 and total < count:
                group = next(waiting[kind], None)
                if group is None or total + len(group) > count:
                    break
                yield from group
                most[kind] -= len(group)
                total += len(group)


def _groups(kind: Kind, drafts: Sequence[Drafted], rng: np.random.Generator) -> dict[str, list[list[Drafted]]]:
    """By topic what is taken together: one question, or a true and a false statement."""
    topics: dict[str, list[Drafted]] = defaultdict(list)
    general: set[tuple[str, ...]] = set()
    for i in rng.permutation(len(drafts)).tolist():
        spot, draft = drafts[i]
        if draft.kind != kind or (draft.general and draft.text in general):
            continue
        if draft.general:
            general.add(draft.text)
        topics[draft.topic].append((spot, draft))
    pairs = _pairs if kind == "true_false" else lambda found: [[one] for one in found]
    return {topic: pairs(found) for topic, found in sorted(topics.items())}


def _pairs(statements: Sequence[Drafted]) -> list[list[Drafted]]:
    """One true and one false statement each. First those of the same words at two spots, so that the words alone tell nothing."""
    true: dict[str, Drafted] = {}
    false: dict[str, Drafted] = {}
    for one in statements:
        (true if one[1].right == "true" else false).setdefault(one[1].question, one)
    twins = [text for text in true if text in false]
    rest = zip([one for text, one in true.items() if text not in false],
               [one for text, one in false.items() if text not in true], strict=False)  # fmt: skip
    return [*([true[text], false[text]] for text in twins), *([a, b] for a, b in rest)]


def _in_turn(topics: Mapping[str, list[list[Drafted]]]) -> Iterator[list[Drafted]]:
    """The first of every topic, then the second of every topic …"""
    for row in zip_longest(*topics.values()):
        yield from (group for group in row if group is not None)


def _finished(
    chosen: Iterable[Drafted], rng: np.random.Generator, radius_m: float, snapshot: str, seed: int
) -> Iterator[PlaceQuestion]:
    """The questions in random order, each once; the right letters are A, B, C and D equally often."""
    drafts = list(chosen)
    letters = _letters(sum(draft.kind == "choice" for _, draft in drafts), rng)
    known: set[str] = set()
    for i in rng.permutation(len(drafts)).tolist():
        spot, draft = drafts[i]
        letter = next(letters) if draft.kind == "choice" else ""
        question = _question(spot, draft, letter, rng, radius_m, snapshot, seed)
        if question.id not in known:
            known.add(question.id)
            yield question


def _letters(count: int, rng: np.random.Generator) -> Iterator[str]:
    rows = [list(rng.permutation(4)) for _ in range(count // 4 + 1)]
    return iter([LETTERS[i] for row in rows for i in row][:count])


def _question(
    spot: Spot, draft: Draft, letter: str, rng: np.random.Generator, radius_m: float, snapshot: str, seed: int
) -> PlaceQuestion:
    options: dict[str, str] = {}
    if draft.kind == "choice":
        texts = drawn(rng, draft.wrong, len(draft.wrong))
        texts.insert(LETTERS.index(letter), draft.right)
        options = dict(zip(LETTERS, texts, strict=False))
    answer = letter or draft.right or draft.claims or draft.accepted
    of_osm = draft.source == "osm"
    asked = json.dumps([spot.photo, spot.lat, spot.lon, draft.kind, draft.question, draft.right, sorted(options.values())])
    return PlaceQuestion(
        id=f"{draft.kind}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}", photo=spot.photo, lat=spot.lat, lon=spot.lon, kind=draft.kind,
        question=draft.question, options=options, answer=answer, against=draft.against, element_ids=draft.element_ids,
        attribute=draft.attribute, topic=draft.topic, about=draft.about, radius_m=radius_m if of_osm else None,
        snapshot=snapshot if of_osm else "", licence=OSM_LICENCE if of_osm else GAZETTEER_LICENCE, source=draft.source, seed=seed,
    )  # fmt: skip
