"""Filters on tags: `amenity=restaurant`, `shop`, `name=Stockmann`, `maxspeed>=40 mph & highway=*`, `pharmacy`.

A text is one filter, or several where it is a word of `data/presets.json`; one of several is enough. Inside a filter all tests hold.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from geo.names import fold
from tools.osm.tag_values import Quantity, quantities
from tools.quote import clean, quoted

LONGEST_TEXT = 200
_MOST_TESTS = 8
_MOST_VALUES = 20
_KEY = r"[A-Za-z][A-Za-z0-9_:.-]{0,62}"
_TEST = re.compile(rf"\s*({_KEY})\s*(?:(>=|<=|!=|=|~|>|<)\s*(.*?))?\s*", re.S)
_AND = re.compile(rf'\s*&\s*(?={_KEY}\s*(?:>=|<=|!=|=|~|>|<))(?=(?:[^"]*"[^"]*")*[^"]*$)')
"""An `&` outside quotation marks with a test behind it: the one in `name=Marks & Spencer` is part of the name."""
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
_OTHER_NAMES = ("alt_name", "official_name", "short_name", "old_name", "int_name", "loc_name", "brand")
_BARE_WORD = re.compile(r"[a-z][a-z0-9_]*(?::[a-z0-9_]+)*")


class FilterError(ValueError):
    """A text that is no filter. Its message is one plain sentence."""


@dataclass(frozen=True)
class TagTest:
    """One condition on the tags of an element."""

    key: str
    op: str
    """`*` (the key is there), `=`, `!=`, `~` (the name holds this), `>`, `>=`, `<`, `<=`."""
    values: tuple[str, ...] = ()
    """Of `=`, `!=` and `~`: one of them is enough."""
    bound: Quantity | None = None
    """Of comparisons."""

    @property
    def of_names(self) -> bool:
        """Whether the test reads all names of an element, letters folded, and not one key."""
        return self.key == "name" and self.op in {"=", "~"}

    @property
    def folded(self) -> tuple[str, ...]:
        return tuple(fold(value) for value in self.values)

    def holds(self, tags: Mapping[str, str]) -> bool:
        """Whether the test holds for an element's tags."""
        if self.of_names:
            return any(self.holds_of_name(fold(name)) for name in names_in(tags))
        if self.op == "!=":
            return self.key not in tags or not self._equals(tags[self.key])
        return self.key in tags and self.holds_of_value(tags[self.key])

    def holds_of_name(self, folded: str) -> bool:
        """The same for one name, folded (`geo.names.fold`)."""
        return any(value == folded if self.op == "=" else value in folded for value in self.folded)

    def holds_of_value(self, value: str) -> bool:
        """The same for the value of its key, which is there."""
        if self.op == "*":
            return True
        if self.op == "=":
            return self._equals(value)
        if self.op == "~":
            return any(wanted.lower() in value.lower() for wanted in self.values)
        if self.bound is None:
            return False
        bound, compare = self.bound, _COMPARE[self.op]
        return any(compare(q.value, bound.value) for q in quantities(self.key, value) if q.measures == bound.measures)

    def _equals(self, value: str) -> bool:
        return value in self.values or (";" in value and any(part.strip() in self.values for part in value.split(";")))

    def text(self) -> str:
        """The form that `parse_filter` reads back."""
        if self.op == "*":
            return f"{self.key}=*"
        if self.bound is not None:
            return f"{self.key}{self.op}{self.values[0]}"
        return f"{self.key}{self.op}{'|'.join(map(_written, self.values))}"


@dataclass(frozen=True)
class Filter:
    """Tests that all hold."""

    tests: tuple[TagTest, ...]

    def holds(self, tags: Mapping[str, str]) -> bool:
        return all(test.holds(tags) for test in self.tests)

    def text(self) -> str:
        return " & ".join(test.text() for test in self.tests)


def parse_filter(text: str) -> tuple[Filter, ...]:
    """The filters a text stands for; one of them is enough. Raises FilterError with one plain sentence."""
    if len(text) > LONGEST_TEXT:
        raise FilterError(f"A filter has at most {LONGEST_TEXT} characters.")
    word = _preset_word(text)
    if word is not None:
        return tuple(_one(item) for item in presets()[word])
    return (_one(text),)


def parse_filters(texts: Iterable[str]) -> tuple[Filter, ...]:
    """The filters of several texts, each once; one of them is enough. Raises FilterError."""
    return tuple(dict.fromkeys(found for text in texts for found in parse_filter(text)))


def any_holds(filters: Iterable[Filter], tags: Mapping[str, str]) -> bool:
    """Whether one of the filters holds; True where there is none."""
    filters = tuple(filters)
    return not filters or any(found.holds(tags) for found in filters)


def names_in(tags: Mapping[str, str]) -> list[str]:
    """All names of an element: `name`, `name:xx`, other names, and the brand, under which people know a shop."""
    return [value for key, value in tags.items() if key == "name" or key.startswith("name:") or key in _OTHER_NAMES]


@cache
def presets() -> dict[str, list[str]]:
    """Plain words and the filters each stands for."""
    text = resources.files("tools.osm").joinpath("data/presets.json").read_text(encoding="utf-8")
    words: dict[str, list[str]] = json.loads(text)
    return words


def _preset_word(text: str) -> str | None:
    word = " ".join(text.lower().replace("_", " ").split())
    singular = (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ies") + "y")
    return next((form for form in singular if form in presets()), None)


def _one(text: str) -> Filter:
    parts = _AND.split(text.strip())
    if len(parts) > _MOST_TESTS:
        raise FilterError(f"A filter has at most {_MOST_TESTS} conditions.")
    tests = tuple(_test(part) for part in parts)
    if all(test.op == "!=" for test in tests):
        raise FilterError(f"The filter {quoted(text, 60)} only says what something is not; say what it is as well.")
    return Filter(tests)


def _test(text: str) -> TagTest:
    match = _TEST.fullmatch(text)
    if match is None or (match[2] is None and not _BARE_WORD.fullmatch(match[1])):
        raise FilterError(
            f"{quoted(text, 60)} is no filter: write key=value (amenity=restaurant), a key (shop), a comparison "
            "(maxspeed>=40 mph) or a known word such as pharmacy."
        )
    key, op, value = match[1], match[2], match[3]
    if op is None or (op == "=" and value == "*"):
        return TagTest(key, "*")
    if not value:
        raise FilterError(f"The filter {quoted(text, 60)} has no value.")
    if op in _COMPARE:
        bound = next(iter(quantities(key, value)), None)
        if bound is None:
            raise FilterError(f"The filter {quoted(text, 60)} compares with {quoted(value, 40)}, which is no number with a unit.")
        return TagTest(key, op, (value,), bound)
    values = _values(value)
    test = TagTest(key, op, values)
    if test.of_names and not all(test.folded):
        raise FilterError(f"The name in the filter {clean(text, 60)!r} holds no letters.")
    return test


def _written(value: str) -> str:
    """A value as `_values` reads it back."""
    return f'"{value}"' if set(value) & set("|&*") or value != value.strip() else value


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _values(text: str) -> tuple[str, ...]:
    """`bar|pub`, or one value in quotation marks that may hold any character but those."""
    pieces = re.split(r'\|(?=(?:[^"]*"[^"]*")*[^"]*$)', text)
    values = tuple(dict.fromkeys(_unquoted(piece.strip()) for piece in pieces))
    if not all(values) or len(values) > _MOST_VALUES or any('"' in value for value in values):
        raise FilterError(f"The value {quoted(text, 60)} of a filter cannot be read; put it in double quotation marks.")
    return values
