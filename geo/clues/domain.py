"""Internet addresses: the country of a site's or a mailbox's top-level domain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from geo.clues.clue import Clue, names, regional
from geo.clues.tables import countries, rows, weights

_WORD = r"[^\W_](?:[\w-]{0,62}[^\W_])?"
_MAIL = re.compile(rf"[\w.+-]{{1,64}}\s?@\s?(?P<host>{_WORD}(?:\s?[.]\s?{_WORD}){{1,4}})(?![\w-])")
# OCR reads the dots of an address as commas or blanks; after www there is no doubt what was meant.
_WWW = re.compile(
    rf"(?<!\w)(?:https?\s?:?\s?/{{1,2}}\s?)?(?:www|vvvvvv|wwvv|vvww)\s?[.,·]?\s?(?P<host>{_WORD}(?:\s?[.,·]\s?{_WORD}|\s{_WORD}){{1,3}})",
    re.I,
)
_HTTP = re.compile(rf"https?\s?:\s?/\s?/\s?(?P<host>{_WORD}(?:\s?[.]\s?{_WORD}){{1,4}})", re.IGNORECASE)
_BARE = re.compile(rf"(?<![\w@./-])(?P<host>(?:{_WORD}\.){{1,3}}(?P<tld>[^\W\d_]{{2,12}}))(?![\w@-])(?!\.\w)")
# Endings that are also words: `closed.at`, `come.in` may be two sentences without a blank between them.
_WORDS = {"am", "as", "at", "be", "by", "da", "di", "do", "et", "eu", "id", "ie", "il", "in", "is", "it", "la", "li", "lo",
     "ma", "me", "mo", "mu", "my", "na", "ne", "ni", "no", "nu", "om", "pa", "pe", "ph", "pm", "pr", "ps", "re", "ro",
     "sa", "se", "si", "so", "st", "su", "ta", "to", "tv", "us", "va", "vi", "za"}  # fmt: skip
_ABBREVIATED = {"av", "bd", "bp", "ca", "dr", "etc", "fam", "ing", "jr", "max", "min", "mr", "mrs", "nr", "op", "prof", "sr",
                "st", "str", "tel", "ul", "usw"}  # fmt: skip


def domain_clues(lines: Sequence[str], tool: str = "read_text", citation: str = "") -> list[Clue]:
    """Clues of the web and mail addresses on `lines`; `.com` and its like say nothing. At most six."""
    clues: dict[str, Clue] = {}
    for line in lines:
        for host, text in _hosts(line[:2000]):
            clue = _clue(host, text, tool, citation)
            if clue:
                clues.setdefault(clue.evidence.source, clue)
    return list(clues.values())[:6]


def _hosts(line: str) -> Iterator[tuple[list[str], str]]:
    """The labels of each address on `line` and the text that it was read from."""
    for pattern in (_MAIL, _WWW, _HTTP):
        for match in pattern.finditer(line):
            host = match["host"].casefold()
            labels = _known_end(host.split()[0].split(".")) or _known_end(re.split(r"[\s.,·]+", host))
            if labels:
                yield labels, match[0]
    for match in _BARE.finditer(line):
        labels = match["host"].casefold().split(".")
        if _is_address(match["host"], labels, line[match.end() :]):
            yield labels, match["host"]


def _known_end(labels: list[str]) -> list[str]:
    """`labels` up to the last that is a top-level domain: what follows it on the line is not of the address."""
    for end in range(len(labels), 1, -1):
        if labels[end - 1] in _domains() and len(labels[end - 2]) > 1:
            return labels[:end]
    return []


def _is_address(host: str, labels: list[str], after: str) -> bool:
    """Whether a word with dots and nothing before it is an address and not the end of one sentence and the start of the next."""
    name, ending = labels[-2], labels[-1]
    if ending not in _domains() or name.isdigit() or name in _ABBREVIATED or len(name) < (3 if len(labels) > 2 else 4):
        return False
    if not (host.islower() or host.isupper() or host.rpartition(".")[2].islower()):
        return False
    return not (ending in _WORDS and re.match(r"\s[^\W\d_]", after))


@cache
def _domains() -> dict[str, dict[str, str]]:
    known = {code.lower(): {"regions": code, "reliability": "0.9", "hint": "", "country": ""} for code in countries()}
    return known | {row["tld"]: row for row in rows("domains")}


def _clue(labels: list[str], text: str, tool: str, citation: str) -> Clue | None:
    row = _domains().get(labels[-1])
    if row is None or not row["regions"]:
        return None
    regions, hint = weights(row["regions"]), row["hint"]
    where = hint or names({key: value for key, value in regions.items() if value >= 0.2})
    claim = f"internet address ending in .{labels[-1]}: {where}"
    site = ".".join(labels[-3:] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[-2:])
    return regional(
        "domain", text, regions, claim, f"domain:{site}", float(row["reliability"]), tool, citation, hint, row["country"]
    )
