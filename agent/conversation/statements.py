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
    (MAYBE, r"\b(maybe|might|may|could|perhaps|possibly|i guess|not sure)\b"),
    (LIKELY, r"\b(i think|i don't think|i do not think|i believe|i don't believe|probably|likely|i suppose|seems?|should)\b"),
)
_OPENING = (
    r"(?:(?:i know|i think|i believe|i guess|i suppose|i am (?:sure|certain)|i'm (?:sure|certain)|maybe|perhaps|definitely|probably|possibly|we know|look|"
    r"well|yes|no|actually|that|and|but|so)[, ]+)*"
)
_DOUBT = r"(?P<doubt>(?:i don't|i do not|i doubt|we don't) (?:think |believe )?(?:that )?)?"
_IT = r"(?:it|this|that|here|the (?:photo|picture|image|place|shot)|photo|picture|we|i)"
_BE = (
    r"(?:(?:'s|’s|'m|’m|'re|’re| is| was| were| are| am| has been| must be| must have been| might be| may be| could be| should be| will be)"
    r"(?P<not>(?: definitely| certainly| surely| probably)? not|n't)?| can(?P<cannot>not|'t| not) be| isn't(?P<isnt>)| wasn't(?P<wasnt>))"
)
_TAKEN = r"(?: definitely| certainly| probably| maybe| surely| likely)*(?: taken| shot| made)?"
_AT = r"(?P<at>somewhere in|anywhere in|anywhere near|anywhere but|somewhere near|in|near|at|on|from|around|close to|inside|outside of|outside|within)"
_KM = r"(?:(?P<within>within |about |some |roughly )?(?P<km>\d{1,4}(?:\.\d+)?) ?km (?:of|from|around|away from) )?"
_PLACE = re.compile(
    rf"^{_OPENING}{_DOUBT}(?:{_IT}{_BE}{_TAKEN}|taken|shot|{_IT} (?:took|shot) (?:it|this))?\s*(?P<no>not )?{_KM}(?:{_AT} )?(?P<place>.+)$",
    re.I,
)
_NOT = re.compile(
    rf"^{_OPENING}(?:definitely |certainly |probably |surely )?(?:not|exclude|rule out|anywhere but) {_KM}(?:in |near |at |from |on )?(?P<place>.+)$",
    re.I,
)
_DENIED = re.compile(
    r"\b(?:not|nobody|no one|never|no|don't|doesn't|didn't|do not|does not|did not|isn't|aren't|wasn't|weren't|hardly)\b", re.I
)
_SIDE = re.compile(
    r"\b(?:cars?|traffic|people|they|vehicles|everyone)\b.{0,12}\b(?:drives?|keeps?|driving|stays?|goes)\b.{0,12}\b(left|right)\b|\b(left|right)[- ]hand traffic\b",
    re.I,
)
_LANGUAGE = re.compile(
    r"\b(?:spoke|speaks?|speaking|language (?:is|was)|signs? (?:is|are|were) (?:in|written in)|written in|text is in|heard)\s+(?P<language>[A-Z]?[a-z]{3,20})\b",
    re.I,
)
_POINT = re.compile(r"(?P<lat>[-+]?\d{1,2}(?:\.\d+)?)\s*°?\s*[,; ]\s*(?P<lon>[-+]?\d{1,3}(?:\.\d+)?)\s*°?\s*$")
_DATED = re.compile(
    rf"\b(?:taken|shot|photo|picture|image|made|{_OPENING}it (?:was|is)|i was|we were|it's)\b|^(?:in|on|during|from|around)\b|^\S+ ?\S* ?\d*$",
    re.I,
)
_DIRECTION = re.compile(
    r"^(?:the )?(?:north(?:ern|east(?:ern)?|west(?:ern)?)?|south(?:ern|east(?:ern)?|west(?:ern)?)?|eastern|western|central|upper|lower|rural|coastal|east|west)(?: of| part of)? (?=[A-Z])"
)
_AFTER = re.compile(
    r"^(?:$|[,;.!?]|(?:and|or|but|in|on|at|by|near|with|because|since|i|where|when|as|for sure|then|somewhere|probably|maybe|i think)\b)",
    re.I,
)


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
    """What a message states, numbered from `first`; empty where it states nothing that can be used, and for questions."""
    text = clean(text, LONGEST).replace("’", "'")
    if not text or text.endswith("?") or _ASKS.match(text):
        return []
    found: list[Statement] = []
    for part in list(_parts(text))[:MOST_PARTS]:
        found += _of_part(part, first + len(found), now or datetime.now(UTC))
    return found


_ASKS = re.compile(
    r"^(?:why|what|where|when|who|which|how|is|was|are|were|do|does|did|can|could|would|should|might|may|tell|show|find|look (?:at|in|up|again|closer)|zoom|read|list|give|if|"
    r"explain|thank|thanks|hello|hi|ok|okay)\b",
    re.I,
)
MOST_PARTS = 12


