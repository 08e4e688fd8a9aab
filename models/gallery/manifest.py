"""The manifest of a flat gallery: which segments it has.

It is replaced as a whole, so that a gallery is always what its last `flush` left.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.gallery.gallery import GalleryError

MANIFEST = "manifest.json"
_LOCK = "lock"
_FORMAT, _VERSION = "geosleuth flat gallery", 1
_MOST_NAMES = 65535
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class SegmentEntry:
    """A segment as the manifest names it."""

    file: str
    rows: int
    bytes: int


@dataclass
class Manifest:
    """What a flat gallery is."""

    dim: int
    encoder: str = ""
    encoder_digest: str = ""
    countries: list[str] = field(default_factory=list)
    """What the codes of countries stand for."""
    sources: list[str] = field(default_factory=list)
    segments: list[SegmentEntry] = field(default_factory=list)
    """In the order of their rows."""
    next: int = 1
    """Number of the next segment."""

    def write(self, folder: Path) -> None:
        """Replace the manifest of a folder, and bring it and the folder's entries to disk. Raises OSError."""
        text = json.dumps({"format": _FORMAT, "version": _VERSION, **asdict(self)}, ensure_ascii=False, indent=0)
        temporary = folder / (MANIFEST + ".part")
        # The segments' own entries in the folder must be there before anything names them.
        sync_folder(folder)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / MANIFEST)
        sync_folder(folder)

    def coded(self, countries: list[str], sources: list[str]) -> tuple[list[int], list[int]]:
        """The codes of names; new names are put in. Raises GalleryError where there are too many."""
        return _coded(countries, self.countries, "countries"), _coded(sources, self.sources, "sources")


def _coded(texts: list[str], names: list[str], what: str) -> list[int]:
    codes = {name: code for code, name in enumerate(names)}
    new = [name for name in dict.fromkeys(texts) if name not in codes]
    if len(names) + len(new) > _MOST_NAMES:
        raise GalleryError(f"a flat gallery holds at most {_MOST_NAMES} different {what}")
    names += new
    codes |= {name: len(codes) + number for number, name in enumerate(new)}
    return [codes[text] for text in texts]


def sync_folder(folder: Path) -> None:
    """Bring the entries of a folder to disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_manifest(folder: Path) -> Manifest:
    """Raises GalleryError with one line where there is none that can be read."""
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise GalleryError(f"{path} is too long")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GalleryError(f"{folder} holds no flat gallery ({MANIFEST} is missing)") from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, GalleryError):
            raise
        raise GalleryError(f"{path} cannot be read ({' '.join(str(error).split())[:120]})") from error
    if not isinstance(data, dict) or data.get("format") != _FORMAT or data.get("version") != _VERSION:
        raise GalleryError(f"{path} is of no flat gallery that this version reads")
    return _manifest_of(data, path)


def _manifest_of(data: dict[str, Any], path: Path) -> Manifest:
    try:
        segments = [SegmentEntry(str(one["file"]), _count(one["rows"]), _count(one["bytes"])) for one in data["segments"]]
        manifest = Manifest(
            _count(data["dim"]), _text(data["encoder"]), _text(data["encoder_digest"]), [_text(name) for name in data["countries"]],
            [_text(name) for name in data["sources"]], segments, _count(data["next"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise GalleryError(f"{path} is damaged ({type(error).__name__}: {str(error)[:80]})") from error
    if not all(Path(entry.file).name == entry.file and entry.file.endswith(".segment") for entry in segments):
        raise GalleryError(f"{path} is damaged: it names files that are no segments")
    return manifest


def _count(value: object) -> int:
    if type(value) is not int or not 0 < value < 1 << 48:
        raise ValueError("a number is out of range")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a name is no text")
    return value


def locked(folder: Path) -> int:
    """The handle of the writer's lock, which ends with the process. Raises GalleryError where another one holds it."""
    with told(folder):
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise GalleryError(
                f"another process or object writes to the gallery {folder}; open it for reading, or wait"
            ) from None
        except OSError:
            os.close(handle)
            raise
    return handle


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """What the disk refuses as one line."""
    try:
        yield
    except OSError as error:
        raise GalleryError(f"the gallery {folder} cannot be written ({error.strerror or error})") from error
