"""What a gallery is built of: folders, tables, parquet files, tar shards and benchmarks, each read to photos with places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.decode import looks_like_photo
from agent.find_photos import find_photos
from evals.benchmarks import make_benchmark, notes
from evals.benchmarks.folder import LABELS, load_labels, tagged_place
from evals.benchmarks.known import KNOWN
from evals.benchmarks.loaded import FileBenchmark, listed
from evals.benchmarks.table import SUFFIXES, plain, read_table
from evals.record import BenchmarkError, Record
from geosleuth.gallery.shards import read_shards, shard_files
from geosleuth.gallery.source import TIME_COLUMNS, SourcePhoto, labelled_time
from geosleuth.gallery.taken import iso_time
from models.gallery.gallery import GalleryError

if TYPE_CHECKING:
    from evals.record import Benchmark

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Source:
    """A collection of photos whose places are known."""

    spec: str
    """As given; a path is absolute."""
    photos: Sequence[SourcePhoto]
    notes: Sequence[str] = ()
    """Sentences about what was left out or looks wrong."""
    problems: Sequence[tuple[str, str]] = field(default_factory=list)
    """Names of single files that cannot be used, each with the reason."""

    def short_name(self) -> str:
        """What it is called where nothing else was said: the last part of its path without ending, or the benchmark's name."""
        path, benchmark = Path(self.spec), self.spec.partition(":")[0]
        name = benchmark if benchmark in KNOWN else self.spec
        if path.is_absolute():
            name = path.stem if path.is_file() else path.name
        return _NOT_IN_NAMES.sub("-", name).strip("-.")[:60] or "photos"


def refuse_export(text: str) -> None:
    """Raises GalleryError where a source is a file that `geosleuth gallery export` wrote, or a folder of such files."""
    path = Path(text.removeprefix("folder:")).expanduser()
    if path.is_dir() and not any((path / name).is_file() for name in LABELS):
        path = next(path.glob("*.parquet"), path)
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return
    from models.gallery.transfer import is_export

    if is_export(path):
        raise GalleryError(f"{path} is an exported gallery: geosleuth gallery import {path} --into NAME")


def read_source(text: str, images: Path | None = None) -> Source:
    """List a source: a folder (labels.csv, tar shards, parquet files, or photos that say where they were taken), a table, a tar file of
    shards, or a benchmark as `geosleuth eval` names it (`practice:easy:0:50`, `im2gps3k`, `folder:PATH`).

    `images` is where a table's pictures are when not beside it: a folder, a tar or a zip file. No picture is decoded.
    Raises BenchmarkError or GalleryError, one line.
    """
    path = Path(text.removeprefix("folder:")).expanduser()
    if not path.exists():
        if text.partition(":")[0] in {*KNOWN, "practice"}:
            return _of_benchmark(text, make_benchmark(text, images=images))
        raise GalleryError(f"{text} is not there; a source is a folder, a table, tar shards or a benchmark (geosleuth eval list)")
    refuse_export(text)
    spec = str(path.absolute())
    if path.is_file():
        return _of_file(spec, path, images)
    if any((path / name).is_file() for name in LABELS):
        labels = next(path / name for name in LABELS if (path / name).is_file())
        return _of_table(spec, labels, images or path)
    if shard_files(path):
        return _of_shards(spec, path)
    if any(next(path.glob(pattern), None) for pattern in ("*.parquet", "*/*.parquet")):
        return _of_table(spec, path, images or path)
    return _of_folder(spec, path, images)


def _of_file(spec: str, path: Path, images: Path | None) -> Source:
    if path.suffix.lower() == ".tar":
        return _of_shards(spec, path)
    if path.suffix.lower() not in SUFFIXES:
        raise GalleryError(f"{path} is no source: give a folder, a table ({', '.join(SUFFIXES)}) or a tar file of shards")
    return _of_table(spec, path, images or path.parent)


def _of_shards(spec: str, path: Path) -> Source:
    photos, problems = read_shards(path)
    if not photos:
        raise GalleryError(f"{path} holds no picture with labels that say where it was taken (key.jpg with key.json: lat, lon)")
    return Source(spec, photos, [], problems)


def _of_table(spec: str, table: Path, images: Path) -> Source:
    skipped: list[tuple[str, str]] = []
    benchmark = FileBenchmark(spec, partial(load_labels, table, images, skipped))
    source = _of_benchmark(spec, benchmark, _times(table))
    return replace(source, problems=[*source.problems, *skipped])


def _of_folder(spec: str, folder: Path, images: Path | None) -> Source:
    """Photos with the place in their tags; the other files of the folder are told by name."""
    source = _of_benchmark(spec, make_benchmark(f"folder:{folder}", images=images))
    placed = {photo.id for photo in source.photos}
    return Source(spec, source.photos, [], [*source.problems, *_placeless(folder, placed)])


def _placeless(folder: Path, placed: set[str]) -> Iterator[tuple[str, str]]:
    for found in find_photos([str(folder)]):
        name = Path(found.name).relative_to(folder).as_posix() if Path(found.name).is_relative_to(folder) else found.name
        if name in placed:
            continue
        if found.path is None:
            yield name, found.reason
        elif not _is_picture(found.path):
            yield name, "is not a picture"
        else:
            _, why = tagged_place(found.path)
            yield name, why or "says no place (neither GPS tags nor coordinates in a comment)"


def _is_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return looks_like_photo(file.read(64))
    except OSError:
        return False


def _of_benchmark(spec: str, benchmark: Benchmark, times: Mapping[str, str] | None = None) -> Source:
    """Records whose coordinates were given. A point that only stands for a city's name is no place of a photo."""
    records = benchmark.records()
    exact = [record for record in records if _is_exact(record)]
    if not exact:
        raise BenchmarkError(f"{spec} gives none of its {len(records):,} photos coordinates")
    vague = listed("photos have no coordinates", [record.id for record in records if not _is_exact(record)])
    photos = [_photo(record, (times or {}).get(record.id, "")) for record in exact]
    return Source(spec, photos, [*notes(benchmark), *vague])


def _is_exact(record: Record) -> bool:
    return record.truth.lat is not None and "point" not in record.truth.derived


def _photo(record: Record, time: str) -> SourcePhoto:
    assert record.truth.lat is not None
    assert record.truth.lon is not None
    return SourcePhoto(record.id, record.truth.lat, record.truth.lon, record.open, time or labelled_time(record.columns),
                       record.licence, record.attribution, record.kind == "panorama")  # fmt: skip


def _times(path: Path) -> dict[str, str]:
    """When the photos of a table were taken, by id or picture; only what its labels say in a way that can be read."""
    table = read_table(path)
    columns = [table.roles["time"]] if "time" in table.roles else []
    named = {plain(name): values for name, values in table.splits.items()}
    columns += [named[name] for name in TIME_COLUMNS if name in named]
    times: dict[str, str] = {}
    for names in (table.roles.get("id", ()), table.roles.get("image", ()), [str(number) for number in table.lines]):
        for row, name in enumerate(names if columns else ()):
            time = next((time for column in columns if (time := iso_time(column[row]))), "")
            if time:
                times.setdefault(name, time)
    return times
