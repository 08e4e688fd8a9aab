"""The languages of short text on signs: words and letters of its own tables, no statistics of long text.

Each line goes to the language that explains it best, the picture as a whole deciding where a line could be several; each language
so found is one clue. What no table knows stays unknown.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from geo.clues.clue import Clue, names, regional
from geo.clues.language_share import shares
from geo.clues.tables import countries, fold, rows

# Vowel signs of Devanagari and Arabic are parts of words though they are no letters.
_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f\u064b-\u0652\u0900-\u0963])"
_WORD = re.compile(rf"{_LETTER}+(?:['’ʻʼ-]{_LETTER}+)*|[¿¡]")
_BY_LENGTH = {1: 0.15, 2: 0.5, 3: 1.0, 4: 1.7}
_LONG_WORD = 2.3
_FOLDED = 0.55
_NEEDED = 2.25
_MOST_LANGUAGES = 3

Scores = Mapping[str, float]


def language_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """One clue for each language that `lines` are written in, three at most; lines of one language are one clue."""
    scored = [(line, score_line(line)) for line in lines[:200]]
    scored = [(line, scores) for line, scores in scored if scores]
    picture: Counter[str] = Counter()
    for _, scores in scored:
        picture.update(scores)
    groups: dict[str, list[tuple[str, Scores]]] = defaultdict(list)
    for line, scores in scored:
        groups[max(scores, key=lambda language: (scores[language] + 0.25 * picture[language], language))].append((line, scores))
    clues = [_clue(language, group, tool, citation) for language, group in groups.items()]
    found = [clue for clue in clues if clue]
    return sorted(found, key=lambda clue: -clue.evidence.reliability)[:_MOST_LANGUAGES]


def score_line(line: str) -> dict[str, float]:
    """How strongly the words and letters of `line` speak for each language: logarithms of likelihood ratios to unknown text."""
    scores: dict[str, float] = defaultdict(float)
    for word in dict.fromkeys(match[0] for match in _WORD.finditer(line[:1000])):
        lower = word.casefold().replace("’", "'").replace("ʼ", "'")
        exact = _words().get(lower, frozenset())
        folded = _folded_words().get(fold(lower), frozenset()) - exact if lower.isascii() else frozenset()
        weight = _BY_LENGTH.get(len(lower), _LONG_WORD)
        for language in exact:
            scores[language] += weight
        for language in folded:
            scores[language] += _FOLDED * weight
    letters = {c for word in _WORD.findall(line[:1000]) if len(word) > 2 or word in "¿¡" for c in word.lower()}
    groups = {group for letter in letters for group in _letters().get(letter, ())}
    for group in groups:
        for language in group:
            scores[language] += 1.6 if len(group) == 1 else 1.2 if len(group) <= 3 else 0.6
    return dict(scores)


def is_sign_word(word: str) -> bool:
    """Whether a word stands on signs of some language (`Strada`, `Bäckerei`), so that it is hardly the name of a place."""
    return word.casefold().strip(".") in _sign_words()


@cache
def _sign_words() -> frozenset[str]:
    streets = {row["word"].casefold().strip(".") for row in rows("street_words")}
    known = streets | set(_words())
    return frozenset(known | {fold(word) for word in known})


@cache
def language_names() -> dict[str, str]:
    """English names of the languages that are told apart, by code."""
    return {row["language"]: row["name"] for row in rows("languages")}


@cache
def _words() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    streets = {row["word"].casefold().rstrip(".") for row in rows("street_words")}
    for row in rows("languages"):
        # Words for streets are clues of their own and are not counted twice.
        for word in set(row["words"].casefold().split()) - streets:
            found[word].add(row["language"])
    return {word: frozenset(languages) for word, languages in found.items()}


@cache
def _folded_words() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for word, languages in _words().items():
        if len(word) > 3 and fold(word) != word:
            found[fold(word)] |= languages
    return {word: frozenset(languages) for word, languages in found.items()}


@cache
def _letters() -> dict[str, tuple[frozenset[str], ...]]:
    found: dict[str, list[frozenset[str]]] = defaultdict(list)
    for row in rows("letters"):
        for letter in row["letters"].split():
            found[letter].append(frozenset(row["languages"].split()))
    return {letter: tuple(groups) for letter, groups in found.items()}


def _clue(language: str, group: Sequence[tuple[str, Scores]], tool: str, citation: str) -> Clue | None:
    total: Counter[str] = Counter()
    best_line, best_score = "", 0.0
    for line, scores in group:
        total.update(scores)
        if scores.get(language, 0.0) > best_score:
            best_line, best_score = line, scores[language]
    top = max(total.values())
    if top < _NEEDED or (language == "en" and total[language] < 4.5):
        return None
    mass = {code: math.exp(score - top) for code, score in total.items() if score > top - 6.0}
    known = sum(mass.values())
    likely = [code for code in sorted(mass, key=lambda code: (-mass[code], code)) if mass[code] > 0.3][:4]
    called = " or ".join(language_names()[code] for code in likely)
    if likely[0] == "en":
        weights = {code: 4.0 if shares("en").get(code, 0.0) > 0.5 else 1.0 for code in countries()}
        return regional(
            "language",
            best_line,
            weights,
            "the text is English, which is written everywhere",
            "language:en",
            0.45,
            tool,
            citation,
        )
    weights = _regions({code: value / known for code, value in mass.items()})
    claim = f"the text is {called}: {names(weights, 5)}"
    # One word may be a restaurant's name far from home; several are not.
    reliability = min(0.87, 0.62 + 0.05 * (top - _NEEDED))
    return regional("language", best_line, weights, claim, f"language:{likely[0]}", reliability, tool, citation)


def _regions(mass: Mapping[str, float]) -> dict[str, float]:
    """Weights by region: how much public writing there is in the likely languages, each by its probability."""
    keys = {key for code in mass for key in shares(code)}
    weights: dict[str, float] = {}
    for key in keys:
        country = key.partition(".")[0]
        weights[key] = sum(value * shares(code).get(key, shares(code).get(country, 0.0)) for code, value in mass.items())
    return {key: weight for key, weight in sorted(weights.items()) if weight > 1e-5}
