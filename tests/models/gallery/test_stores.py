"""One table of tests for every store of a gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geo.area import Box
from models.encoders.encoder import unit_rows
from models.gallery.gallery import Circle, GalleryError, Row, Where
from models.gallery.open import StoredGallery
from models.gallery.where import columns_of, mask
from tests.models.gallery.sample import DIGEST, STORES, drawn, nearest_slowly, opened

ROWS, VECTORS = drawn(300)
QUERIES = drawn(3, seed=1)[1]
Open = Callable[..., StoredGallery]

WHERES = {
    "country": Where(countries=frozenset({"PT"})),
    "countries": Where(countries=frozenset({"PT", "O'Brien; --", "ZZ"})),
    "no such country": Where(countries=frozenset({"ZZ"})),
    "box": Where(box=Box(-20, -100, 50, 40)),
    "box across the antimeridian": Where(box=Box(-40, 170, 40, -175)),
    "box to the antimeridian": Where(box=Box(-90, 170, 90, 180)),
    "box all around": Where(box=Box(60, -180, 90, 180)),
    "circle": Where(circle=Circle(40, 10, 3000)),
    "circle across the antimeridian": Where(circle=Circle(5, 179, 2000)),
    "circle around a pole": Where(circle=Circle(85, 0, 2500)),
    "circle of all": Where(circle=Circle(0, 0, 30_000)),
    "circle of one point": Where(circle=Circle(90, 77, 0.001)),
    "from": Where(taken_from="2015-06"),
    "before": Where(taken_before="2019-07-04T12:30:16"),
    "between": Where(taken_from="2015-06-30", taken_before="2019-07-04T12:30:16"),
    "source": Where(sources=frozenset({"b", "c'"})),
    "without ids": Where(exclude_ids=frozenset({ROWS[4].id, ROWS[9].id, "nobody's", "\ud800", "a\0"})),
    "without files": Where(exclude_sha256=frozenset({ROWS[5].sha256, ROWS[7].sha256.upper(), "f" * 64, ""})),
    "all of it": Where(
        countries=frozenset({"PT", "ES", ""}), box=Box(-80, 100, 80, -20), circle=Circle(0, 180, 9000), taken_from="2014",
        taken_before="2020", sources=frozenset({"a", "b"}), exclude_ids=frozenset({ROWS[6].id}), exclude_sha256=frozenset({ROWS[11].sha256}),
    ),
}  # fmt: skip


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_(store: str, tmp_path: Path) -> Iterator[Open]:
    galleries: list[StoredGallery] = []

    def opener(**options: object) -> StoredGallery:
        galleries.append(opened(store, tmp_path, **options))
        return galleries[-1]

    yield opener
    for gallery in galleries:
        gallery.close()


@pytest.fixture(scope="module", params=STORES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoredGallery]:
    """Filled in parts, some rows twice."""
    gallery = opened(str(request.param), tmp_path_factory.mktemp("filled"), dim=16, create=True, flush_rows=64)
    wrong = [replace(row, lat=0.0, lon=0.0, country="XX", source="old") for row in ROWS[:50]]
    gallery.add(wrong, VECTORS[100:150])
    for start in range(0, len(ROWS), 70):
        gallery.add(ROWS[start : start + 70], VECTORS[start : start + 70])
    gallery.flush()
    yield gallery
    gallery.close()


@pytest.mark.parametrize("name", [None, *WHERES])
def test_search_is_that_of_a_slow_loop(filled: StoredGallery, name: str | None) -> None:
    where = WHERES[name] if name else None
    found = filled.search(QUERIES, 7, where)
    assert len(found) == len(QUERIES)
    for query, hits in zip(QUERIES, found, strict=True):
        right = nearest_slowly(ROWS, VECTORS, query, 7, where)
        assert [hit.row.id for hit in hits] == [id for id, _ in right]
        np.testing.assert_allclose([hit.similarity for hit in hits], [similarity for _, similarity in right], atol=2e-3)
        assert all(hit.row == next(row for row in ROWS if row.id == hit.row.id) for hit in hits)


@pytest.mark.parametrize("name", [None, *WHERES])
def test_counts_are_those_of_the_mask(filled: StoredGallery, name: str | None) -> None:
    expected = int(mask(WHERES[name], columns_of(ROWS)).sum()) if name else len(ROWS)
    assert filled.count(WHERES[name] if name else None) == expected


def test_filters_of_the_table_keep_something() -> None:
    kept = {name: int(mask(where, columns_of(ROWS)).sum()) for name, where in WHERES.items()}
    assert [name for name, count in kept.items() if count == 0] == ["no such country"]
    assert kept["circle of all"] == len(ROWS)
    assert kept["without ids"] == kept["without files"] == len(ROWS) - 2


def test_more_hits_than_rows_are_all_rows(filled: StoredGallery) -> None:
    hits = filled.search(QUERIES[:1], 1000)[0]
    assert len({hit.row.id for hit in hits}) == len(hits) == len(ROWS)
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
    assert filled.search(QUERIES[:2], 0) == [[], []]
    assert filled.search(QUERIES[:0], 5) == []


def test_known_ids(filled: StoredGallery) -> None:
    assert filled.known([ROWS[3].id, "nobody", "", "a\0b", "\ud800", ROWS[299].id, "x' OR '1'='1"]) == {ROWS[3].id, ROWS[299].id}
    assert filled.known([]) == set()


def test_scan_gives_every_row_once_in_a_stable_order(filled: StoredGallery) -> None:
    batches = list(filled.scan(64))
    assert all(0 < len(rows) <= 64 and vectors.shape == (len(rows), 16) for rows, vectors in batches)
    assert all(vectors.dtype == np.float32 for _, vectors in batches)
    rows = [row for batch, _ in batches for row in batch]
    assert sorted(rows, key=lambda row: row.id) == sorted(ROWS, key=lambda row: row.id)
    assert [row for batch, _ in filled.scan(100) for row in batch] == rows
    place = {row.id: number for number, row in enumerate(ROWS)}
    np.testing.assert_allclose(
        np.concatenate([vectors for _, vectors in batches]), VECTORS[[place[row.id] for row in rows]], atol=1e-3
    )


def test_an_empty_gallery(open_: Open) -> None:
    gallery = open_(dim=16, create=True)
    assert (gallery.dim, gallery.count(), gallery.known(["a"]), list(gallery.scan())) == (16, 0, set(), [])
    assert gallery.count(WHERES["all of it"]) == 0
    assert gallery.search(QUERIES, 5) == gallery.search(QUERIES, 5, WHERES["all of it"]) == [[], [], []]
    gallery.add([], np.zeros((0, 16), np.float32))
    gallery.flush()
    assert gallery.count() == 0


def test_a_known_id_is_replaced(open_: Open) -> None:
    gallery = open_(dim=16, create=True)
    gallery.add(ROWS[:10], VECTORS[:10])
    gallery.flush()
    moved = replace(ROWS[3], city="elsewhere", lat=1.0, country="NO", sha256="e" * 64)
    gallery.add([ROWS[4], moved, ROWS[4], replace(moved, city="there")], VECTORS[[4, 20, 4, 21]])
    gallery.flush()
    assert gallery.count() == 10
    hit = gallery.search(VECTORS[21:22], 1)[0][0]
    assert hit.row == replace(moved, city="there")
    assert hit.similarity == pytest.approx(1.0, abs=2e-3)
    assert gallery.count(Where(countries=frozenset({"NO"}))) == 1
    assert gallery.search(VECTORS[3:4], 1, Where(exclude_ids=frozenset({ROWS[3].id})))[0][0].row.id != ROWS[3].id


def test_rows_are_found_before_they_are_flushed(open_: Open) -> None:
    gallery = open_(dim=16, create=True)
    gallery.add(ROWS[:5], VECTORS[:5])
    assert gallery.known([ROWS[1].id, ROWS[7].id]) == {ROWS[1].id}
    assert gallery.search(VECTORS[2:3], 1)[0][0].row == ROWS[2]
    assert gallery.count() == 5


def test_a_gallery_is_opened_again(open_: Open) -> None:
    gallery = open_(dim=16, create=True, encoder_digest=DIGEST, encoder="embedded")
    gallery.add(ROWS[:20], VECTORS[:20])
    gallery.close()
    again = open_(encoder_digest=DIGEST, read_only=True)
    assert (again.dim, again.count(), again.encoder, again.encoder_digest) == (16, 20, "embedded", DIGEST)
    assert again.search(VECTORS[5:6], 1)[0][0].row == ROWS[5]
    with pytest.raises(GalleryError, match="opened for reading"):
        again.add(ROWS[:1], VECTORS[:1])
    again.close()
    more = open_(dim=16, create=True, encoder_digest=DIGEST)
    more.add(ROWS[10:30], VECTORS[10:30])
    assert more.count() == 30


@pytest.mark.parametrize(("options", "why"), [
    ({"encoder_digest": "f" * 16}, "encoder"), ({"dim": 17}, "16 numbers, not of 17"), ({"dim": 17, "create": True}, "16 numbers"),
])  # fmt: skip
def test_vectors_of_another_encoder_are_refused(open_: Open, options: dict[str, object], why: str) -> None:
    open_(dim=16, create=True, encoder_digest=DIGEST).close()
    with pytest.raises(GalleryError, match=why):
        open_(**options)


def test_a_gallery_that_is_not_there(open_: Open, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="holds no"):
        open_(read_only=True)
    with pytest.raises(GalleryError, match="length of its vectors"):
        open_(create=True)


BAD = np.full((1, 16), np.nan, np.float32)
GOOD = VECTORS[:1]


@pytest.mark.parametrize(("row", "vectors", "why"), [
    (ROWS[0], BAD, "not finite"), (ROWS[0], GOOD * np.inf, "not finite"), (ROWS[0], GOOD * 2, "length 1"), (ROWS[0], GOOD * 0, "length 1"),
    (ROWS[0], GOOD[:, :15], "16"), (ROWS[0], GOOD[0], "shape"), (ROWS[0], VECTORS[:2], "1 rows with 2"), (ROWS[0], np.ones((1, 16), int), "int"),
    (replace(ROWS[0], lat=90.5), GOOD, "coordinates"), (replace(ROWS[0], lon=float("nan")), GOOD, "coordinates"),
    (replace(ROWS[0], lat="12"), GOOD, "coordinates"), (replace(ROWS[0], id=""), GOOD, "no id"), (replace(ROWS[0], city="a\0b"), GOOD, "city"),
    (replace(ROWS[0], city="\ud800"), GOOD, "city"), (replace(ROWS[0], region=None), GOOD, "region is no text"),
    (replace(ROWS[0], attribution="x" * 5000), GOOD, "too long"), (replace(ROWS[0], sha256="ABC"), GOOD, "sha256"),
    (replace(ROWS[0], marks="0" * 31), GOOD, "marks"), (replace(ROWS[0], time="last summer"), GOOD, "no time"),
])  # fmt: skip
def test_what_does_not_belong_into_a_gallery_is_refused(open_: Open, row: Row, vectors: np.ndarray, why: str) -> None:
    gallery = open_(dim=16, create=True)
    with pytest.raises(GalleryError, match=why) as caught:
        gallery.add([row], vectors)
    assert "\n" not in str(caught.value)
    assert gallery.count() == 0


@pytest.mark.parametrize("queries", [BAD, GOOD[:, :15], GOOD[0], GOOD * 3])
def test_queries_that_mean_nothing_are_refused(filled: StoredGallery, queries: np.ndarray) -> None:
    with pytest.raises(GalleryError):
        filled.search(queries, 3)


@pytest.mark.parametrize("where", [
    Where(taken_from="yesterday"), Where(taken_before="2015-13"), Where(circle=Circle(91, 0, 1)), Where(circle=Circle(0, 0, -1)),
    Where(circle=Circle(0, 0, float("nan"))), Where(box=Box(float("nan"), 0, 1, 1)),
])  # fmt: skip
def test_filters_that_mean_nothing_are_refused(filled: StoredGallery, where: Where) -> None:
    with pytest.raises(GalleryError):
        filled.search(QUERIES, 3, where)
    with pytest.raises(GalleryError):
        filled.count(where)


def test_a_filter_that_keeps_one_row_in_two_hundred_loses_no_neighbour(store: str, open_: Open) -> None:
    """Clusters of vectors, each with its country; queries come from any cluster. Qdrant without a server is slow, so it gets fewer rows."""
    n = 2_000 if store == "qdrant" else 20_000
    rng = np.random.default_rng(5)
    of = rng.integers(0, 200, n)
    centres = rng.standard_normal((200, 24))
    vectors = unit_rows(centres[of] + 0.8 * rng.standard_normal((n, 24)))
    queries = unit_rows(centres[rng.integers(0, 200, 40)] + 0.8 * rng.standard_normal((40, 24)))
    rows = [Row(str(i), 0.0, 0.0, f"{of[i]:03d}") for i in range(n)]
    gallery = open_(dim=24, create=True, **({} if store == "flat" else {"exact_below": 20}))
    for start in range(0, n, 4000):
        gallery.add(rows[start : start + 4000], vectors[start : start + 4000])
    gallery.flush()
    where = Where(countries=frozenset({"007"}))
    kept = np.flatnonzero(of == 7)
    assert 0.003 < len(kept) / n < 0.008
    for filtered, among in ((where, kept), (None, np.arange(n))):
        found = gallery.search(queries, 10, filtered)
        right = [set(among[np.argsort(-(vectors[among] @ query))[:10]].tolist()) for query in queries]
        recall = np.mean(
            [len({int(hit.row.id) for hit in hits} & best) / len(best) for hits, best in zip(found, right, strict=True)]
        )
        assert recall >= 0.99, (filtered, recall)
