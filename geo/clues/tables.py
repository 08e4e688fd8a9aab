"""The tables beside this file: CSV with `#` comment lines that name their sources, read once and kept."""

from __future__ import annotations

import csv
import unicodedata
from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `geo/clues/<name>.csv`, each by the names of its first line that is no comment."""
    text = files("geo.clues").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("# ")]
    return tuple({key: (value or "").strip() for key, value in row.items()} for row in csv.DictReader(lines, strict=True))


@cache
def countries() -> dict[str, str]:
    """Every ISO 3166 code of a country or territory and its English name."""
    return {row["code"]: row["name"] for row in rows("countries")}


@cache
def _people() -> dict[str, float]:
    return {row["code"]: float(row["people_millions"]) for row in rows("countries")}


def people_millions(code: str) -> float:
    """Inhabitants of a country in millions, 0 for an unknown code: to name large countries before small ones."""
    return _people().get(code, 0.0)


@cache
def weights(text: str) -> dict[str, float]:
    """`PT BR:0.3 CH.TI:0.5` as weights by region; what has no number weighs 1. `*:0.2` stands for every country not named."""
    named = {key: float(value or 1.0) for key, _, value in (item.partition(":") for item in text.split())}
    rest = named.pop("*", None)
    return named if rest is None else dict.fromkeys(countries(), rest) | named


def fold(text: str) -> str:
    """Lower case without accents, as OCR often leaves it: `Straße` and `STRASSE` are `strasse`, `ł` is `l`."""
    plain = unicodedata.normalize("NFD", text.casefold().translate(_PLAIN))
    return "".join(c for c in plain if not "\u0300" <= c <= "\u036f")


_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ħ": "h", "ə": "e", "ʻ": "'", "’": "'"}
)
