"""Who must not be located: a stated policy, and a hook that can refuse an answer or make it coarser.

The policy (docs/conversation.md): Geosleuth finds where a photo was taken. It is not for finding where a private person lives, works or is now. A guard
is asked about every photo before it is kept and about every question; what it says of the photos decides how finely places are shown. Another guard is any object with these methods.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tools.observation import Photo

POLICY = "Geosleuth does not help to find where a private person lives, works or is now."
_PERSON = (
    r"(?:(?i:he|she|they|him|her|them|(?:this|that|the) (?:man|woman|girl|boy|guy|person|child|lady|kid|couple)"
    r"|my (?:ex|girlfriend|boyfriend|wife|husband|neighbou?r|boss|teacher)(?:-\w+)?)|[A-Z][a-z]+ [A-Z][a-z]+)"
)
_LIVES = r"(?i:lives?|living|stay(?:s|ing)?|works?|working|sleeps?|hides?|hiding)"
_ASKED = re.compile(
    rf"\b(?i:where|which (?:street|house|building)|what (?:street|house|address|building))\b.{{0,20}}?\b{_PERSON}(?:'s|’s)?\b.{{0,20}}\b{_LIVES}\b"
    rf"|\b(?i:where)(?:'s|’s)? (?i:is|are|does|do|did)?\s*{_PERSON}\b.{{0,12}}\b(?i:now|right now|at the moment|go(?:es)? to school)\b"
    rf"|\b(?i:(?:home|private|street) address|address|home|flat|apartment) of {_PERSON}\b"
    r"|\b(?i:his|her|my ex'?s?|my ex’s) (?i:home|house|address|school|workplace|flat|apartment|street)\b|\b(?i:their) (?i:home |private )?(?i:address)\b"
    r"|\b(?i:stalk|follow|track|find|locate|dox)\b.{0,12}\b(?i:him|her|my ex|this (?:man|woman|girl|boy|person|child))\b",
)


@dataclass(frozen=True)
class Ruling:
    """What a guard says."""

    refused: bool = False
    coarse_km: float = 0.0
    """Places are shown no finer than this; 0 shows them as they are."""
    reason: str = ""


ALLOWED = Ruling()


class Guard(Protocol):
    def photo(self, photo: Photo) -> Ruling:
        """Before a photo is kept. A refused one is not; `coarse_km` holds for all that is shown of its case."""
        ...

    def question(self, text: str) -> Ruling:
        """Before a message is answered."""
        ...


class Questions:
    """The default: refuses questions about where a private person is to be found."""

    def photo(self, photo: Photo) -> Ruling:
        return ALLOWED

    def question(self, text: str) -> Ruling:
        return Ruling(True, reason=POLICY) if _ASKED.search(text) else ALLOWED


class Coarse(Questions):
    """Never shows a place finer than so many kilometres."""

    def __init__(self, km: float) -> None:
        if not 0 < km < 20_000:
            raise ValueError("a coarse guard needs kilometres above 0")
        self.km = km

    def photo(self, photo: Photo) -> Ruling:
        return Ruling(coarse_km=self.km, reason=f"places are shown within {self.km:g} km")


def make_guard(spec: str) -> Guard:
    """`questions`, `coarse:KM`, or `MODULE:NAME` of a class of your own. Raises ValueError with one line."""
    kind, _, rest = spec.partition(":")
    if spec == "questions":
        return Questions()
    if kind == "coarse":
        try:
            return Coarse(float(rest))
        except ValueError:
            raise ValueError(f"coarse:KM needs kilometres above 0, not {rest[:20]!r}") from None
    try:
        made: Guard = getattr(importlib.import_module(kind), rest)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"no guard is called {spec!r}; use questions, coarse:KM or MODULE:NAME ({error})") from error
    return made


def coarsened(place: Mapping[str, Any], km: float) -> dict[str, Any]:
    """A place with its point moved to the middle of a square of about `km`; town, region and exact shares are left out, since regions may be small."""
    import math

    step = km / 111.2
    lat = (math.floor(place["lat"] / step) + 0.5) * step
    lat = max(-90.0, min(90.0, lat))
    step_lon = min(180.0, step / max(math.cos(math.radians(lat)), 0.02))
    lon = (math.floor(place["lon"] / step_lon) + 0.5) * step_lon
    radii = {key: max(float(place[key]), km) for key in ("radius50_km", "radius90_km") if key in place}
    kind = {"kind": "country"} if "kind" in place else {}
    return {**place, **radii, **kind, "lat": round(lat, 3), "lon": round((lon + 180.0) % 360.0 - 180.0, 3), "city": None, "region": None,
            "probability": round(float(place.get("probability") or 0.0), 1)}  # fmt: skip
