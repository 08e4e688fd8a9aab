"""What a record's panel shows beside its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """The picture of a record, how it was investigated, and what there was to be found."""

    thumbnail: bytes | None = None
    """JPEG, about 320 pixels at most; None where it is missing."""
    trajectory: Mapping[str, Any] | None = None
    licence: str = ""
    attribution: str = ""
    clues: Sequence[Mapping[str, Any]] = ()
    """Of drawn scenes: what was there that tells the place."""


CaseOf = Callable[[str], Case]
"""The case of a record's id."""
