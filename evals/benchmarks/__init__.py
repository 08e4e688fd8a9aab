"""Benchmarks by name: photos with the truth about where they were taken.

    make_benchmark("im2gps3k")                     in $GEOSLEUTH_DATA/im2gps3k or the user's data folder
    make_benchmark("geobench:DIR")                 published files where they are
    make_benchmark("folder:photos")                any folder with labels.csv or EXIF places
    make_benchmark("practice:hard:7:100")          100 drawn scenes of seed 7; `practice` alone: all levels in turn
    make_benchmark("practice:hard.stops:7:100")    of these only such as a bus stop decides (`evals/practice/recipes.py`)
    make_benchmark("practice:hard:7:100:train")    the same in cities for training, never held-out ones (`evals/splits.py`)

Records are listed without opening a picture; the truth is completed from the gazetteer (`evals/truth.py`).
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from evals.benchmarks.coordinates import load_table
from evals.benchmarks.folder import load_folder, load_labels, load_tagged
from evals.benchmarks.geobench import load_geobench
from evals.benchmarks.hub import fetch_files, fetch_rows
from evals.benchmarks.image_store import ImageStore
from evals.benchmarks.known import KNOWN, Known, absent, find_table, is_present, known_benchmarks, root
from evals.benchmarks.loaded import FileBenchmark, Loaded, checksum, missing, notes
from evals.benchmarks.parquet import ParquetRows
from evals.benchmarks.table import read_table, table_of
from evals.record import Benchmark, BenchmarkError

__all__ = ["checksum", "known_benchmarks", "make_benchmark", "missing", "notes"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def make_benchmark(spec: str, *, images: Path | None = None, data: Path | None = None) -> Benchmark:
    """The benchmark that `spec` names: `NAME`, `NAME:PATH`, `folder:PATH` or `practice[:LEVEL[:SEED[:N[:SPLIT]]]]`.

    `data` is another way to give PATH: the folder or the table of the benchmark. `images` is where its pictures are (a folder, a tar
    or a zip file) when not with the table. Nothing is read yet: `records()` reads. Raises BenchmarkError, one line, for a name that
    is not known and for files that are not there.
    """
    name, _, place = spec.partition(":")
    if name == "practice":
        return _practice(place)
    path = data or (Path(place).expanduser() if place else None)
    if name == "folder":
        if path is None:
            raise BenchmarkError("say which folder: folder:PATH")
        return FileBenchmark(spec, partial(_load_folder, _there(path), images))
    if name not in KNOWN:
        raise BenchmarkError(
            f"no benchmark is called {name[:60]!r}: there are {', '.join(KNOWN)}, folder:PATH and practice:LEVEL"
        )
    known = KNOWN[name]
    if path is not None and not path.exists() and data is None and _HUB_ID.fullmatch(place):
        return FileBenchmark(spec, partial(_load_from_hub, known, place, images))
    if path is None and not is_present(known):
        if not known.hub:
            raise absent(known, root() / name)
        return FileBenchmark(spec, partial(_load_from_hub, known, known.hub, images))
    return FileBenchmark(spec, partial(_load_known, known, _there(path or root() / name), images))


def _there(path: Path) -> Path:
    if not path.exists():
        raise BenchmarkError(f"{path} is not there")
    return path


def _practice(place: str) -> Benchmark:
    from evals.practice import Practice

    match = re.fullmatch(r"([^:]*)(?::(\d{1,9})(?::(\d{1,9})(?::([a-z-]+))?)?)?", place)
    if match is None:
        raise BenchmarkError(f"practice:{place[:60]} is not practice:LEVEL[:SEED[:N[:SPLIT]]], such as practice:easy:7:100:train")
    level, seed, n, split = match.groups()
    return Practice(level or "all", int(seed or 0), int(n or 300), cities=split or "all")


def _load_folder(path: Path, images: Path | None) -> Loaded:
    return load_labels(path, images or path.parent) if path.is_file() else load_folder(path, images)


def _load_known(known: Known, path: Path, images: Path | None) -> Loaded:
    if known.name == "geobench":
        return load_geobench(ParquetRows(path), images or (path if path.is_dir() else path.parent))
    table = path if path.is_file() else find_table(known, path)
    if table is None:
        if known.name == "im2gps":
            return load_tagged(images or path)
        raise absent(known, path)
    folder = path if path.is_dir() else path.parent
    where = images or next((folder / name for name in known.images if (folder / name).exists()), folder)
    return load_table(read_table(table), ImageStore(where), licence=_licence(known), attribution=known.title, split=known.split)


def _load_from_hub(known: Known, repo: str, images: Path | None) -> Loaded:
    try:
        if known.files:
            return _load_known(known, fetch_files(repo, known.files), images)
        rows = fetch_rows(repo)
    except BenchmarkError as error:
        raise BenchmarkError(f"{error}; {absent(known, root() / known.name)}") from error
    if known.name == "geobench":
        return load_geobench(rows, images)
    store = ImageStore(images) if images else None
    return load_table(table_of(rows), store, licence=_licence(known), attribution=known.title, split=known.split)


def _licence(known: Known) -> str:
    return "" if known.licence == "not stated" else known.licence
