"""An answerer without a language model: it finds out what is asked by the words of the question, and looks it up at its coordinates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from evals.place_questions.answerer import Asked, PlaceAnswer
from evals.place_questions.kinds import STREET, named, place_kind
from evals.place_questions.template_gazetteer import of_gazetteer, what_is_at
from geo.names import fold
from tools.nearby import Nearby, NearbyArguments
from tools.osm.filters import FilterError, presets
from tools.osm.store import OsmStore
from tools.osm.tag_values import numbers

_WITHIN = re.compile(r"within ([\d,]+) m\b")
_NAME = re.compile("“([^”]*)”")
_RANGE = re.compile(r"(\d+)(?: to (\d+)| or more)?")
_TAGS = {"cuisine": "cuisine", "denomination": "denomination", "number of levels": "building:levels", "levels": "building:levels",
         "height": "height", "wheelchair": "wheelchair"}  # fmt: skip
_FAR_M = 5_000.0
_USUAL_M = 1_000.0
_CITED = 5
CANNOT_TELL = PlaceAnswer("I cannot tell.")

Element = dict[str, Any]


class Template:
    """Looks up with `nearby` and the gazetteer what the words of a question ask for."""

    name = "template"

    def __init__(self, store: OsmStore | None) -> None:
        self._nearby = Nearby(store) if store is not None else None

    def answer(self, asked: Asked) -> PlaceAnswer:
        if asked.lat is None or asked.lon is None:
            return CANNOT_TELL
        found = self._of_map(asked) if "openstreetmap" in asked.question.lower() or asked.options else None
        return found or of_gazetteer(asked) or CANNOT_TELL

    def _of_map(self, asked: Asked) -> PlaceAnswer | None:
        """The answer from the extract; None for what it does not hold, or where it does not reach."""
        text, names = asked.question, _NAME.findall(asked.question)
        if asked.kind == "long":
            return self._describe(asked)
        tag = next((key for words, key in _TAGS.items() if words in fold(_NAME.sub("", text))), None)
        kind = asked_kind(asked)
        if kind is None or self._nearby is None:
            return None
        if tag and names:
            return self._of_tag(asked, tag, named(kind, names[0]), names)
        if asked.kind == "true_false":
            return self._there_is(asked, named(kind, names[0]) if names else kind)
        if asked.kind == "choice":
            return self._how_many(asked, kind) if "how many" in text.lower() else self._nearest_option(asked, kind)
        found = self._look(asked, kind, limit=40)
        first = next((one for one in found or () if one["name"]), None)
        return PlaceAnswer(first["name"], (_id(first),)) if first else None

    def _look(self, asked: Asked, what: Sequence[str], radius_m: float | None = None, limit: int = 5) -> list[Element] | None:
        """Elements around the coordinates, the nearest first; None where the extract does not reach."""
        data = self._ask(asked, what, radius_m, limit)
        return None if data is None else list(data["elements"])

    def _ask(self, asked: Asked, what: Sequence[str], radius_m: float | None, limit: int) -> dict[str, Any] | None:
        if self._nearby is None:
            return None
        arguments = NearbyArguments(
            lat=asked.lat, lon=asked.lon, radius_m=radius_m or asked_radius_m(asked), what=list(what[:8]), limit=limit
        )
        data = self._nearby.ask(arguments).data
        return dict(data) if data.get("covered") else None

    def _there_is(self, asked: Asked, what: Sequence[str]) -> PlaceAnswer | None:
        found = self._look(asked, what)
        return None if found is None else PlaceAnswer("True" if found else "False", _ids(found))

    def _how_many(self, asked: Asked, kind: Sequence[str]) -> PlaceAnswer | None:
        data = self._ask(asked, kind, None, _CITED)
        if data is None:
            return None
        total = int(data["n_total"])
        for letter, option in asked.options.items():
            if (match := _RANGE.fullmatch(option)) and int(match[1]) <= total <= _highest(match):
                return PlaceAnswer(letter, _ids(data["elements"]))
        return None

    def _nearest_option(self, asked: Asked, kind: Sequence[str]) -> PlaceAnswer | None:
        """The option that is the nearest place of its name."""
        found: list[tuple[float, str, Element]] = []
        for letter, option in asked.options.items():
            try:
                near = self._look(asked, named(kind, option), _FAR_M, 1)
            except FilterError:
                continue
            found += [(one["distance_m"], letter, one) for one in near or ()]
        if not found:
            return None
        _, letter, one = min(found, key=lambda item: item[:2])
        return PlaceAnswer(f"{letter}. {asked.options[letter]}", (_id(one),))

    def _of_tag(self, asked: Asked, key: str, what: Sequence[str], names: Sequence[str]) -> PlaceAnswer | None:
        near = self._look(asked, what) or self._look(
            asked, what, _FAR_M
        )  # the place is named: where the coordinates are off, it is farther away
        found = next((one for one in near or () if key in one["tags"]), None)
        if found is None:
            return None
        value = found["tags"][key]
        if asked.kind == "short":
            return PlaceAnswer(value.replace("_", " ").partition(";")[0], (_id(found),))
        if asked.kind == "true_false":
            return PlaceAnswer(str(_is_value(key, value, names[-1])), (_id(found),))
        letter = next((letter for letter, option in asked.options.items() if _is_value(key, value, option)), None)
        return PlaceAnswer(f"{letter}. {asked.options[letter]}", (_id(found),)) if letter else None

    def _describe(self, asked: Asked) -> PlaceAnswer | None:
        """A sentence with everything that the question lists."""
        said, cited = [], []
        for part in re.split(r",| and ", asked.question):
            kind = _kind_in(part) if "nearest" in part else None
            if kind is not None:
                first = next((one for one in self._look(asked, kind, limit=40) or () if one["name"]), None)
                said += [f"the{part.rpartition('the')[2].partition(' OpenStreetMap')[0]} is “{first['name']}”"] if first else []
                cited += [_id(first)] if first else []
            elif word := re.search(r"the (country|city|region)\b", part):
                place = what_is_at(asked, word[1])
                said += [f"the {word[1]} is “{place}”"] if place else []
        return PlaceAnswer("; ".join(said) + ".", tuple(cited)) if said else None


def asked_kind(asked: Asked) -> tuple[str, ...] | None:
    """The filters of the kind of place that a question is about; None where it names none."""
    return _kind_in(_NAME.sub("", asked.question))


def _kind_in(text: str) -> tuple[str, ...] | None:
    """The filters of the longest known word in a text."""
    words = f" {fold(text)} "
    return next((place_kind(word).texts for form, word in _forms() if f" {form} " in words), None)


@cache
def _forms() -> tuple[tuple[str, str], ...]:
    """Known words and their plurals, the longest first."""
    words = {fold(form): word for word in (*presets(), STREET)
             for form in (word, f"{word}s", f"{word}es", f"{word.removesuffix('y')}ies", re.sub(r"^(\w+)", r"\1s", word, count=1))}  # fmt: skip
    return tuple(sorted(words.items(), key=lambda item: (-len(item[0]), item[0])))


def asked_radius_m(asked: Asked) -> float:
    """The radius that a question states, in metres; 1 km where it states none."""
    match = _WITHIN.search(asked.question)
    return min(float(match[1].replace(",", "")), _FAR_M) if match else _USUAL_M


def _highest(match: re.Match[str]) -> float:
    return float("inf") if match[0].endswith("more") else int(match[2] or match[1])


def _is_value(key: str, value: str, said: str) -> bool:
    stated, wanted = numbers(key, value), numbers(key, said)
    if stated and wanted:
        return stated[0] == wanted[0]
    return fold(said) in {fold(part.replace("_", " ")) for part in value.split(";")}


def _id(element: Element) -> str:
    return f"{element['type']}/{element['id']}"


def _ids(elements: Sequence[Element]) -> tuple[str, ...]:
    return tuple(_id(one) for one in elements[:_CITED])
