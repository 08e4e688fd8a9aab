"""Kinds of places that questions are about, in words that `tools.osm.filters` knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools.osm.filters import Filter, parse_filters

STREET = "street"
_STREETS = (
    "highway=* & highway!=bus_stop|platform|services|rest_area|elevator|crossing|traffic_signals|motorway_junction & name=*"
)
_UNCOMMON_PLURALS = {"place of worship": "places of worship", "fast food": "fast food places", "pharmacy": "pharmacies",
                     "bakery": "bakeries", "library": "libraries", "bench": "benches", "church": "churches",
                     "university": "universities"}  # fmt: skip


@dataclass(frozen=True)
class PlaceKind:
    """A kind of place as questions call it."""

    word: str
    plural: str
    filters: tuple[Filter, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Its filters as text."""
        return tuple(one.text() for one in self.filters)

    @property
    def article(self) -> str:
        """`a cafe`, `an artwork`."""
        vowel = self.word[0] in "aeiou" and not self.word.startswith("uni")
        return f"{'an' if vowel else 'a'} {self.word}"


def place_kind(word: str) -> PlaceKind:
    """The kind of a word of `tools.osm.filters.presets`, or of `street`, which is any way with a name."""
    if word == STREET:
        return PlaceKind(STREET, "streets", parse_filters([_STREETS]))
    shown = "fast food place" if word == "fast food" else word
    return PlaceKind(shown, _UNCOMMON_PLURALS.get(word, f"{word}s"), parse_filters([word]))


FOOD = ("restaurant", "cafe", "bar", "pub", "fast food")
_WORDS = (*FOOD, "pharmacy", "bank", "supermarket", "hotel", "hostel", "museum", "school", "place of worship", "library", "theatre", "cinema",
          "park", "tram stop", "bus stop", "railway station", "memorial", "artwork", "hairdresser", "clothes shop", "bookshop", "bakery",
          "convenience store", "florist", "kiosk", "post office", "police station", "hospital", "university")  # fmt: skip


def place_kinds() -> list[PlaceKind]:
    """Every kind but streets and buildings."""
    return [place_kind(word) for word in _WORDS]


def named(texts: Sequence[str], name: str, more: str = "") -> tuple[str, ...]:
    """Filters of a kind narrowed to a name: `amenity=pub & name="Ooster"`; `more` is a further condition."""
    extra = f" & {more}" if more else ""
    return tuple(f'{text} & name="{name}"{extra}' for text in texts)
