"""The flat gallery's files, and its exact search."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.encoders.encoder import unit_rows
from models.gallery import segment as segments
from models.gallery.flat import FlatGallery
from models.gallery.gallery import GalleryError, Row, Where
from models.gallery.nearest import _widened, blocks_of, nearest
from tests.models.gallery.sample import drawn

ROWS, VECTORS = drawn(200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gallery of three segments; the last replaces rows of the second."""
    gallery = FlatGallery(tmp_path / "photos", dim=16, create=True)
    for rows, vectors in (
        (ROWS[:100], VECTORS[:100]),
        ([replace(row, city="old") for row in ROWS[150:]], VECTORS[:50]),
        (ROWS[100:], VECTORS[100:]),
    ):
        gallery.add(rows, vectors)
        gallery.flush()
    gallery.close()
    return tmp_path / "photos"


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def test_there_is_one_writer_and_there_are_many_readers(folder: Path) -> None:
    with_lock = FlatGallery(folder)
    with pytest.raises(GalleryError, match="another process or object writes"):
        FlatGallery(folder)
    readers = [FlatGallery(folder, read_only=True) for _ in range(2)]
    with_lock.add([replace(ROWS[0], id="new")], VECTORS[:1])
    with_lock.close()
    assert [reader.count() for reader in readers] == [200, 200]
    assert FlatGallery(folder, read_only=True).count() == 201
    FlatGallery(folder).close()


def test_a_reader_goes_on_while_its_segments_are_replaced(folder: Path) -> None:
    reader = FlatGallery(folder, read_only=True)
    writer = FlatGallery(folder)
    writer.compact()
    writer.close()
    assert len(files(folder)) == 1
    assert reader.search(VECTORS[120:121], 1)[0][0].row == ROWS[120]


def test_compacting_leaves_replaced_rows_out_and_the_order_as_it_was(folder: Path) -> None:
    gallery = FlatGallery(folder)
    before = sum(path.stat().st_size for path in files(folder))
    ids = [row.id for rows, _ in gallery.scan() for row in rows]
    gallery.compact()
    assert [row.id for rows, _ in gallery.scan() for row in rows] == ids == [row.id for row in ROWS]
    assert sum(path.stat().st_size for path in files(folder)) < before
    assert gallery.count() == 200
    assert gallery.known([ROWS[7].id, ROWS[170].id, "no"]) == {ROWS[7].id, ROWS[170].id}
    gallery.compact()
    gallery.close()
    assert FlatGallery(folder, read_only=True).search(VECTORS[199:], 1)[0][0].row == ROWS[199]


def test_small_segments_at_the_end_become_one(tmp_path: Path) -> None:
    """Row numbers stay what they were, so that replaced rows stay replaced."""
    gallery = FlatGallery(tmp_path, dim=16, create=True)
    for number in range(60):
        gallery.add([replace(ROWS[number % 40], city=str(number))], VECTORS[number % 40 : number % 40 + 1])
        gallery.flush()
    assert len(files(tmp_path)) <= 17
    assert gallery.count() == 40
    found = {row.id: row.city for rows, _ in gallery.scan() for row in rows}
    assert found == {ROWS[n].id: str(n + 40 if n < 20 else n) for n in range(40)}
    gallery.close()


def test_putting_the_same_in_again_costs_no_place(folder: Path) -> None:
    before = (folder / "manifest.json").read_text()
    gallery = FlatGallery(folder)
    gallery.add(ROWS, VECTORS)
    gallery.close()
    assert (folder / "manifest.json").read_text() == before
    gallery = FlatGallery(folder)
    gallery.add([*ROWS[:5], replace(ROWS[5], city="new")], np.concatenate([VECTORS[:4], VECTORS[9:10], VECTORS[5:6]]))
    assert gallery.count() == 200
    assert [len(segment) for segment in gallery._segments] == [100, 50, 100, 2]
    gallery.close()


