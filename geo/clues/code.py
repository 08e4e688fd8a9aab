"""Postal codes and number plates, where their form is a country's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from geo.clues.clue import Clue, names, regional
from geo.clues.tables import rows, weights

_MOST = 4


def postcode_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """Clues of postal codes that say by their form or their prefix of which country they are; plain digits say nothing."""
    return _clues("postcode", lines, tool, citation)


def plate_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """Clues of number plates that fill a line. Cars travel and patterns are shared, so they are trusted moderately."""
    return _clues("plate", lines, tool, citation)


def _clues(kind: str, lines: Sequence[str], tool: str, citation: str) -> list[Clue]:
    clues: dict[str, Clue] = {}
    for line in lines[:200]:
        text = " ".join(line[:300].upper().split())
        if not any(c.isdigit() for c in text):
            continue
        for row, pattern in _patterns(kind):
            match = pattern.fullmatch(text) if row["alone"] == "yes" else pattern.search(text)
            if match and not _contradicts(row, match):
                clue = _clue(row, match, tool, citation)
                clues.setdefault(clue.evidence.source, clue)
                break
    return list(clues.values())[:_MOST]


@cache
def _patterns(kind: str) -> list[tuple[Mapping[str, str], re.Pattern[str]]]:
    return [(row, re.compile(row["pattern"])) for row in rows("codes") if row["kind"] == kind]


@cache
def _details() -> dict[tuple[str, str], Mapping[str, str]]:
    return {(row["table"], row["key"]): row for row in rows("code_details")}


def _contradicts(row: Mapping[str, str], match: re.Match[str]) -> bool:
    """Whether a ZIP code is none of its state's."""
    if row["detail"] != "us_state":
        return False
    state = next(state for state in rows("us_states") if state["code"] == match["d"])
    spans = (span.partition("-") for span in state["zips"].split())
    return not any(first <= match["zip"][: len(first)] <= (last or first) for first, _, last in spans)


def _clue(row: Mapping[str, str], match: re.Match[str], tool: str, citation: str) -> Clue:
    regions, hint, country = weights(row["regions"]), "", row["name"].split()[0]
    if row["detail"] and match["d"]:
        regions, hint = _narrowed(row, match["d"], regions)
    text = match[0].strip()
    claim = f"{text[:24]} is {row['what']}: {hint + ', ' if hint else ''}{names(regions)}"
    return regional(row["kind"], text, regions, claim, f"{row['kind']}:{text}", float(row["reliability"]), tool, citation,
                    hint, country if hint else "")  # fmt: skip


def _narrowed(row: Mapping[str, str], key: str, regions: dict[str, float]) -> tuple[dict[str, float], str]:
    """Weights and a place's name for the part `key` of a code; cars leave their region more often than letters."""
    outside = 0.25 if row["kind"] == "plate" else 0.03
    country = row["name"].split()[0]
    if row["detail"] == "us_state":
        return {country: outside, f"US.{key}": 1.0}, ""
    if row["detail"] == "ch_canton":
        return {country: outside, f"CH.{key}": 1.0}, ""
    if row["detail"] == "gb_area":
        key = re.match("[A-Z]+", key)[0]  # type: ignore[index]
    detail = _details().get((row["detail"], key))
    if detail is None:
        return regions, ""
    narrowed = {country: outside, detail["region"]: 1.0} if detail["region"] else {}
    return regions | narrowed, detail["hint"]
