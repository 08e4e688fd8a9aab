"""A gallery in Qdrant: a server or cluster that several machines ask."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.sphere import Floats
from models.encoders.encoder import Vectors
from models.gallery.checked import check_opening, checked, checked_vectors, in_one_line, last_of_each, storable
from models.gallery.gallery import GalleryError, Hit, Row, Where
from models.gallery.qdrant_filter import filter_of, point_id
from models.gallery.refined import refined
from models.gallery.table import FIELDS
from models.gallery.where import NO_TIME, columns_of, mask, second_of

if TYPE_CHECKING:
    from qdrant_client import models as qm

_UPSERT = 256
"""Rows of a request; 512 numbers a row make some 1.5 MB."""
_INDEXES = {
    "country": "keyword",
    "source": "keyword",
    "sha256": "keyword",
    "second": "integer",
    "lat": "float",
    "lon": "float",
    "place": "geo",
}
_values = attrgetter(*FIELDS)


class QdrantGallery:
    """Rows and vectors in one collection: of a server (`https://…`), in memory (`:memory:`), or in a folder.

    In memory and in a folder every filter is evaluated row by row in Python: for tests and a few thousand rows. Files of such a folder are
    pickles: open none that you did not write. A server searches approximately (HNSW), and exactly where a filter keeps at most `exact_below`
    rows.
    """

    def __init__(
        self,
        location: str,
        collection: str = "gallery",
        dim: int | None = None,
        encoder_digest: str | None = None,
        *,
        encoder: str = "",
        create: bool = False,
        read_only: bool = False,
        flush_rows: int = 1024,
        exact_below: int = 4_000,
        ef: int = 128,
        timeout_s: int = 60,
    ) -> None:
        """Open a collection; `create` makes it (of `dim` numbers a vector) where there is none. `$QDRANT_API_KEY` is sent to servers.

        Raises GalleryError with one line. Servers need Qdrant 1.16 or newer, which keeps what a collection says of itself.
        """
        self.location, self.collection = location, collection
        self._served = location.startswith(("http://", "https://"))
        self._read_only, self._flush_rows, self._exact_below, self._ef = read_only, flush_rows, exact_below, ef
        self._buffer: list[tuple[Row, Vectors]] = []
        self._waiting: set[str] = set()
        self._client = self._connected(timeout_s)
        try:
            with self._told("opened"):
                if not self._client.collection_exists(collection):
                    self._create(dim, {"encoder": encoder, "encoder_digest": encoder_digest or ""}, create and not read_only)
                config = self._client.get_collection(collection).config
            self._read_about(config)
            check_opening(str(self), dim, self.dim, encoder_digest, self.encoder_digest)
        except BaseException:
            self._client.close()
            raise

    def __str__(self) -> str:
        return f"{self.location}#{self.collection}"

    def _connected(self, timeout_s: int) -> Any:
        try:
            import qdrant_client
        except ImportError:
            raise GalleryError("a Qdrant gallery needs qdrant-client: pip install 'geosleuth[qdrant]'") from None
        with self._told("opened"):
            if self._served:
                key = os.environ.get("QDRANT_API_KEY") or None
                return qdrant_client.QdrantClient(url=self.location, api_key=key, timeout=timeout_s, check_compatibility=False)
            where = {"location": self.location} if self.location == ":memory:" else {"path": self.location}
            return qdrant_client.QdrantClient(**where, force_disable_check_same_thread=True)

    def _create(self, dim: int | None, about: dict[str, str], create: bool) -> None:
        from qdrant_client import models as qm

        if not create:
            raise GalleryError(f"{self} holds no Qdrant gallery (no such collection)")
        if dim is None or dim < 1:
            raise GalleryError(f"a new gallery in {self} needs the length of its vectors (dim)")
        vectors = qm.VectorParams(size=dim, distance=qm.Distance.COSINE, datatype=qm.Datatype.FLOAT16)
        self._client.create_collection(
            self.collection, vectors_config=vectors, hnsw_config=qm.HnswConfigDiff(m=16, ef_construct=100), metadata=about
        )
        if self._served:
            for name, kind in _INDEXES.items():
                self._client.create_payload_index(self.collection, name, field_schema=qm.PayloadSchemaType(kind), wait=True)

    def _read_about(self, config: Any) -> None:
        try:
            about = config.metadata
            self.encoder, self.encoder_digest = str(about["encoder"]), str(about["encoder_digest"])
            self._dim = int(config.params.vectors.size)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise GalleryError(f"the collection {self} is no gallery, or its server older than Qdrant 1.16") from None

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
        held = filter_of(where)
        with self._told("asked"):
            kept = self._client.count(self.collection, count_filter=held, exact=True).count
            if not kept:
                return [[] for _ in queries]
            return refined(lambda wanted: self._fetch(queries, min(wanted, kept), held, kept), k, where)

    def _fetch(self, queries: Vectors, k: int, held: qm.Filter | None, kept: int) -> list[list[Hit]]:
        from qdrant_client import models as qm

        exact = kept <= self._exact_below or k > self._exact_below
        params = qm.SearchParams(exact=exact, hnsw_ef=None if exact else max(self._ef, 2 * k)) if self._served else None
        asked = [
            qm.QueryRequest(query=query.tolist(), filter=held, limit=k, with_payload=True, params=params) for query in queries
        ]
        answers = self._client.query_batch_points(self.collection, requests=asked)
        hits = [[Hit(_row(point.payload), min(1.0, float(point.score))) for point in answer.points] for answer in answers]
        return [sorted(own, key=lambda hit: (-hit.similarity, hit.row.id)) for own in hits]

    def count(self, where: Where | None = None) -> int:
        """How many rows there are."""
        self._bring_in()
        if where is None or where.circle is None:
            return self._count(filter_of(where))
        # Only the rows near the border need a look.
        inner = filter_of(where, -1.0)
        near = [row for row, _ in self._scrolled(filter_of(where), inner and inner.must, vectors=False)]
        return self._count(inner) + int(mask(where, columns_of(near)).sum())

    def _count(self, held: qm.Filter | None) -> int:
        with self._told("asked"):
            return int(self._client.count(self.collection, count_filter=held, exact=True).count)

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these ids are in the gallery, rows that wait for `flush` among them."""
        asked = sorted(set(ids))
        found = {id for id in asked if id in self._waiting}
        for start in range(0, len(asked), 1000):
            points = [point_id(id) for id in asked[start : start + 1000] if storable(id)]
            with self._told("asked"):
                there = self._client.retrieve(self.collection, ids=points, with_payload=["id"], with_vectors=False)
            found |= {str((point.payload or {}).get("id")) for point in there} & set(asked)
        return found

    def scan(self, batch: int = 4096) -> Iterator[tuple[list[Row], Vectors]]:
        """Every row once with its vector, in batches of at most `batch`, in the order of the points' ids."""
        self._bring_in()
        rows: list[Row] = []
        vectors: list[Any] = []
        for row, vector in self._scrolled(None, None, vectors=True):
            rows.append(row)
            vectors.append(vector)
            if len(rows) == batch:
                yield rows, np.array(vectors, dtype=np.float32)
                rows, vectors = [], []
        if rows:
            yield rows, np.array(vectors, dtype=np.float32)

    def points(self) -> tuple[Floats, Floats]:
        """Latitudes and longitudes [n] of all rows."""
        self._bring_in()
        places = np.array([(row.lat, row.lon) for row, _ in self._scrolled(None, None, vectors=False)], dtype=np.float64)
        return places.reshape(-1, 2)[:, 0], places.reshape(-1, 2)[:, 1]

    def _scrolled(self, held: qm.Filter | None, without: Any, *, vectors: bool) -> Iterator[tuple[Row, Any]]:
        """The rows that a filter holds and the conditions `without` together do not."""
        from qdrant_client import models as qm

        if without:
            left_out = qm.Filter(must=without)
            held = qm.Filter(must=[held] if held else None, must_not=[left_out])
        offset: Any = None
        while True:
            with self._told("read"):
                points, offset = self._client.scroll(
                    self.collection, scroll_filter=held, limit=512, offset=offset, with_payload=True, with_vectors=vectors
                )
            for point in points:
                yield _row(point.payload), point.vector
            if offset is None:
                return

    # -- writing -------------------------------------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Put rows and their unit vectors [n, dim] in; a known id is replaced. Nothing is put in where it raises GalleryError for a row."""
        self._may_write()
        self._buffer += zip(rows, checked(rows, vectors, self.dim), strict=True)
        self._waiting |= {row.id for row in rows}
        if len(self._buffer) >= self._flush_rows:
            self.flush()

    def flush(self) -> None:
        """Send what was added; the server has it on disk when this returns. Raises GalleryError where it does not answer."""
        from qdrant_client import models as qm

        self._may_write()
        if not self._buffer:
            return
        rows, vectors = last_of_each([row for row, _ in self._buffer], np.stack([vector for _, vector in self._buffer]))
        points = [
            qm.PointStruct(id=point_id(row.id), vector=vector.tolist(), payload=_payload(row))
            for row, vector in zip(rows, vectors, strict=True)
        ]
        for start in range(0, len(points), _UPSERT):
            with self._told("written"):
                self._client.upsert(self.collection, points=points[start : start + _UPSERT], wait=True)
        self._buffer, self._waiting = [], set()

    def close(self) -> None:
        """Flush, and let go of the connection."""
        try:
            if not self._read_only:
                self.flush()
        finally:
            self._read_only = True
            self._client.close()

    def _bring_in(self) -> None:
        if self._buffer:
            self.flush()

    def _may_write(self) -> None:
        if self._read_only:
            raise GalleryError(f"the gallery {self} was opened for reading, or closed")

    def _told(self, what: str) -> AbstractContextManager[None]:
        """What the client raises as one line."""
        from qdrant_client.http.exceptions import ApiException

        return in_one_line(str(self), what, ApiException, OSError, ValueError, RuntimeError)


def _payload(row: Row) -> dict[str, Any]:
    second = second_of(row.time)
    fields = dict(zip(FIELDS, _values(row), strict=True)) | {"lat": float(row.lat), "lon": float(row.lon)}
    known = {} if second == NO_TIME else {"second": second}
    return {**fields, **known, "place": {"lat": float(row.lat), "lon": float(row.lon)}}


def _row(payload: Any) -> Row:
    """Raises GalleryError where a point was not written by a gallery."""
    try:
        values = [payload[name] for name in FIELDS]
    except (KeyError, TypeError):
        raise GalleryError("a point of the Qdrant collection has no fields of a gallery's row") from None
    row = Row(*values)
    if not all(
        isinstance(value, float | int if name in ("lat", "lon") else str) for name, value in zip(FIELDS, values, strict=True)
    ):
        raise GalleryError("a point of the Qdrant collection has fields of another kind than a gallery's row")
    return row
