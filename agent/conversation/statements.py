"""What the user states, read as evidence: "I know it is in South America", "not Lisbon", "it was taken in March".

A statement is believed as far as it is said: `I know` more than `maybe`. It can be taken back. What is asked (a question mark) states nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from agent.conversation.dates import date_in
from geo.clues.clue import Clue
from geo.clues.road import driving_side
from geo.evidence import Evidence, Regions
from geo.named_areas import NamedArea, named_area
from geo.stated import Bounds
from tools.quote import clean, quoted

CERTAIN, PLAIN, LIKELY, MAYBE = 1 - 1e-12, 1 - 1e-9, 0.9, 0.6
"""How far a statement is believed that was said with certainty, plainly, as likely, as a possibility. What somebody states plainly stands against
30 bits of clues; it can be taken back."""
LONGEST = 500
_WORDS = (
    (
        CERTAIN,
        r"\b(i know|i am sure|i'm sure|i am certain|i'm certain|for sure|definitely|certainly|must|surely|cannot|can't|can not)\b",
    ),
    (MAYBE, r"\b(maybe|might|could|perhaps|possibly|i guess|not sure)\b"),
    (LIKELY, r"\b(i think|i believe|probably|likely|i suppose|seems?|should be)\b"),
)
_SUBJECT = r"(?:i know |i think |i believe |i guess |i suppose |i am sure |i'm sure |maybe |perhaps |definitely |probably |we know |that |and |but )*"
_IT = r"(?:it|this|that|the (?:photo|picture|image)|photo|picture|they|we|i)"
_IS = (
    r"(?:'s|’s| is| was| has been| must be| must have been| might be| may be| could be| should be|'re| are| were| cannot be| can't be"
    r"| can not be| isn't| is not| wasn't| was not)"
)
_TAKEN = r"(?: definitely| certainly| probably| maybe| surely)?(?: taken| shot| made| made up)?"
_PLACE = re.compile(
    rf"^{_SUBJECT}(?:{_IT}{_IS}{_TAKEN}|taken|shot|{_IT} (?:took|shot) (?:it|this))?\s*(?P<no>\bnot\b|\bnowhere\b)?\s*"
    r"(?:(?P<km>\d{1,4}(?:\.\d+)?)\s*km (?:of|from|around|away from)|(?:somewhere |anywhere )?(?P<at>in|near|at|from|around|close to|inside|outside(?: of)?|within))"
    r" (?P<place>.+)$",
    re.I,
)
_WITHIN = re.compile(
    rf"^{_SUBJECT}(?:{_IT}{_IS}{_TAKEN} )?(?P<no>not )?within (?P<km>\d{{1,4}}(?:\.\d+)?) ?km (?:of|from|around) (?P<place>.+)$",
    re.I,
)
_NOT = re.compile(
    rf"^{_SUBJECT}(?:{_IT}(?:'s|’s| is| was)? )?(?:definitely |certainly |probably |surely )?(?:not|exclude|rule out|without|anywhere but)\s+(?:in |near |at |from )?(?P<place>.+)$",
    re.I,
)
_CANNOT = re.compile(
    rf"^{_SUBJECT}{_IT} ?(?:can't be|cannot be|can not be|isn't|is not|wasn't|was not)(?: in| near| at| from)? (?P<place>.+)$",
    re.I,
)
_SIDE = re.compile(
    r"\b(?:cars?|traffic|people|they|vehicles)\b.{0,24}\b(?:drives?|keeps?|driving|is|are|stays?)\b.{0,12}\b(left|right)\b|\b(left|right)[- ]hand traffic\b",
    re.I,
)
_LANGUAGE = re.compile(
    r"\b(?:spoke|speaks?|speaking|language (?:is|was)|signs? (?:is|are|were) in|written in|text is in|heard)\s+(?P<language>[A-Z]?[a-z]{3,20})\b",
    re.I,
)
_POINT = re.compile(r"(?P<lat>[-+]?\d{1,2}(?:\.\d+)?)\s*°?\s*[,; ]\s*(?P<lon>[-+]?\d{1,3}(?:\.\d+)?)\s*°?\s*$")


@dataclass(frozen=True)
class Statement:
    """One thing that the user stated."""

    id: str
    """`s1`, `s2`, … within the case."""
    text: str
    """As it was said, made safe."""
    kind: str
    """`place`, `not`, `date`, `side`, `language`."""
    claim: str
    """What was understood, for people."""
    evidence: dict[str, Any] | None
    """As in a trajectory's ledger; None where it says nothing about the place by itself (a date)."""
    date: str = ""
    """`2024-03-05`, `2024-03`, `--03` (March of any year), or a season; of the kind `date`."""
    retracted: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Statement:
        return cls(**data)

    def taken_back(self) -> Statement:
        return replace(self, retracted=True)


