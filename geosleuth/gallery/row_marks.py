"""The hashes of a photo out of a gallery's row (`models.gallery.marks.hex_marks` writes them)."""

from __future__ import annotations

import re

from evals.photo_marks import Marks
from models.gallery.gallery import Row

_MARKS = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def marks_of(row: Row) -> Marks | None:
    """The hashes of a row; None for one that was imported without them."""
    if not _SHA256.fullmatch(row.sha256):
        return None
    if not _MARKS.fullmatch(row.marks):
        return Marks(row.sha256, 0, 0, True)
    return Marks(row.sha256, int(row.marks[:16], 16), int(row.marks[16:], 16), False)
