"""Prices: which countries pay in that currency and write it so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from geo.clues.clue import Clue, names, regional
from geo.clues.tables import rows, weights

_AMOUNT = r"\d{1,3}(?:[ .,'’]?\d{3}){0,3}(?:[.,]\d{1,2}|,-|\.-)?"
_MOST = 4
_TWO_LETTERS = frozenset({"TL", "Ft", "Rp", "RM", "Rs", "kr", "zl", "Tk", "DH", "Kc", "Bs"})


def currency_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """One clue for each currency that stands beside an amount on `lines`; lone letters (`R`, `kn`) need decimals."""
    clues: dict[str, Clue] = {}
    for line in lines[:200]:
        if not any(c.isdigit() for c in line):
            continue
        taken: list[tuple[int, int]] = []
        for name, pattern in _patterns():
            match = pattern.search(line[:1000])
            if (
                not match
                or any(start < match.end() and match.start() < end for start, end in taken)
                or not (_is_sign(match[0]) or _decimal(match[0]))
            ):
                continue
            taken.append(match.span())
            clues.setdefault(name, _clue(name, match[0], tool, citation))
    return list(clues.values())[:_MOST]


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Name and pattern, `$` last, after `HK$` and its like."""
    table = []
    for row in sorted(rows("currencies"), key=lambda row: row["name"] == "dollar"):
        sign, sides = row["pattern"], []
        if row["side"] in {"before", "both"}:
            sides.append(rf"(?<![\w$])(?:{sign})\s?{_AMOUNT}(?![\d\w%])")
        if row["side"] in {"after", "both"}:
            sides.append(rf"(?<![\w.,:/-]){_AMOUNT}\s?(?:{sign})(?!\w)")
        table.append((row["name"], re.compile("|".join(sides))))
    return table


def _is_sign(text: str) -> bool:
    """Whether the sign beside the amount is hardly anything but a currency: `€`, `CHF`, `Rp`, and not `R` or `KM`."""
    letters = "".join(c for c in text if c.isalpha())
    return not text.isascii() or bool(re.search(r"\$|:-|/", text)) or len(letters) > 2 or letters in _TWO_LETTERS


def _decimal(text: str) -> bool:
    return bool(re.search(r"\d[.,]\d\d(?!\d)|\d[ .,]000(?!\d)|,-|\.-", text))


def _clue(name: str, text: str, tool: str, citation: str) -> Clue:
    row = next(row for row in rows("currencies") if row["name"] == name)
    regions = weights(row["regions"])
    claim = f"a price in {name} ({text.strip()[:20]}): {names(regions, 5)}"
    return regional("currency", text, regions, claim, f"currency:{name}", float(row["reliability"]), tool, citation)
