"""Whether a gallery, or what a model was trained on, holds a benchmark's photos or their places.

The thresholds were measured on 132 real photos (dev_photos without the two of one colour) and copies of them, in bits of 128, both
hashes together. Different photos: median 62, least 22, 26, 29 of 8,646 pairs, the nearest being frames of one car camera. Copies, the most:
9 (JPEG at quality 10), 3 (half the size), 6 (160 pixels), 2 (grey; squeezed to a square), 21 (30 % brighter), 10 (2 % cut off), 21 (5 % cut
off). Of copies without a twentieth on the left side 70 % are `same` and 99 % at least `near`; without a tenth all around 25 % and 82 %;
without a fifth 1 % and 6 %. Mirrored copies are not found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agent.find_photos import find_photos
from evals.benchmarks.coordinates import load_table
from evals.benchmarks.folder import LABELS, load_tagged
from evals.benchmarks.table import read_table
from evals.photo_marks import Marked, Marks, MarksCache, Told, mark_files, mark_records, photo_marks, silent
from evals.record import BenchmarkError
from geo.sphere import Floats, haversine_km, unit_vectors
from models.gallery.marks import SAME_BITS

__all__ = [
    "SAME_BITS",
    "Leak",
    "Marked",
    "Marks",
    "MarksCache",
    "find_leaks",
    "leakage_report",
    "mark_files",
    "mark_records",
    "photo_marks",
    "read_gallery",
]

NEAR_BITS = 24
"""Up to this many they are to be looked at."""
WITHIN_KM = (1.0, 25.0)
_MOST = 5
_QUERIES = 32

Kind = Literal["same file", "same picture", "near picture", "same place"]
KINDS: tuple[Kind, ...] = ("same file", "same picture", "near picture", "same place")


@dataclass(frozen=True)
class Leak:
    """A photo of the benchmark and what the gallery holds of it."""

    query_id: str
    gallery_id: str
    kind: Kind
    bits: int | None = None
    """Of 128, by which the pictures differ; None for the same file, and for places."""
    distance_km: float | None = None
    """Between the two places; None where one is not known."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def find_leaks(
    queries: Sequence[Marked],
    gallery: Sequence[Marked],
    *,
    max_bits: int = NEAR_BITS,
    within_km: float = WITHIN_KM[-1],
    most: int = _MOST,
) -> list[Leak]:
    """What the gallery holds of each query, in the order of the queries: same files and like pictures (at most `most` of them, the
    likest first), then the nearest place, where it is within `within_km`."""
    by_query: dict[int, list[Leak]] = defaultdict(list)
    for query, other, bits in (*_same_files(queries, gallery, most), *_pictures(queries, gallery, max_bits, most)):
        kind: Kind = "same file" if bits is None else "same picture" if bits <= SAME_BITS else "near picture"
        by_query[query].append(Leak(queries[query].id, gallery[other].id, kind, bits, _km(queries[query], gallery[other])))
    for query, other, km in _nearest(queries, gallery):
        if km <= within_km:
            by_query[query].append(Leak(queries[query].id, gallery[other].id, "same place", None, round(km, 4)))
    return [leak for query in sorted(by_query) for leak in by_query[query]]


def leakage_report(leaks: Sequence[Leak], n_queries: int, n_gallery: int) -> dict[str, Any]:
    """How many queries the gallery holds, as counts and a share, for reports; places as far as `find_leaks` was asked to look."""
    by_kind: dict[str, int] = {kind: len({leak.query_id for leak in leaks if leak.kind == kind}) for kind in KINDS[:3]}
    shown = {leak.query_id for leak in leaks if leak.kind in {"same file", "same picture"}}
    near = {leak.query_id: leak.distance_km for leak in leaks if leak.kind == "same place" and leak.distance_km is not None}
    return {
        "queries": n_queries, "gallery": n_gallery, **by_kind, "leaked": len(shown), "leaked_share": len(shown) / n_queries if n_queries else None,
        **{f"within_{km:g}km": sum(distance <= km for distance in near.values()) for km in WITHIN_KM},
        "same_bits": SAME_BITS, "near_bits": NEAR_BITS,
    }  # fmt: skip


# -- pictures


def _same_files(queries: Sequence[Marked], gallery: Sequence[Marked], most: int) -> Iterator[tuple[int, int, None]]:
    files: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(gallery):
        if item.marks:
            files[item.marks.sha256].append(number)
    for number, query in enumerate(queries):
        if query.marks:
            yield from ((number, other, None) for other in files.get(query.marks.sha256, [])[:most])


