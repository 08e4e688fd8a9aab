"""Whether cited elements bear an answer: they are in the extract, within the radius, and have what was asked about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from evals.place_questions.answerer import PlaceAnswer
from evals.place_questions.question import PlaceQuestion
from evals.place_questions.reading import cited_in
from tools.osm.element import OsmError
from tools.osm.filters import FilterError, parse_filters
from tools.osm.store import OsmStore

_MOST = 50_000


@dataclass(frozen=True)
class Cited:
    """The elements that one answer cites."""

    total: int
    good: int
    """In the extract, within the radius, with the attribute."""
    supports: bool
    """Whether one of them is among those the key rests on."""
    faults: Counter[str]
    """Why the others are not good, and how many each."""


class Citations:
    """Checks citations against an extract."""

    def __init__(self, store: OsmStore) -> None:
        self._store = store

    def check(self, question: PlaceQuestion, answer: PlaceAnswer) -> Cited | None:
        """None where nothing is cited, or nothing of the question can be cited. Raises OsmError for an extract that cannot be read."""
        cited = tuple(dict.fromkeys((*answer.cited, *cited_in(answer.text))))
        if not cited or not question.attribute or question.radius_m is None:
            return None
        good, near = self._near(question, question.attribute), None
        faults: Counter[str] = Counter()
        for one in cited:
            if one not in good:
                near = self._near(question, ()) if near is None else near
                faults["something else" if one in near else "not within the radius"] += 1
        return Cited(len(cited), len(cited) - faults.total(), not set(cited).isdisjoint(question.element_ids), faults)

    def _near(self, question: PlaceQuestion, attribute: tuple[str, ...]) -> frozenset[str]:
        """Elements within the radius that one of the filters holds for."""
        try:
            found = self._store.around(question.lat, question.lon, question.radius_m or 0.0, parse_filters(attribute), _MOST)
        except FilterError as error:
            raise OsmError(f"question {question.id[:60]}: {error}") from None
        return frozenset(f"{near.element.kind}/{near.element.osm_id}" for near in found.near)
