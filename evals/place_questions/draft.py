"""Questions before they are chosen: without a letter for the right option, and with the spot they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from evals.place_questions.question import Claim, Kind

PHOTO, POINT = "the place where this photo was taken", "this point"
WRONG_OPTIONS = 3

Item = TypeVar("Item")


@dataclass(frozen=True)
class Draft:
    """A question about one spot."""

    kind: Kind
    topic: str
    about: str
    question: str
    right: str = ""
    """The right option of a choice; `true` or `false`."""
    wrong: tuple[str, ...] = ()
    """The other options."""
    accepted: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    element_ids: tuple[str, ...] = ()
    attribute: tuple[str, ...] = ()
    source: Literal["osm", "gazetteer"] = "osm"
    general: bool = False
    """Whether it is not about the spot but about its country, its city or a place with a name: it is asked once, however many spots there are."""

    @property
    def text(self) -> tuple[str, ...]:
        """Two questions with the same one ask the same and have the same answer."""
        return self.kind, self.question, self.right, *self.accepted


def drawn(rng: np.random.Generator, items: Sequence[Item], count: int) -> list[Item]:
    """At most so many items, each once, in random order."""
    return [items[i] for i in rng.permutation(len(items))[:count].tolist()]


def one_of(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """One item."""
    return items[int(rng.integers(len(items)))]


def metres(radius_m: float) -> str:
    """`300 m`."""
    return f"{radius_m:,.0f} m"
