"""The part of the template answerer that asks the gazetteer: country, region, city, driving side, currency, language, calling code."""

from __future__ import annotations

import re

from evals.place_questions.answerer import Asked, PlaceAnswer
from evals.place_questions.gazetteer_drafts import currency_name, language_name
from geo.clues import drives_on_left
from geo.gazetteer import Country, gazetteer
from geo.names import fold


def of_gazetteer(asked: Asked) -> PlaceAnswer | None:
    """The answer from the gazetteer; None for what it does not hold."""
    words = fold(asked.question)
    fact = next((fact for fact in _FACTS if re.search(rf"\b{fact}", words)), None)
    if fact is None and asked.kind == "true_false":
        return _is_in(asked)
    text = what_is_at(asked, fact) if fact else None
    if not text:
        return None
    if asked.kind == "true_false":
        said = [side for side in ("left", "right") if side in words.split()]
        return PlaceAnswer(str(said == [text])) if fact == "traffic" else _is_in(asked)
    if asked.kind == "choice":
        letter = next((letter for letter, option in asked.options.items() if fold(option) == fold(text)), None)
        return PlaceAnswer(f"{letter}. {asked.options[letter]}") if letter else None
    return PlaceAnswer(text)


_FACTS = ("traffic", "currency", "language", "calling code", "region", "cit", "town", "countr")
"""Words, the most telling first: `the currency of the country`."""


def what_is_at(asked: Asked, fact: str) -> str | None:
    """One fact about the coordinates in words; None where the gazetteer does not know it."""
    here = gazetteer().reverse(asked.lat or 0.0, asked.lon or 0.0)
    country = gazetteer().countries.get(here.country or "")
    if fact == "region":
        return here.region
    if fact in {"cit", "city", "town"}:
        return here.city
    return _of_country(country, fact) if country else None


def _of_country(country: Country, fact: str) -> str | None:
    if fact == "traffic":
        return "left" if country.code in drives_on_left() else "right"
    if fact == "currency":
        return currency_name(country.currency) or None
    if fact == "language":
        return language_name(country.languages[0]) or None if country.languages else None
    return f"+{country.phone}" if fact == "calling code" else country.name


def _is_in(asked: Asked) -> PlaceAnswer | None:
    """Whether the place that a statement ends with is the country, the region or the city."""
    match = re.search(r" is in (?:the (region|city of) )?(.+?)\.?$", asked.question)
    if match is None:
        return None
    facts = {"region": ("region",), "city of": ("city",)}.get(match[1] or "", ("country", "city", "region"))
    return PlaceAnswer(str(any(fold(what_is_at(asked, fact) or "") == fold(match[2]) for fact in facts)))
