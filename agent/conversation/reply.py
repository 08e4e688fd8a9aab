"""A reply: words for people, and the numbers that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.report import words


@dataclass(frozen=True)
class Reply:
    text: str
    """Plain lines; a line that begins with `- ` is an item of a list."""
    data: Mapping[str, Any] = field(default_factory=dict)


def percent(share: float) -> str:
    """As on the report's page, with plain spaces: replies are read in terminals, too."""
    return words.percent(share).replace(words.NBSP, " ")


def km(distance: float) -> str:
    """As `percent`."""
    return words.km(distance).replace(words.NBSP, " ")


def factor(bits: float) -> str:
    """What so many bits are as a factor, whatever their sign: `1.7`, `8,364`."""
    number = 2.0 ** min(abs(bits), 40.0)
    return f"{number:.1f}" if number < 3 else f"{number:,.0f}"


def times(bits: float) -> str:
    """`8 times likelier`, `3 times less likely`, `about as likely as elsewhere`."""
    if abs(bits) < 0.3:
        return "about as likely as elsewhere"
    return f"{factor(bits)} times {'likelier' if bits > 0 else 'less likely'}"
