"""What comes into a gallery is looked at first, the same way for every store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import Vectors
from models.gallery.gallery import GalleryError, Row
from models.gallery.where import second_of

TEXT_FIELDS = tuple(field.name for field in fields(Row) if field.name not in ("lat", "lon"))
_LONGEST = 4096
_UNIT_TOLERANCE = 0.01
"""Half precision moves the length of a unit vector by less than 0.001."""


def checked(rows: Sequence[Row], vectors: NDArray[np.floating], dim: int | None, first: int = 0) -> Vectors:
    """The vectors [n, dim] as float32 of length 1.

    Raises GalleryError for anything that does not belong into a gallery; it names the row, counting from `first`.
    """
    unit = checked_vectors(vectors, dim, "row", first)
    if len(rows) != len(unit):
        raise GalleryError(f"{len(rows)} rows with {len(unit)} vectors")
    for number, row in enumerate(rows):
        fault = _fault(row)
        if fault:
            raise GalleryError(f"row {first + number} ({str(row.id)[:60]!r}): {fault}")
    return unit


def checked_vectors(vectors: NDArray[np.floating], dim: int | None, what: str = "query", first: int = 0) -> Vectors:
    """Unit vectors [n, dim] as float32. Raises GalleryError that names the first bad one."""
    array = np.asarray(vectors)
    if array.ndim != 2 or (dim is not None and array.shape[1] != dim) or array.shape[1] == 0:
        raise GalleryError(
            f"vectors of the shape {list(array.shape)}; the gallery holds vectors of {dim or 'some'} numbers: [n, {dim or 'dim'}]"
        )
    if array.dtype.kind != "f":
        raise GalleryError(f"vectors of {array.dtype}; they must be floating-point numbers")
    unit = np.ascontiguousarray(array, dtype=np.float32)
    square = np.einsum("nd,nd->n", unit, unit)
    # Not a number fails the comparison too.
    bad = np.flatnonzero(~(np.abs(np.sqrt(square) - 1.0) <= _UNIT_TOLERANCE))
    if bad.size:
        kind = "is not of length 1" if np.isfinite(square[bad[0]]) else "is not finite"
        raise GalleryError(f"the vector of {what} {first + int(bad[0])} {kind}")
    return np.asarray(unit / np.sqrt(square)[:, None], dtype=np.float32)


def _fault(row: Row) -> str:
    """What is wrong with a row, or nothing."""
    if not (_is_number(row.lat) and abs(row.lat) <= 90 and _is_number(row.lon) and abs(row.lon) <= 180):
        return f"no coordinates in range ({str(row.lat)[:20]}, {str(row.lon)[:20]})"
    for name in TEXT_FIELDS:
        text = getattr(row, name)
        if type(text) is not str:
            return f"{name} is no text"
        if not storable(text):
            return f"{name} is too long or holds what text may not hold"
    if not row.id:
        return "no id"
    if row.sha256 and not re.fullmatch("[0-9a-f]{64}", row.sha256):
        return "sha256 is not 64 lower-case hexadecimal digits"
    if row.marks and not re.fullmatch("[0-9a-f]{32}", row.marks):
        return "marks are not 32 lower-case hexadecimal digits"
    try:
        second_of(row.time)
    except GalleryError as error:
        return str(error)
    return ""


def _is_number(value: object) -> bool:
    return type(value) in (float, int) or isinstance(value, np.floating)


def storable(text: str) -> bool:
    """Whether a gallery may hold the text: no NUL, no half of a surrogate pair, not too long."""
    if len(text) > _LONGEST or "\0" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def last_of_each(rows: Sequence[Row], vectors: Vectors) -> tuple[list[Row], Vectors]:
    """The rows without those whose id comes again later."""
    last = {row.id: number for number, row in enumerate(rows)}
    if len(last) == len(rows):
        return list(rows), vectors
    keep = sorted(last.values())
    return [rows[number] for number in keep], vectors[keep]


def check_opening(place: str, dim: int | None, own_dim: int, digest: str | None, own_digest: str) -> None:
    """Raises GalleryError where a gallery is not of the vectors that its opener has."""
    if dim is not None and dim != own_dim:
        raise GalleryError(f"the gallery {place} holds vectors of {own_dim} numbers, not of {dim}")
    if digest is not None and digest != own_digest:
        known = f"the encoder {own_digest}" if own_digest else "an encoder that it does not name"
        raise GalleryError(f"the gallery {place} was made with {known}, not with {digest}: encode its pictures again")


@contextmanager
def in_one_line(gallery: str, what: str, *errors: type[Exception]) -> Iterator[None]:
    """What a store's package raises (`errors`), as a GalleryError of one line: the gallery cannot be `read`, `written` …"""
    try:
        yield
    except GalleryError:
        raise
    except errors as error:
        raise GalleryError(f"the gallery {gallery} cannot be {what} ({' '.join(str(error).split())[:160]})") from error
