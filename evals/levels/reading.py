"""What an answer in words asserts: of all names in it the one that is meant, or none.

The order of preference: fields (`City: …`), what `Final answer:` announces, what `Answer:` announces, what is asserted (`this is`,
`taken in`), the first name. Names that are denied, compared with, or stand in a refusal do not count; of candidates the first does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.answer import final_words
from evals.levels.address import Address, address_of
from evals.levels.mentions import Mention, find_mentions
from evals.levels.phrases import (
    ALTERNATIVE,
    ASSERTION,
    COMPARISON,
    CONNECTING,
    DENIED,
    HARD_BREAK,
    HEDGE,
    LABEL,
    NEGATION,
    REFUSAL,
)
from geo.names import fold
from geo.place import Place

_MAX_SAID = 200
_MARKS = str.maketrans("，、（）：；｜’‘،؛", ",,():;|'',;")
_FIELD = re.compile(
    r"(?:^|(?<=[\n,;{|(\s]))[\"']?(country|nation|state|province|region|prefecture|county|city|town|village|municipality|locality|"
    r"district|neighbou?rhood|place)[\"']?\s?(?:name)?\s*[:=]\s*",
    re.I,
)
_DEPTH = ("place", "neighborhood", "neighbourhood", "district", "village", "locality", "town", "municipality", "city", "county", "prefecture",
          "region", "province", "state", "nation", "country")  # fmt: skip


@dataclass(frozen=True)
class Reading:
    place: Place | None
    """A place, or a whole region or country (id 0); None where nothing in the gazetteer is asserted."""
    equals: tuple[Place, ...]
    """Places that the words may mean as well, the likeliest first; the place itself among them."""
    names: str
    """Its address as written, folded."""
    said: str
    """The statement that asserts it, folded: for places that the gazetteer does not know."""


@dataclass
class _Run:
    """Names that stand together, with what stands around them."""

    mentions: list[Mention]
    before: str = ""
    after: str = ""
    names: str = ""
    statement: str = ""
    alternative: bool = False
    """Another candidate beside the one before it."""
    mentioned_only: bool = False
    denied: bool = False
    priority: int = 0


@lru_cache(maxsize=2048)
def read(text: str) -> Reading:
    """What a final answer in words asserts. Reads the first 20,000 characters; never raises on a text."""
    text = _plain(final_words(text))
    if fields := _fields(text):
        text = fields
    runs = _runs(text, find_mentions(text))
    ruled_out = {address.place for run in runs if run.denied and (address := address_of(run.mentions))}
    for run in sorted((run for run in runs if not run.denied and not run.mentioned_only), key=lambda run: -run.priority):
        listed = _is_list(runs, run)
        address = address_of(run.mentions, _helpers(runs, run), listed)
        if address and address.place not in ruled_out:
            return Reading(address.place, address.equals, fold(run.names), fold(run.statement)[:_MAX_SAID])
    return Reading(None, (), "", _only_words(text) if not runs else "")


def _plain(text: str) -> str:
    """Without markup; abbreviations without dots; list numbers as breaks."""
    text = re.sub(r"</?[a-zA-Z][^<>]{0,60}>", " ", text.translate(_MARKS))
    text = re.sub(r"(?m)^[ \t]*#+[ \t]*(.{1,60}?):?[ \t]*\n+", r"\1: ", text)
    text = re.sub(r"(?m)^[ \t]*\|([^|\n]+)\|([^|\n]+)\|[ \t]*$", r"\1: \2", re.sub(r"[*_`#~]+", "", text))
    text = re.sub(r"(?i)\b(?:north|south|central|latin|middle)(?:ern)? america\b", " ", text)
    text = re.sub(r"(?m)^[ \t]*(?:\d{1,2}[.)]|[-•–])[ \t]+", ";", text)
    text = re.sub(r":\s*\n[\s;]*", ": ", text)
    return re.sub(r"(?<!\w)(?:[A-Za-z]\.){2,6}(?!\w)", lambda match: match[0].replace(".", ""), text).strip()


def _fields(text: str) -> str:
    """`Gion, Kyoto, Japan` of an answer in named fields; "" where it has fewer than two."""
    found = list(_FIELD.finditer(text))
    values: dict[str, str] = {}
    for label, following in zip(found, [*found[1:], None], strict=False):
        value = re.split(r"[\n;}|\"]", text[label.end() :].lstrip("\"' ")[:100])[0]
        if following is not None:
            value = value[: max(0, following.start() - label.end())]
        values.setdefault(label[1].lower(), value.strip(" ,.'\""))
    return ", ".join(values[name] for name in _DEPTH if values.get(name)) if len(values) >= 2 else ""


def _runs(text: str, mentions: Sequence[Mention]) -> list[_Run]:
    """Names grouped into addresses, each judged by the words around it."""
    runs: list[_Run] = []
    for mention in mentions:
        gap = text[runs[-1].mentions[-1].end : mention.start] if runs else ""
        if runs and _joins(gap, mention):
            runs[-1].mentions.append(mention)
        else:
            beside = bool(runs) and len(gap) < 40 and not HARD_BREAK.search(gap) and bool(ALTERNATIVE.search(gap))
            runs.append(_Run([mention], alternative=beside))
    for number, run in enumerate(runs):
        _look_around(text, runs, number, run)
    return _with_leftovers(runs)


def _joins(gap: str, mention: Mention) -> bool:
    """Whether what stands between two names makes them one address."""
    if "\n" in gap and not gap.strip(" \t\n,") and mention.alone:
        return True
    return not HARD_BREAK.search(gap) and "/" not in gap and "|" not in gap and not CONNECTING.sub("", gap).strip() and not re.search(
        r"(?<![\w])(?:o|e|y)(?![\w])", gap)  # fmt: skip


def _look_around(text: str, runs: Sequence[_Run], number: int, run: _Run) -> None:
    """Sets what the words before and after a run say about it."""
    start, end = run.mentions[0].start, run.mentions[-1].end
    floor = runs[number - 1].mentions[-1].end if number else 0
    ceiling = runs[number + 1].mentions[0].start if number + 1 < len(runs) else len(text)
    before = text[max(floor, start - 300) : start]
    breaks = list(HARD_BREAK.finditer(before))
    run.before = before[breaks[-1].end() :] if breaks else before
    following = text[end:ceiling]
    stop = HARD_BREAK.search(following)
    run.after = following[: stop.start()] if stop else following
    run.names, run.statement = text[start:end], _statement(run.before, text[start:end], run.after)
    clause = re.split(r"[,:()]", HEDGE.sub(" ", run.before))[-1]
    run.denied = bool(NEGATION.search(clause) or DENIED.match(run.after))
    run.mentioned_only = bool(REFUSAL.search(clause) or COMPARISON.search(clause.rstrip())) or run.after.startswith("-style")
    if run.alternative and number:
        # What is said of the first of several candidates is said of all.
        run.denied |= runs[number - 1].denied
        run.mentioned_only |= runs[number - 1].mentioned_only
    run.priority = _priority(run.before)


def _statement(before: str, names: str, after: str) -> str:
    """The names with the words around them that are said of the same place."""
    clauses = re.split(r"([,:()])", before[-200:])
    while len(clauses) > 1 and (NEGATION.search(clauses[0]) or COMPARISON.search(clauses[0]) or REFUSAL.search(clauses[0])):
        clauses = clauses[1:]
    ends = [match.start() for pattern in (NEGATION, COMPARISON, ALTERNATIVE) if (match := pattern.search(after))]
    return "".join(clauses)[-100:] + names + after[: min([60, *ends])]


def _priority(before: str) -> int:
    labels = list(LABEL.finditer(before))
    if labels:
        return 3 if any(label[1] for label in labels) else 2
    return 1 if ASSERTION.search(HEDGE.sub(" ", before)) else 0


def _with_leftovers(runs: Sequence[_Run]) -> list[_Run]:
    """`Not Kunming, Hanoi`: what is named with a denied place and does not belong to it is asserted."""
    result: list[_Run] = []
    for run in runs:
        result.append(run)
        address: Address | None = address_of(run.mentions) if run.denied and len(run.mentions) > 1 else None
        left = [m for m in run.mentions if address and m.start not in address.used]
        if address and left and left[0].start > address.head.start:
            run.mentions = [m for m in run.mentions if m.start in address.used]
            result.append(_Run(left, names=(words := " ".join(m.text for m in left)), statement=words))
    return result


def _is_list(runs: Sequence[_Run], run: _Run) -> bool:
    """Whether the run is one of several candidates."""
    position = next(i for i, other in enumerate(runs) if other is run)
    return run.alternative or (position + 1 < len(runs) and runs[position + 1].alternative)


def _helpers(runs: Sequence[_Run], run: _Run) -> list[Mention]:
    """The country or region behind a list of candidates, for those before it: `Valencia or Madrid, Spain`."""
    position = next(i for i, other in enumerate(runs) if other is run)
    helpers: list[Mention] = []
    for other in runs[position + 1 :]:
        if not other.alternative:
            break
        helpers = [m for m in other.mentions[1:] if m.countries or m.regions]
    named = any(m.countries or m.regions for m in run.mentions[1:])
    return [] if named else helpers


def _only_words(text: str) -> str:
    """The first statement of an answer that names nothing known, unless it denies or refuses."""
    first = next((part for part in HARD_BREAK.split(text[:1000]) if part and part.strip()), "")
    return "" if NEGATION.search(HEDGE.sub(" ", first)) or REFUSAL.search(first) else fold(first)[:_MAX_SAID]
