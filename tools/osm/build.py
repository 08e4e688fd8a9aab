"""From a file of OpenStreetMap data to an extract that can be searched: one pass, on disk, whole or not at all.

What is kept is every element with a tag. A closed way is an area or a line by its tags (`tools.osm.area_tags`); relations of types
multipolygon and boundary are areas; any other relation has the shapes of its tagged members in the file. An element with no place in the
file (a route whose ways were cut away) is left out and counted.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tools.osm.area_tags import is_area
from tools.osm.element import LICENCE, OsmError
from tools.osm.schema import APPLICATION_ID, FORMAT
from tools.osm.shape import WHOLE_EARTH, Shape, Vertices
from tools.osm.spread import Spread
from tools.osm.writer import Writer
from tools.quote import clean

ENDINGS = (".osm.pbf", ".osm", ".osm.bz2", ".osm.gz", ".pbf")
_IN_MEMORY_BYTES = 64_000_000
"""Files above this keep the places of their nodes in a file, not in memory."""
_TELL_EVERY = 10_000
_KEY_LENGTH, _VALUE_LENGTH, _MOST_TAGS = 255, 1000, 400
"""Longer texts are cut; OpenStreetMap's own limit for both is 255."""
_NO_TIME = 0


@dataclass
class Tally:
    """How far a build is."""

    step: str = "reading"
    read: int = 0
    """Tagged elements seen so far."""
    kept: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Reasons and how many elements each."""


def build_store(source: Path, target: Path, told: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """Make the extract `target` of the file `source`; what was there before is replaced when the new one is whole.

    Raises OsmError, one line, for a file that cannot be read or a package that is missing, and OSError.
    """
    processor = _processor(source)
    _refuse_foreign(target)
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target.parent.mkdir(parents=True, exist_ok=True)
    tally, spread = Tally(), Spread()
    with _whole(target) as path:
        writer = Writer(path)
        try:
            newest = _one_pass(processor, source.name, writer, tally, spread, told)
            tally.step = "indexing"
            told(tally)
            writer.relations(tally.left_out)
            header = processor.header
            box = _header_box(header) or spread.box()
            if box is None:
                raise OsmError(f"{source.name} holds no element with a tag and a place")
            tally.kept = writer.finish({
                "format": str(FORMAT), "licence": LICENCE, "source": source.name, "sha256": digest, "box": ",".join(map(str, box)),
                "snapshot": _snapshot(header.get("osmosis_replication_timestamp"), newest),
                "left_out": ",".join(f"{reason}={n}" for reason, n in sorted(tally.left_out.items())),
            }, APPLICATION_ID, FORMAT)  # fmt: skip
        except sqlite3.Error as error:
            twice = isinstance(error, sqlite3.IntegrityError)
            raise OsmError(
                f"{source.name} has an element twice: a history file is no extract" if twice else f"{target}: {error}"
            ) from error
        finally:
            writer.close()
    told(tally)
    return tally


def _processor(source: Path) -> Any:
    """The reader of a file. Raises OsmError for a missing package, a missing file, or another kind of file."""
    try:
        import osmium
    except ImportError:
        raise OsmError("reading OpenStreetMap files needs the package osmium: pip install 'geosleuth[osm]'") from None
    if not source.is_file():
        raise OsmError(f"there is no file {source}")
    if not source.name.lower().endswith(ENDINGS):
        raise OsmError(f"{source.name} is none of {', '.join(ENDINGS[:4])}")
    storage = "flex_mem" if source.stat().st_size <= _IN_MEMORY_BYTES else "sparse_file_array"
    try:
        processor = osmium.FileProcessor(str(source)).with_locations(storage).with_areas()
        processor.with_filter(osmium.filter.EmptyTagFilter())
        if processor.header.has_multiple_object_versions:
            raise OsmError(f"{source.name} is a history file, with several versions of each element; give an extract of one day")
    except RuntimeError as error:
        raise OsmError(f"{source.name} cannot be read: {clean(str(error), 160)}") from error
    return processor


def _refuse_foreign(target: Path) -> None:
    """Raises OsmError where a file would be replaced that no build made."""
    if not target.exists():
        return
    with target.open("rb") as file:
        head = file.read(72)
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise OsmError(f"{target} is there already and is no extract; give another name")


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A path beside the target that becomes the target at the end, and is removed where something goes wrong."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _one_pass(processor: Any, name: str, writer: Writer, tally: Tally, spread: Spread, told: Callable[[Tally], None]) -> int:
    """`_read`, with what osmium throws as OsmError."""
    import osmium

    try:
        return _read(processor, writer, tally, spread, told)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        raise OsmError(f"{name} cannot be read: {clean(str(error), 160)}") from error


def _read(processor: Any, writer: Writer, tally: Tally, spread: Spread, told: Callable[[Tally], None]) -> int:
    """One pass over the file; gives the newest change in seconds since 1970, 0 where no element says."""
    newest = _NO_TIME
    for item in processor:
        kind = item.type_str()
        if kind == "a":
            if not item.from_way():
                writer.area(int(item.orig_id()), _rings(item))
            continue
        tags = _tags(item)
        if not tags or item.deleted:
            continue
        tally.read += 1
        if tally.read % _TELL_EVERY == 0:
            told(tally)
        at = int(item.timestamp.timestamp())
        newest = max(newest, at)
        head = (int(item.id), int(item.version), at or None, tags)
        if kind == "r":
            writer.relation(head, [(m.type, int(m.ref)) for m in item.members])
            continue
        shape = _node(item) if kind == "n" else _way(item, tags)
        if shape is None:
            tally.left_out["no place in the file"] += 1
            continue
        spread.add(shape)
        writer.element(kind, head, shape)
    return newest


def _tags(item: Any) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in item.tags:
        if len(tags) >= _MOST_TAGS:
            break
        key = tag.k.replace("\0", "")[:_KEY_LENGTH]
        if key:
            tags[key] = tag.v.replace("\0", "")[:_VALUE_LENGTH]
    return tags


def _node(item: Any) -> Shape | None:
    found = _vertices([item])
    return Shape("point", (found[0],)) if found else None


def _way(item: Any, tags: dict[str, str]) -> Shape | None:
    parts = _vertices(item.nodes)
    if not parts:
        return None
    ring = len(parts) == 1 and len(parts[0]) >= 4 and bool((parts[0][0] == parts[0][-1]).all())
    return Shape("area" if ring and is_area(tags) else "line", tuple(parts))


def _rings(area: Any) -> list[Vertices]:
    """The rings of a multipolygon, outer and inner alike."""
    rings = []
    for outer in area.outer_rings():
        for ring in (outer, *area.inner_rings(outer)):
            rings += [part for part in _vertices(ring) if len(part) >= 4]
    return rings


def _vertices(nodes: Any) -> list[Vertices]:
    """Where nodes are, in pieces: a node that is not in the file ends a piece, so that no line is drawn across the gap."""
    pieces: list[list[tuple[int, int]]] = [[]]
    for node in nodes:
        place = node.location
        if place.valid():
            pieces[-1].append((place.y, place.x))
        elif pieces[-1]:
            pieces.append([])
    return [np.array(piece, dtype=np.int32) for piece in pieces if piece]


def _header_box(header: Any) -> tuple[int, int, int, int] | None:
    box = header.box()
    if not box.valid():
        return None
    found = (box.bottom_left.y, box.bottom_left.x, box.top_right.y, box.top_right.x)
    inside = all(low <= value <= high for value, low, high in zip(found, WHOLE_EARTH[:2] * 2, WHOLE_EARTH[2:] * 2, strict=True))
    return found if inside else None


def _snapshot(stated: str, newest: int) -> str:
    """The day the file says it is of, else that of its newest change; empty where it tells neither."""
    try:
        return datetime.fromisoformat(stated).strftime("%Y-%m-%d")
    except ValueError:
        return datetime.fromtimestamp(newest, UTC).strftime("%Y-%m-%d") if newest > _NO_TIME else ""
