"""A clue: what a piece of a picture's text says about where the picture was taken."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from geo.clues.tables import countries, people_millions
from geo.evidence import Evidence, Regions

LONGEST_TEXT = 80
"""Characters kept of any text from the world; callers quote it before they show it."""


@dataclass(frozen=True)
class Clue:
    """One clue with the text it rests on."""

    kind: str
    """phone, domain, script, language, street_word, currency, postcode, plate, unit, road_word, driving_side or brand."""
    text: str
    """The exact text, at most `LONGEST_TEXT` characters; it came from the world."""
    evidence: Evidence
    place_hint: str = ""
    """A city or region that the clue names, in English, for a gazetteer: `Florence`. Empty where it names none."""
    place_country: str = ""
    """The ISO code of the country of `place_hint`."""


def short(text: str, limit: int = LONGEST_TEXT) -> str:
    """World text on one line without control or invisible characters, cut to `limit`."""
    line = "".join(" " if c.isspace() else c for c in text[: 4 * limit] if c.isspace() or unicodedata.category(c)[0] not in "C")
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def names(weights: Mapping[str, float], most: int = 4) -> str:
    """The countries of the highest weight in words, large ones before small ones: `Portugal, Brazil …`."""
    best: dict[str, float] = {}
    for key, value in weights.items():
        country = key.partition(".")[0]
        best[country] = max(value, best.get(country, 0.0))
    floor = 0.15 * max(best.values(), default=0.0)
    ordered = sorted(best, key=lambda code: (-best[code] * (0.1 + people_millions(code)) ** 0.3, code))
    shown = [countries().get(code, code) for code in ordered if best[code] > floor]
    return ", ".join(shown[:most]) + (" …" if len(shown) > most else "")


def regional(kind: str, text: str, weights: Mapping[str, float], claim: str, source: str, reliability: float,
             tool: str = "read_text", citation: str = "", place_hint: str = "", place_country: str = "") -> Clue:  # fmt: skip
    """A clue about countries and regions."""
    evidence = Evidence(
        Regions(dict(weights)), short(claim, 160), short(source), tool, reliability, (citation,) if citation else ()
    )  # fmt: skip
    return Clue(kind, short(text), evidence, short(place_hint), place_country)
