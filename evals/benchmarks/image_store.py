"""Pictures by name: in a folder however deep, in tar and zip files without unpacking them.

What there is gets listed once, on the first look-up that needs it; a picture is read when it is opened. Thread-safe.
"""

from __future__ import annotations

import os
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from agent.photo import MAX_FILE_BYTES, PhotoError, PhotoFile, open_photo
from evals.record import BenchmarkError

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif")
"""Endings without which a picture may be asked for."""
_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_MAX_ENTRIES = 10_000_000
_FILE, _ZIPPED = -1, -2


class Entry(NamedTuple):
    """One file that may be a picture."""

    path: Path
    """The root folder, or the archive."""
    member: str
    """Its name below that."""
    offset: int
    """Where its bytes begin in a tar file; _FILE or _ZIPPED."""
    size: int


class ImageStore:
    """The pictures below a folder (files, and those in tar and zip files there), or in one archive."""

    def __init__(self, root: Path) -> None:
        """Raises BenchmarkError where `root` is neither a folder nor an archive that can be read without unpacking."""
        self.root = root
        self._lock = threading.Lock()
        self._index: dict[str, list[Entry]] | None = None
        self._zips: dict[Path, zipfile.ZipFile] = {}
        self._unread: list[str] = []
        if not root.exists():
            raise BenchmarkError(f"{root} is not there: give a folder of pictures, or a tar or zip file of them")
        if root.is_file():
            _check_archive(root)

    def find(self, name: str) -> Entry | None:
        """The picture called `name`: a path below the root, with or without its ending; else the one file of that name anywhere.

        None where there is none. Raises PhotoError where the name leaves the root or several pictures have it.
        """
        plain = _plain(name)
        if self._index is None and self.root.is_dir() and (found := self._direct(plain)):
            return found
        file = plain.rpartition("/")[2]
        entries = self._listed().get(_key(plain), [])
        for same in (
            [entry for entry in entries if entry.member == plain],
            [entry for entry in entries if _without_ending(entry.member) == plain],
            [entry for entry in entries if entry.member.rpartition("/")[2].casefold() == file.casefold()],
            entries,
        ):
            if len(same) > 1:
                raise PhotoError(f"{name[:200]!r} is the name of {len(same)} pictures in {self.root}")
            if same:
                return same[0]
        return None

    def open(self, name: str) -> PhotoFile:
        """Raises PhotoError, one line, where the picture is missing or broken."""
        entry = self.find(name)
        if entry is None:
            unread = f" ({self._unread[0]} there is compressed as a whole: unpack it)" if self._unread else ""
            raise PhotoError(f"{name[:200]!r} is not among the pictures in {self.root}{unread}")
        shown = entry.path / entry.member
        if entry.offset == _FILE:
            return open_photo(shown)
        if entry.size > MAX_FILE_BYTES:
            raise PhotoError(f"{shown} is larger than {MAX_FILE_BYTES // 1_000_000} MB")
        try:
            return photo_of_bytes(shown, self._bytes(entry))
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
            raise PhotoError(f"{shown} cannot be read: {_reason(error)}") from error

    def has(self, name: str) -> bool:
        """Whether `open` would find the picture; nothing is opened."""
        self._listed()  # for many names one listing is faster than asking the disk for each
        try:
            return self.find(name) is not None
        except PhotoError:
            return False

    def names(self) -> list[str]:
        """Names of everything that ends as pictures do, sorted."""
        entries = (entry for same in self._listed().values() for entry in same)
        return sorted(entry.member for entry in entries if entry.member.lower().endswith(PICTURES))

    def _bytes(self, entry: Entry) -> bytes:
        if entry.offset == _ZIPPED:
            with self._zips[entry.path].open(entry.member) as member:
                return member.read(MAX_FILE_BYTES + 1)
        with entry.path.open("rb") as archive:
            archive.seek(entry.offset)
            return archive.read(entry.size)

    def _direct(self, plain: str) -> Entry | None:
        for member in (plain, *(f"{plain}{ending}" for ending in (".jpg", ".JPG", ".jpeg", ".png", ".webp"))):
            if (self.root / member).is_file():
                return Entry(self.root, member, _FILE, 0)
        return None

    def _listed(self) -> dict[str, list[Entry]]:
        with self._lock:
            if self._index is None:
                index: dict[str, list[Entry]] = {}
                for count, entry in enumerate(self._entries()):
                    if count >= _MAX_ENTRIES:
                        raise BenchmarkError(f"{self.root} holds more than {_MAX_ENTRIES:,} files")
                    index.setdefault(_key(entry.member), []).append(entry)
                self._index = index
            return self._index

    def _entries(self) -> Iterator[Entry]:
        if self.root.is_file():
            yield from self._in_archive(self.root)
            return
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            below = os.path.relpath(folder, self.root).replace(os.sep, "/")
            for name in sorted(files):
                if name.lower().endswith((".tar", ".zip")):
                    yield from self._in_archive(Path(folder, name))
                elif name.lower().endswith(_COMPRESSED):
                    self._unread.append(name)
                elif not name.startswith("."):
                    yield Entry(self.root, name if below == "." else f"{below}/{name}", _FILE, 0)

    def _in_archive(self, path: Path) -> Iterator[Entry]:
        try:
            if not path.name.lower().endswith(".zip"):
                yield from _tar_entries(path)
                return
            archive = self._zips[path] = zipfile.ZipFile(path)
        except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise BenchmarkError(f"{path} cannot be read as an archive ({_reason(error)})") from error
        for info in archive.infolist():
            if not info.is_dir():
                yield Entry(path, info.filename, _ZIPPED, info.file_size)


def photo_of_bytes(name: Path, data: bytes) -> PhotoFile:
    """The photo in `data`. Raises PhotoError, one line that begins with `name`."""
    try:
        return PhotoFile(name, data)
    except ValueError as error:
        raise PhotoError(f"{name} {error}") from error


def _plain(name: str) -> str:
    """The name as a relative POSIX path. Raises PhotoError for one that leads elsewhere."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or "\0" in name or len(name) > 1000:
        raise PhotoError(f"{name[:200]!r} is no name of a picture below a folder")
    return "/".join(parts)


def _without_ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if f"{dot}{ending}".lower() in PICTURES else name


def _key(name: str) -> str:
    """What the names under which a file may be asked for have in common: sidecars (`7.json`) are apart from pictures (`7.jpg`)."""
    return _without_ending(name.rpartition("/")[2]).casefold()


def _tar_entries(path: Path) -> Iterator[Entry]:
    with tarfile.open(path, "r:") as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # otherwise every header is kept
            if member.isreg() and not member.sparse:
                yield Entry(path, member.name.removeprefix("./"), member.offset_data, member.size)


def _check_archive(path: Path) -> None:
    name = path.name.lower()
    if name.endswith(_COMPRESSED):
        raise BenchmarkError(
            f"{path} is compressed as a whole and cannot be read in parts: unpack it, or only uncompress it to a .tar"
        )
    if not name.endswith((".tar", ".zip")):
        raise BenchmarkError(f"{path} is no folder, tar or zip file")


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:120]
