"""What photos are recognised by: a hash of the file, and two of the picture (`models/gallery/marks.py`); kept in a file for large galleries."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.photo import PhotoError, open_photo
from evals.record import Record
from models.gallery.marks import picture_hashes
from tools.observation import View

if TYPE_CHECKING:
    from agent.photo import PhotoFile

_PIXELS = 512 * 512
_SAVE_EVERY = 64

Told = Callable[[int, int], None]
"""Called with how many photos are done, and of how many."""


def silent(done: int, of: int) -> None:
    """Nothing is shown."""


@dataclass(frozen=True)
class Marks:
    """Hashes of one photo."""

    sha256: str
    """Of the file."""
    phash: int
    """64 bits."""
    dhash: int
    """64 bits."""
    flat: bool
    """Nearly of one colour: its hashes of the picture say nothing."""

    def to_json(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "phash": f"{self.phash:016x}", "dhash": f"{self.dhash:016x}", "flat": self.flat}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Marks:
        """Raises KeyError, TypeError or ValueError for anything that `to_json` did not write."""
        return cls(str(data["sha256"]), int(data["phash"], 16), int(data["dhash"], 16), bool(data["flat"]))


@dataclass(frozen=True)
class Marked:
    """A photo, or only a place, to be looked for."""

    id: str
    marks: Marks | None = None
    """None for a place without a photo, and where the photo cannot be opened."""
    lat: float | None = None
    lon: float | None = None
    error: str | None = None
    """Why the photo cannot be opened: one sentence."""


def photo_marks(photo: PhotoFile) -> Marks:
    """The hashes of a photo, turned upright. Raises PhotoError where its pixels cannot be read."""
    return Marks(photo.sha256, *picture_hashes(photo.render(View("photo"), _PIXELS)))


class MarksCache:
    """Marks kept in a file of JSON lines, so that a large gallery is hashed once and a stopped hashing goes on; thread-safe.

    Keys are a file's hash, or its path, size and time of change. A line that cannot be read is hashed again. `path` None keeps nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Raises OSError where the file is there and cannot be read."""
        self.path = path
        self._known: dict[str, Marks] = {}
        self._new: list[str] = []
        self._lock = threading.Lock()
        if path is not None and path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    self._read(line)

    def __len__(self) -> int:
        return len(self._known)

    def _read(self, line: str) -> None:
        try:
            data = json.loads(line)
            self._known[str(data["key"])] = Marks.from_json(data)
        except (KeyError, TypeError, ValueError, RecursionError):
            return

    def get(self, key: str) -> Marks | None:
        return self._known.get(key)

    def add(self, key: str, marks: Marks) -> None:
        """Keep marks; written with some others. Raises OSError."""
        with self._lock:
            self._known[key] = marks
            self._new.append(json.dumps({"key": key, **marks.to_json()}) + "\n")
            full = len(self._new) >= _SAVE_EVERY
        if full:
            self.save()

    def save(self) -> None:
        """Write what is new. Raises OSError."""
        with self._lock:
            lines, self._new = self._new, []
        if self.path is None or not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            # A line break first: a line that was torn when the last run was killed must not swallow this one.
            file.write(("\n" + "".join(lines)).encode("utf-8", "replace"))


def mark_records(records: Sequence[Record], cache: MarksCache | None = None, told: Told = silent) -> list[Marked]:
    """The photos and places of a benchmark. What cannot be opened keeps its place and says why."""
    cache = MarksCache() if cache is None else cache
    marked = []
    for number, record in enumerate(records, 1):
        marks, error = _of_opened(record.open, cache)
        marked.append(Marked(record.id, marks, record.truth.lat, record.truth.lon, error))
        told(number, len(records))
    cache.save()
    return marked


def mark_files(
    files: Sequence[tuple[str, Path, float | None, float | None]], cache: MarksCache | None = None, told: Told = silent
) -> list[Marked]:
    """Photos given as id, file, lat, lon; one that did not change since it was hashed is not opened again."""
    cache = MarksCache() if cache is None else cache
    marked = []
    for number, (name, path, lat, lon) in enumerate(files, 1):
        key = _file_key(path)
        marks, error = cache.get(key) if key else None, None
        if marks is None:
            marks, error = _of_opened(partial(open_photo, path), cache)
            if marks and key:
                cache.add(key, marks)
        marked.append(Marked(name, marks, lat, lon, error))
        told(number, len(files))
    cache.save()
    return marked


def _of_opened(opened: Callable[[], PhotoFile], cache: MarksCache) -> tuple[Marks | None, str | None]:
    try:
        photo = opened()
        if known := cache.get(photo.sha256):
            return known, None
        marks = photo_marks(photo)
    except (PhotoError, OSError) as error:
        return None, str(error)
    cache.add(photo.sha256, marks)
    return marks, None


def _file_key(path: Path) -> str | None:
    """Path, size and time of change; None for a file that is not there."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return f"{path.absolute()}|{status.st_size}|{status.st_mtime_ns}"
