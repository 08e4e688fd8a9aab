"""A gallery is built of what can be used, tells what cannot, goes on where it was stopped, and comes out the same however often it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.leakage import SAME_BITS, find_leaks, mark_records
from evals.photo_marks import Marks
from geosleuth.gallery.builder import Builder, BuildSettings, Tally
from geosleuth.gallery.describe import described_by
from geosleuth.gallery.leaks import marked_gallery
from geosleuth.gallery.left_out import LeftOut, Skipped
from geosleuth.gallery.opening import alone, open_to_write, read_sources, with_sources
from geosleuth.gallery.source import SourcePhoto
from geosleuth.gallery.sources import Source, read_source
from geosleuth.gallery.twins import Twins
from models.gallery.catalogue import gallery_folder, open_named, read_card
from models.gallery.gallery import GalleryError
from models.gallery.thumbnails import open_thumbnails
from tests.geosleuth.gallery_cases import (
    LYON,
    PARIS,
    Colours,
    build,
    jpeg,
    labelled,
    mixed_folder,
    photo_folder,
    rows_in,
    scene,
    shard,
)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


# what comes in


def test_rows_of_a_folder(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "trips")
    tally, _ = build("trips", folder, licence="CC BY 4.0")
    assert (tally.total, tally.added, tally.known, tally.left_out.total()) == (5, 5, 0, 0)
    rows = rows_in("trips")
    row, vector = rows["p2.jpg"]
    assert (row.lat, row.lon) == pytest.approx(LYON, abs=1e-6)
    assert (row.country, row.city, row.source, row.licence, row.time) == (
        "FR",
        "Lyon",
        "trips",
        "CC BY 4.0",
        "2017-06-01T12:00:00",
    )
    assert row.picture == str(folder / "p2.jpg")
    assert len(row.sha256) == 64
    assert len(row.marks) == 32
    expected = Colours().encode([scene(2)])[0]
    assert float(vector @ expected) > 0.99
    pictures = open_thumbnails(gallery_folder("trips"), list(rows))
    assert [picture.size if picture else None for picture in pictures] == [(160, 120)] * 5
    card = read_card(gallery_folder("trips"))
    assert (card.encoder, card.encoder_digest, card.dim, card.store, card.sources) == (
        "colours", "00112233aabbccdd", 64, "flat:store", (str(folder),)
    )  # fmt: skip


def test_what_cannot_be_used_is_told_by_name(tmp_path: Path) -> None:
    tally, builder = build("mixed", mixed_folder(tmp_path / "photos"))
    assert tally.added == 5
    assert dict(tally.left_out) == {"duplicate": 2, "unusable": 1}
    reasons = {item.id: (item.kind, item.reason) for item in builder.left_out.all()}
    assert reasons["q_copy.jpg"] == ("duplicate", "the same file as p1.jpg")
    assert reasons["q_small.jpg"][1].startswith("the same picture as p2.jpg (")
    assert reasons["q_text.jpg"] == ("unusable", "is not a picture")
    assert "q_torn.jpg" in reasons["q_torn.jpg"][1]
    assert "no place" in reasons["q_nowhere.jpg"][1]
    text = (gallery_folder("mixed") / "skipped.tsv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == "kind\tsource\tid\treason"
    assert {line.split("\t")[2] for line in text.splitlines()[1:]} == set(reasons)


def test_duplicates_come_in_where_they_are_allowed(tmp_path: Path) -> None:
    folder = mixed_folder(tmp_path / "photos")
    build("mixed", folder)
    tally, builder = build("mixed", folder, allow_duplicates=True)
    assert (tally.known, tally.added) == (5, 2)
    assert set(rows_in("mixed")) == {*(f"p{n}.jpg" for n in range(5)), "q_copy.jpg", "q_small.jpg"}
    assert builder.left_out.counts() == {"unusable": 3, "duplicate": 0, "excluded": 0}


def test_photos_of_a_benchmark_stay_out(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "photos")
    benchmark = tmp_path / "benchmark"
    benchmark.mkdir()
    (benchmark / "x.jpg").write_bytes((folder / "p0.jpg").read_bytes())
    (benchmark / "y.jpg").write_bytes(jpeg(scene(3), quality=70))
    twins = Twins()
    for record in mark_records([_record(benchmark / name) for name in ("x.jpg", "y.jpg")]):
        assert record.marks is not None
        twins.add(f"bench/{record.id}", record.marks)
    tally, builder = build("g", folder, exclude=twins)
    assert (tally.added, tally.left_out["excluded"]) == (3, 2)
    assert builder.left_out.get("p0.jpg") == Skipped("excluded", "photos", "p0.jpg", "the same file as bench/x.jpg")
    again, _ = build("g", folder, exclude=twins)
    assert (again.known, again.opened) == (5, 0)
    without, _ = build("g", folder)
    assert without.added == 2
    held, _ = build("g", folder, exclude=twins)
    assert held.leaked_before == 2


def _record(path: Path) -> Any:
    from agent.photo import open_photo
    from evals.record import Record, Truth

    return Record(path.name, Truth(), lambda: open_photo(path))


def test_a_picture_that_the_encoder_sees_nothing_in_is_unusable(tmp_path: Path) -> None:
    class Blind(Colours):
        def encode(self, pictures: Any) -> Any:
            vectors = super().encode(pictures)
            vectors[0] = 0
            return vectors

    tally, builder = build("g", photo_folder(tmp_path / "photos", 3), encoder=Blind(), batch=3)
    assert (tally.added, tally.left_out["unusable"]) == (2, 1)
    assert builder.left_out.all()[0].reason == "the encoder finds nothing in it to describe"


def test_several_sources_may_use_the_same_ids(tmp_path: Path) -> None:
    one, two = photo_folder(tmp_path / "a" / "photos", 3), photo_folder(tmp_path / "b" / "photos", 3, first_seed=50)
    tally, _ = build("g", one, two)
    assert tally.added == 6
    rows = rows_in("g")
    assert set(rows) == {"p0.jpg", "p1.jpg", "p2.jpg", "photos-2:p0.jpg", "photos-2:p1.jpg", "photos-2:p2.jpg"}
    assert rows["photos-2:p1.jpg"][0].source == "photos-2"
    assert [source.name for source in read_sources(gallery_folder("g"))] == ["photos", "photos-2"]
    three = photo_folder(tmp_path / "c", 4, first_seed=80)
    tally, _ = build("g", three)
    assert tally.added == 4
    assert {"c:p0.jpg", "c:p1.jpg", "c:p2.jpg", "p3.jpg"} <= set(rows_in("g"))
    for sources in ((one, two), (three,), (two,)):
        again, _ = build("g", *sources)
        assert (again.added, again.opened) == (0, 0)


def test_a_source_that_grew_brings_in_what_is_new(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "photos", 3)
    build("g", folder)
    photo_folder(folder, 5)
    tally, _ = build("g", folder)
    assert (tally.known, tally.added) == (3, 2)
    assert read_card(gallery_folder("g")).sources == (str(folder),)


def test_the_name_of_a_source(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "photos", 2)
    build("g", folder, source_name="my walk")
    assert {row.source for row, _ in rows_in("g").values()} == {"my walk"}
    with pytest.raises(GalleryError, match="one name stands for one source"):
        build("g", folder, photo_folder(tmp_path / "more", 2), source_name="x")


def test_tar_shards_and_a_drawn_benchmark(tmp_path: Path) -> None:
    shard(tmp_path / "shards" / "000.tar", [labelled(f"k{n}", n, lat=PARIS[0], lon=PARIS[1], time="2011") for n in range(3)])
    tally, _ = build("g", tmp_path / "shards", "practice:easy:0:1")
    assert tally.added == 4
    row = rows_in("g")["000/k1"][0]
    assert (row.country, row.time, row.picture) == ("FR", "2011", str(tmp_path / "shards" / "000.tar" / "k1.jpg"))
    assert {row.source for row, _ in rows_in("g").values()} == {"shards", "practice-easy-0-1"}


def test_names_that_are_no_text_and_times_that_are_none_come_in(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.jpg")).write_bytes(jpeg(scene(1), PARIS, "2015:13:45 12:00:00"))
    tally, _ = build("g", folder)
    assert tally.added == 1
    row = rows_in("g")["?.jpg"][0]
    assert (row.time, row.picture) == ("", f"{folder}/?.jpg")
    again, _ = build("g", folder)
    assert (again.known, again.opened) == (1, 0)


def test_a_panorama_is_seen_in_four_directions(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "pano.jpg").write_bytes(jpeg(scene(1, (1200, 600)), PARIS))
    encoder = Colours()
    build("g", folder, encoder=encoder)
    assert encoder.encoded == 4


# going on


def counted(source: Source) -> tuple[Source, list[str]]:
    """The source with the ids of its photos noted when they are opened."""
    opened: list[str] = []

    def noting(photo: SourcePhoto) -> SourcePhoto:
        def open_() -> Any:
            opened.append(photo.id)
            return photo.open()

        return replace(photo, open=open_)

    return replace(source, photos=[noting(photo) for photo in source.photos]), opened


def test_a_second_run_opens_nothing_but_what_was_broken(tmp_path: Path) -> None:
    folder = mixed_folder(tmp_path / "photos")
    build("g", folder)
    source, opened = counted(read_source(str(folder)))
    encoder = Colours()
    with alone("g"):
        gallery, named = with_sources(open_to_write("g", encoder), [source])
        with described_by(encoder) as describe:
            tally = Builder(gallery, describe, BuildSettings()).run(named, lambda tally: None)
        gallery.store.close()
    assert opened == ["q_torn.jpg"]
    assert (tally.known, tally.added, encoder.encoded) == (7, 0, 0)
    (folder / "q_torn.jpg").write_bytes(jpeg(scene(77), PARIS))
    mended, builder = build("g", folder)
    assert mended.added == 1
    assert builder.left_out.get("q_torn.jpg") is None


def test_a_stop_in_the_middle_loses_at_most_a_batch(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "photos", 10)

    def stop(tally: Tally) -> None:
        if tally.added >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build("g", folder, told=stop, batch=2)
    assert len(rows_in("g")) == 4
    tally, _ = build("g", folder)
    assert (tally.known, tally.added) == (4, 6)


_KILLED = """
import sys, time
from tests.geosleuth.gallery_cases import build
def told(tally):
    print(tally.added, flush=True)
    if tally.added:
        time.sleep(0.2)
