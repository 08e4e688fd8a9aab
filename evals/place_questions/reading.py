"""What an answer says, read strictly: a letter, true or false, a name, a number. What cannot be read is wrong, and counted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agent.answer import final_words
from evals.place_questions.mentions import says, spans_of
from evals.place_questions.question import Claim, PlaceQuestion
from geo.names import fold

_CITATION = re.compile(r"(?:\bosm:)?\b(node|way|relation)/(\d{1,19})\b", re.I)
_LEAD = r"(?:(?:so|therefore|thus|hence)\b,?\s*)?(?:(?:the|my)\s+)?(?:(?:correct|final|right|best)\s+)?(?:answer|option|choice|statement)\s*(?:is|would be|:|=)*\s*"
_LETTER = re.compile(rf"^\W*(?:{_LEAD})?\W*([A-H])\b(?!['’])(.*)$", re.S)
_LOW_LETTER = re.compile(rf"^\W*(?:{_LEAD})?\W*([a-h])\W*$", re.I)
_BOXED = re.compile(r"\\(?:boxed|text)[{(]([^{}()]*)[})]")
_STATED_LETTER = re.compile(r"\b(?:answer|option|choice)\s*(?:is|:|=)\s*\W{0,3}([A-H])\b(?!\s+[a-z])", re.I)
_ANOTHER = re.compile(r"^\W*(?:or|and|/|&|,)\W*\(?[A-H]\b(?!\s+[a-z])")
_TRUE_FALSE = re.compile(rf"^\W*(?:{_LEAD})?\W*(?:it is\s+|this is\s+)?(true|false)\b(.*)$", re.S | re.I)
_STATED_TRUE_FALSE = re.compile(r"\b(?:answer|statement)\s*(?:is|:|=)\s*\W{0,3}(true|false)\b", re.I)
_NUMBER = re.compile(r"(?<![\w.,])[+-]?\d+(?:[.,]\d+)?(?![\w]|[.,]\d)")
_IN_WORDS = {word: i for i, word in enumerate(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"))}  # fmt: skip
_DECLINED = re.compile(r"\b(?:cannot|can not|can't|could not|unable to)\s+(?:tell|say|determine|know|answer|be determined)|\bunknown\b|\bi (?:do not|don't) know\b", re.I)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """How right an answer is."""

    score: float | None
    """0 to 1; None where the question has no exact key."""
    readable: bool
    """Whether it says anything that is asked for."""
    said: str = ""
    """The letter, or `true` or `false`."""


def verdict(question: PlaceQuestion, text: str) -> Verdict:
    """An answer against the key. Reasoning in `<think>` is not part of it, nor are cited ids."""
    text = _BOXED.sub(r"\1", without_citations(final_words(text)))
    if question.kind == "choice":
        letter = read_letter(text, question.options)
        return Verdict(float(letter == question.key), letter is not None, letter or "")
    if question.kind == "true_false":
        said = read_true_false(text)
        return Verdict(float(said == question.key), said is not None, said or "")
    readable = bool(fold(text)) and not (_DECLINED.search(text) and len(text) < 200)
    if question.kind == "long":
        return Verdict(sum(_holds(claim, text) for claim in question.claims) / len(question.claims), readable)
    return Verdict(float(_is_named(question, text)) if question.names else None, readable)


def cited_in(text: str) -> tuple[str, ...]:
    """Elements that a text names, `node/123`, each once."""
    return tuple(dict.fromkeys(f"{match[1].lower()}/{match[2]}" for match in _CITATION.finditer(text)))


def without_citations(text: str) -> str:
    """A text without the elements it names and the brackets around them."""
    return re.sub(r"[(\[]\s*(?:,\s*)*[)\]]", " ", _CITATION.sub("", text)).strip()


def read_letter(text: str, options: Mapping[str, str]) -> str | None:
    """The letter of an answer: `B`, `(B)`, `B. Kluuvi`, `Answer: B`, or one option word for word; None where it cannot be told.

    `A bank` is no letter, `A or B` is none, and `B. …` with the text of another option is none.
    """
    exact = [letter for letter, option in options.items() if fold(text) and fold(option) == fold(text)]
    if len(exact) == 1:
        return exact[0]
    letter, rest = "", ""
    if match := _LETTER.match(text):
        letter, rest = match[1], match[2]
        if not re.match(r"\s*(?:$|[.):,;\]\-–—*\"”’}\n]|[.)]?\s*\n)", rest) and fold(rest) != fold(options.get(letter, "")):
            letter = ""
    if not letter and (match := _LOW_LETTER.match(text)):
        letter, rest = match[1].upper(), ""
    stated = {match[1].upper() for match in _STATED_LETTER.finditer(text)} | ({letter} - {""})
    if len(stated) != 1:
        return None
    letter = stated.pop()
    other = any(fold(option) == fold(rest) for key, option in options.items() if key != letter and fold(rest))
    return None if letter not in options or _ANOTHER.match(rest) or other else letter


def read_true_false(text: str) -> str | None:
    """`true` or `false`, where the answer begins with the word or says `the answer is` before it; None where it cannot be told."""
    stated = {match[1].lower() for match in _STATED_TRUE_FALSE.finditer(text)}
    if match := _TRUE_FALSE.match(text):
        if re.match(r"\W*(?:or|and|/)\W*(?:true|false)\b", match[2], re.I):
            return None
        stated.add(match[1].lower())
    return stated.pop() if len(stated) == 1 else None


def _is_named(question: PlaceQuestion, text: str) -> bool:
    """Whether an accepted name is said and no wrong one beside it."""
    if numbers := [value for name in question.names if (value := _only_number(name)) is not None]:
        said = _numbers(text)
        return len(said) == 1 and said.pop() in numbers
    if not says(text, question.names, question.question):
        return question.topic in {"city", "region"} and _is_same_place(question, text)
    return not _contradicted(text, question.names, question.against, question.question)


def _holds(claim: Claim, text: str) -> bool:
    return says(text, claim.accepted, claim.what) and not _contradicted(text, claim.accepted, claim.against, claim.what)


def _contradicted(text: str, right: tuple[str, ...], wrong: tuple[str, ...], known: str) -> bool:
    """Whether a wrong name stands anywhere but inside a right one."""
    inside = {i for first, last in spans_of(text, right, known) for i in range(first, last + 1)}
    return any(not set(range(first, last + 1)) <= inside for first, last in spans_of(text, wrong, known))


def _is_same_place(question: PlaceQuestion, text: str) -> bool:
    """Whether a short answer is another name of the same city or region: `Helsingfors`."""
    from geo.gazetteer import gazetteer

    name, known = text.strip(' .\n*"“”').partition(",")[0][:80], gazetteer()
    if question.topic == "city":
        return known.same_place(name, question.names[0])
    country = known.reverse(question.lat, question.lon).country
    return bool(country) and known.same_region(name, question.names[0], country or "")


def _only_number(name: str) -> float | None:
    """The number that a name is, without its unit; None for any other name."""
    match = re.fullmatch(r"\+?(\d{1,9}(?:\.\d{1,4})?)", name.strip())
    return float(match[1]) if match else None


def _numbers(text: str) -> set[float]:
    """The different numbers in a text, in digits or, where there are none, in words."""
    found = {float(match[0].replace(",", ".").lstrip("+")) for match in _NUMBER.finditer(text)}
    return found or {float(_IN_WORDS[word]) for word in fold(text).split() if word in _IN_WORDS}