def test_closing_compacts_where_most_rows_were_replaced(tmp_path: Path) -> None:
    gallery = FlatGallery(tmp_path, dim=16, create=True, flush_rows=50)
    for version in range(4):
        gallery.add([replace(row, city=str(version)) for row in ROWS[:50]], VECTORS[:50])
    assert len(files(tmp_path)) == 4
    gallery.close()
    assert len(files(tmp_path)) == 1
    assert FlatGallery(tmp_path, read_only=True).count() == 50


def test_add_flushes_by_itself(tmp_path: Path) -> None:
    gallery = FlatGallery(tmp_path, dim=16, create=True, flush_rows=64)
    gallery.add(ROWS[:63], VECTORS[:63])
    assert files(tmp_path) == []
    gallery.add(ROWS[63:64], VECTORS[63:64])
    assert len(files(tmp_path)) == 1
    gallery.close()


@pytest.mark.parametrize("cut", [0, 10, 64, 5000, -1])
def test_a_segment_that_was_cut_is_told(folder: Path, cut: int) -> None:
    path = files(folder)[1]
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    with pytest.raises(GalleryError, match="is not whole") as caught:
        FlatGallery(folder, read_only=True)
    assert "\n" not in str(caught.value)


def damaged(change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        data = bytearray(files(folder)[1].read_bytes())
        change(data)
        files(folder)[1].write_bytes(bytes(data))

    return act


def said(**changes: object) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return act


@pytest.mark.parametrize("damage", [
    damaged(lambda data: data.__setitem__(slice(0, 8), b"NOTHING!")), damaged(lambda data: data.__setitem__(9, 255)),
    damaged(lambda data: data.__setitem__(slice(8, 64), bytes(56))), lambda folder: files(folder)[0].unlink(),
    lambda folder: (folder / "manifest.json").unlink(), lambda folder: (folder / "manifest.json").write_text("{"),
    lambda folder: (folder / "manifest.json").write_text("[" * 100_000), lambda folder: (folder / "manifest.json").write_bytes(b"\xff"),
    said(version=2), said(format="x"), said(dim=0), said(dim=17), said(dim="16"), said(dim=True), said(segments=None), said(segments=[{"file": "x"}]),
    said(segments=[{"file": "../../x.segment", "rows": 1, "bytes": 64}]), said(segments=[{"file": "/etc/passwd", "rows": 1, "bytes": 64}]),
    said(countries=[1]), said(next=-1),
])  # fmt: skip
def test_damaged_galleries_are_told_in_one_line(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder)
    with pytest.raises(GalleryError) as caught:
        FlatGallery(folder, read_only=True)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.tuples(st.integers(64, 20_000), st.integers(0, 255)), min_size=1, max_size=40))
