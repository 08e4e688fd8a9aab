"""Files of a data set's folder: names that may not lead out of it, lists of bounded size, directories that are listed once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from models.crossview.datasets.dataset import DatasetError

MAX_LIST_BYTES = 200_000_000
MAX_LINE = 4000
"""Characters."""
MAX_ROWS = 2_000_000
MOST_MISSING = 0.01
"""Share of a split's rows whose pictures may be missing: published copies lack a few. More, and the folder is not whole."""


class FolderFiles:
    """A data set's folder. Raises DatasetError where it is none."""

    def __init__(self, root: Path, what: str) -> None:
        """`what` names the data set in errors."""
        self.root, self.what = root, what
        if not root.is_dir():
            raise DatasetError(f"{root}: is no folder of {what}")
        self._home = root.resolve()
        self._listed: dict[Path, frozenset[str]] = {}

    def find(self, name: str, where: str) -> Path | None:
        """The file of a name relative to the folder, None where it is not there. Raises DatasetError, which begins with `where`, for a name
        that leads out of the folder."""
        parts = PurePosixPath(name)
        if not name or parts.is_absolute() or ".." in parts.parts or "\\" in name or not name.isprintable():
            raise DatasetError(f"{where}: {name[:80]!r} is no file of the folder")
        path = self.root / parts
        return path if path.name in self._names(path.parent) else None

    def need(self, *names: str) -> Path:
        """The first of some names that is there. Raises DatasetError that names them."""
        for name in names:
            if (path := self.find(name, self.what)) is not None:
                return path
        raise DatasetError(f"{self.root}: has no {' or '.join(names)}, which {self.what} is read from")

    def names(self, folder: str) -> list[str]:
        """What lies in a folder, sorted, hidden names left out; nothing where there is no such folder."""
        return sorted(self._names(self.root / folder))

    def lines(self, path: Path) -> Iterator[tuple[str, str]]:
        """Where (`FILE:LINE`, for errors) and text of each line that is not empty. Raises DatasetError for lists that are too long."""
        try:
            size = path.stat().st_size
            if size > MAX_LIST_BYTES:
                raise DatasetError(f"{path}: has more than {MAX_LIST_BYTES // 1_000_000} million bytes")
            with path.open(encoding="utf-8-sig", newline=None) as file:
                for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), ""), 1):
                    if len(line) > MAX_LINE or number > MAX_ROWS:
                        raise DatasetError(f"{path}:{number}: is longer than {MAX_LINE} characters, or beyond {MAX_ROWS:,} lines")
                    if line.strip():
                        yield f"{path}:{number}", line.strip()
        except UnicodeDecodeError:
            raise DatasetError(f"{path}: is no text in UTF-8") from None
        except OSError as error:
            raise DatasetError(f"{path}: {error.strerror or error}") from None

    def _names(self, folder: Path) -> frozenset[str]:
        """Names in a folder. Links that lead out of the data set count as not there, and so does all that lies in them."""
        if folder not in self._listed:
            try:
                inside = folder.resolve().is_relative_to(self._home)
                with os.scandir(folder) as entries:
                    self._listed[folder] = frozenset(
                        e.name for e in entries if inside and not e.name.startswith(".") and self._is_ours(e)
                    )
            except (FileNotFoundError, NotADirectoryError):
                self._listed[folder] = frozenset()
            except OSError as error:
                raise DatasetError(f"{folder}: {error.strerror or error}") from None
        return self._listed[folder]

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        return not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(self._home)


class Missing:
    """Counts rows whose pictures are not there."""

    def __init__(self) -> None:
        """None so far."""
        self.count, self.rows, self._first = 0, 0, ""

    def both(self, where: str, *found: tuple[str, Path | None]) -> bool:
        """Whether all pictures of a row (name, path or None) are there; counts the row either way."""
        self.rows += 1
        absent = next((name for name, path in found if path is None), None)
        if absent is not None:
            self.count += 1
            self._first = self._first or f"{where}: {absent[:120]} is not in the folder"
        return absent is None

    def check(self, source: str) -> int:
        """How many rows are left out. Raises DatasetError where there is no row, or too many of them lack a picture."""
        if not self.rows:
            raise DatasetError(f"{source}: has no rows")
        if self.count > MOST_MISSING * self.rows:
            raise DatasetError(f"{self._first}, and {self.count:,} of {self.rows:,} rows lack a picture")
        return self.count
