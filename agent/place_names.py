"""Which pieces of the text in a photo look like names of places, judged without a language model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geo.clues import is_sign_word
from geo.gazetteer import Match, gazetteer

MAX_WORDS = 5
_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*\.?")
_MIN_LATIN_LETTERS = 4
_SHORT = 5
"""A single Latin word up to this length is the name of some small place whatever it means."""
_LARGE = 15_000


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
    """Runs of one to five words of a line, and whether each is the whole line."""
    words = list(_WORD.finditer(line))[:24]
    runs = [(i, j) for i in range(len(words)) for j in range(i + 1, min(i + MAX_WORDS, len(words)) + 1)]
    return [(line[words[i].start() : words[j - 1].end()].strip(), j - i == len(words)) for i, j in runs]


def _score(text: str, whole: bool, hits: Sequence[Match]) -> float:
    """0 for what is more likely a common word than a place."""
    letters = [c for c in text if c.isalpha()]
    latin = all(ord(c) < 0x250 for c in letters)
    if (latin and len(letters) < _MIN_LATIN_LETTERS) or (not letters[0].isupper() and letters[0].islower()):
        return 0.0
    if is_common_word(text):
        return 0.0
    best = hits[0]
    small = best.place.population < _LARGE and best.how in {"exact", "alternative"}
    if latin and small and len(text.split()) == 1 and (len(letters) <= _SHORT or best.how == "alternative"):
        return 0.0
    size = math.log10(max(best.place.population, 100)) / 7
    words = len(text.split())
    rare = 1.0 / (1.0 + math.log2(max(1, len(hits))))
    return size + 0.3 * (words - 1) + (0.5 if whole else 0.0) + 0.4 * rare - (0.6 if latin and len(letters) < 5 else 0.0)


def is_common_word(text: str) -> bool:
    """Words that stand on signs everywhere although some place is called so (Bar, Nice, Reading, Police)."""
    return text.casefold().strip(".") in _COMMON or is_sign_word(text)


_COMMON = frozenset(
    """
    apple avenue baker bakery bank bar barber beach beauty best big bike black blue book books boots boulevard bread
    bridge brown burger bus cafe car care carmen cars casa center central centre chapel church city clean clinic close
    closed club coach coast coffee cold college cook corner court cross dance deli dental diner dollar door down dream
    drive east eat enter entrance esso exit express farm fashion fast fiat field fire first fish fix flower food for
    force ford forest fresh friend garden gas gate general gift glass gold golden grand great green grill hair hall
    happy harbour health hill home honda hope hospital hot hotel house hyundai ice info inn island jack john joy king
    kitchen lake lane law left less level library light limit line lion live local long lounge love main mall man marine
    market martin mass max may media mercedes metal milk mill mini mobile modern moon motel moto motor music nail
    national new next nice nissan no north nova office oil old one only opel open orange paint palace paper park parking
    pass phone photo pizza place plaza police polo pool post power press price pub pull push queen radio reading real
    red repair rest restaurant right ring river road rock room rose royal saint sale salon samsung san sankt santa
    school sea seat service services shell shoe shoes shop silver slow smith snack sony south spa speed spirit sport
    sports spring square stage star station stop store street studio style subway summer sun super supermarket sushi tap
    taxi tea terrace texaco time tire top total tower town toyota trade travel tree truck union up victoria view village
    vision walk warning water way well west white wild wine wing women wood work world yellow yield young your zone
    """.split()  # noqa: SIM905
)
