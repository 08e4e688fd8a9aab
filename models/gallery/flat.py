"""A gallery in plain files with exact search: the default, made for up to a few million rows."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from geo.sphere import Floats
from models.encoders.encoder import Vectors
from models.gallery.checked import check_opening, checked, checked_vectors
from models.gallery.gallery import GalleryError, Hit, Row, Where
from models.gallery.manifest import MANIFEST, Manifest, SegmentEntry, locked, read_manifest, told
from models.gallery.nearest import Halves, blocks_of, nearest, undamaged
from models.gallery.segment import (
    Arrays,
    Segment,
    arrays_of,
    columns_of_segments,
    hashes_of,
    joined,
    open_segment,
    picked,
    write_segment,
)
from models.gallery.where import Columns, Rows, held_rows

_SMALL_TAIL = 16
"""So many small segments at the end are made one when another comes."""
_COMPACT_ROWS = 65536


class FlatGallery:
    """Rows and vectors (half precision) in mapped segments that never change, named by a manifest.

    One writer and any number of readers: a reader sees what was flushed when it opened. Search is exact for the vectors as they are kept.
    """

    def __init__(
        self,
        folder: Path | str,
        dim: int | None = None,
        encoder_digest: str | None = None,
        *,
        encoder: str = "",
        create: bool = False,
        read_only: bool = False,
        flush_rows: int = 4096,
        threads: int = 1,
    ) -> None:
        """Open the gallery of a folder; `create` makes one (of `dim` numbers a vector) where there is none.

        `add` flushes by itself after `flush_rows` rows; `threads` share a search. Raises GalleryError with one line: no gallery, another
        `dim` or `encoder_digest` than the gallery's, damaged files, another writer.
        """
        self.folder = Path(folder)
        self._flush_rows, self._threads = flush_rows, threads
        self._buffer: dict[str, tuple[Row, Vectors]] = {}
        self._lock: int | None = None
        if create and not read_only and not (self.folder / MANIFEST).exists():
            if dim is None or dim < 1:
                raise GalleryError(f"a new gallery in {self.folder} needs the length of its vectors (dim)")
            with told(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
        try:
            if not read_only and (create or (self.folder / MANIFEST).exists()):
                self._lock = locked(self.folder)
            if create and self._lock is not None and dim is not None and not (self.folder / MANIFEST).exists():
                with told(self.folder):
                    Manifest(dim, encoder, encoder_digest or "").write(self.folder)
            self._open(retries=3 if read_only else 0)
            check_opening(str(self.folder), dim, self.dim, encoder_digest, self.encoder_digest)
            if self._lock is not None:
                self._tidy()
        except BaseException:
            self._unlock()
            raise

    def _open(self, retries: int) -> None:
        """Map what the manifest names; once more where a writer replaced it meanwhile."""
        self._manifest = read_manifest(self.folder)
        try:
            self._segments = [self._mapped(entry) for entry in self._manifest.segments]
        except GalleryError:
            if retries and read_manifest(self.folder) != self._manifest:
                return self._open(retries - 1)
            raise
        return self._changed()

    def _mapped(self, entry: SegmentEntry) -> Segment:
        segment = open_segment(self.folder / entry.file, self._manifest.dim, entry.bytes)
        if len(segment) != entry.rows:
            raise GalleryError(f"{segment.path} is damaged: {len(segment)} rows instead of {entry.rows}")
        return segment

    def _changed(self) -> None:
        """After a change of the segments: where each begins, and which rows were replaced."""
        self._bounds = np.cumsum([0, *(len(segment) for segment in self._segments)])
        self._dead = np.zeros(self._bounds[-1], dtype=bool)
        for segment, stop in zip(self._segments, self._bounds[1:].tolist(), strict=True):
            replaced = segment.arrays["dead"]
            if replaced.size and int(replaced.max()) >= stop:
                raise GalleryError(f"{segment.path} is damaged: it replaces rows that are not there")
            self._dead[replaced.astype(np.intp)] = True
        self._alive = int(self._bounds[-1]) - int(self._dead.sum())
        self.__dict__.pop("_columns", None)

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self._manifest.dim

    @property
    def encoder(self) -> str:
        """Spec of the encoder that made the vectors, or empty."""
        return self._manifest.encoder

    @property
    def encoder_digest(self) -> str:
        """Digest of the encoder that made the vectors, or empty."""
        return self._manifest.encoder_digest

    # -- reading -------------------------------------------------------------------------------------------------------------------------

    def search(self, vectors: Vectors, k: int, where: Where | None = None) -> list[list[Hit]]:
        """The `k` likest rows for each query [q, dim]; rows of the same similarity in their order. Raises GalleryError."""
        self._bring_in()
        self._check()
        queries = checked_vectors(vectors, self.dim)
        if k < 1 or not len(queries):
            return [[] for _ in queries]
        blocks = blocks_of(self._kept(where), self.dim, self._bounds.tolist())
        found = nearest(queries, k, blocks, self._take, self._threads)
        return [
            [Hit(self._row(row), score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)]
            for rows, scores in found
        ]

    def count(self, where: Where | None = None) -> int:
        """How many rows there are."""
        self._bring_in()
        return self._alive if where is None else len(self._kept(where))

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these ids are in the gallery, rows that wait for `flush` among them."""
        asked = list(ids)
        waiting = {id for id in asked if id in self._buffer}
        rest = [id for id in asked if id not in waiting]
        return waiting | {rest[index] for index, _ in self._find(rest)}

    def scan(self, batch: int = 4096) -> Iterator[tuple[list[Row], Vectors]]:
        """Every row once with its vector, in batches of at most `batch`, in the order in which they came."""
        self._bring_in()
        self._check()
        rows = np.flatnonzero(~self._dead)
        for start in range(0, len(rows), batch):
            some = rows[start : start + batch]
            yield [self._row(row) for row in some.tolist()], undamaged(self._take(some)).astype(np.float32)

    def points(self) -> tuple[Floats, Floats]:
        """Latitudes and longitudes [n] of all rows, from their columns."""
        self._bring_in()
        alive = ~self._dead
        return self._columns.lat[alive], self._columns.lon[alive]

    def _check(self) -> None:
        for segment in self._segments:
            segment.check()

    def _kept(self, where: Where | None) -> Rows | range:
        if where is not None and where != Where():
            rows = held_rows(where, self._columns)
            return rows if self._alive == len(self._dead) else rows[~self._dead[rows]]
        return range(self._alive) if self._alive == len(self._dead) else np.flatnonzero(~self._dead)

    @functools.cached_property
    def _columns(self) -> Columns:
        names = self._manifest.countries, self._manifest.sources
        return columns_of_segments(self._segments, *names, self._rows_of)

    def _rows_of(self, ids: Iterable[str]) -> Rows:
        return np.array([row for _, row in self._find(list(ids))], dtype=np.intp)

    def _find(self, ids: Sequence[str]) -> list[tuple[int, int]]:
        """Pairs (index into `ids`, row of the gallery) of the ids whose row was not replaced."""
        hashes = hashes_of(ids)
        pairs = (
            (index, int(begin) + row)
            for segment, begin in zip(self._segments, self._bounds.tolist(), strict=False)
            for index, row in segment.find(hashes, ids)
        )
        return [(index, row) for index, row in pairs if not self._dead[row]]

    def _row(self, number: int) -> Row:
        at = int(np.searchsorted(self._bounds, number, side="right")) - 1
        return self._segments[at].row(number - int(self._bounds[at]), self._manifest.countries, self._manifest.sources)

    def _take(self, rows: Rows | range) -> Halves:
        """Vectors of rows in ascending order."""
        if isinstance(rows, range):
            at = int(np.searchsorted(self._bounds, rows.start, side="right")) - 1
            begin = int(self._bounds[at])
            return self._segments[at].vectors[rows.start - begin : rows.stop - begin]
        taken = np.empty((len(rows), self.dim), dtype=np.float16)
        edges = np.searchsorted(rows, self._bounds)
        for at in np.flatnonzero(edges[1:] > edges[:-1]).tolist():
            here = slice(edges[at], edges[at + 1])
            # All rows are in range; `clip` spares numpy a copy.
            np.take(self._segments[at].vectors, rows[here] - self._bounds[at], axis=0, out=taken[here], mode="clip")
        return taken

    # -- writing -------------------------------------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Put rows and their unit vectors [n, dim] in; a known id is replaced. Nothing is put in where it raises GalleryError."""
        self._may_write()
        unit = checked(rows, vectors, self.dim)
        for row, vector in zip(rows, unit, strict=True):
            self._buffer.pop(row.id, None)
            self._buffer[row.id] = row, vector
        if len(self._buffer) >= self._flush_rows:
            self.flush()

    def flush(self) -> None:
        """Write what was added as a new segment, and name it in the manifest. Raises GalleryError where the disk refuses."""
        self._may_write()
        if not self._buffer:
            return
        rows, vectors, replaced = self._news()
        if not rows:
            self._buffer.clear()
            return
        codes = self._manifest.coded([row.country for row in rows], [row.source for row in rows])
        new = arrays_of(rows, vectors, *codes, replaced)
        tail = next(
            (n for n, segment in enumerate(reversed(self._segments)) if len(segment) >= self._flush_rows), len(self._segments)
        )
        old = self._segments[len(self._segments) - tail :] if tail >= _SMALL_TAIL else []
        self._replace(len(self._segments) - len(old), [joined([*(segment.arrays for segment in old), new]) if old else new])
        self._buffer.clear()

    def _news(self) -> tuple[list[Row], Halves, Rows]:
        """What waits and is not in the gallery just so, and the rows that it replaces: putting the same in again costs no place."""
        rows = [row for row, _ in self._buffer.values()]
        vectors = np.stack([vector for _, vector in self._buffer.values()]).astype(np.float16)
        new, replaced = np.ones(len(rows), dtype=bool), []
        for index, old in self._find([row.id for row in rows]):
            if rows[index] == self._row(old) and np.array_equal(vectors[index], self._take(range(old, old + 1))[0]):
                new[index] = False
            else:
                replaced.append(old)
        return (
            [row for row, is_new in zip(rows, new.tolist(), strict=True) if is_new],
            vectors[new],
            np.array(replaced, dtype=np.intp),
        )

    def compact(self) -> None:
        """Leave the replaced rows out and make large segments of small ones. The gallery takes up to twice its place meanwhile."""
        self._may_write()
        self.flush()
        parts: list[Arrays] = []
        whole: list[SegmentEntry] = []
        nothing = np.zeros(0, dtype=np.intp)
        for segment, begin in zip(self._segments, self._bounds.tolist(), strict=False):
            alive = np.flatnonzero(~self._dead[begin : begin + len(segment)])
            parts.append(picked(segment.arrays, alive, nothing))
            if sum(len(part["lat"]) for part in parts) >= _COMPACT_ROWS:
                whole.append(self._written(joined(parts)))
                parts = []
        if any(len(part["lat"]) for part in parts):
            whole.append(self._written(joined(parts)))
        self._name(0, whole)

    def close(self) -> None:
        """Flush, compact where most rows were replaced, and let other writers in."""
        try:
            if self._lock is not None:
                self.flush()
                if len(self._dead) > max(2 * self._alive, self._flush_rows):
                    self.compact()
        finally:
            self._buffer.clear()
            self._unlock()

    def _replace(self, first: int, parts: list[Arrays]) -> None:
        """Have new segments take the place of all from the `first` on."""
        self._name(first, [self._written(part) for part in parts])

    def _written(self, arrays: Arrays) -> SegmentEntry:
        name = f"{self._manifest.next:08d}.segment"
        self._manifest.next += 1
        with told(self.folder):
            return SegmentEntry(name, len(arrays["lat"]), write_segment(self.folder / name, arrays))

    def _name(self, first: int, entries: list[SegmentEntry]) -> None:
        gone = self._manifest.segments[first:]
        changed = replace(self._manifest, segments=[*self._manifest.segments[:first], *entries])
        with told(self.folder):
            changed.write(self.folder)
        self._manifest = changed
        self._segments = [*self._segments[:first], *(self._mapped(entry) for entry in entries)]
        self._changed()
        for entry in gone:
            (self.folder / entry.file).unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove what a writer that was killed left behind."""
        named = {entry.file for entry in self._manifest.segments}
        for path in self.folder.iterdir():
            if re.fullmatch(r"\d{8}\.(segment|part)", path.name) and path.name not in named:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _bring_in(self) -> None:
        if self._buffer:
            self.flush()

    def _may_write(self) -> None:
        if self._lock is None:
            raise GalleryError(f"the gallery {self.folder} was opened for reading, or closed")

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
