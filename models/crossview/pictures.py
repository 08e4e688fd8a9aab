"""The pictures of pairs, whole and decoded within limits; those of small sets are kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models.aerial.pictures import Picture, read_picture
from models.crossview.pairs import CrossViewPair
from models.geolocator import ModelError

_MAX_PIXELS = 40_000_000
_KEPT_BYTES = 1_200_000_000


class PairPictures(Protocol):
    """Pairs with their pictures."""

    pairs: Sequence[CrossViewPair]

    def query(self, i: int) -> Picture:
        """RGB of a pair's query."""
        ...

    def reference(self, i: int) -> Picture:
        """RGB of a pair's reference."""
        ...


@dataclass
class FilePictures:
    """Pictures of files. Raises ModelError that names the file for one that cannot be read."""

    pairs: Sequence[CrossViewPair]

    def __post_init__(self) -> None:
        self._kept: dict[Path, Picture] = {}
        self._bytes = 0

    def query(self, i: int) -> Picture:
        return self._read(self.pairs[i].query)

    def reference(self, i: int) -> Picture:
        return self._read(self.pairs[i].reference.path)

    def _read(self, path: Path) -> Picture:
        if path in self._kept:
            return self._kept[path]
        try:
            picture = read_picture(path, _MAX_PIXELS)
        except ValueError as error:
            raise ModelError(str(error)) from None
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror or error}") from None
        if self._bytes + picture.nbytes <= _KEPT_BYTES:
            self._kept[path] = picture
            self._bytes += picture.nbytes
        return picture
