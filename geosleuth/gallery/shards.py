"""Tar shards as `webdataset` writes them: `key.jpg` and its labels `key.json` (or `key.txt` with coordinates) in one tar file."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agent.photo import MAX_FILE_BYTES, PhotoError, PhotoFile
from evals.benchmarks.coordinates import KINDS, point
from evals.benchmarks.image_store import PICTURES, photo_of_bytes
from evals.benchmarks.table import assigned, flat
from geo.coordinates import parse_coordinates
from geosleuth.gallery.source import SourcePhoto, labelled_time
from models.gallery.gallery import GalleryError

_LABELS = (".json", ".txt")
_MAX_LABEL_BYTES = 1_000_000
_MAX_MEMBERS = 50_000_000
_MAX_SHARDS = 100_000


@dataclass
class _Sample:
    """Members of a shard that have one key."""

    picture: tuple[str, int, int] | None = None
    """Name, where its bytes begin, and how many there are."""
    labels: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def shard_files(path: Path) -> list[Path]:
    """The shards that `path` names: itself, or the tar files in a folder, by name."""
    return [path] if path.is_file() else sorted(path.glob("*.tar"))[:_MAX_SHARDS]


def read_shards(path: Path) -> tuple[list[SourcePhoto], list[tuple[str, str]]]:
    """Photos of tar shards with their places, then ids and reasons of those without. Pictures are only listed, labels read.

    The id is the key, or what the labels give as `id`. Raises GalleryError for a tar file that cannot be read.
    """
    photos: list[SourcePhoto] = []
    problems: list[tuple[str, str]] = []
    several = path.is_dir()
    for shard in shard_files(path):
        for key, sample in _samples(shard).items():
            name = f"{shard.stem}/{key}" if several else key
            if sample.picture is None:
                continue
            try:
                photos.append(_photo(shard, name, sample))
            except ValueError as error:
                problems.append((name, str(error)))
    return photos, problems


def _photo(shard: Path, name: str, sample: _Sample) -> SourcePhoto:
    """Raises ValueError with one sentence where the labels do not say where it was taken."""
    assert sample.picture is not None
    if sample.problem:
        raise ValueError(sample.problem)
    columns = assigned(list(sample.labels))
    values = {role: sample.labels[column] for role, column in columns.items()}
    if not values.get("lat") or not values.get("lon"):
        raise ValueError("its labels have no lat and lon")
    lat, lon = point(values["lat"], values["lon"])
    kind = KINDS.get(values.get("kind", "").casefold(), "photo")
    opener = partial(_open, shard, *sample.picture)
    return SourcePhoto(name, lat, lon, opener, labelled_time(sample.labels), values.get("licence", ""),
                       values.get("attribution", ""), kind == "panorama")  # fmt: skip


def _samples(shard: Path) -> dict[str, _Sample]:
    samples: dict[str, _Sample] = {}
    try:
        with tarfile.open(shard, "r:") as tar:
            for count, member in enumerate(_members(tar)):
                if count >= _MAX_MEMBERS:
                    raise GalleryError(f"{shard} holds more than {_MAX_MEMBERS:,} files")
                key, ending = _key(member.name)
                if ending in PICTURES:
                    samples.setdefault(key, _Sample()).picture = (member.name, member.offset_data, member.size)
                elif ending in _LABELS:
                    _read_labels(tar, member, ending, samples.setdefault(key, _Sample()))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise GalleryError(f"{shard} cannot be read as a tar file ({' '.join(str(error).split())[:120]})") from error
    return samples


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # otherwise every header is kept
        if member.isreg() and not member.sparse:
            yield member


def _key(name: str) -> tuple[str, str]:
    """`train/0007.jpg` → `train/0007` and `.jpg`. The key ends at the first dot of the file's name, as webdataset cuts it."""
    folder, slash, file = name.removeprefix("./").rpartition("/")
    stem, _, ending = file.partition(".")
    return folder + slash + stem, f".{ending.lower()}"


def _read_labels(tar: tarfile.TarFile, member: tarfile.TarInfo, ending: str, sample: _Sample) -> None:
    """Add the labels of a member; what JSON says goes before what a text says."""
    if member.size > _MAX_LABEL_BYTES:
        sample.problem = f"its labels have more than {_MAX_LABEL_BYTES:,} bytes"
        return
    file = tar.extractfile(member)
    text = (file.read() if file else b"").decode("utf-8", "replace")
    if ending == ".txt":
        found = parse_coordinates(text.strip()[:200])
        labels = {"lat": repr(found[0]), "lon": repr(found[1])} if found else {}
        sample.labels = {**labels, **sample.labels}
        return
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        sample.problem = "its labels are not JSON"
        return
    if isinstance(data, Mapping):
        sample.labels = {**sample.labels, **flat(data)}
    else:
        sample.problem = "its labels are no JSON object"


def _open(shard: Path, name: str, offset: int, size: int) -> PhotoFile:
    shown = shard / name
    if size > MAX_FILE_BYTES:
        raise PhotoError(f"{shown} is larger than {MAX_FILE_BYTES // 1_000_000} MB")
    try:
        with shard.open("rb") as file:
            file.seek(offset)
            data = file.read(size)
    except OSError as error:
        raise PhotoError(f"{shown} cannot be read: {(error.strerror or type(error).__name__).lower()}") from error
    return photo_of_bytes(shown, data)
