"""Which pieces of the text in a photo look like names of places, judged without a language model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geo.clues import is_sign_word
from geo.gazetteer import Match, gazetteer

MAX_WORDS = 4
_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*\.?")
_MIN_LATIN_LETTERS = 4


@dataclass(frozen=True)
class PlaceName:
    text: str
    """As it stands in the photo."""
    score: float
    """Higher is likelier to be meant as a place: whole lines, long names and large places first."""


def place_names(lines: Sequence[Mapping[str, Any]]) -> list[PlaceName]:
    """Names of places in lines of text (`text`, `confidence`), the likeliest first; of overlapping names the longest counts."""
    pieces = [piece for line in lines if line["confidence"] >= 0.5 for piece in _pieces(str(line["text"]))]
    matches = gazetteer().lookup_many([text for text, _ in pieces])
    found: dict[str, PlaceName] = {}
    taken: list[str] = []
    scored = [(_score(text, whole, hits), text) for (text, whole), hits in zip(pieces, matches, strict=True) if hits]
    for score, text in sorted(scored, key=lambda item: (-len(item[1].split()), -item[0])):
        if score <= 0 or any(re.search(rf"\b{re.escape(text)}\b", longer) for longer in taken):
            continue
        taken.append(text)
        found.setdefault(text.casefold(), PlaceName(text, score))
    return sorted(found.values(), key=lambda name: -name.score)


def _pieces(line: str) -> list[tuple[str, bool]]:
    """Runs of one to four words of a line, and whether each is the whole line."""
    words = list(_WORD.finditer(line))[:24]
    runs = [(i, j) for i in range(len(words)) for j in range(i + 1, min(i + MAX_WORDS, len(words)) + 1)]
    return [(line[words[i].start() : words[j - 1].end()].strip(), j - i == len(words)) for i, j in runs]


def _score(text: str, whole: bool, hits: Sequence[Match]) -> float:
    """0 for what is more likely a common word than a place."""
    letters = [c for c in text if c.isalpha()]
    latin = all(ord(c) < 0x250 for c in letters)
    if latin and len(letters) < _MIN_LATIN_LETTERS or not letters[0].isupper() and letters[0].islower():
        return 0.0
    if is_common_word(text):
        return 0.0
    best = hits[0]
    size = math.log10(max(best.place.population, 100)) / 7
    words = len(text.split())
    rare = 1.0 / (1.0 + math.log2(max(1, len(hits))))
    return size + 0.3 * (words - 1) + (0.5 if whole else 0.0) + 0.4 * rare - (0.6 if latin and len(letters) < 5 else 0.0)


def is_common_word(text: str) -> bool:
    """Words that stand on signs everywhere although some place is called so (Bar, Nice, Reading, Police)."""
    return text.casefold().strip(".") in _COMMON or is_sign_word(text)


_COMMON = frozenset(
    """
    bar best big bank bus boots book books blue black brown baker bakery barber beach beauty bike bread bridge burger cafe car cars care
    casa central centre center chapel church city clean clinic close closed club coach coast coffee cold college cook corner cross dance
    deli dental diner dollar door down dream drive east eat enter entrance exit express farm fashion fast field fire first fish fix flower
    food for force forest fresh friend garden gas gate gift glass gold golden grand great green grill hair hall happy harbour health hill
    home hope hospital hot hotel house ice info inn island jack john joy king kitchen lake lane law left less level library light limit
    line lion live local long lounge love market main mall man marine mass max may media metal milk mill mini mobile modern moon motel
    motor moto music nail national new next nice no north nova office oil old one only open orange paint palace paper park parking pass
    phone photo pizza plaza police polo pool post power press price pub pull push queen radio real red repair rest restaurant right ring
    river road rock room rose royal sale salon school sea service services shell shoe shoes shop silver slow smith snack south spa speed
    spirit sport sports spring stage star station stop store street studio style subway summer sun super supermarket sushi tap taxi tea
    time tire top tower town trade travel tree truck union up view village vision walk warning water way well west white wild wine wing
    women wood work world yellow yield young your zone reading mobile police union santa san saint sankt general martin victoria carmen
    total texaco esso ford fiat seat opel mercedes toyota nissan honda hyundai samsung apple sony
    paris hilton college avenue boulevard street place square court terrace drive lane
    """.split()
) - {"paris", "hilton"}