def test_bytes_that_were_changed_give_answers_or_an_error_of_one_line(
    places: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    gallery = FlatGallery(folder, dim=16, create=True)
    gallery.add(ROWS[:60], VECTORS[:60])
    gallery.close()
    data = bytearray(files(folder)[0].read_bytes())
    for place, value in places:
        data[64 + (place - 64) % (len(data) - 64)] = value
    files(folder)[0].write_bytes(bytes(data))
    told = ""
    try:
        reader = FlatGallery(folder, read_only=True)
        reader.search(VECTORS[:2], 60, Where(countries=frozenset({"PT"})))
        reader.known([row.id for row in ROWS[:60]])
        list(reader.scan())
    except GalleryError as error:
        told = str(error)
    assert "\n" not in told


def test_what_a_killed_writer_left_is_removed_and_nothing_else(folder: Path) -> None:
    for name in ("00000099.segment", "00000100.part", "holiday.part", "notes.segment"):
        (folder / name).write_bytes(b"x")
    FlatGallery(folder, read_only=True)
    assert (folder / "00000099.segment").exists()
    gallery = FlatGallery(folder)
    assert gallery.count() == 200
    gallery.close()
    left = {path.name for path in folder.iterdir()} - {path.name for path in files(folder)}
    assert left == {"lock", "manifest.json", "holiday.part"}
    assert (folder / "notes.segment").exists()


def test_a_disk_that_refuses_loses_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = FlatGallery(folder)
    gallery.add([replace(ROWS[0], id="new", country="XY")], VECTORS[:1])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(segments.os, "fsync", full)
        with pytest.raises(GalleryError, match="No space left"):
            gallery.flush()
    assert FlatGallery(folder, read_only=True).count() == 200
    assert gallery.count() == 201
    gallery.close()
    assert FlatGallery(folder, read_only=True).count(Where(countries=frozenset({"XY"}))) == 1


# -- exact search ------------------------------------------------------------------------------------------------------------------------


def test_every_half_becomes_its_single() -> None:
    """All 63,488 finite halves, subnormal ones and both zeros among them."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)][None]
    singles = _widened(halves, np.empty(halves.shape, np.int32)).astype(np.float64) * 2.0**112
    np.testing.assert_array_equal(singles, halves.astype(np.float64))
    np.testing.assert_array_equal(np.signbit(singles), np.signbit(halves))


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 400),
    k=st.integers(1, 30),
    q=st.integers(1, 70),
    seed=st.integers(0, 5),
    part=st.floats(0, 1),
    threads=st.integers(1, 3),
)
def test_neighbours_are_exact(n: int, k: int, q: int, seed: int, part: float, threads: int) -> None:
    """Against float64, with vectors that come many times: those follow in the order of their rows."""
    rng = np.random.default_rng(seed)
    halves = unit_rows(rng.standard_normal((n, 24)))[rng.integers(0, max(1, n // 3), n)].astype(np.float16)
    queries = unit_rows(rng.standard_normal((q, 24)))
    rows = np.flatnonzero(rng.random(n) < part)
    bounds = sorted({0, n, *rng.integers(0, n, 3).tolist()})
    blocks = blocks_of(range(n) if part == 1.0 else rows, 24, bounds)
    rows = np.arange(n) if part == 1.0 else rows
    assert sorted(row for block in blocks for row in block) == rows.tolist()
    found = nearest(
        queries, k, blocks, lambda some: halves[some.start : some.stop] if isinstance(some, range) else halves[some], threads
    )
    for query, (got, similarity) in zip(queries, found, strict=True):
        exact = (halves[rows].astype(np.float64) * query.astype(np.float64)).sum(axis=1)
        order = np.lexsort((rows, -exact))[:k]
        assert got.tolist() == rows[order].tolist()
        np.testing.assert_array_equal(similarity, np.minimum(1.0, exact[order]))


def test_hits_do_not_depend_on_the_other_queries(folder: Path) -> None:
    gallery = FlatGallery(folder, read_only=True, threads=2)
    alone = [gallery.search(VECTORS[n : n + 1], 20)[0] for n in range(150)]
    assert gallery.search(VECTORS[:150], 20) == alone


def test_the_same_vector_is_found_in_the_order_of_rows(tmp_path: Path) -> None:
    gallery = FlatGallery(tmp_path, dim=16, create=True)
    gallery.add([Row(f"{n:03d}", 0, 0) for n in range(100)], np.repeat(VECTORS[:1], 100, axis=0))
    assert [hit.row.id for hit in gallery.search(VECTORS[:1], 40)[0]] == [f"{n:03d}" for n in range(40)]
    gallery.close()


def test_a_segment_that_is_cut_short_while_it_is_open_is_told_of(tmp_path: Path) -> None:
    rows, vectors = [Row(str(i), 1.0, 2.0) for i in range(200)], np.tile(np.eye(8, dtype=np.float32), (25, 1))
    with_rows = FlatGallery(tmp_path / "g", dim=8, create=True)
    with_rows.add(rows, vectors)
    with_rows.close()
    reader = FlatGallery(tmp_path / "g", read_only=True)
    segment = next((tmp_path / "g").glob("*.segment*"), None) or next(
        p for p in (tmp_path / "g").iterdir() if p.stat().st_size > 4000
    )
    with segment.open("r+b") as file:
        file.truncate(64)
    with pytest.raises(GalleryError, match="cut short"):
        reader.search(vectors[:1], 3)
