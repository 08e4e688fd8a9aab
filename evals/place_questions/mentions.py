"""Names in answers: a name counts where it stands as a whole, never as a part of a longer one.

`Paris` is not said by `Paris Hilton Street`, nor `Kämp` by `Kämp Galleria`; it is by `It is Paris, France.`
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from geo.names import fold

MAX_TEXT = 8_000
_JOINED = frozenset("'`´‘’‛′ʹʻʼʽʾʿˈˊˋ״׳")
_BREAKS = re.compile(r"[,;:!?()\[\]{}\"“”„«»\n|*•…‹›]|\.(?:\s|$)|\s[-–—/]\s|—")
"""What ends a name."""
_NO = frozenset(re.findall(r"\w+", "not no never without isnt arent neither nor nothing none cannot cant doesnt"))
_FUNCTION_WORDS = frozenset(re.findall(r"\w+", """
a an the is are was be it its this that these there here in on at of to from by near nearest closest next and or with named called name answer
final correct place located lies stands would likely probably i think my best guess which as has have within most photo taken point city town
country region street"""))  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word of a text."""

    raw: str
    folded: str
    start: int
    end: int


@lru_cache(4_096)
def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text as `geo.names.fold` parts them; apostrophes join."""
    text = text[:MAX_TEXT]
    found: list[Word] = []
    start = 0
    for end in range(len(text) + 1):
        if end < len(text) and _is_letter(text[end]):
            continue
        raw = text[start:end].strip("".join(_JOINED))
        found += [Word(raw, folded, start, end) for folded in fold(raw).split()]
        start = end + 1
    return tuple(found)


def says(text: str, names: Sequence[str], known: str = "") -> bool:
    """Whether a text says one of the names and does not deny it. Words of `known` (the question) may stand beside a name."""
    return bool(spans_of(text, names, known))


def spans_of(text: str, names: Sequence[str], known: str = "") -> list[tuple[int, int]]:
    """First and last word of every place where a text says one of the names."""
    words, allowed = words_of(text), _FUNCTION_WORDS | {word.folded for word in words_of(known)}
    cased = any(word.raw[0].isupper() for word in words)
    index: dict[str, list[int]] = {}
    for i, word in enumerate(words):
        index.setdefault(word.folded, []).append(i)
    found = []
    for wanted in {tuple(word.folded for word in words_of(name)) for name in names}:
        for first in index.get(wanted[0], ()) if wanted else ():
            last = first + len(wanted) - 1
            same = tuple(word.folded for word in words[first : last + 1]) == wanted
            if same and not _is_part(text, words, first, last, allowed, cased) and not _is_denied(text, words, first):
                found.append((first, last))
    return found


def _is_part(text: str, words: Sequence[Word], first: int, last: int, allowed: frozenset[str] | set[str], cased: bool) -> bool:
    """Whether the words beside a name belong to a longer one."""
    before = words[first - 1] if first else None
    after = words[last + 1] if last + 1 < len(words) else None
    return (before is not None and _joins(before, text[before.end : words[first].start], allowed, cased)) or (
        after is not None and _joins(after, text[words[last].end : after.start], allowed, cased)
    )


def _joins(word: Word, gap: str, allowed: frozenset[str] | set[str], cased: bool) -> bool:
    if _BREAKS.search(gap):
        return False
    if gap.strip() and gap.strip() != ".":  # `Paris-Nord`, `Marks & Spencer`
        return True
    if word.folded in allowed or word.folded in _NO:
        return False
    return word.raw[0].isupper() or not word.raw[0].islower() or not cased


def _is_denied(text: str, words: Sequence[Word], first: int) -> bool:
    """Whether a word of denial stands before a name in its clause: `not in Finland`."""
    for i in range(first - 1, max(first - 6, -1), -1):
        if re.search(r"[,;:!?\n]|\.(?:\s|$)", text[words[i].end : words[i + 1].start]):
            return False
        if words[i].folded in _NO:
            return True
    return False


def _is_letter(char: str) -> bool:
    return char in _JOINED or unicodedata.category(char)[0] in "LMN"
