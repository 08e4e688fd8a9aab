"""What a reader of a published data set gives: pairs, everything that is searched, and which of it counts as right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.crossview.pairs import AerialView, CrossViewPair
from models.geolocator import ModelError


class DatasetError(ModelError):
    """A folder that is not the data set it should be; one line that names the file, and the line in it."""


@dataclass(frozen=True)
class CrossViewSet:
    """One split of a data set. Every list is in the order of the published files."""

    name: str
    """`cvusa`, `vigor cross-area` …"""
    split: str
    """`train`, `validation` or `test`."""
    pairs: tuple[CrossViewPair, ...]
    gallery: tuple[AerialView, ...]
    """Every picture from above that a query is compared with, those without a query too."""
    correct: tuple[tuple[int, ...], ...]
    """For each pair, what counts as right: positions in `gallery`, its own reference first."""
    ignored: tuple[tuple[int, ...], ...] = ()
    """For each pair, what is neither right nor wrong: positions in `gallery`. Empty where the data set has no such thing."""
    missing: int = 0
    """Rows that are left out because a picture of theirs is not in the folder."""
    notes: Mapping[str, float | int | str] = field(default_factory=dict)
    """What else the reader found, by name; each reader says what it tells."""


@dataclass(frozen=True)
class PlaceSearch:
    """Search among pictures of places, each with many: `satellite to drone` of University-1652."""

    name: str
    queries: tuple[tuple[str, AerialView], ...]
    """Place and picture from above."""
    gallery: tuple[CrossViewPair, ...]
    """Their queries are what is searched; a picture is right where its `place` is that of the query."""
