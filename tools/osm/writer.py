"""Writes the file of an extract. What must wait for the end of the input lies in a second file that is thrown away."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from geo.names import fold
from tools.osm.element import KINDS, SHAPES
from tools.osm.filters import names_in
from tools.osm.measure import area_m2, length_m, representative
from tools.osm.schema import ELEMENT_INDEX, PAIR_INDEX, TABLES
from tools.osm.shape import MOST_VERTICES, Shape, Vertices, unpack

Head = tuple[int, int, int | None, Mapping[str, str]]
"""OSM id, version, seconds since 1970 and tags."""

_KIND = {"n": 0, "w": 1, "r": 2}
_MOST_COLLECTED = 100_000
"""Vertices of the members of a relation; a road network as one relation is no place."""

_STAGE = """
CREATE TABLE stage.raw (element INTEGER, key TEXT, value TEXT);
CREATE TABLE stage.relation (osm_id INTEGER PRIMARY KEY, version INTEGER, at INTEGER, tags TEXT);
CREATE TABLE stage.member (relation INTEGER, kind INTEGER, ref INTEGER);
CREATE TABLE stage.area (osm_id INTEGER PRIMARY KEY, geometry BLOB);
"""
_PAIRS = "INSERT INTO pair (key, value, n) SELECT key, value, count(*) FROM stage.raw GROUP BY key, value ORDER BY key, value"
_TAGS = "INSERT INTO tag SELECT p.id, r.element FROM stage.raw r JOIN pair p USING (key, value) ORDER BY 1, 2"


class Writer:
    """One build of one file."""

    def __init__(self, path: Path) -> None:
        self._stage = path.with_name(path.name + ".stage")
        self._stage.unlink(missing_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("ATTACH ? AS stage", (str(self._stage),))
        for schema in ("main", "stage"):
            self._db.execute(f"PRAGMA {schema}.journal_mode = OFF")
            self._db.execute(f"PRAGMA {schema}.synchronous = OFF")
        self._db.executescript(TABLES + _STAGE)
        self._db.execute("BEGIN")
        self._next = 1

    def element(self, kind: str, head: Head, shape: Shape) -> None:
        """Keep an element. Raises sqlite3.Error."""
        osm_id, version, at, tags = head
        row, self._next = self._next, self._next + 1
        lat, lon = representative(shape)
        south, west, north, east = shape.box()
        name = tags.get("name", "")
        self._db.execute(
            "INSERT INTO element VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row, _KIND[kind], osm_id, version, at, name, json.dumps(tags, ensure_ascii=False), SHAPES.index(shape.kind), lat, lon,
             length_m(shape), area_m2(shape), shape.pack()),
        )  # fmt: skip
        self._db.execute("INSERT INTO box VALUES (?, ?, ?, ?, ?)", (row, south, north, west, east))
        self._db.executemany("INSERT INTO stage.raw VALUES (?, ?, ?)", [(row, key, value) for key, value in tags.items()])
        folded = {fold(name) for name in names_in(tags)} - {""}
        self._db.executemany("INSERT INTO called VALUES (?, ?)", [(name, row) for name in sorted(folded)])

    def relation(self, head: Head, members: Iterable[tuple[str, int]]) -> None:
        """Keep a relation until all that it may consist of is there. Raises sqlite3.Error."""
        osm_id, version, at, tags = head
        self._db.execute(
            "INSERT INTO stage.relation VALUES (?, ?, ?, ?)", (osm_id, version, at, json.dumps(tags, ensure_ascii=False))
        )
        self._db.executemany("INSERT INTO stage.member VALUES (?, ?, ?)", [(osm_id, _KIND[kind], ref) for kind, ref in members])

    def area(self, osm_id: int, rings: list[Vertices]) -> None:
        """Keep the rings of a relation. Raises sqlite3.Error."""
        if rings and sum(map(len, rings)) <= MOST_VERTICES:
            self._db.execute("INSERT INTO stage.area VALUES (?, ?)", (osm_id, Shape("area", tuple(rings)).pack()))

    def relations(self, left_out: Counter[str]) -> None:
        """Bring the relations in, once all nodes and ways are there. Raises sqlite3.Error."""
        self._db.executescript(f"CREATE INDEX stage.of ON member (relation); {ELEMENT_INDEX} BEGIN;")
        rows = self._db.execute(
            "SELECT r.osm_id, r.version, r.at, r.tags, a.geometry FROM stage.relation r LEFT JOIN stage.area a USING (osm_id) ORDER BY 1"
        )
        for osm_id, version, at, tags, blob in rows:
            shape = unpack("area", blob) if blob is not None else self._collected(osm_id)
            if shape is None:
                left_out["relations without a place in the file"] += 1
                continue
            self.element("r", (osm_id, version, at, json.loads(tags)), shape)

    def _collected(self, relation: int) -> Shape | None:
        """The shapes of the tagged members of a relation in the file; None where there is none, or too much."""
        parts: list[Vertices] = []
        rows = self._db.execute(
            "SELECT e.shape, e.geometry FROM stage.member m JOIN element e ON e.kind = m.kind AND e.osm_id = m.ref "
            "WHERE m.relation = ? AND m.kind < 2 GROUP BY e.id ORDER BY e.id",
            (relation,),
        )
        total = 0
        for shape, blob in rows:
            found = unpack(SHAPES[shape], blob).parts
            total += sum(map(len, found))
            if total > _MOST_COLLECTED:
                return None
            parts += found
        if not parts:
            return None
        return Shape("line" if any(len(part) > 1 for part in parts) else "point", tuple(parts))

    def finish(self, meta: Mapping[str, str], application_id: int, version: int) -> int:
        """Index what came in; gives the number of elements. Raises sqlite3.Error."""
        self._db.execute(_PAIRS)
        self._db.execute(PAIR_INDEX)
        self._db.execute(_TAGS)
        (count,) = self._db.execute("SELECT count(*) FROM element").fetchone()
        spread = dict(self._db.execute("SELECT kind, count(*) FROM element GROUP BY kind").fetchall())
        kinds = {f"{KINDS[kind]}s": str(spread.get(kind, 0)) for kind in range(3)}
        self._db.executemany("INSERT INTO meta VALUES (?, ?)", {**meta, **kinds, "elements": str(count)}.items())
        self._db.executescript(f"ANALYZE main; PRAGMA application_id = {application_id}; PRAGMA user_version = {version};")
        return int(count)

    def close(self) -> None:
        """Close the file, and throw the other one away."""
        self._db.close()
        self._stage.unlink(missing_ok=True)