build("g", sys.argv[1], batch=3, told=told)
"""


def test_a_kill_in_the_middle_and_a_second_run_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = photo_folder(mixed_folder(tmp_path / "photos"), 14)
    build("g", folder, batch=3)
    whole, left_out = rows_in("g"), LeftOut(gallery_folder("g")).all()
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "killed"))
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(folder)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 3:
            break
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()
    assert 3 <= len(rows_in("g")) < len(whole)
    tally, builder = build("g", folder, batch=3)
    assert tally.known >= 3
    found = rows_in("g")
    assert {key: row for key, (row, _) in found.items()} == {key: row for key, (row, _) in whole.items()}
    for key, (_, vector) in whole.items():
        np.testing.assert_array_equal(found[key][1], vector)
    assert {item.id: item for item in builder.left_out.all()} == {item.id: item for item in left_out}


def test_two_builds_at_once_are_refused() -> None:
    with alone("g"), pytest.raises(GalleryError, match="being built by another process"), alone("g"):
        pass


def test_another_encoder_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "photos", 2)
    build("g", folder)
    with pytest.raises(GalleryError, match="build another gallery") as caught:
        build("g", folder, encoder=Colours("ffffffffffffffff"))
    assert "\n" not in str(caught.value)
    assert len(rows_in("g")) == 2


def test_a_folder_with_other_things_is_no_gallery(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "photos", 2)
    with pytest.raises(GalleryError, match="a folder of its own"):
        build(str(folder), folder)
    with pytest.raises(GalleryError, match="no name of a gallery"):
        build("a b", folder)
    build(str(tmp_path / "elsewhere" / "g"), folder)
    assert len(rows_in(str(tmp_path / "elsewhere" / "g"))) == 2


def test_a_store_that_cannot_be_opened_leaves_no_card(tmp_path: Path) -> None:
    with alone("g"), pytest.raises(GalleryError):
        open_to_write("g", Colours(), "qdrant:nowhere")
    assert not (gallery_folder("g") / "gallery.json").exists()
    with pytest.raises(GalleryError, match="use flat, lance or qdrant:URL"), alone("g"):
        open_to_write("g", Colours(), "faiss")


# copies


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.lists(st.integers(0, 127), max_size=24), st.data())
def test_twins_are_what_differs_by_few_bits(phash: int, dhash: int, flips: list[int], data: st.DataObject) -> None:
    twins = Twins()
    others = data.draw(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=20))
    for number, (p, d) in enumerate(others):
        twins.add(f"other {number}", Marks(f"{number:064x}", p, d, False))
    twins.add("it", Marks("f" * 64, phash, dhash, False))
    both = (phash << 64) | dhash
    for bit in flips:
        both ^= 1 << bit
    marks = Marks("e" * 64, both >> 64, both & (2**64 - 1), False)
    known = [*others, (phash, dhash)]
    bits = [(p ^ marks.phash).bit_count() + (d ^ marks.dhash).bit_count() for p, d in known]
    found = twins.find(marks)
    if min(bits) > SAME_BITS:
        assert found is None
    else:
        assert found is not None
        assert found.bits == min(bits)
        assert found.id == [*(f"other {n}" for n in range(len(others))), "it"][bits.index(min(bits))]


def test_twins_grow_and_find_the_first_of_equals() -> None:
    rng = np.random.default_rng(0)
    twins = Twins()
    hashes = rng.integers(0, 2**64, (3000, 2), dtype=np.uint64)
    for number, (p, d) in enumerate(hashes.tolist()):
        twins.add(str(number), Marks(f"{number:064x}", p, d, False))
    p, d = hashes[2500].tolist()
    twins.add("later", Marks("a" * 64, p, d, False))
    found = twins.find(Marks("b" * 64, p ^ 7, d, False))
    assert found is not None
    assert (found.id, found.bits) == ("2500", 3)
    same = twins.find(Marks(f"{17:064x}", 0, 0, True))
    assert same is not None
    assert (same.id, same.bits) == ("17", None)


def test_pictures_of_one_colour_are_compared_by_their_file_alone() -> None:
    twins = Twins()
    twins.add("a", Marks("a" * 64, 0, 0, True))
    assert twins.find(Marks("b" * 64, 0, 0, True)) is None
    assert twins.find(Marks("b" * 64, 0, 0, False)) is None
    assert twins.find(Marks("a" * 64, 0, 0, True)) is not None


# the list of what was left out


def test_the_list_survives_torn_lines_and_odd_names(tmp_path: Path) -> None:
    left_out = LeftOut(tmp_path)
    items = [Skipped("duplicate", "s", "a\tb\nc", "the same file as x"), Skipped("unusable", "s", "ü \udc80", "is empty")]
    for item in items:
        left_out.add(item)
    left_out.flush()
    with left_out.path.open("ab") as file:
        file.write(b"duplicate\ts\ttorn")
    again = LeftOut(tmp_path)
    assert again.get("a\tb\nc") is not None
    assert again.get("ü \udc80") is not None
    assert again.get("torn") is None
    again.add(Skipped("excluded", "s", "z", "in a benchmark"))
    again.flush()
    assert LeftOut(tmp_path).counts() == {"unusable": 1, "duplicate": 1, "excluded": 1}
    again.forget("a\tb\nc")
    again.save()
    assert [item.id for item in LeftOut(tmp_path).all()] == ["ü ?", "z"]


# leaks


def test_rows_are_compared_with_a_benchmark_without_a_picture(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "photos", 3)
    build("g", folder)
    for path in folder.iterdir():
        path.unlink()
    held = marked_gallery("g")
    assert held is not None
    assert marked_gallery("nothing-here") is None
    assert marked_gallery("practice:easy") is None
    query = tmp_path / "x.jpg"
    query.write_bytes(jpeg(scene(1).resize((120, 90)), quality=70))
    leaks = find_leaks(mark_records([_record(query)]), held)
    assert [(leak.gallery_id, leak.kind) for leak in leaks] == [("p1.jpg", "same picture")]


def test_the_gallery_is_what_the_store_says(tmp_path: Path) -> None:
    build("g", photo_folder(tmp_path / "photos", 3))
    gallery = open_named("g")
    assert gallery.store.count() == 3
    gallery.store.close()
