"""All clues of one picture's text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from geo.area import Area
from geo.clues.clue import Clue
from geo.clues.code import plate_clues, postcode_clues
from geo.clues.currency import currency_clues
from geo.clues.domain import domain_clues
from geo.clues.language import language_clues
from geo.clues.phone import phone_clues
from geo.clues.script import script_clues
from geo.clues.word_tables import brand_clues, road_word_clues, street_word_clues

MOST_CLUES = 40
_MOST_LINES = 200
_LONGEST_LINE = 1000
_MOST_TEXT = 12_000

_WRITING = frozenset(["script", "language", "street_word"])
_READERS = (domain_clues, postcode_clues, plate_clues, currency_clues, script_clues, language_clues, street_word_clues,
            road_word_clues, brand_clues)  # fmt: skip


def clues_in(lines: Sequence[str], tool: str = "read_text", citation: str = "", area: Area | None = None) -> list[Clue]:
    """The clues of the text `lines` of one picture, as OCR read them; at most `MOST_CLUES`, the most reliable first.

    `tool` and `citation` (a view's id) are written into the evidence. National telephone numbers are tried in the countries of
    `area` alone. Text beyond 12,000 characters is not read. No two clues are the same
    observation; script, language and words for streets share the source `writing`.
    """
    lines = _bounded(lines)
    clues = phone_clues(lines, tool, citation, area)
    for reader in _READERS:
        clues.extend(reader(lines, tool, citation))
    unique = {clue.evidence.source: clue for clue in reversed(clues)}
    ranked = sorted(unique.values(), key=lambda clue: (-clue.evidence.reliability, clue.evidence.source))[:MOST_CLUES]
    return [_as_one_observation(clue) for clue in ranked]


def _as_one_observation(clue: Clue) -> Clue:
    """Script, language and words for streets depend on each other: they share one source, so that they do not multiply."""
    if clue.kind not in _WRITING:
        return clue
    return replace(clue, evidence=replace(clue.evidence, source="writing"))


def _bounded(lines: Sequence[str]) -> list[str]:
    """Lines in composed form (NFC), blanks made one, cut to sizes that no reader is slow on."""
    kept: list[str] = []
    room = _MOST_TEXT
    for line in lines[:_MOST_LINES]:
        text = " ".join(unicodedata.normalize("NFC", line[: min(_LONGEST_LINE, room)]).split())
        if text:
            kept.append(text)
            room -= len(text)
        if room <= 0:
            break
    return kept
