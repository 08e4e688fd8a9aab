"""A segment of a flat gallery: one file that never changes, of rows, their vectors in half precision and what filters read.

After a head of 64 bytes come arrays, each from a multiple of 64 bytes on, in the order of `_layout`: all sizes follow from the head, and the
head is checked against the size of the file. Numbers are little-endian. Nothing in the file is executed.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.gallery.gallery import GalleryError, Row
from models.gallery.where import Columns, Rows, second_of

Halves = NDArray[np.float16]
Arrays = dict[str, NDArray[Any]]

_MAGIC = b"GEOSEGM1"
_HEAD = struct.Struct("<8sQQQQ")
_ALIGN = 64
_TEXTS = ("id", "region", "city", "time", "licence", "attribution", "picture", "marks")
_texts = attrgetter(*_TEXTS)


def _layout(rows: int, dim: int, dead: int, text: int) -> list[tuple[str, str, tuple[int, ...]]]:
    """Names, types and shapes of the arrays."""
    return [
        ("vectors", "<f2", (rows, dim)),
        ("lat", "<f8", (rows,)),
        ("lon", "<f8", (rows,)),
        ("second", "<i8", (rows,)),
        ("country", "<u2", (rows,)),
        ("source", "<u2", (rows,)),
        ("sha256", "|u1", (rows, 32)),
        ("hash", "<u8", (rows,)),  # of the ids, ascending
        ("hash_row", "<u4", (rows,)),  # and the rows they are of
        ("dead", "<u8", (dead,)),  # rows of the whole gallery that this segment replaces
        ("text_end", "<u8", (rows,)),  # where a row's text ends in `text`
        ("text", "|u1", (text,)),
    ]


def _places(layout: list[tuple[str, str, tuple[int, ...]]]) -> tuple[list[int], int]:
    """Where the arrays begin, and how long the file is."""
    begins, at = [], _ALIGN
    for _, kind, shape in layout:
        begins.append(at)
        at += -(-int(np.dtype(kind).itemsize * np.prod(shape, dtype=np.int64)) // _ALIGN) * _ALIGN
    return begins, at


@dataclass(frozen=True, eq=False)
class Segment:
    """An open segment: its arrays are views of the mapped file."""

    path: Path
    arrays: Arrays
    mapped: mmap.mmap

    def check(self) -> None:
        """Raises GalleryError where the file was cut short since it was opened: reading what is gone would end the process."""
        if self.mapped.size() < len(self.mapped):
            raise GalleryError(f"{self.path} was cut short while the gallery was open")

    def __len__(self) -> int:
        return len(self.arrays["lat"])

    @property
    def vectors(self) -> Halves:
        """[n, dim]"""
        return self.arrays["vectors"]

    def row(self, number: int, countries: Sequence[str], sources: Sequence[str]) -> Row:
        """One row. Raises GalleryError where its text cannot be read."""
        of = self.arrays
        values = self.texts(number)
        digest = bytes(of["sha256"][number])
        country, source = int(of["country"][number]), int(of["source"][number])
        if country >= len(countries) or source >= len(sources):
            raise GalleryError(f"{self.path}: row {number} is damaged")
        return Row(
            lat=float(of["lat"][number]),
            lon=float(of["lon"][number]),
            country=countries[country],
            source=sources[source],
            sha256=digest.hex() if any(digest) else "",
            **dict(zip(_TEXTS, values, strict=True)),
        )

    def texts(self, number: int) -> list[str]:
        """The text fields of a row, its id first."""
        end = self.arrays["text_end"]
        begin, stop = int(end[number - 1]) if number else 0, int(end[number])
        try:
            values = bytes(self.arrays["text"][begin:stop]).decode().split("\0")
        except UnicodeDecodeError:
            values = []
        if len(values) != len(_TEXTS) or stop > len(self.arrays["text"]):
            raise GalleryError(f"{self.path}: the text of row {number} is damaged")
        return values

    def find(self, hashes: NDArray[np.uint64], ids: Sequence[str]) -> list[tuple[int, int]]:
        """Pairs (index into `ids`, row) of the ids that are here, replaced rows too; `hashes` are `hashes_of` the ids."""
        own, row_of = self.arrays["hash"], self.arrays["hash_row"]
        first, last = np.searchsorted(own, hashes, "left"), np.searchsorted(own, hashes, "right")
        found = []
        for index in np.flatnonzero(last > first).tolist():
            rows = row_of[first[index] : last[index]].tolist()
            found += [(index, row) for row in rows if row < len(self) and self.texts(row)[0] == ids[index]]
        return found


def columns_of_segments(
    segments: Sequence[Segment], countries: Sequence[str], sources: Sequence[str], rows_of: Callable[[Iterable[str]], Rows]
) -> Columns:
    """The columns of segments one after the other. Raises GalleryError where a row's country or source has no name."""

    def column(name: str, kind: str, *shape: int) -> NDArray[Any]:
        parts = [segment.arrays[name] for segment in segments]
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros((0, *shape), kind), *parts])

    country, source = column("country", "<u2"), column("source", "<u2")
    for code, names in ((country, countries), (source, sources)):
        if code.size and int(code.max()) >= len(names):
            raise GalleryError(f"{segments[0].path.parent} is damaged: rows of countries or sources that it does not name")
    lat, lon, second, sha256 = column("lat", "<f8"), column("lon", "<f8"), column("second", "<i8"), column("sha256", "|u1", 32)
    return Columns(lat, lon, country, countries, source, sources, second, sha256, rows_of)


