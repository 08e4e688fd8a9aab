"""One photo of a source that a gallery is built of, before it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.benchmarks.table import plain
from geosleuth.gallery.taken import iso_time

if TYPE_CHECKING:
    from agent.photo import PhotoFile

TIME_COLUMNS = (
    "time", "taken", "takenat", "datetaken", "timetaken", "datetimeoriginal", "capturedat", "captureddate", "datetime", "date",
    "timestamp",
)  # fmt: skip
"""What a column with the time of a photo may be called, by preference; capitals, spaces, `-` and `_` do not matter."""


@dataclass(frozen=True)
class SourcePhoto:
    """A photo whose place is known."""

    id: str
    """Unique in its source and stable."""
    lat: float
    lon: float
    open: Callable[[], PhotoFile]
    """Opens the photo. Raises `agent.photo.PhotoError`, one line."""
    time: str = ""
    """ISO 8601 without zone, or its beginning; empty where the labels have none."""
    licence: str = ""
    attribution: str = ""
    panorama: bool = False


def labelled_time(labels: Mapping[str, str]) -> str:
    """The first time among labels that can be read; empty where there is none."""
    named = {plain(name): text for name, text in labels.items()}
    return next((time for name in TIME_COLUMNS if (time := iso_time(named.get(name, "")))), "")
