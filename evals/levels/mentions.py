"""Names of places in a text, in any script, with everything in the gazetteer that is called so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from agent.place_names import is_common_word
from evals.levels.phrases import KINDS_OF_REGION, NO_NAMES, REGION_CODES, SHORT_NAMES
from geo.gazetteer import gazetteer
from geo.names import fold
from geo.place import Match

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff"
_UNSPACED = "々\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uac00-\ud7a3"
_TOKEN = re.compile(
    rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])(?:[^\W\d_]|[{_MARKS}]))+(?:['.-](?:(?![{_UNSPACED}])(?:[^\W\d_]|[{_MARKS}]))+)*"
)
_BLOCK = re.compile(rf"[{_UNSPACED}]")
_MAX_TOKENS, _MAX_WORDS, _MAX_BLOCK, _MAX_SIGNS = 1500, 6, 60, 12
_MAX_MATCHES = 1000
_LARGE = 15_000
"""Names of smaller places are taken for names only where the address around them agrees, or nothing stands beside them."""
_BLOCK_LARGE = _SHORT_LARGE = 50_000
"""The same for stretches of unspaced script, and for names of up to three letters (Ulm, Qom)."""


@dataclass(frozen=True)
class Mention:
    start: int
    end: int
    text: str
    matches: tuple[Match, ...]
    """The likeliest first."""
    embedded: bool = False
    """Part of a longer proper name that is none of a place: `Tokyo` in `Tokyo Skytree`."""
    alone: bool = False
    """Nothing else stands in its part of the text."""
    countries: frozenset[str] = field(default=frozenset())
    regions: frozenset[tuple[str, str]] = field(default=frozenset())

    @property
    def code(self) -> str:
        """`TX`, where it may be an abbreviation."""
        return self.text if len(self.text) <= 3 and self.text.isascii() and self.text.isupper() else ""


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    text: str
    block: bool

    @property
    def name_like(self) -> bool:
        """Capitalised, or in a script without capitals."""
        return self.text[0].isupper() or not self.text[0].islower()


def find_mentions(text: str) -> list[Mention]:
    """Places named in `text`, left to right, without overlaps; the longest name at each spot."""
    tokens = [_Token(m.start(), m.end(), m[0], bool(_BLOCK.match(m[0]))) for m in _TOKEN.finditer(text)][:_MAX_TOKENS]
    any_case = not any(t.text[0].isupper() for t in tokens)
    spans = [span for i in range(len(tokens)) for span in _spans(text, tokens, i, any_case)]
    names = [text[start:end] for start, end, _, _ in spans]
    found = dict(zip(names, _look_up(names), strict=True))
    mentions: list[tuple[Mention, int, int]] = []
    free = 0
    for start, end, first, last in spans:
        if start >= free and (mention := _mention(text, tokens[first], first == last, start, end, *found[text[start:end]])):
            mentions.append((mention, first, last))
            free = end
    taken = {i for _, first, last in mentions for i in range(first, last + 1)}
    return [_placed(text, tokens, mention, first, last, taken) for mention, first, last in mentions]


def _spans(text: str, tokens: list[_Token], i: int, any_case: bool) -> list[tuple[int, int, int, int]]:
    """Stretches that may be a name beginning at token `i`, the longest first: start, end, first and last token."""
    token = tokens[i]
    if token.block:
        size = min(len(token.text), _MAX_BLOCK)
        return [
            (token.start + a, token.start + b, i, i) for a in range(size) for b in range(min(a + _MAX_SIGNS, size), a + 1, -1)
        ]
    if not (token.name_like or any_case):
        return []
    spans = [(token.start, token.end, i, i)]
    for j in range(i + 1, min(i + _MAX_WORDS, len(tokens))):
        if tokens[j].block or not re.fullmatch(r"[ \t]{1,2}|\. | ?- ?|'", text[tokens[j - 1].end : tokens[j].start]):
            break
        if tokens[j].name_like or any_case:
            spans.append((token.start, tokens[j].end, i, j))
    return spans[::-1]


def _look_up(names: list[str]) -> list[tuple[tuple[Match, ...], str | None]]:
    """What is called so, and the country; two or three letters are a country's code in capitals only."""
    known = gazetteer()
    return [
        (tuple(hits), known.country_code(name) if len(name) > 3 or name.isupper() or not name.isascii() else None)
        for name, hits in zip(names, known.lookup_many(names, _MAX_MATCHES), strict=True)
    ]


