"""Copies of a photo among many: the same file, or the same picture in another size or encoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.leakage import SAME_BITS
from evals.photo_marks import Marks

_CHUNK = 1 << 17
"""Hashes compared at once: 1 MB of them, which stays in a processor's cache."""


@dataclass(frozen=True)
class Twin:
    """What a photo is a copy of."""

    id: str
    bits: int | None
    """Of 128, by which the pictures differ; None for the same file."""

    def reason(self) -> str:
        """`the same file as a.jpg`, `the same picture as a.jpg (3 of 128 bits differ)`."""
        if self.bits is None:
            return f"the same file as {self.id}"
        return f"the same picture as {self.id} ({self.bits} of 128 bits differ)"


class Twins:
    """Photos by their marks. A look-up compares with every picture: pHash first, and dHash where that leaves room.

    Both hashes together may differ by `SAME_BITS` bits of 128 (`evals.leakage`); pictures of one colour are compared by their file alone.
    """

    def __init__(self) -> None:
        self._files: dict[bytes, str] = {}
        self._ids: list[str] = []
        self._phash = np.empty(1024, dtype=np.uint64)
        self._dhash = np.empty(1024, dtype=np.uint64)

    def __len__(self) -> int:
        """How many files there are."""
        return len(self._files)

    def add(self, photo_id: str, marks: Marks) -> None:
        """Remember a photo. Raises ValueError for a hash of a file that is none."""
        self._files.setdefault(bytes.fromhex(marks.sha256), photo_id)
        if marks.flat:
            return
        count = len(self._ids)
        if count == len(self._phash):
            self._phash, self._dhash = (np.concatenate([part, np.empty_like(part)]) for part in (self._phash, self._dhash))
        self._phash[count], self._dhash[count] = marks.phash, marks.dhash
        self._ids.append(photo_id)

    def find(self, marks: Marks) -> Twin | None:
        """The same file, else the picture that differs least, the first of equals; None where none is the same."""
        same = self._files.get(bytes.fromhex(marks.sha256))
        if same is not None:
            return Twin(same, None)
        if marks.flat:
            return None
        best: tuple[int, int] | None = None
        for start in range(0, len(self._ids), _CHUNK):
            rows, bits = self._near(start, min(start + _CHUNK, len(self._ids)), marks)
            if len(rows):
                least = int(np.argmin(bits))
                found = (int(bits[least]), int(rows[least]))
                best = min(best, found) if best else found
        return Twin(self._ids[best[1]], best[0]) if best else None

    def _near(self, start: int, end: int, marks: Marks) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
        """Rows between `start` and `end` with the same picture, and by how many bits each differs."""
        first = np.bitwise_count(self._phash[start:end] ^ np.uint64(marks.phash))
        rows = np.flatnonzero(first <= SAME_BITS)
        bits = first[rows] + np.bitwise_count(self._dhash[start + rows] ^ np.uint64(marks.dhash))
        same = bits <= SAME_BITS
        return rows[same] + start, bits[same]
