"""The file an extract is kept in: SQLite with an R-tree over boxes in 1e-7 degrees and an index from (key, value) to elements."""

from __future__ import annotations

APPLICATION_ID = 0x47534F4D
FORMAT = 1
"""Kept as SQLite's `user_version`; a store of another format is built anew."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE element (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, osm_id INTEGER NOT NULL, version INTEGER NOT NULL, at INTEGER,
    name TEXT NOT NULL, tags TEXT NOT NULL, shape INTEGER NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL,
    length_m REAL NOT NULL, area_m2 REAL NOT NULL, geometry BLOB NOT NULL);
CREATE VIRTUAL TABLE box USING rtree_i32(id, south, north, west, east);
CREATE TABLE pair (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL, n INTEGER NOT NULL);
CREATE TABLE tag (pair INTEGER NOT NULL, element INTEGER NOT NULL, PRIMARY KEY (pair, element)) WITHOUT ROWID;
CREATE TABLE called (folded TEXT NOT NULL, element INTEGER NOT NULL, PRIMARY KEY (folded, element)) WITHOUT ROWID;
"""

ELEMENT_INDEX = "CREATE UNIQUE INDEX element_osm ON element (kind, osm_id);"
PAIR_INDEX = "CREATE UNIQUE INDEX pair_key ON pair (key, value);"