def _mention(text: str, token: _Token, one_word: bool, start: int, end: int, matches: tuple[Match, ...],
             country: str | None) -> Mention | None:  # fmt: skip
    """The mention in this stretch, unless it is a word like any other."""
    name = text[start:end]
    if not (matches or country or name in REGION_CODES or (len(name) == 2 and name.isascii() and name.isupper())):
        return None
    if token.block:
        if not country and (not matches or matches[0].place.population < _BLOCK_LARGE) and name != text.strip():
            return None
    elif one_word and not _means_a_place(
        text, start, end, max((m.place.population for m in matches if m.how == "exact"), default=0)
    ):
        return None
    countries = {country} | {m.place.country for m in matches if m.how == "country"}
    regions = {(m.place.country, m.place.region_code) for m in matches if m.how == "region"} | {
        REGION_CODES.get(name, (None, None))
    }
    return Mention(start, end, name, matches, countries=frozenset(code for code in countries if code),
                   regions=frozenset((land, code) for land, code in regions if land and code))  # fmt: skip


def _means_a_place(text: str, start: int, end: int, population: int) -> bool:
    """Whether one word is meant as a name, judged by what it is and what stands around it."""
    name, alone = text[start:end], _is_alone(text, start, end)
    if fold(name) in NO_NAMES and not (name.isupper() and len(name) == 2):
        return False
    if name in SHORT_NAMES:
        return True
    if len(name) <= 3 and name.isascii() and not name.isupper():
        return alone or population >= _SHORT_LARGE
    if len(name) <= 3 and name.isascii():
        # An abbreviation after a name or a comma (`Sydney NSW`), or the whole answer (`LA`).
        return alone or bool(re.search(r"(?:,|\b[A-Z][^\W\d_]+)\s*$", text[max(0, start - 40) : start]))
    return alone or not is_common_word(name)


def _is_alone(text: str, start: int, end: int) -> bool:
    """Whether nothing but delimiters stands beside it."""
    before, after = text[:start].rstrip(" \t\"'"), text[end:].lstrip(" \t\"'")
    return (not before or before[-1] in ",;:\n()[]/|–—>") and (not after or after[0] in ",;:\n()[]/|.!?–—>")


def _placed(text: str, tokens: list[_Token], mention: Mention, first: int, last: int, taken: set[int]) -> Mention:
    """With what stands beside it: whether it is part of another name, and a region's name by the word for its kind."""
    beside = [
        tokens[i] for i in (first - 1, last + 1) if 0 <= i < len(tokens) and i not in taken and _touches(text, tokens[i], mention)
    ]
    if beside and beside[0].end <= mention.start and fold(beside[0].text) in _OF and first >= 2:
        beside.append(tokens[first - 2])
    kinds = {fold(token.text) for token in beside if not token.block}
    matches = mention.matches
    if kinds & KINDS_OF_REGION and any(m.how == "region" for m in matches):
        matches = tuple(m for m in matches if m.how == "region")
    if "county" in kinds:
        matches = tuple(m for m in matches if m.how not in {"exact", "alternative"})
    embedded = any(not token.block and token.name_like and fold(token.text) not in _NOT_PART for token in beside)
    alone = _is_alone(text, mention.start, mention.end)
    return replace(mention, matches=matches, embedded=embedded, alone=alone)


def _touches(text: str, token: _Token, mention: Mention) -> bool:
    """Whether only spaces stand between them."""
    return not (text[token.end : mention.start] if token.end <= mention.start else text[mention.end : token.start]).strip(" \t'")


_OF = frozenset({"of", "de", "du", "di", "do", "da", "des", "the"})
_NOT_PART = NO_NAMES | KINDS_OF_REGION | frozenset(
    ("north", "south", "east", "west", "northern", "southern", "eastern", "western", "central", "greater", "downtown", "old",
     "city", "town", "village", "county", "district", "ward", "area", "metro")
)  # fmt: skip


def is_small(match: Match) -> bool:
    return match.how in {"exact", "alternative"} and match.place.population < _LARGE
