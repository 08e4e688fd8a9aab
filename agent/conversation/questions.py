"""What a message asks for. Commands begin with a slash; the same questions work in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from tools.observation import WHOLE, UnitBox

Kind = Literal["help", "where", "why", "why_not", "how_sure", "change", "evidence", "statements", "retract", "state", "facts", "language", "money",
               "driving", "telephone", "sun", "nearby", "scene", "shadow", "look", "other"]  # fmt: skip

COMMANDS = {
    "/help": "what can be asked",
    "/where": "the answer",
    "/why": "what speaks for it",
    "/why-not PLACE": "what speaks against a place",
    "/sure": "how sure it is",
    "/change": "what would change the answer",
    "/evidence": "the whole ledger",
    "/say WORDS": "state what you know: /say not Lisbon, /say taken in March",
    "/statements": "what you stated",
    "/retract NUMBER": "take a statement back",
    "/place": "languages, money, traffic, telephone, sun",
    "/sun [DATE]": "sunrise and sunset",
    "/shadow FOOT TOP TIP [TIME]": "a shadow on the photo as evidence: /shadow 0.5,0.8 0.5,0.4 0.7,0.85 2024-03-05T14:20Z",
    "/near WHAT [METRES]": "what OpenStreetMap has around (needs an extract)",
    "/scene A within 50 m of B and C": "where such a scene is found (needs an extract)",
    "/look [PART]": "read a part of the photo again: /look upper left, /look 2 right for photo 2",
}

_EDGES = {"left": (0.0, None, 0.5, None), "right": (0.5, None, 1.0, None), "top": (None, 0.0, None, 0.5), "upper": (None, 0.0, None, 0.5),
          "bottom": (None, 0.5, None, 1.0), "lower": (None, 0.5, None, 1.0), "centre": (0.25, 0.25, 0.75, 0.75),
          "center": (0.25, 0.25, 0.75, 0.75), "middle": (0.25, 0.25, 0.75, 0.75), "background": (0.2, 0.2, 0.8, 0.6),
          "foreground": (0.0, 0.6, 1.0, 1.0), "sky": (0.0, 0.0, 1.0, 0.4)}  # fmt: skip
_SCENE = (
    r"^(?:find |where (?:is|are) (?:there )?|is there |search (?:for )?)?(?:a |an |the )?(?P<first>[a-z][\w ]{1,40}?) within (?P<metres>\d{1,4}) ?m(?:et(?:er|re)s?)? of "
    r"(?!(?:it|here|this|there|me|the (?:photo|place|point))\b)(?:a |an |the )?(?P<others>[a-z][\w ]{1,80})$"
)
_RULES: tuple[tuple[Kind, str], ...] = (
    ("change", r"what (?:would|could|might).*(?:change|convince|persuade)|change your mind|what if .* wrong|which clue matters"),
    ("why_not", r"^(?:so )?(?:why|how) (?:is it |was it |are you |isn't it |is it not |not )*(?:not|isn't|rule out|exclude)\s+(?:it )?(?:in |at |near )?(?P<what>.+)$"),
    ("why_not", r"^(?:why|how come) (?:isn't|is not|wasn't) (?:it|this) (?:in |at |near )?(?P<what>.+)$"),
    ("why_not", r"^(?:could|can|might|may) (?:it|this)(?: not)? (?:also )?(?:be|have been) (?:taken )?(?:in |at |near )?(?P<what>.+)$"),
    ("why_not", r"^(?:is|was) (?:it|this) (?:taken )?(?:maybe |perhaps |possibly )?(?:in|at|near|from) (?P<what>.+)$"),
    ("why_not", r"^(?:is|was) (?:it|this) (?P<what>[A-Z][\w' -]{2,40})$"),
    ("why_not", r"^(?:what|how) about (?P<what>.+)$"),
    ("why_not", r"^and (?P<what>[A-Z][\w' -]{2,40})$"),
    ("how_sure", r"how (?:sure|certain|confident)|are you sure|confidence|probability|how precise|how accurate"),
    ("evidence", r"\b(?:show|list|what is|what's|give)\b.*\b(?:evidence|clues|ledger)\b|^evidence$"),
    ("statements", r"what (?:did|have) i (?:say|said|tell|told|state)"),
    ("scene", _SCENE),
    ("sun", r"\bsun(?:set|rise|light)?\b|\bdusk\b|\bdawn\b"),
    ("nearby", r"(?:what|which|are there|is there|any|find|where).*\b(?:within|around|near(?:by|est)?|close)\b|^what is (?:here|there)$"),
    ("language", r"\blanguages?\b|\bspeak|\bspoken\b"),
    ("money", r"\bcurrenc|\bmoney\b|\bpay\b"),
    ("driving", r"side of the (?:road|street)|\bdrive\b|\btraffic\b"),
    ("telephone", r"\b(?:phone|telephone|dial(?:ling|ing)?|calling)\b.*\b(?:code|prefix|number)\b|\bcountry code\b"),
    ("look", r"\b(?:look|zoom|read)\b.*\b(?:again|closer|at|in|into|on)\b|^zoom\b|^look\b|what does the (?:sign|text|plate)"),
    ("why", r"^why\b|how (?:do|did) you (?:know|come|get|find)|what (?:makes|made) you|explain|reason"),
    ("where", r"^(?:so )?where\b|what (?:city|country|town|place|region)|coordinates|your (?:answer|guess)|which (?:city|country|town|region)"),
    ("facts", r"(?:tell me|what do you know|more) about (?:the |this |that )?(?:place|city|town|country|area|it)|about the place"),
    ("help", r"^(?:help|\?|what can (?:you|i)|commands)"),
)  # fmt: skip
_METRES = re.compile(r"(\d{1,5}(?:\.\d+)?)\s*(km|kilomet(?:er|re)s?|m|met(?:er|re)s?)\b", re.I)
_NOT_A_THING = re.compile(
    r"\b(?:what|which|are|is|there|any|a|an|the|find|me|where|within|around|near(?:by|est)?|close|to|by|it|here|of|photo|place|this|that|point|can|i|in|"
    r"thing|things|something|anything|all|everything|does|osm|openstreetmap|have|has|show|list)\b|[?.,!]",
    re.I,
)


@dataclass(frozen=True)
class Intent:
    """What is asked."""

    kind: Kind
    what: str = ""
    """A place, a thing to look for, a date, words to state."""
    radius_m: float = 500.0
    photo: int | None = None
    """The photo that is meant, where one is named."""
    box: UnitBox = WHOLE


def read_intent(text: str) -> Intent:
    """What a message asks for; `other` where no rule fits."""
    text = " ".join(text.split())[:500]
    if text.startswith("/"):
        return _command(text)
    plain = text.rstrip(" ?.!")
    for kind, rule in _RULES:  # the first that fits
        if match := re.search(rule, plain, re.I):
            what = (match.groupdict().get("what") or "").strip(" ?.!\"'“”")
            what = re.sub(
                r"\s+(?:then|instead|maybe|perhaps)$",
                "",
                re.sub(r"^(?:it |the )?(?:was |is )?(?:taken )?(?:in|at|near) ", "", what, flags=re.I),
                flags=re.I,
            )
            return _intent(kind, plain if kind == "scene" else what or plain, explicit=bool(what))
    return Intent("other", text)


def _command(text: str) -> Intent:
    name, _, rest = text.partition(" ")
    name, rest = name.lower(), rest.strip()
    kinds: dict[str, Kind] = {
        "/help": "help", "/where": "where", "/why": "why", "/why-not": "why_not", "/whynot": "why_not", "/sure": "how_sure", "/change": "change",
        "/evidence": "evidence", "/say": "state", "/statements": "statements", "/retract": "retract", "/place": "facts", "/sun": "sun",
        "/near": "nearby", "/look": "look", "/scene": "scene", "/shadow": "shadow", "/language": "language", "/money": "money",
    }  # fmt: skip
    if name not in kinds:
        return Intent("help", f"there is no command {name}")
    return _intent(kinds[name], rest, explicit=True)


def _intent(kind: Kind, what: str, explicit: bool) -> Intent:
    if kind == "nearby":
        radius = 500.0
        if metres := _METRES.search(what):
            radius = float(metres[1]) * (1000.0 if metres[2].lower().startswith("k") else 1.0)
        thing = " ".join(_NOT_A_THING.sub(" ", _METRES.sub(" ", what)).split())
        return Intent(kind, re.sub(r"^\d+$", "", thing), min(max(radius, 1.0), 5000.0))
    if kind == "scene":
        return Intent(kind, what)
    if kind == "shadow":
        number = re.match(r"photo\s*(\d+)\s", what, re.I)
        return Intent(kind, what, photo=int(number[1]) if number else None)
    if kind == "look":
        number = re.search(r"\b(?:photo|picture|image) (\d{1,2})\b", what, re.I) or (
            re.match(r"(\d{1,2})\b", what) if explicit else None
        )
        return Intent(kind, what, photo=int(number[1]) if number else None, box=_part(what))
    return Intent(kind, what if explicit or kind in {"sun"} else "")


def read_scene(text: str) -> dict[str, Any] | None:
    """`a church within 50 m of a level crossing and a river` as arguments of `search_scene`; None for what is no such scene."""
    match = re.search(_SCENE, text.strip(" ?.!"), re.I)
    if not match:
        return None
    others = [
        re.sub(r"^(?:a|an|the) ", "", part.strip(), flags=re.I)
        for part in re.split(r"\band\b|,", match["others"])
        if part.strip()
    ]
    names = [match["first"].strip(), *others[:5]]
    entities = [{"id": f"e{number}", "what": [name]} for number, name in enumerate(names)]
    relations = [
        {"kind": "within", "a": "e0", "b": f"e{number}", "metres": float(match["metres"])} for number in range(1, len(names))
    ]
    return {"entities": entities, "relations": relations}


def _part(text: str) -> UnitBox:
    """The part of a photo that words like `upper left` mean; the whole for none."""
    box: list[float | None] = [None, None, None, None]
    for word in re.findall(r"[a-z]+", text.lower()):
        for side, value in enumerate(_EDGES.get(word, ())):
            box[side] = value if value is not None else box[side]
    left, top, right, bottom = (edge if value is None else value for value, edge in zip(box, WHOLE, strict=True))
    return (left, top, right, bottom) if right > left and bottom > top else WHOLE
