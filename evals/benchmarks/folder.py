"""Any folder of photos: with a table of labels beside them, or with the places in their EXIF tags or JPEG comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from agent.decode import header
from agent.exif import read_tags
from agent.find_photos import find_photos
from agent.photo import MAX_FILE_BYTES, open_photo
from evals.benchmarks.coordinates import load_table, point
from evals.benchmarks.image_store import ImageStore
from evals.benchmarks.loaded import Loaded, listed
from evals.benchmarks.table import SUFFIXES, Table, read_table
from evals.record import BenchmarkError, Record, Truth
from evals.truth import given

LABELS = tuple(f"labels{suffix}" for suffix in SUFFIXES)
_COMMENT = re.compile(
    rb"\blat(?:itude)?\b\s*[:=]?\s*(?P<lat>[+-]?\d{1,3}(?:\.\d+)?).{0,200}?\blon(?:g|gitude)?\b\s*[:=]?\s*(?P<lon>[+-]?\d{1,3}(?:\.\d+)?)",
    re.IGNORECASE | re.DOTALL,
)


def load_folder(folder: Path, images: Path | None = None) -> Loaded:
    """Records of a folder with `labels.csv` (or .tsv, .jsonl, .parquet), or else of its photos that say where they were taken.

    `images` is where the pictures are, when not in the folder itself. Raises BenchmarkError.
    """
    labels = next((folder / name for name in LABELS if (folder / name).is_file()), None)
    return load_labels(labels, images or folder) if labels else load_tagged(images or folder)


def load_labels(labels: Path, images: Path) -> Loaded:
    """Records of a table of labels. Photos among `images` that it does not name are told of, not used. Raises BenchmarkError."""
    table, store = read_table(labels), ImageStore(images)
    loaded = load_table(table, store)
    unlabelled = listed("photos have no label", _unlabelled(table, store)) if table.pictures is None else []
    return Loaded(loaded.records, (*loaded.notes, *unlabelled), loaded.missing)


def _unlabelled(table: Table, store: ImageStore) -> list[str]:
    known = {name.rpartition("/")[2].casefold() for role in ("id", "image") for name in table.roles.get(role, ())}
    names = ((name, name.rpartition("/")[2].casefold()) for name in store.names())
    return [name for name, file in names if file not in known and file.rpartition(".")[0] not in known]


def load_tagged(folder: Path) -> Loaded:
    """Records of the photos of a folder that say where they were taken: EXIF or XMP coordinates, else a JPEG comment.

    The comment is what IM2GPS has (`latitude: 48.85 longitude: 2.35`). Pictures are not decoded. Raises BenchmarkError where no
    photo has a place.
    """
    if not folder.is_dir():
        raise BenchmarkError(
            f"{folder} is no folder: give one with labels.csv (path, lat, lon) or with photos that have GPS tags"
        )
    records, untagged = [], []
    for path, truth in _tagged(folder):
        name = path.relative_to(folder).as_posix()
        if truth is None:
            untagged.append(name)
        else:
            records.append(Record(name, truth, partial(open_photo, path)))
    if not records:
        raise BenchmarkError(
            f"{folder} has no labels.csv (path, lat, lon), and none of its {len(untagged):,} photos has GPS tags"
        )
    return Loaded(records, listed("photos have no place in their tags", untagged))


def _tagged(folder: Path) -> Iterator[tuple[Path, Truth | None]]:
    for found in find_photos([str(folder)]):
        if found.kind == "file" and found.path is not None:
            yield found.path, _truth(found.path)


def _truth(path: Path) -> Truth | None:
    """Where a photo says that it was taken; None where it does not, or is no photo."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None
        with header(path.read_bytes()) as image:
            tags, comment = read_tags(image), image.info.get("comment")
    except (OSError, ValueError):
        return None
    if "lat" in tags:
        return given(tags["lat"], tags["lon"])
    return _from_comment(comment)


def _from_comment(comment: object) -> Truth | None:
    match = _COMMENT.search(comment[:20_000]) if isinstance(comment, bytes) else None
    try:
        return given(*point(match["lat"].decode(), match["lon"].decode())) if match else None
    except ValueError:
        return None