def _pictures(queries: Sequence[Marked], gallery: Sequence[Marked], max_bits: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Query, gallery photo and bits between their pictures; another file each, the likest first."""
    rows, hashes = _hashes(queries)
    others, known = _hashes(gallery)
    for start in range(0, len(rows), _QUERIES):
        bits = hamming(hashes[start : start + _QUERIES], known)
        for query, distances in zip(rows[start : start + _QUERIES].tolist(), bits, strict=True):
            found = np.flatnonzero(distances <= max_bits)
            found = found[np.argsort(distances[found], kind="stable")]
            pairs = ((query, int(others[i]), int(distances[i])) for i in found)
            yield from islice((pair for pair in pairs if _another_file(queries[pair[0]], gallery[pair[1]])), most)


def _another_file(query: Marked, other: Marked) -> bool:
    return query.marks is None or other.marks is None or query.marks.sha256 != other.marks.sha256


def _hashes(items: Sequence[Marked]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Positions [n] of the items whose picture can be compared, and their hashes [n, 2]."""
    marked = [(number, item.marks) for number, item in enumerate(items) if item.marks and not item.marks.flat]
    hashes = np.array([(marks.phash, marks.dhash) for _, marks in marked], dtype=np.uint64).reshape(-1, 2)
    return np.array([number for number, _ in marked], dtype=np.intp), hashes


def hamming(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Bits [m, n] in which hashes [m, k] and [n, k] differ."""
    bits = np.zeros((len(a), len(b)), dtype=np.uint8)
    for part in range(a.shape[1]):
        bits += np.bitwise_count(a[:, None, part] ^ b[None, :, part])
    return bits


# -- places


def _nearest(queries: Sequence[Marked], gallery: Sequence[Marked]) -> Iterator[tuple[int, int, float]]:
    """Query, the nearest place of the gallery, and km; none for a query or a gallery without places."""
    rows, points = _points(queries)
    others, known = _points(gallery)
    if not len(others):
        return
    vectors = unit_vectors(known[:, 0], known[:, 1])
    for start in range(0, len(rows), _QUERIES):
        part = points[start : start + _QUERIES]
        best = np.argmax(unit_vectors(part[:, 0], part[:, 1]) @ vectors.T, axis=1)
        km = haversine_km(part[:, 0], part[:, 1], known[best, 0], known[best, 1])
        yield from zip(rows[start : start + _QUERIES].tolist(), others[best].tolist(), km.tolist(), strict=True)


def _points(items: Sequence[Marked]) -> tuple[NDArray[np.intp], Floats]:
    """Positions [n] of the items with a place, and the places [n, 2] in degrees."""
    placed = [(number, item.lat, item.lon) for number, item in enumerate(items) if item.lat is not None and item.lon is not None]
    points = np.array([(lat, lon) for _, lat, lon in placed], dtype=np.float64).reshape(-1, 2)
    return np.array([number for number, _, _ in placed], dtype=np.intp), points


def _km(query: Marked, other: Marked) -> float | None:
    if query.lat is None or query.lon is None or other.lat is None or other.lon is None:
        return None
    return round(float(haversine_km(query.lat, query.lon, other.lat, other.lon)), 4)


# -- galleries


def read_gallery(path: Path, cache: MarksCache | None = None, told: Told = silent) -> list[Marked]:
    """A gallery: a folder of photos (with labels.csv, EXIF places, or neither), or a table of coordinates (CSV, TSV, JSON lines, parquet; a
    parquet file may hold the pictures too). Raises BenchmarkError, one line."""
    if not path.exists():
        raise BenchmarkError(f"{path} cannot be found")
    if path.is_dir():
        return mark_files(list(_files(path)), cache, told)
    table = read_table(path)
    records = load_table(table, None).records
    if table.pictures is not None:
        return mark_records(records, cache, told)
    return [Marked(record.id, None, record.truth.lat, record.truth.lon) for record in records]


def _files(folder: Path) -> Iterator[tuple[str, Path, float | None, float | None]]:
    """Every photo of a folder, with its place where the labels or its tags say so."""
    places = _places(folder)
    for found in find_photos([str(folder)]):
        if found.kind == "file" and found.path is not None:
            name = found.path.relative_to(folder).as_posix()
            yield name, found.path, *places.get(name, (None, None))


def _places(folder: Path) -> dict[str, tuple[float, float]]:
    """Places by the photo's path below the folder: out of the labels, or else the photos' tags."""
    labels = next((folder / name for name in LABELS if (folder / name).is_file()), None)
    if labels is None:
        try:
            records = load_tagged(folder).records
        except BenchmarkError:  # a gallery may hold pictures alone
            return {}
        return {
            record.id: (record.truth.lat, record.truth.lon)
            for record in records
            if record.truth.lat is not None and record.truth.lon is not None
        }
    table = read_table(labels)
    places = {record.id: (record.truth.lat, record.truth.lon) for record in load_table(table, None).records}
    found = {}
    for name, key in zip(
        table.roles.get("image", table.roles.get("id", ())), table.roles.get("id", table.roles.get("image", ())), strict=True
    ):
        lat, lon = places.get(key, (None, None))
        if lat is not None and lon is not None:
            found[name.removeprefix("./")] = (lat, lon)
    return found
