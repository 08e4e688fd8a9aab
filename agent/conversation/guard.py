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
_PERSON = r"(?:he|she|they|him|her|them|this (?:man|woman|girl|boy|guy|person|child|lady|kid)|the (?:man|woman|girl|boy|guy|person|child|lady|kid)|my (?:ex|girlfriend|boyfriend|wife|husband)|[A-Z][a-z]+ [A-Z][a-z]+)"
_ASKED = re.compile(
    rf"\bwhere (?:does|do|is|are|did) {_PERSON}\b.{{0,40}}\b(?:lives?|living|stay(?:s|ing)?|works?|sleeps?|now|go(?:es)? to school|home)\b"
    rf"|\b(?:home|house|private|school|work) ?(?:address|place)?\b.{{0,20}}\bof {_PERSON}|\b(?:his|her|their|my ex's) (?:home|house|address|school|workplace|flat|apartment)\b"
    r"|\b(?:stalk|follow|track|find|locate|dox)\b.{0,12}\b(?:him|her|my ex|this (?:man|woman|girl|boy|person|child))\b",
    re.I,
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
    """A place with its point moved to the middle of a square of about `km`, and what is finer than a region left out."""
    import math

    step = km / 111.2
    lat = (math.floor(place["lat"] / step) + 0.5) * step
    lat = max(-90.0, min(90.0, lat))
    step_lon = min(180.0, step / max(math.cos(math.radians(lat)), 0.02))
    lon = (math.floor(place["lon"] / step_lon) + 0.5) * step_lon
    radii = {key: max(float(place[key]), km) for key in ("radius50_km", "radius90_km") if key in place}
    return {**place, **radii, "lat": round(lat, 3), "lon": round((lon + 180.0) % 360.0 - 180.0, 3), "city": None}
