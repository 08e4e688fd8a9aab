"""From what a person typed to photos: files, folders, patterns, addresses."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agent.decode import looks_like_photo

if TYPE_CHECKING:
    from agent.photo import PhotoFile

_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib", ".heic",
     ".heif", ".hif", ".avif"]
)  # fmt: skip


@dataclass(frozen=True)
class FoundPhoto:
    """One thing that an argument named or held."""

    kind: Literal["file", "url", "given", "skipped", "error"]
    """`given`: opened by the caller's own function. `skipped`: something in a folder that is no picture. `error`: something asked
    for by name that is not there."""
    name: str
    """As found: a path, an address, or the id of a record."""
    path: Path | None = None
    """Set for `file`."""
    reason: str = ""
    """One sentence for `skipped` and `error`."""
    open: Callable[[], PhotoFile] | None = None
    """Set for `given`; raises PhotoError."""


def find_photos(arguments: Iterable[str]) -> Iterator[FoundPhoto]:
    """Every photo that the arguments name, in order; folders recursively and sorted, hidden files left out.

    Files named directly are not looked into: `open_photo` says what is wrong with them.
    """
    for argument in arguments:
        if argument.lower().startswith(("http://", "https://")):
            yield FoundPhoto("url", argument)
        else:
            yield from _in_files(argument)


def _in_files(argument: str) -> Iterator[FoundPhoto]:
    try:
        path = Path(argument).expanduser()
        mode = path.stat().st_mode
    except (OSError, ValueError, RuntimeError) as error:
        yield from _matches(argument, error)
        return
    if stat.S_ISDIR(mode):
        yield from _in_folder(path)
    elif stat.S_ISREG(mode):
        yield FoundPhoto("file", str(path), path)
    else:
        yield FoundPhoto("error", str(path), reason="is not a file")


def _matches(argument: str, error: Exception) -> Iterator[FoundPhoto]:
    if not glob.has_magic(argument):
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "cannot be a path"
        yield FoundPhoto("error", argument, reason=f"cannot be found ({reason.lower()})")
        return
    paths = _matching(argument)
    if not paths:
        yield FoundPhoto("error", argument, reason="matches no file")
    for path in paths:
        if path.is_file():
            yield FoundPhoto("file", str(path), path)
        elif not path.is_dir():
            yield FoundPhoto("skipped", str(path), reason="is not a file")
        elif "**" not in argument:
            yield from _in_folder(path)


def _matching(pattern: str) -> list[Path]:
    """What a pattern matches, sorted. `**` enters no links, so that a link to its own parent ends."""
    parts = Path(pattern).expanduser().parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed])
    try:
        found = base.glob(str(Path(*parts[fixed:])))
        return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(base).parts))
    except (OSError, ValueError, RuntimeError):
        return []


def _in_folder(folder: Path) -> Iterator[FoundPhoto]:
    problems: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield _in_folder_file(Path(root, name))
    for problem in problems:
        yield FoundPhoto("error", str(problem.filename), reason=f"cannot be read ({(problem.strerror or 'unknown').lower()})")


def _in_folder_file(path: Path) -> FoundPhoto:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return FoundPhoto("skipped", str(path), reason="is not a file")
        if path.suffix.lower() not in _SUFFIXES:
            with path.open("rb") as file:
                if not looks_like_photo(file.read(64)):
                    return FoundPhoto("skipped", str(path), reason="is not a picture")
    except OSError as error:
        return FoundPhoto("skipped", str(path), reason=f"cannot be read ({(error.strerror or 'unknown').lower()})")
    return FoundPhoto("file", str(path), path)
