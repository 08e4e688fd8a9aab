"""Any folder of photos: with a table of labels beside them, or with the places in their EXIF tags or JPEG comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from agent.decode import header
from agent.exif import read_tags
from agent.find_photos import find_photos
from agent.photo import MAX_FILE_BYTES, open_photo
from evals.benchmarks.coordinates import Skipped, load_table, point
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


def load_labels(labels: Path, images: Path, skipped: Skipped | None = None) -> Loaded:
    """Records of a table of labels. Photos among `images` that it does not name are told of, not used. Raises BenchmarkError; with
    `skipped`, rows that cannot be used go on that list instead (`load_table`)."""
    table, store = read_table(labels), ImageStore(images)
    loaded = load_table(table, store, skipped=skipped)
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
    records, untagged, doubt = [], [], ""
    for path, truth, why in _tagged(folder):
        name = path.relative_to(folder).as_posix()
        if truth is None:
            untagged.append(name)
            doubt = doubt or (f" that can be used: {name}: {why}" if why else "")
        else:
            records.append(Record(name, truth, partial(open_photo, path)))
    if not records:
        raise BenchmarkError(
            f"{folder} has no labels.csv (path, lat, lon), and none of its {len(untagged):,} photos has GPS tags{doubt}"
        )
    return Loaded(records, listed("photos have no place in their tags", untagged))


def _tagged(folder: Path) -> Iterator[tuple[Path, Truth | None, str]]:
    for found in find_photos([str(folder)]):
        if found.kind == "file" and found.path is not None:
            yield found.path, *tagged_place(found.path)


def tagged_place(path: Path) -> tuple[Truth | None, str]:
    """Where a photo says that it was taken; None where it does not, or is no photo, with the reason where its tags say what cannot be."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None, ""
        with header(path.read_bytes()) as image:
            tags, comment = read_tags(image), image.info.get("comment")
    except (OSError, ValueError):
        return None, ""
    if "lat" in tags:
        return given(tags["lat"], tags["lon"]), ""
    truth = _from_comment(comment)
    return truth, "" if truth else _doubt(tags.get("doubts", ()))


def _doubt(doubts: Sequence[str]) -> str:
    """What the tags say of the position that cannot be; empty where they say nothing of it."""
    for doubt in doubts:
        said, _, what = doubt.partition(": ")
        if said == "GPS" and not what.startswith("no photo"):  # that one is about the altitude
            return f"its GPS tags are no place on the Earth: {what.removesuffix(' is not a place on the Earth')}"
    return ""


def _from_comment(comment: object) -> Truth | None:
    match = _COMMENT.search(comment[:20_000]) if isinstance(comment, bytes) else None
    try:
        return given(*point(match["lat"].decode(), match["lon"].decode())) if match else None
    except ValueError:
        return None
