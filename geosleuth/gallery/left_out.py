"""Photos that did not come into a gallery, by name and with the reason: `skipped.tsv` in its folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from models.model_folder import replaced

Kind = Literal["unusable", "duplicate", "excluded"]
_KINDS = frozenset(get_args(Kind))
FILE = "skipped.tsv"
_HEAD = "kind\tsource\tid\treason\n"
_LONGEST = 1000


@dataclass(frozen=True)
class Skipped:
    """One photo that was left out."""

    kind: Kind
    """`unusable`: missing, broken or without a place. `duplicate`: of a photo in the gallery. `excluded`: in a benchmark."""
    source: str
    id: str
    reason: str
    """One sentence."""

    def line(self) -> str:
        return "\t".join(" ".join(part.split())[:_LONGEST] for part in (self.kind, self.source, self.id, self.reason)) + "\n"


class LeftOut:
    """The list, in memory and on disk. Lines are appended while a build runs, and each photo stands once in it after `save`."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where the file is there and cannot be read."""
        self.path = folder / FILE
        self._known: dict[str, Skipped] = {}
        self._new: list[Skipped] = []
        self._fresh: dict[str, Skipped] = {}
        if self.path.exists():
            with self.path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    self._read(line)

    def _read(self, line: str) -> None:
        kind, *rest = line.rstrip("\n").split("\t")
        if len(rest) == 3 and kind in _KINDS:  # a torn line is looked into again
            self._known[rest[1]] = Skipped(kind, *rest)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self._known)

    def get(self, row_id: str) -> Skipped | None:
        """Why a photo is not in the gallery, where it was left out."""
        return self._known.get(_written(row_id))

    def all(self) -> list[Skipped]:
        """Every photo that was left out, in the order of finding."""
        return list(self._known.values())

    def fresh(self) -> list[Skipped]:
        """Those that were put on the list since it was opened, in the order of finding."""
        return list(self._fresh.values())

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        found = Counter(item.kind for item in self._known.values())
        return {kind: found[kind] for kind in get_args(Kind)}

    def add(self, item: Skipped) -> None:
        """Put a photo on the list; `flush` writes it."""
        self._known[_written(item.id)] = self._fresh[_written(item.id)] = item
        self._new.append(item)

    def forget(self, row_id: str) -> None:
        """Take a photo off the list: it came in."""
        self._known.pop(_written(row_id), None)
        self._fresh.pop(_written(row_id), None)

    def flush(self) -> None:
        """Append what is new. Raises OSError."""
        lines, self._new = [item.line() for item in self._new], []
        if lines:
            with self.path.open("ab") as file:
                # A line break first: a line that was torn by a kill must not swallow this one.
                file.write(("\n" + "".join(lines)).encode("utf-8", "replace"))

    def save(self) -> None:
        """Write the whole list anew, each photo once. Raises OSError."""
        self._new = []
        if not self._known and not self.path.exists():
            return
        with replaced(self.path) as temporary, temporary.open("wb") as file:
            file.write((_HEAD + "".join(item.line() for item in self._known.values())).encode("utf-8", "replace"))


def _written(row_id: str) -> str:
    """An id as the file holds it."""
    return " ".join(row_id.split())[:_LONGEST].encode("utf-8", "replace").decode()
