"""What a vision-language ranker is asked about a candidate (GeoRanker, arXiv 2505.13731), and how text of the world is kept from being more than text.

One chat turn a candidate: the photo, "How far is this place from latitude: …, longitude: …, PLACE?", the candidate's photo where there is
one, and negative examples in words. Text of the world stands in the turn of its own candidate alone: negative examples are named by their
coordinates and by what the offline gazetteer has there, and they are chosen by numbers.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from models.ranker.candidates import Candidate

QUESTION = "How far is this place from latitude: {lat:.3f}, longitude: {lon:.3f}, {place}?"
NEGATIVES = "Negative examples: {examples}"
EXAMPLE = "latitude: {lat:.3f}, longitude: {lon:.3f}, {place}"
WORDING = hashlib.sha256("\n".join((QUESTION, NEGATIVES, EXAMPLE)).encode()).hexdigest()[:12]
"""A ranker is asked with the words that it was trained with."""
MOST_CHARS = 80
"""Of a place's name."""

_UNNAMED = "no known place"
_SPACES = re.compile(r"\s+")
_ODD = re.compile(r"[^\w ,.'-]+")
_TRIES = 64


@dataclass(frozen=True)
class Turn:
    """The words of one turn; the candidate's photo, where there is one, stands between `before` and `after`."""

    before: str
    after: str


def turns(
    candidates: Sequence[Candidate], rows: Sequence[int], places: Sequence[str], negatives: int, control: Collection[str]
) -> list[Turn]:
    """What is asked about `rows` of the candidates. `places` are what sources call these, as many or none; `control` the model's control
    tokens. At most `negatives` of all candidates are named as negative examples, to all rows alike."""
    known = gazetteer_places(candidates)
    examples = "; ".join(
        EXAMPLE.format(lat=candidates[row].lat, lon=candidates[row].lon, place=known[row])
        for row in negative_rows(candidates, negatives)
    )
    after = NEGATIVES.format(examples=examples) if examples else ""
    asked = []
    for row, place in zip(rows, places or [""] * len(rows), strict=True):
        name = plain(place, control) or known[row]
        asked.append(Turn(QUESTION.format(lat=candidates[row].lat, lon=candidates[row].lon, place=name), after))
    return asked


def negative_rows(candidates: Sequence[Candidate], most: int) -> list[int]:
    """Rows of the least promising candidates, at most `most` and less than half of the list: those ranked last by retrieval (as published),
    then those of least probability. The same for the same candidates in whatever order; text has no say."""

    def promise(row: int) -> tuple[float, ...]:
        one = candidates[row]
        rank, likeness = one.part("retrieval"), one.part("similarity")
        return (
            -math.inf if rank is None else rank,
            one.probability,
            -math.inf if likeness is None else likeness,
            one.lat,
            one.lon,
        )

    return sorted(range(len(candidates)), key=promise)[: min(most, (len(candidates) - 1) // 2)]


def gazetteer_places(candidates: Sequence[Candidate]) -> list[str]:
    """`Porto, Porto District, Portugal`, by the offline gazetteer."""
    from geo.gazetteer import gazetteer

    if not candidates:
        return []
    found = gazetteer().reverse_many([one.lat for one in candidates], [one.lon for one in candidates])
    here = [found.location(row) for row in range(len(candidates))]
    return [
        _SPACES.sub(" ", ", ".join(filter(None, (at.city, at.region, at.country_name))))[:MOST_CHARS] or _UNNAMED for at in here
    ]


def plain(text: str, control: Collection[str], most: int = MOST_CHARS) -> str:
    """Text of the world in one line of at most `most` characters, without anything invisible and without any of the tokens of `control`:
    one that is in it gets a space behind its first character, so that it is read as the letters that it is written with."""
    text = unicodedata.normalize("NFC", text[: 8 * most])
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    text = _SPACES.sub(" ", text).strip()[:most].rstrip()
    for _ in range(_TRIES):
        found = next((token for token in control if token.strip() and token in text), None)
        if found is None:
            return text[: 2 * most]
        text = text.replace(found, f"{found[0]} {found[1:]}" if len(found) > 1 else " ")
    text = _ODD.sub(" ", text)[:most]  # a vocabulary in which breaking one token makes another
    return "" if any(token.strip() and token in text for token in control) else text


def control_tokens(tokenizer: Any) -> dict[str, int]:
    """All tokens of a tokenizer that are more than text, with their ids, the longest first."""
    found = dict(tokenizer.get_added_vocab())
    found |= dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    return dict(
        sorted(((token, number) for token, number in found.items() if number is not None), key=lambda item: -len(item[0]))
    )
