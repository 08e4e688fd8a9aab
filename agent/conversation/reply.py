"""A reply: words for people, and the numbers that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    text: str
    """Plain lines; a line that begins with `- ` is an item of a list."""
    data: Mapping[str, Any] = field(default_factory=dict)


def percent(share: float) -> str:
    """`83 %`, `<1 %`, `>99 %`."""
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def km(distance: float) -> str:
    """`340 m`, `4.2 km`, `1 200 km`."""
    if distance < 1:
        return f"{1000 * distance:.0f} m"
    return f"{distance:.1f} km" if distance < 10 else f"{distance:,.0f} km".replace(",", " ")


def factor(bits: float) -> str:
    """What so many bits are as a factor, whatever their sign: `1.7`, `8 364`."""
    number = 2.0 ** min(abs(bits), 40.0)
    return f"{number:.1f}" if number < 3 else f"{number:,.0f}".replace(",", " ")


def times(bits: float) -> str:
    """`8 times likelier`, `3 times less likely`, `about as likely as elsewhere`."""
    if abs(bits) < 0.3:
        return "about as likely as elsewhere"
    return f"{factor(bits)} times {'likelier' if bits > 0 else 'less likely'}"