def read_statements(text: str, first: int, *, now: datetime | None = None) -> list[Statement]:
    """What a message states, numbered from `first`; empty where it states nothing that can be used."""
    text = clean(text, LONGEST)
    if not text or text.endswith("?"):
        return []
    found: list[Statement] = []
    sure = _certainty(text)
    for part in _parts(text):
        found += _of_part(part, sure, first + len(found), now or datetime.now(UTC))
    return found


def _parts(text: str) -> Iterator[str]:
    """The message, or its sentences and clauses; a comma inside a name (`Porto, Portugal`) does not part it."""
    for sentence in re.split(r"[;!]|\.(?:\s|$)", text):
        rest = sentence.strip(" ,.")
        clauses = re.split(
            r"\s*,?\s+(?:and|but)\s+(?=(?:it|not|it's|the|maybe|probably|i |they|cars|traffic|taken|in |people))|,\s*(?=not\b|but\b|it\b)",
            rest,
            flags=re.I,
        )
        yield from (clause.strip(" ,") for clause in clauses if clause.strip(" ,"))


def _of_part(part: str, sure: float, number: int, now: datetime) -> Iterator[Statement]:
    name, said = f"s{number}", quoted(part, 160)
    if side := _SIDE.search(part):
        yield _by_clue(name, part, "side", driving_side(side[1] or side[2], tool="user"), sure)
        return
    if (language := _LANGUAGE.search(part)) and (clue := _language(language["language"])):
        yield _by_clue(name, part, "language", clue, sure)
        return
    date = date_in(part, now.year)
    if date is not None:
        yield Statement(name, said, "date", f"you say: taken {date.words}", None, date.text)
        part, number = f"{part[: date.span[0]].strip()} {part[date.span[1] :].strip()}".strip(), number + 1
        name = f"s{number}"
    place = _place(part)
    if place is not None:
        area, no = place
        bounds = area.outside() if no else area.bounds
        claim = f"you say: {'not ' if no else ''}{'in ' if not no else ''}{area.label}"
        evidence = Evidence(bounds, claim, f"user:{name}", "user", sure, ())
        yield Statement(name, said, "not" if no else "place", claim, evidence.to_json())
        return


def _certainty(text: str) -> float:
    return next((sure for sure, words in _WORDS if re.search(words, text, re.I)), PLAIN)


def _place(part: str) -> tuple[NamedArea, bool] | None:
    """The area that a part names, and whether it is excluded."""
    for pattern in (_WITHIN, _CANNOT, _PLACE, _NOT):
        if match := pattern.match(part):
            groups = match.groupdict()
            no = pattern in (_NOT, _CANNOT) or bool(groups.get("no")) or (groups.get("at") or "").lower().startswith("outside")
            no = no or bool(
                re.search(r"\b(isn't|is not|wasn't|was not|can't be|cannot be|can not be)\b", part[: match.start("place")], re.I)
            )
            area = _area(match["place"], float(groups["km"]) if groups.get("km") else None)
            if area is not None:
                return area, no
    return None


def _area(text: str, km: float | None) -> NamedArea | None:
    """`Porto`, `Porto, Portugal`, `41.15, -8.61`, the longest beginning of the text that is a name."""
    if point := _POINT.match(text.strip()):
        lat, lon, radius = float(point["lat"]), float(point["lon"]), km or 5.0
        if abs(lat) <= 90 and abs(lon) <= 180:
            return NamedArea(f"{radius:g} km around {lat:.4f}, {lon:.4f}", "circle", Bounds((), ((lat, lon, radius),)), lat, lon)
        return None
    words = re.sub(r"^(?:the (?:city|town|country|region|area) of )", "", text.strip(), flags=re.I).split()
    for end in range(min(len(words), 7), 0, -1):
        name = " ".join(words[:end]).strip(" ,.")
        if area := named_area(name):
            if km and area.lat is not None and area.lon is not None:
                return NamedArea(
                    f"{km:g} km around {area.label}", "circle", Bounds((), ((area.lat, area.lon, km),)), area.lat, area.lon
                )
            return area
    return None


def _language(name: str) -> Clue | None:
    from geo.clues.clue import names, regional
    from geo.clues.language_share import language_code, shares

    code = language_code(name)
    weights = shares(code) if code else {}
    return (
        regional("language", name, weights, f"the language is {name}: {names(weights)}", "user_language", PLAIN, "user")
        if weights
        else None
    )


def _by_clue(name: str, part: str, kind: str, clue: Clue, sure: float) -> Statement:
    own = clue.evidence
    assert isinstance(own.likelihood, Regions)
    evidence = Evidence(own.likelihood, f"you say: {own.claim}", f"user:{name}", "user", min(own.reliability, sure), ())
    return Statement(name, quoted(part, 160), kind, evidence.claim, evidence.to_json())
