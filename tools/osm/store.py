"""An extract of OpenStreetMap in one file, opened for reading alone; several threads may ask it at once."""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from geo.sphere import Floats
from tools.osm.catalogue import absent, extract_name, extract_path
from tools.osm.distance import to_point
from tools.osm.element import KINDS, SHAPES, About, Found, Near, OsmElement, OsmError
from tools.osm.filters import Filter, TagTest, any_holds
from tools.osm.schema import APPLICATION_ID, FORMAT
from tools.osm.shape import UNITS, IntBox, Shape, boxes_around, point, unpack
from tools.quote import clean

MOST_EXAMINED = 50_000
"""Elements whose distance is taken for one question."""
_INDEXED_AT_MOST = 200_000
"""Tests that more elements pass are made on the tags of what lies near instead."""
_KEPT_TESTS = 64
_AT_ONCE = 900
"""Parameters of one statement."""

Ids = NDArray[np.int64]
"""[n]: row numbers of elements, ascending."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Numbers about elements [n], for joins."""

    id: Ids
    box: NDArray[np.int64]
    """[n, 4]: south, west, north, east in 1e-7 degrees."""
    lat: Floats
    lon: Floats
    length_m: Floats
    area_m2: Floats


class OsmStore:
    """One extract. Every method raises OsmError, one line, where the file is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._tests: OrderedDict[TagTest, Ids | None] = OrderedDict()
        meta = self._meta()
        try:
            south, west, north, east = (int(value) / UNITS for value in meta["box"].split(","))
            self._about = About(extract_name(path), meta["snapshot"] or None, Box(south, west, north, east), meta["licence"],
                                meta["source"], meta["sha256"], int(meta["elements"]))  # fmt: skip
        except (KeyError, ValueError) as error:
            raise OsmError(f"{path} is damaged: build it again") from error
        self.meta = meta

    @classmethod
    def named(cls, name: str) -> OsmStore:
        """The extract of a name or path. Raises OsmError."""
        return cls(extract_path(name))

    def about(self) -> About:
        return self._about

    def covers(self, lat: float, lon: float) -> bool:
        """Whether a point lies in the box of the extract, which may hold more than was cut out along a border."""
        box = self._about.box
        return box is not None and bool(box.contains(lat, lon))

    def close(self) -> None:
        """Close the file. It may be asked again, and is opened again then."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    # -- questions

    def around(self, lat: float, lon: float, radius_m: float, filters: Sequence[Filter] = (), limit: int = 50) -> Found:
        """Elements that any filter holds for (all, where there is none) within `radius_m` of a point, the nearest first.

        Raises OsmError where more than `MOST_EXAMINED` would have to be measured.
        """
        ids = self.ids(filters, boxes_around(point(lat, lon).box(), radius_m))
        if not len(ids):
            return Found((), 0, False, self._about.snapshot)
        distance, bearing = to_point(lat, lon, self.shapes(ids))
        within = np.flatnonzero(distance <= radius_m)
        order = within[np.lexsort((ids[within], distance[within]))]
        elements = self.elements(ids[order[:limit]])
        near = tuple(Near(element, float(distance[row]), bearing[row])
                     for element, row in zip(elements, order[:limit].tolist(), strict=True))  # fmt: skip
        return Found(near, len(order), len(order) > limit, self._about.snapshot)

    def distances(self, lat: float, lon: float, radius_m: float, filters: Sequence[Filter]) -> Floats:
        """Distances in metres [n], unsorted, of what `around` would find: no more than a number is wanted."""
        ids = self.ids(filters, boxes_around(point(lat, lon).box(), radius_m))
        distance = to_point(lat, lon, self.shapes(ids))[0] if len(ids) else np.empty(0)
        return np.asarray(distance[distance <= radius_m])

    def anything_in(self, boxes: Iterable[IntBox]) -> bool:
        """Whether any element at all touches one of the boxes."""
        with self._connection() as db:
            return any(db.execute(f"{_IN_BOX} LIMIT 1", _box_values(box)).fetchone() for box in boxes)

    def estimate(self, filters: Sequence[Filter]) -> int:
        """At most how many elements of the extract any filter holds for, at the cost of the index alone."""
        total = 0
        for one in filters:
            tests = [test for test in one.tests if test.op != "!="]
            total += min(len(self._load_test(test)) if test.of_names else self._least_count(test) for test in tests)
        return total

    def count(self, filters: Sequence[Filter]) -> int:
        """How many elements of the extract any filter holds for."""
        return len(self.ids(filters, most=None))

    def ids(self, filters: Sequence[Filter], boxes: Sequence[IntBox] | None = None, most: int | None = MOST_EXAMINED) -> Ids:
        """Elements that any of the filters holds for and whose boxes touch one of `boxes`.

        Raises OsmError where there are more than `most`, or where neither filters nor boxes narrow the search enough.
        """
        if boxes is None:
            found = [self._of_filter(one) for one in filters]
            if not found:
                raise OsmError("say what to look for: amenity=restaurant, shop, pharmacy")
            ids = np.unique(np.concatenate(found))
        else:
            ids = self._near(boxes, filters)
        if most is not None and len(ids) > most:
            raise OsmError(f"more than {most:,} elements may fit: give a smaller radius, or say more exactly what to look for")
        return ids

    def _near(self, boxes: Sequence[IntBox], filters: Sequence[Filter]) -> Ids:
        with self._connection() as db:
            rows = [row for box in boxes for (row,) in db.execute(_IN_BOX, _box_values(box))]
        ids = np.unique(np.array(rows, dtype=np.int64))
        if not filters or not len(ids):
            return ids
        indexed = [[self._of_test(test) for test in one.tests] for one in filters]
        kept = [ids[[False] * len(ids)]]
        for one, tests in zip(filters, indexed, strict=True):
            left = ids
            for held in tests:
                left = left if held is None else np.intersect1d(left, held, assume_unique=True)
            if any(held is None for held in tests) and len(left):
                if len(left) > 4 * MOST_EXAMINED:
                    raise OsmError("too many elements may fit: give a smaller radius, or say more exactly what to look for")
                left = self._where(left, (one,))
            kept.append(left)
        return np.unique(np.concatenate(kept))

    def _of_filter(self, one: Filter) -> Ids:
        """All elements of the extract that a filter holds for, starting from its rarest test."""
        held = [found for found in map(self._of_test, one.tests) if found is not None]
        if not held:
            held = [self._load_test(test) for test in one.tests if test.op != "!="]
        left = held[0]
        for more in sorted(held, key=len):
            left = np.intersect1d(left, more, assume_unique=True)
        return self._where(left, (one,)) if len(held) < len(one.tests) and len(left) else left

    def _of_test(self, test: TagTest) -> Ids | None:
        """Elements that a test holds for, by the index; None where it is cheaper, or the only way, to read their tags."""
        with self._lock:
            if test in self._tests:
                self._tests.move_to_end(test)
                return self._tests[test]
        found = None if test.op == "!=" or self._least_count(test) > _INDEXED_AT_MOST else self._load_test(test)
        with self._lock:
            self._tests[test] = found
            while len(self._tests) > _KEPT_TESTS:
                self._tests.popitem(last=False)
        return found

    def _least_count(self, test: TagTest) -> int:
        return 0 if test.of_names else sum(n for _, n in self._pairs(test))

    def _pairs(self, test: TagTest) -> list[tuple[int, int]]:
        """The (key, value) pairs that a test holds for, with how many elements each has."""
        with self._connection() as db:
            if test.op == "*":
                return db.execute("SELECT id, n FROM pair WHERE key = ?", (test.key,)).fetchall()
            rows = db.execute("SELECT id, n, value FROM pair WHERE key = ?", (test.key,))
            return [(pair, n) for pair, n, value in rows if test.holds_of_value(value)]

    def _load_test(self, test: TagTest) -> Ids:
        with self._connection() as db:
            if test.of_names and test.op == "=":
                rows = _chunked(db, "SELECT element FROM called WHERE folded IN ({})", test.folded)
            elif test.of_names:
                rows = [row for row in db.execute("SELECT element, folded FROM called") if test.holds_of_name(row[1])]
            elif test.op == "*":
                rows = db.execute(
                    "SELECT t.element FROM pair p JOIN tag t ON t.pair = p.id WHERE p.key = ?", (test.key,)
                ).fetchall()
            else:
                rows = _chunked(db, "SELECT element FROM tag WHERE pair IN ({})", [pair for pair, _ in self._pairs(test)])
        return np.unique(np.fromiter((row[0] for row in rows), dtype=np.int64))

    def _where(self, ids: Ids, filters: Sequence[Filter]) -> Ids:
        """Those of the elements whose tags a filter holds for."""
        with self._connection() as db:
            rows = _chunked(db, "SELECT id, tags FROM element WHERE id IN ({})", ids.tolist())
        return np.array(sorted(row for row, tags in rows if any_holds(filters, self._tags(tags))), dtype=np.int64)

    # -- rows

    def elements(self, ids: Iterable[int]) -> list[OsmElement]:
        """Elements [n] in the order of their row numbers [n]."""
        wanted = [int(row) for row in ids]
        with self._connection() as db:
            rows = _chunked(
                db, "SELECT id, kind, osm_id, version, at, name, tags, shape, lat, lon FROM element WHERE id IN ({})", wanted
            )
        found = {row[0]: self._element(row) for row in rows}
        return [found[row] for row in wanted]

    def shapes(self, ids: Iterable[int]) -> list[Shape]:
        """Shapes [n] of elements [n]."""
        wanted = [int(row) for row in ids]
        with self._connection() as db:
            rows = _chunked(db, "SELECT id, shape, geometry FROM element WHERE id IN ({})", wanted)
        try:
            found = {row: unpack(SHAPES[shape], blob) for row, shape, blob in rows}
            return [found[row] for row in wanted]
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise OsmError(f"{self.path} is damaged: build it again") from error

    def columns(self, ids: Ids) -> Columns:
        """Boxes, points and sizes of elements."""
        with self._connection() as db:
            rows = _chunked(
                db,
                "SELECT e.id, b.south, b.west, b.north, b.east, e.lat, e.lon, e.length_m, e.area_m2 "
                "FROM element e JOIN box b ON b.id = e.id WHERE e.id IN ({})",
                ids.tolist(),
            )
        table = np.array(sorted(rows), dtype=np.float64).reshape(-1, 9)
        whole = table[:, :5].astype(np.int64)
        return Columns(whole[:, 0], whole[:, 1:], table[:, 5], table[:, 6], table[:, 7], table[:, 8])

    def _element(self, row: tuple[Any, ...]) -> OsmElement:
        _, kind, osm_id, version, at, name, tags, shape, lat, lon = row
        try:
            when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""
            return OsmElement(KINDS[kind], int(osm_id), int(version), when, str(name), self._tags(tags), SHAPES[shape], lat, lon)
        except (IndexError, TypeError, ValueError, OverflowError) as error:
            raise OsmError(f"{self.path} is damaged: build it again") from error

    def _tags(self, text: str) -> dict[str, str]:
        try:
            tags = json.loads(text)
            return {str(key): str(value) for key, value in tags.items()}
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise OsmError(f"{self.path} is damaged: build it again") from error

    # -- the file

    def _meta(self) -> dict[str, str]:
        if not self.path.is_file():
            raise OsmError(absent(self.path))
        with self._connection() as db:
            kind, version = db.execute("PRAGMA application_id").fetchone()[0], db.execute("PRAGMA user_version").fetchone()[0]
            if kind != APPLICATION_ID:
                raise OsmError(f"{self.path} is no extract of OpenStreetMap made by geosleuth osm build")
            if version != FORMAT:
                raise OsmError(f"{self.path} has format {version}, and {FORMAT} is read here: build it again")
            return {str(key): str(value) for key, value in db.execute("SELECT key, value FROM meta")}

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection that no other thread uses meanwhile."""
        try:
            db = self._idle.get_nowait()
        except queue.Empty:
            try:
                db = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
                db.execute("PRAGMA trusted_schema = OFF")
            except sqlite3.Error as error:
                raise OsmError(f"{self.path} cannot be opened: {clean(str(error), 120)}") from error
        try:
            yield db
        except sqlite3.Error as error:
            raise OsmError(f"{self.path} cannot be read: {clean(str(error), 120)}") from error
        finally:
            self._idle.put(db)


_IN_BOX = "SELECT id FROM box WHERE south <= ? AND north >= ? AND west <= ? AND east >= ?"


def _box_values(box: IntBox) -> tuple[int, int, int, int]:
    south, west, north, east = box
    return north, south, east, west


def _chunked(db: sqlite3.Connection, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement with a list of values in it, however long."""
    rows: list[tuple[Any, ...]] = []
    for i in range(0, len(values), _AT_ONCE):
        some = values[i : i + _AT_ONCE]
        rows += db.execute(statement.format(",".join("?" * len(some))), some).fetchall()
    return rows