def hashes_of(ids: Sequence[str]) -> NDArray[np.uint64]:
    """64 bits of each id; ids of the same hash are told apart by their text."""
    digests = b"".join(hashlib.blake2b(id.encode(errors="replace"), digest_size=8).digest() for id in ids)
    return np.frombuffer(digests, dtype="<u8")


def arrays_of(
    rows: Sequence[Row], vectors: NDArray[np.floating], country: Sequence[int], source: Sequence[int], dead: Rows
) -> Arrays:
    """The arrays of a segment, from checked rows with the codes of their countries and sources."""
    texts = ["\0".join(_texts(row)).encode() for row in rows]
    return _indexed(
        {
            "vectors": np.asarray(vectors, dtype=np.float16),
            "lat": np.array([row.lat for row in rows], dtype=np.float64),
            "lon": np.array([row.lon for row in rows], dtype=np.float64),
            "second": np.array([second_of(row.time) for row in rows], dtype=np.int64),
            "country": np.array(country, dtype=np.uint16),
            "source": np.array(source, dtype=np.uint16),
            "sha256": np.frombuffer(b"".join(bytes.fromhex(row.sha256) or bytes(32) for row in rows), np.uint8).reshape(-1, 32),
            "dead": np.asarray(dead, dtype=np.uint64),
            "text_end": np.cumsum([len(text) for text in texts], dtype=np.uint64),
            "text": np.frombuffer(b"".join(texts), dtype=np.uint8),
        },
        hashes_of([row.id for row in rows]),
    )


def _indexed(arrays: Arrays, hashes: NDArray[np.uint64]) -> Arrays:
    order = np.argsort(hashes, kind="stable")
    return {**arrays, "hash": hashes[order], "hash_row": order.astype(np.uint32)}


def hashes_in_order(arrays: Arrays) -> NDArray[np.uint64]:
    """The hashes of the ids by row."""
    hashes = np.empty(len(arrays["hash"]), dtype=np.uint64)
    hashes[arrays["hash_row"]] = arrays["hash"]
    return hashes


def picked(arrays: Arrays, rows: Rows, dead: Rows) -> Arrays:
    """Some rows of a segment."""
    ends = arrays["text_end"].astype(np.int64)
    begins = np.concatenate([[0], ends[:-1]])
    text = arrays["text"]
    parts = [text[begins[row] : ends[row]] for row in rows.tolist()]
    kept = {name: arrays[name][rows] for name in ("vectors", "lat", "lon", "second", "country", "source", "sha256")}
    kept["text_end"] = np.cumsum([len(part) for part in parts], dtype=np.uint64)
    kept["text"] = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
    return _indexed({**kept, "dead": np.asarray(dead, dtype=np.uint64)}, hashes_in_order(arrays)[rows])


def joined(parts: Sequence[Arrays]) -> Arrays:
    """Segments one after the other as one; what they replace stays replaced."""
    names = ("vectors", "lat", "lon", "second", "country", "source", "sha256", "dead", "text")
    both = {name: np.concatenate([part[name] for part in parts]) for name in names}
    shifts = np.cumsum([0, *(len(part["text"]) for part in parts)])
    both["text_end"] = np.concatenate([part["text_end"] + np.uint64(shift) for part, shift in zip(parts, shifts, strict=False)])
    return _indexed(both, np.concatenate([hashes_in_order(part) for part in parts]))


def write_segment(path: Path, arrays: Arrays) -> int:
    """Write a segment, whole or not at all, and bring it to disk; its size in bytes. Raises OSError."""
    sizes = (*arrays["vectors"].shape, len(arrays["dead"]), len(arrays["text"]))
    layout = _layout(*sizes)
    begins, size = _places(layout)
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        head = _HEAD.pack(_MAGIC, *sizes)
        file.write(head + struct.pack("<I", zlib.crc32(head)))
        for (name, kind, _), begin in zip(layout, begins, strict=True):
            file.seek(begin)
            file.write(np.ascontiguousarray(arrays[name], dtype=kind).data)
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return size


def open_segment(path: Path, dim: int, size: int) -> Segment:
    """Map a segment of the size that the manifest says. Raises GalleryError with one line where the file is not what it should be."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != size or size < _ALIGN:
                raise GalleryError(f"{path} is not whole: {os.fstat(file.fileno()).st_size} bytes instead of {size}")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise GalleryError(f"{path} cannot be read ({error.strerror})") from error
    head = mapped[: _HEAD.size]
    magic, rows, own_dim, dead, text = _HEAD.unpack(head)
    if magic != _MAGIC or mapped[_HEAD.size : _HEAD.size + 4] != struct.pack("<I", zlib.crc32(head)):
        raise GalleryError(f"{path} is no segment of a gallery, or its head is damaged")
    layout = _layout(rows, own_dim, dead, text) if max(rows, own_dim, dead, text) <= size else []
    begins, expected = _places(layout)
    if expected != size or own_dim != dim or not rows:
        raise GalleryError(f"{path} is damaged: its head does not fit its size or the gallery's {dim} numbers a vector")
    arrays: Arrays = {}
    for (name, kind, shape), begin in zip(layout, begins, strict=True):
        length = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(mapped, dtype=kind, count=length, offset=begin).reshape(shape)
    return Segment(path, arrays, mapped)
