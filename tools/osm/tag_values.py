"""Numbers in tag values: `25 mph`, `3 storeys`, `5'10"`, `2;3`. Nothing here raises, whatever the text.

https://wiki.openstreetmap.org/wiki/Map_features/Units: a bare number has the unit of its key.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_LONGEST = 100
_MOST_PARTS = 10

_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("km/h", "kmh", "kph", "kmph"), ("speed", 1.0)),
    "mph": ("speed", 1.609344),
    **dict.fromkeys(("knots", "knot", "kn"), ("speed", 1.852)),
    "m/s": ("speed", 3.6),
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), ("length", 1.0)),
    "km": ("length", 1000.0), "cm": ("length", 0.01), "mm": ("length", 0.001),
    **dict.fromkeys(("ft", "feet", "foot", "'"), ("length", 0.3048)),
    **dict.fromkeys(("in", "inch", "inches", '"'), ("length", 0.0254)),
    **dict.fromkeys(("mi", "mile", "miles"), ("length", 1609.344)),
    "nmi": ("length", 1852.0), "yd": ("length", 0.9144),
    **dict.fromkeys(("t", "tonne", "tonnes"), ("mass", 1000.0)),
    "kg": ("mass", 1.0), **dict.fromkeys(("lb", "lbs"), ("mass", 0.45359237)),
    **dict.fromkeys(("storey", "storeys", "story", "stories", "floor", "floors", "level", "levels"), ("count", 1.0)),
    "v": ("voltage", 1.0), "kv": ("voltage", 1000.0),
    "%": ("share", 1.0),
}  # fmt: skip
"""What a unit measures, and how many km/h, m, kg, V, … it is."""

_OF_KEY: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("maxspeed", "minspeed", "maxspeed:advisory"), ("speed", 1.0)),
    **dict.fromkeys(
        ("height", "min_height", "width", "maxwidth", "maxheight", "maxlength", "length", "ele", "depth", "est_width",
         "roof:height", "building:height", "diameter", "circumference"),
        ("length", 1.0),
    ),
    **dict.fromkeys(("maxweight", "maxaxleload"), ("mass", 1000.0)),
    "voltage": ("voltage", 1.0), "incline": ("share", 1.0), "distance": ("length", 1000.0),
}  # fmt: skip
"""What a bare number means under a key; a plain count under all others."""

_NUMBER = re.compile(r"([+-]?(?:[0-9]{1,15}(?:[.,][0-9]{1,15})?|\.[0-9]{1,15}))\s*([^\s0-9.,+-]{0,12})")
_FEET_INCHES = re.compile(r"([0-9]{1,6})\s*(?:'|ft|feet)\s*([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*(?:\"|''|in|inches)?", re.I)
_MARKS = str.maketrans({"’": "'", "′": "'", "”": '"', "″": '"', "−": "-", "\u00a0": " "})


@dataclass(frozen=True)
class Quantity:
    """A number in km/h, m, kg, V or %, or a plain count, with what it measures."""

    value: float
    measures: str
    """`speed`, `length`, `mass`, `voltage`, `share` or `count`."""


def quantities(key: str, text: str) -> tuple[Quantity, ...]:
    """The numbers in the value of a key, one for each part between semicolons that is a number; none where it is a word."""
    if len(text) > _LONGEST:
        return ()
    parts = text.translate(_MARKS).split(";")[:_MOST_PARTS]
    return tuple(found for found in (_quantity(key, part.strip()) for part in parts) if found is not None)


def numbers(key: str, text: str) -> tuple[float, ...]:
    """The same without what they measure."""
    return tuple(found.value for found in quantities(key, text))


def _quantity(key: str, part: str) -> Quantity | None:
    if both := _FEET_INCHES.fullmatch(part):
        return Quantity(int(both[1]) * 0.3048 + float(both[2]) * 0.0254, "length")
    match = _NUMBER.fullmatch(part)
    if match is None:
        return None
    digits, unit = match[1], match[2].lower()
    whole, comma, after = digits.partition(",")
    if comma and len(after) == 3:
        return None  # 1,200 may be either; nobody can tell.
    value = float(f"{whole}.{after}" if comma else digits)
    known = _UNITS.get(unit) if unit else _OF_KEY.get(key, ("count", 1.0))
    if known is None or not math.isfinite(value):
        return None
    return Quantity(value * known[1], known[0])
