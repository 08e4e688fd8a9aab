"""A gallery in LanceDB: an index for millions of rows, on a disk or on object storage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.sphere import Floats
from models.encoders.encoder import Vectors
from models.gallery.checked import check_opening, checked, checked_vectors, in_one_line, last_of_each, storable
from models.gallery.gallery import GalleryError, Hit, Row, Where
from models.gallery.refined import refined
from models.gallery.sql import one_of, sql_of
from models.gallery.table import FIELDS, rows_of, schema_of, table_of, vectors_of
from models.gallery.where import in_circle

if TYPE_CHECKING:
    pass

_TABLE = "gallery"
_META = b"geosleuth"
_KEPT = timedelta(minutes=1)
"""Files of versions older than this are removed; a read that began on one must have ended by then."""


class LanceGallery:
    """Rows and vectors (half precision) in one table of a LanceDB database.

    Up to `index_from` rows, and under filters that keep at most `exact_below`, search is exact; above, it is approximate (IVF_HNSW_SQ, the
    best re-scored with the kept vectors). Writes are on disk when `flush` returns; several writers do not disturb each other.
    """

    def __init__(
        self,
        uri: str,
        dim: int | None = None,
        encoder_digest: str | None = None,
        *,
        encoder: str = "",
        create: bool = False,
        read_only: bool = False,
        flush_rows: int = 4096,
        index_from: int = 10_000,
        exact_below: int = 1_000,
        ef: int = 128,
        refine: int = 4,
        storage_options: dict[str, str] | None = None,
    ) -> None:
        """Open the table of a database: a folder or `s3://…`; `create` makes it (of `dim` numbers a vector) where there is none.

        `ef` is the breadth of a search, `refine` how many times `k` hits are re-scored. Raises GalleryError with one line.
        """
        self.uri = str(uri)
        self._read_only, self._flush_rows = read_only, flush_rows
        self._index_from, self._exact_below, self._ef, self._refine = index_from, exact_below, ef, refine
        self._buffer: list[tuple[Row, Vectors]] = []
        self._waiting: set[str] = set()
        self._open(
            dim,
            json.dumps({"encoder": encoder, "encoder_digest": encoder_digest or ""}),
            create and not read_only,
            storage_options,
        )
        self._read_about()
        check_opening(self.uri, dim, self.dim, encoder_digest, self.encoder_digest)

    def _open(self, dim: int | None, about: str, create: bool, storage_options: dict[str, str] | None) -> None:
        lancedb = _lancedb()
        nothing = GalleryError(f"{self.uri} holds no LanceDB gallery (no table {_TABLE!r})")
        if not create and "://" not in self.uri and not Path(self.uri).is_dir():
            raise nothing  # connecting would make the folder
        with self._told("opened"):
            # Every read looks for a newer version, for the files of old ones are removed.
            database = lancedb.connect(self.uri, read_consistency_interval=timedelta(0), storage_options=storage_options)
            try:
                self._table = database.open_table(_TABLE)
                return
            except (ValueError, FileNotFoundError) as error:
                if "not found" not in str(error):
                    raise
            if not create:
                raise nothing
            if dim is None or dim < 1:
                raise GalleryError(f"a new gallery in {self.uri} needs the length of its vectors (dim)")
            schema = schema_of(dim).with_metadata({_META: about.encode()})
            self._table = database.create_table(_TABLE, schema=schema, exist_ok=True)

    def _read_about(self) -> None:
        schema = self._table.schema
        missing = [name for name in (*FIELDS, "second", "vector") if name not in schema.names]
        try:
            about = json.loads((schema.metadata or {})[_META])
            self.encoder, self.encoder_digest = str(about["encoder"]), str(about["encoder_digest"])
            self._dim = int(schema.field("vector").type.list_size)
        except (KeyError, ValueError, TypeError, AttributeError):
            missing = missing or ["what it says of itself"]
        if missing:
            raise GalleryError(f"the table {_TABLE!r} of {self.uri} is no gallery ({', '.join(missing[:3])} missing)")

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self._dim

    # -- reading -------------------------------------------------------------------------------------------------------------------------

    def search(self, vectors: Vectors, k: int, where: Where | None = None) -> list[list[Hit]]:
        """The `k` likest rows for each query [q, dim]. Raises GalleryError."""
        self._bring_in()
        queries = checked_vectors(vectors, self.dim)
        if k < 1 or not len(queries):
            return [[] for _ in queries]
        sql = sql_of(where) if where else ""
        with self._told("asked"):
            kept = self._table.count_rows(sql or None)
            if not kept:
                return [[] for _ in queries]
            exact = kept <= (self._exact_below if sql else self._index_from)
            return refined(
                lambda wanted: self._fetch(queries, min(wanted, kept), sql, exact or wanted > self._exact_below), k, where
            )

    def _fetch(self, queries: Vectors, k: int, sql: str, exact: bool) -> list[list[Hit]]:
        asked = self._table.search(list(queries) if len(queries) > 1 else queries[0], vector_column_name="vector").distance_type(
            "cosine"
        )
        if sql:
            asked = asked.where(sql, prefilter=True)
        asked = asked.bypass_vector_index() if exact else asked.ef(max(self._ef, 2 * k)).refine_factor(self._refine)
        found = asked.select([*FIELDS, "_distance"]).limit(k).to_arrow()
        of = found["query_index"].to_pylist() if "query_index" in found.column_names else [0] * found.num_rows
        hits: list[list[Hit]] = [[] for _ in queries]
        for query, row, distance in zip(of, rows_of(found), found["_distance"].to_pylist(), strict=True):
            hits[query].append(Hit(row, min(1.0, 1.0 - distance)))
        return [sorted(own, key=lambda hit: (-hit.similarity, hit.row.id)) for own in hits]

    def count(self, where: Where | None = None) -> int:
        """How many rows there are."""
        self._bring_in()
        sql = sql_of(where) if where else ""
        with self._told("asked"):
            if where is None or where.circle is None:
                return int(self._table.count_rows(sql or None))
            places = self._table.search().where(sql).select(["lat", "lon"]).limit(None).to_arrow()
            return int(in_circle(where.circle, places["lat"].to_numpy(), places["lon"].to_numpy()).sum())

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these ids are in the gallery, rows that wait for `flush` among them."""
        asked = sorted(set(ids))
        found = {id for id in asked if id in self._waiting}
        for start in range(0, len(asked), 1000):
            some = [id for id in asked[start : start + 1000] if id and storable(id)]
            if some:
                with self._told("asked"):
                    rows = self._table.search().where(one_of("id", some)).select(["id"]).limit(None).to_arrow()
                found |= set(rows["id"].to_pylist())
        return found

    def scan(self, batch: int = 4096) -> Iterator[tuple[list[Row], Vectors]]:
        """Every row once with its vector, in batches of at most `batch`, in the order of the table."""
        self._bring_in()
        with self._told("read"):
            for part in self._table.search().select([*FIELDS, "vector"]).limit(None).to_batches(batch):
                if part.num_rows:
                    yield rows_of(part), vectors_of(part, self.dim)

    def points(self) -> tuple[Floats, Floats]:
        """Latitudes and longitudes [n] of all rows, from their columns."""
        self._bring_in()
        with self._told("read"):
            table = self._table.search().select(["lat", "lon"]).limit(None).to_arrow()
        lat, lon = (np.asarray(table[axis].to_numpy(), dtype=np.float64) for axis in ("lat", "lon"))
        return lat, lon

    # -- writing -------------------------------------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Put rows and their unit vectors [n, dim] in; a known id is replaced. Nothing is put in where it raises GalleryError."""
        self._may_write()
        self._buffer += zip(rows, checked(rows, vectors, self.dim), strict=True)
        self._waiting |= {row.id for row in rows}
        if len(self._buffer) >= self._flush_rows:
            self._merge()

    def flush(self) -> None:
        """Write what was added, and bring the index up to date where many rows are not in it. Raises GalleryError."""
        self._may_write()
        self._merge()
        with self._told("indexed"):
            self._index()

    def close(self) -> None:
        """Flush."""
        if not self._read_only:
            self.flush()
        self._read_only = True

    def _merge(self) -> None:
        """Bring the buffer into the table: a new version of it, whole or not at all."""
        if not self._buffer:
            return
        rows, vectors = last_of_each([row for row, _ in self._buffer], np.stack([vector for _, vector in self._buffer]))
        with self._told("written"):
            new = table_of(rows, vectors, schema_of(self.dim))
            self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(new)
        self._buffer, self._waiting = [], set()

    def _index(self) -> None:
        """An index where there are many rows; one that leaves a tenth (or `index_from`) out takes them in."""
        from lancedb.index import Bitmap, BTree, HnswSq

        total = self._table.count_rows()
        if total < self._index_from:
            return
        own = next((index for index in self._table.list_indices() if index.columns == ["vector"]), None)
        if own is not None:
            stats = self._table.index_stats(own.name)
            if stats is None or stats.num_unindexed_rows > min(self._index_from, total // 10):
                self._table.optimize(cleanup_older_than=_KEPT)
            return
        # Small files first: an index names rows by where they are.
        self._table.optimize(cleanup_older_than=_KEPT)
        config = HnswSq(distance_type="cosine", num_partitions=max(1, round(total / 1_000_000)), m=16, ef_construction=100)
        self._table.create_index("vector", config=config)
        self._table.create_index("id", config=BTree())
        self._table.create_index("country", config=Bitmap())
        self._table.optimize(cleanup_older_than=_KEPT)

    def _bring_in(self) -> None:
        if self._buffer:
            self._merge()

    def _may_write(self) -> None:
        if self._read_only:
            raise GalleryError(f"the gallery {self.uri} was opened for reading, or closed")

    def _told(self, what: str) -> AbstractContextManager[None]:
        """What LanceDB raises as one line."""
        return in_one_line(self.uri, what, OSError, ValueError, RuntimeError, ImportError)


def _lancedb() -> Any:
    try:
        import lancedb
    except ImportError:
        raise GalleryError("a LanceDB gallery needs lancedb: pip install 'geosleuth[lancedb]'") from None
    return lancedb
