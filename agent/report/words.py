"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.trajectory import StopReason

NBSP = "\u00a0"
"""A number and its unit stay on one line."""

ENDINGS = {
    StopReason.ANSWERED: "with an answer",
    StopReason.CANNOT_TELL: "nothing points anywhere",
    StopReason.MAX_TURNS: "all turns were used",
    StopReason.MAX_CALLS: "all tool calls were used",
    StopReason.MAX_SECONDS: "the time was used",
    StopReason.NO_ANSWER: "the policy stopped replying with calls or an answer",
    StopReason.POLICY_ERROR: "the policy failed",
    StopReason.PHOTO_ERROR: "the photo could not be opened",
}


def ending(stop: object) -> str:
    """How a run ended, in words; an unknown reason stays as it is."""
    try:
        return ENDINGS[StopReason(str(stop))]
    except ValueError:
        return str(stop) or "unknown"


def percent(share: float) -> str:
    """`61 %`; shares near 0 and 1 are not rounded to them."""
    if 0 < share < 0.01:
        return f"<{NBSP}1{NBSP}%"
    if 0.99 < share < 1:
        return f">{NBSP}99{NBSP}%"
    return f"{100 * share:.0f}{NBSP}%"


def km(distance: float) -> str:
    """`0.4 km`, `88 km`, `1,240 km`: two or three figures."""
    if distance < 10:
        return f"{distance:.1f}{NBSP}km"
    return f"{distance:,.0f}{NBSP}km" if distance < 1000 else f"{round(distance, -1):,.0f}{NBSP}km"


def square_km(area: float) -> str:
    """`3.2 km²`, `12,000 km²`, `4.1 million km²`."""
    if area >= 1e6:
        return f"{area / 1e6:,.1f} million{NBSP}km²"
    if area < 10:
        return f"{area:.1f}{NBSP}km²"
    figures = 0 if area < 1000 else -1 if area < 10000 else -2
    return f"{round(area, figures):,.0f}{NBSP}km²"


def bits(value: float) -> str:
    """`+3.1`, `−0.4`, `0.0`."""
    rounded = round(value, 1)
    return f"{'+' if rounded > 0 else '−' if rounded < 0 else ''}{abs(rounded):.1f}"


def seconds(value: float) -> str:
    """`< 0.1 s`, `0.3 s`, `41 s`, `3 min 5 s`."""
    if value < 0.05:
        return f"<{NBSP}0.1{NBSP}s"
    if value < 10:
        return f"{value:.1f}{NBSP}s"
    whole = round(value)
    return f"{whole}{NBSP}s" if whole < 120 else f"{whole // 60}{NBSP}min{NBSP}{whole % 60}{NBSP}s"


def counted(number: int, noun: str) -> str:
    """`1 turn`, `3 turns`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def place_name(place: Mapping[str, Any]) -> tuple[str, str]:
    """A JSON place as a headline and what remains: `("Porto, Portugal", "Porto District")`."""
    city, region, country = (str(place.get(key) or "") for key in ("city", "region", "country_name"))
    country = country or str(place.get("country") or "")
    if city:
        return ", ".join(dict.fromkeys(p for p in (city, country) if p)), region if region not in {city, country} else ""
    return ", ".join(dict.fromkeys(p for p in (region, country) if p)) or "At sea", ""


def area_name(place: Mapping[str, Any]) -> str:
    """An alternative's name: `Porto area, Portugal`, `Andalusia, Spain`, `Spain`, `the sea`."""
    country = str(place.get("country_name") or place.get("country") or "")
    kind = place.get("kind")
    own = {
        "city": f"{place.get('city') or 'unnamed'} area",
        "region": str(place.get("region") or ""),
        "country": "",
        "sea": "the sea",
    }
    return (
        ", ".join(part for part in (own.get(str(kind), place_name(place)[0]), country if kind != "sea" else "") if part)
        or "the sea"
    )