def _parts(text: str) -> Iterator[str]:
    """Its sentences and clauses; a comma inside a name (`Porto, Portugal`) does not part it."""
    for sentence in re.split(r"[;!]|\.(?:\s|$)", text):
        clauses = re.split(r"\s*,?\s+(?:and|but)\s+(?=(?:it|not|it's|the|maybe|probably|i |they|cars|traffic|taken|in |people))|,\s*(?=not\b|but\b|it\b|the\b)",
                           sentence.strip(" ,."), flags=re.I)  # fmt: skip
        yield from (clause.strip(" ,") for clause in clauses if clause.strip(" ,"))


def _of_part(part: str, number: int, now: datetime) -> Iterator[Statement]:
    name, said, sure = f"s{number}", quoted(part, 160), _certainty(part)
    denied = bool(_DENIED.search(part))
    if side := _SIDE.search(part):
        if not denied:
            yield _by_clue(name, part, "side", driving_side(side[1] or side[2], tool="user"), sure)
        return
    if (language := _LANGUAGE.search(part)) and (clue := _language(language["language"])):
        if not denied:
            yield _by_clue(name, part, "language", clue, sure)
        return
    date = date_in(part, now.year) if _DATED.search(part) else None
    if date is not None:
        yield Statement(name, said, "date", f"you say: taken {date.words}", None, date.text)
        part, number = f"{part[: date.span[0]].strip()} {part[date.span[1] :].strip()}".strip(), number + 1
        name = f"s{number}"
    place = _place(part)
    if place is None:
        return
    area, no = place
    claim = f"you say: {'not ' if no else 'in '}{area.label}"
    # Said twice, it is one statement: what is claimed is its source.
    evidence = Evidence(
        area.outside() if no else area.bounds, claim, f"user:{'not ' if no else ''}{area.label}"[:120], "user", sure, ()
    )
    yield Statement(name, said, "not" if no else "place", claim, evidence.to_json())


def _certainty(text: str) -> float:
    return next((sure for sure, words in _WORDS if re.search(words, text, re.I)), PLAIN)


def _place(part: str) -> tuple[NamedArea, bool] | None:
    """The area that a part names, and whether it is excluded."""
    for pattern in (_NOT, _PLACE):
        match = pattern.match(part)
        if match is None:
            continue
        groups = match.groupdict()
        at = (groups.get("at") or "").lower()
        if pattern is _PLACE and not at and not groups.get("km") and match.start("place") == 0:
            continue  # a bare name states nothing
        no = pattern is _NOT or any(groups.get(word) is not None for word in ("not", "cannot", "isnt", "wasnt", "no", "doubt"))
        no = no or at.startswith(("outside", "anywhere but"))
        km = float(groups["km"]) if groups.get("km") else None
        if km and not (groups.get("within") or "").lower().startswith("within") and not no:
            km *= 1.2  # "about 20 km from": a circle that holds it
        area = _areas(match["place"], km)
        if area is None and (later := re.search(r"\b(?:in|near) (?P<place>[A-Z].*)$", match["place"])):  # "on a beach in Greece"
            area = _areas(later["place"], km)
        if area is not None:
            return area, no
    return None


def _areas(text: str, km: float | None) -> NamedArea | None:
    """One area, or several joined by `or` and `and` as one: `Spain or Portugal`."""
    first, rest = _area(text, km)
    found = [first] if first is not None else []
    while found and (joined := re.match(r"^\s*,?\s*(?:or|and|nor)\s+(?:in |near |on )?(?P<more>.+)$", rest, re.I)):
        more, rest = _area(joined["more"], km)
        if more is None:
            break
        found.append(more)
    if len(found) < 2:
        return first
    regions = tuple(dict.fromkeys(key for area in found for key in area.bounds.regions))
    circles = tuple(circle for area in found for circle in area.bounds.circles)
    return NamedArea(" or ".join(area.label for area in found), "several", Bounds(regions, circles))


def _area(text: str, km: float | None) -> tuple[NamedArea | None, str]:
    """The longest beginning of the text that is a name and ends where a name can end, and what comes after it; coordinates too."""
    text = text.strip()
    if point := _POINT.match(text):
        lat, lon, radius = float(point["lat"]), float(point["lon"]), km or 5.0
        if abs(lat) <= 90 and abs(lon) <= 180:
            return NamedArea(
                f"{radius:g} km around {lat:.4f}, {lon:.4f}", "circle", Bounds((), ((lat, lon, radius),)), lat, lon
            ), ""
        return None, ""
    text = _DIRECTION.sub("", re.sub(r"^(?:the (?:city|town|country|region|area|island) of )", "", text, flags=re.I))
    words = text.split()
    for end in range(min(len(words), 7), 0, -1):
        rest = " ".join(words[end:])
        name = " ".join(words[:end])
        if not _AFTER.match(rest) and not name.endswith(","):
            continue
        if area := named_area(name.strip(" ,.")):
            if km and area.lat is not None and area.lon is not None:
                area = NamedArea(
                    f"{km:g} km around {area.label}", "circle", Bounds((), ((area.lat, area.lon, km),)), area.lat, area.lon
                )
            return area, rest
    return None, text


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
    evidence = Evidence(
        own.likelihood, f"you say: {own.claim}", f"user:{own.claim}"[:120], "user", min(own.reliability, sure), ()
    )
    return Statement(name, quoted(part, 160), kind, evidence.claim, evidence.to_json())
