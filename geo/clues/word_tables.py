"""Clues that are words of a table: streets, words on the road, brands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from geo.clues.clue import Clue, names, regional
from geo.clues.tables import fold, rows, weights

_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f\u064b-\u0652\u0900-\u0963\u0e31-\u0e4e])"
_WORD = re.compile(rf"{_LETTER}+(?:['’ʻʼ]{_LETTER}+)*\.?")
# Folded they are words of other languages or too short to be sure of without their accents.
_ACCENTS_NEEDED = frozenset({"rúa", "phố", "ngõ", "plaça", "praça"})
_NO_STREETS = frozenset({"renegade", "brigade", "norwegen"})
# In the middle of a sentence these are other words; in a street's name they have a capital.
_NAMES_ONLY = frozenset({"via", "largo", "soi", "corso", "marg", "paseo", "strada"})

Row = Mapping[str, str]


def street_word_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """Clues of words such as `ulica`, `-gatan`, `Rua` that go with a name on the same line. At most six."""
    clues: dict[str, Clue] = {}
    for line in lines[:200]:
        for row, text in _street_words(line[:1000]):
            regions, word = weights(row["regions"]), row["word"]
            claim = (
                f"“{word}” means {row['meaning']}" if row["form"] != "suffix" else f"“…{word.lstrip('-')}” means {row['meaning']}"
            )
            clue = regional("street_word", text, regions, f"{claim}: {names(regions)}", f"street:{word}", 0.82, tool, citation)
            clues.setdefault(clue.evidence.source, clue)
    return list(clues.values())[:6]


def _street_words(line: str) -> Iterator[tuple[Row, str]]:
    words, suffixes, inner = _street_table()
    named = len(line.split()) > 1
    for text in _WORD.findall(line):
        # `lower` and not `casefold`, which would turn ß, unknown in Switzerland, into ss.
        lower = text.lower().replace("’", "'").replace("ʻ", "'")
        bare = lower.rstrip(".")
        # A street word stands beside a name: alone it is a label, or a misreading.
        row = words.get(lower) or words.get(bare)
        if row and named and (bare not in _NAMES_ONLY or _before_a_name(text, line)):
            yield row, line.strip()
        for length in (8, 7, 6, 5, 4, 3):
            ending = suffixes.get(bare[-length:])
            if ending and bare not in _NO_STREETS and len(bare) >= length + (4 if length <= 4 else 3):
                yield ending, text
                break
    for hyphened in re.findall(r"(?<!\w)[A-Za-z\d]{2,20}(-(?:daero|gil|dong|dori|chome))(?!\w)", line, re.IGNORECASE):
        yield suffixes[hyphened.casefold()], line.strip()
    for row in inner:
        pattern = rf"{row['word']}\S{{2}}" if row["form"] == "prefix" else rf"[\d\uac00-\ud7a3\u4e00-\u9fff]{{1}}{row['word']}"
        if re.search(pattern, line):
            yield row, line.strip()


def _before_a_name(word: str, line: str) -> bool:
    return word[0].isupper() and bool(re.search(rf"{re.escape(word)}\s+(?:d\w{{0,4}}['’ ]\s?)?[^\W\d_a-z]", line))


@cache
def _street_table() -> tuple[dict[str, Row], dict[str, Row], list[Row]]:
    """Rows by whole word, by suffix, and those found inside unspaced text; the first two without accents too."""
    words: dict[str, Row] = {}
    suffixes: dict[str, Row] = {}
    for row in rows("street_words"):
        table = words if row["form"] == "word" else suffixes
        if row["form"] in {"word", "suffix"}:
            table[row["word"]] = row
    for table in (words, suffixes):
        for word in list(table):
            if word not in _ACCENTS_NEEDED and len(fold(word)) > 3:
                table.setdefault(fold(word), table[word])
    return words, suffixes, [row for row in rows("street_words") if row["form"] in {"prefix", "ending"}]


def road_word_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """Clues of units and words on road signs: `mph`, `ARRÊT`, `ALTO`, `SPEED LIMIT`."""
    clues: list[Clue] = []
    joined = "\n".join(line[:500] for line in lines[:200])
    for row in rows("road_words"):
        match = re.search(row["pattern"], joined, re.IGNORECASE | re.MULTILINE)
        if match:
            regions = weights(row["regions"])
            claim = f"{row['claim']}: {names(regions)}"
            clues.append(
                regional(row["kind"], match[0], regions, claim, f"road:{row['name']}", float(row["reliability"]), tool, citation)
            )
    return clues


def brand_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """Clues of chains, banks and companies that work in few countries, matched as whole words. At most eight."""
    clues: dict[str, Clue] = {}
    for line in lines[:200]:
        tokens = _tokens(line[:500])
        for start in range(len(tokens)):
            for length in range(min(4, len(tokens) - start), 0, -1):
                row = _brands().get(" ".join(tokens[start : start + length])) or _close(tokens[start : start + length])
                if row:
                    clue = _brand_clue(row, line, alone=len(tokens) <= length + 2, tool=tool, citation=citation)
                    clues.setdefault(clue.evidence.source, clue)
                    break
    return list(clues.values())[:8]


def _tokens(line: str) -> list[str]:
    return re.findall(r"[^\W_]+", fold(line).replace("'", ""))


@cache
def _brands() -> dict[str, Row]:
    return {" ".join(_tokens(row["brand"])): row for row in rows("brands")}


@cache
def _long_brands() -> dict[int, list[str]]:
    """Names of ten letters and more, which one misread letter does not turn into another word, by their number of words."""
    table: dict[int, list[str]] = {}
    for name in _brands():
        if len(name.replace(" ", "")) >= 10:
            table.setdefault(name.count(" ") + 1, []).append(name)
    return table


def _close(tokens: Sequence[str]) -> Row | None:
    text = " ".join(tokens)
    if len(text) < 10 or not any(
        len(name) in range(len(text) - 1, len(text) + 2) for name in _long_brands().get(len(tokens), [])
    ):
        return None
    from rapidfuzz.distance import Levenshtein

    for name in _long_brands()[len(tokens)]:
        if Levenshtein.distance(text, name, score_cutoff=1) <= 1:
            return _brands()[name]
    return None


def _brand_clue(row: Row, line: str, alone: bool, tool: str, citation: str) -> Clue:
    regions = weights(row["regions"])
    claim = f"{row['brand']} ({row['what']}) is found in {names(regions, 5)}"
    # A name on a line of its own is a shop's sign; in a sentence it may be anything.
    reliability = float(row["reliability"] or 0.8) - (0.0 if alone else 0.15)
    return regional("brand", line, regions, claim, f"brand:{row['brand']}", reliability, tool, citation)
