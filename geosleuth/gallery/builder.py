"""The building of a gallery: photos are opened, compared with what is there, described and kept, a batch at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from agent.report.markup import showable
from geo.gazetteer import gazetteer
from geo.place import Location
from geosleuth.gallery.describe import Describe
from geosleuth.gallery.left_out import Kind, LeftOut, Skipped
from geosleuth.gallery.opening import NamedSource
from geosleuth.gallery.prepare import Opened, opened, storable_text
from geosleuth.gallery.row_marks import marks_of
from geosleuth.gallery.source import SourcePhoto
from geosleuth.gallery.sources import Source
from geosleuth.gallery.twins import Twins
from models.gallery.catalogue import NamedGallery
from models.gallery.gallery import Row
from models.gallery.marks import hex_marks
from models.gallery.thumbnails import FILE as THUMBNAILS_FILE
from models.gallery.thumbnails import Thumbnails

_UNIT_TOLERANCE = 0.01
_LONGEST = 300
"""Characters of a licence or an attribution that are kept."""


@dataclass(frozen=True)
class BuildSettings:
    """How a gallery is built."""

    jobs: int = 2
    """Photos opened at once."""
    batch: int = 32
    """Photos brought to disk together: what a kill loses at most."""
    allow_duplicates: bool = False
    """Copies of photos that are there come in too."""


@dataclass
class Tally:
    """What a build has come to so far."""

    total: int
    """Photos of all sources."""
    problems: int = 0
    """Files of the sources that are no photos with a place; they are not among the photos."""
    known: int = 0
    """Finished by an earlier build: not opened."""
    added: int = 0
    left_out: Counter[Kind] = field(default_factory=Counter)
    """By this build."""
    leaked_before: int = 0
    """Rows from earlier builds that are in a benchmark to be excluded; they stay."""
    seconds: float = 0.0
    """Since photos began to be opened."""

    @property
    def opened(self) -> int:
        """Photos that this build has opened."""
        return self.added + self.left_out.total()

    @property
    def done(self) -> int:
        return self.known + self.opened

    @property
    def photos_per_s(self) -> float:
        return self.opened / self.seconds if self.seconds > 0 else 0.0


Told = Callable[[Tally], None]


@dataclass(frozen=True, eq=False)
class _Todo:
    row_id: str
    source: NamedSource
    photo: SourcePhoto


class Builder:
    """One build of a gallery that is open for writing."""

    def __init__(
        self, gallery: NamedGallery, describe: Describe, settings: BuildSettings | None = None, benchmarks: Twins | None = None
    ) -> None:
        """`benchmarks` are photos that must not come in. Raises OSError where the list of what was left out cannot be read."""
        self.gallery, self._describe = gallery, describe
        self._settings = settings or BuildSettings()
        self._benchmarks = benchmarks or Twins()
        self.left_out = LeftOut(gallery.folder)
        self._twins = Twins()
        self._tally = Tally(0)

    def run(self, sources: Sequence[tuple[NamedSource, Source]], told: Told) -> Tally:
        """Bring the photos of the sources in, in their order. A second run goes on where the first was stopped.

        Raises GalleryError and EncoderError, and OSError where the disk refuses; what was finished stays in any case.
        """
        self._tally.total = sum(len(source.photos) for _, source in sources)
        owners = self._read_rows()
        self._note_problems(sources)
        todo = self._todo(sources, owners)
        told(self._tally)
        began = time.monotonic()
        thumbnails = Thumbnails(self.gallery.folder / THUMBNAILS_FILE)
        try:
            for batch in self._opened(todo):
                self._keep(batch, thumbnails)
                self._tally.seconds = time.monotonic() - began
                told(self._tally)
        finally:
            thumbnails.close()
        self.left_out.save()
        return self._tally

    def _read_rows(self) -> dict[str, str]:
        """Which source each row comes from, by id; their pictures go among the known ones."""
        owners: dict[str, str] = {}
        for rows, _ in self.gallery.store.scan():
            for row in rows:
                owners[row.id] = row.source
                marks = marks_of(row)
                if marks is not None:
                    self._twins.add(row.id, marks)
                    self._tally.leaked_before += len(self._benchmarks) > 0 and self._benchmarks.find(marks) is not None
        return owners

    def _note_problems(self, sources: Sequence[tuple[NamedSource, Source]]) -> None:
        """Files that a source could not use are told by name; they are no photos of it and are not counted."""
        for named, source in sources:
            for name, reason in source.problems:
                self.left_out.add(Skipped("unusable", named.name, name, reason))
                self._tally.problems += 1
        self.left_out.flush()

    def _todo(self, sources: Sequence[tuple[NamedSource, Source]], owners: dict[str, str]) -> list[_Todo]:
        """Photos that are not finished, with the ids of their rows: the photo's own, behind the source's name where another source has it."""
        finished = set(owners)
        todo = []
        for named, source in sources:
            for photo in source.photos:
                row_id = storable_text(photo.id)
                if owners.setdefault(row_id, named.name) != named.name:
                    row_id = f"{named.name}:{row_id}"
                if row_id in finished or self._settled(row_id):
                    self._tally.known += 1
                else:
                    todo.append(_Todo(row_id, named, photo))
        return todo

    def _settled(self, row_id: str) -> bool:
        """Whether an earlier build left the photo out for a reason that still holds. Broken files may have been mended."""
        item = self.left_out.get(row_id)
        if item is None or item.kind == "unusable":
            return False
        return not self._settings.allow_duplicates if item.kind == "duplicate" else len(self._benchmarks) > 0

    def _opened(self, todo: Sequence[_Todo]) -> Iterator[list[Opened]]:
        """Batches of opened photos, in order; the next batch is opened while the caller works on one."""
        size = self._settings.batch
        batches = [todo[start : start + size] for start in range(0, len(todo), size)]
        pool = ThreadPoolExecutor(self._settings.jobs, "open")

        def begin(number: int) -> list[Future[Opened]]:
            return [pool.submit(opened, item.row_id, item.source, item.photo) for item in batches[number]]

        try:
            ahead = begin(0) if batches else []
            for number in range(len(batches)):
                current, ahead = ahead, begin(number + 1) if number + 1 < len(batches) else []
                yield [future.result() for future in current]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _keep(self, batch: Sequence[Opened], thumbnails: Thumbnails) -> None:
        """Bring what may come in of a batch to disk: thumbnails first, so that every row has one, then rows, then what was left out."""
        kept = [item for item in batch if self._may_come_in(item)]
        vectors = self._describe(kept) if kept else np.zeros((0, self.gallery.card.dim), np.float32)
        usable = np.abs(np.linalg.norm(vectors, axis=1) - 1.0) <= _UNIT_TOLERANCE
        for number in np.flatnonzero(~usable).tolist():
            self._leave_out(kept[number], "unusable", "the encoder finds nothing in it to describe")
        kept = [kept[number] for number in np.flatnonzero(usable).tolist()]
        if kept:
            thumbnails.put_many([(item.row_id, item.thumbnail) for item in kept])
            self.gallery.store.add(rows_of(kept), vectors[usable])
            self.gallery.store.flush()
        for item in kept:
            self.left_out.forget(item.row_id)
        self.left_out.flush()
        self._tally.added += len(kept)

    def _may_come_in(self, item: Opened) -> bool:
        """Whether it is a photo, in no benchmark to be excluded, and new; what is not is put on the list."""
        if item.marks is None:
            self._leave_out(item, "unusable", item.problem)
        elif twin := self._benchmarks.find(item.marks):
            self._leave_out(item, "excluded", twin.reason())
        elif not self._settings.allow_duplicates and (twin := self._twins.find(item.marks)):
            self._leave_out(item, "duplicate", twin.reason())
        else:
            self._twins.add(item.row_id, item.marks)
            return True
        return False

    def _leave_out(self, item: Opened, kind: Kind, reason: str) -> None:
        self._tally.left_out[kind] += 1
        self.left_out.add(Skipped(kind, item.source.name, item.row_id, reason))


def rows_of(items: Sequence[Opened]) -> list[Row]:
    """Rows of opened photos, with the names of their places from the gazetteer."""
    places = gazetteer().reverse_many([item.photo.lat for item in items], [item.photo.lon for item in items])
    return [_row(item, places.location(number)) for number, item in enumerate(items)]


def _row(item: Opened, place: Location) -> Row:
    assert item.marks is not None
    licence = item.photo.licence or item.source.licence
    return Row(
        id=item.row_id, lat=item.photo.lat, lon=item.photo.lon,
        country=place.country or "", region=place.region or "", city=place.city or "",
        time=item.time, source=item.source.name, licence=_short(licence), attribution=_short(item.photo.attribution),
        picture=item.path, sha256=item.marks.sha256, marks=hex_marks(item.marks.phash, item.marks.dhash, item.marks.flat),
    )  # fmt: skip


def _short(text: str) -> str:
    return " ".join(showable(text).split())[:_LONGEST]
