"""What a gallery can be built of, and what is read of it: ids, places, times, rights; nothing is decoded while listing."""

from __future__ import annotations

import csv
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.photo import PhotoError
from evals.record import BenchmarkError
from geosleuth.gallery.sources import read_source
from geosleuth.gallery.taken import iso_time, time_range
from models.gallery.gallery import GalleryError
from tests.geosleuth.gallery_cases import LYON, PARIS, jpeg, labelled, mixed_folder, photo_folder, scene, shard

# times


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2019", "2019"),
        ("2019-07", "2019-07"),
        ("2019-07-04", "2019-07-04"),
        ("2019-07-04T12:30:05", "2019-07-04T12:30:05"),
        ("2019-07-04 12:30", "2019-07-04T12:30:00"),
        ("2019:07:04 12:30:05", "2019-07-04T12:30:05"),
        ("2019/07/04", "2019-07-04"),
        ("2019-07-04T12:30:05.123+02:00", "2019-07-04T12:30:05"),
        ("2019-07-04T12:30:05Z", "2019-07-04T12:30:05"),
        ("1562243405", "2019-07-04T12:30:05"),
        ("1562243405123", "2019-07-04T12:30:05"),
        ("0000:00:00 00:00:00", ""),
        ("2019-13-01", ""),
        ("2019-02-30", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_times_as_labels_write_them(text: str, iso: str) -> None:
    assert iso_time(text) == iso


@given(st.datetimes(min_value=datetime(1975, 1, 1), max_value=datetime(2099, 1, 1)))
def test_iso_and_epoch_name_the_same_second(moment: datetime) -> None:
    seconds = int(moment.replace(tzinfo=UTC).timestamp())
    assert iso_time(str(seconds)) == moment.replace(microsecond=0).isoformat() == iso_time(moment.isoformat())


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_none(text: str) -> None:
    iso = iso_time(text)
    assert iso == "" or iso_time(iso) == iso


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015..2019", ("2015", "2020")),
        ("2018", ("2018", "2019")),
        ("2018-12", ("2018-12", "2019-01")),
        ("2018-06..2018-08", ("2018-06", "2018-09")),
        ("..2019-12-31", ("", "2020-01-01")),
        ("2020-02-28..2020-02-28", ("2020-02-28", "2020-02-29")),
        ("2017..", ("2017", "")),
    ],
)
def test_ranges_of_time_include_their_ends(text: str, expected: tuple[str, str]) -> None:
    assert time_range(text) == expected


@pytest.mark.parametrize("text", ["..", "", "19..20", "2019..2015", "2019-13..", "2015-2019", "2015...2019"])
def test_what_is_no_range_of_time_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(GalleryError) as caught:
        time_range(text)
    assert "\n" not in str(caught.value)


# folders


def test_a_folder_of_tagged_photos(tmp_path: Path) -> None:
    folder = mixed_folder(tmp_path / "My trips!")
    source = read_source(str(folder))
    assert source.short_name() == "My-trips"
    assert source.spec == str(folder)
    assert [photo.id for photo in source.photos] == [
        "p0.jpg",
        "p1.jpg",
        "p2.jpg",
        "p3.jpg",
        "p4.jpg",
        "q_copy.jpg",
        "q_small.jpg",
        "q_torn.jpg",
    ]
    assert (source.photos[2].lat, source.photos[2].lon) == pytest.approx(LYON, abs=1e-6)
    problems = dict(source.problems)
    assert problems["q_text.jpg"] == "is not a picture"
    assert "no place" in problems["q_nowhere.jpg"]
    with pytest.raises(PhotoError, match=r"q_torn\.jpg"):
        source.photos[-1].open()


def test_tags_that_are_no_place_are_told(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "photos", 1)
    (folder / "far.jpg").write_bytes(jpeg(scene(1), (99.0, 2.35)))
    (folder / "zero.jpg").write_bytes(jpeg(scene(2), (0.0, 0.0)))
    assert dict(read_source(str(folder)).problems) == {
        "far.jpg": "its GPS tags are no place on the Earth: 99.0000, 2.3500",
        "zero.jpg": "its GPS tags are no place on the Earth: 0, 0 is what a receiver without a fix writes",
    }


def test_a_place_in_a_jpeg_comment(tmp_path: Path) -> None:
    scene(1).save(tmp_path / "a.jpg", comment=b"photo id 7\nlatitude: 48.8566 longitude: 2.3522\n")
    source = read_source(f"folder:{tmp_path}")
    assert (source.photos[0].lat, source.photos[0].lon) == (48.8566, 2.3522)


def write_labels(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_folder_with_labels(tmp_path: Path) -> None:
    photo_folder(tmp_path / "images", 3)
    rows = [
        {"id": f"x{n}", "path": f"images/p{n}.jpg", "lat": 10 + n, "lon": 20, "date": ("", "2001-02-03", "2001:02:04")[n], "kind": "panorama" if n == 2 else "photo",
         "licence": "CC0", "author": "A. N. Other"}
        for n in range(3)
    ]  # fmt: skip
    rows.append({**rows[0], "id": "only-a-city", "lat": "", "lon": ""})
    write_labels(tmp_path / "labels.csv", rows)
    source = read_source(str(tmp_path))
    assert [(p.id, p.lat, p.lon, p.time, p.licence, p.panorama) for p in source.photos] == [
        ("x0", 10, 20, "", "CC0", False),
        ("x1", 11, 20, "2001-02-03", "CC0", False),
        ("x2", 12, 20, "2001-02-04", "CC0", True),
    ]
    assert source.photos[0].attribution == "A. N. Other"
    assert source.photos[1].open().size == (160, 120)
    assert any("only-a-city" in note for note in source.notes)


def test_a_point_that_stands_for_a_city_is_no_place_of_a_photo(tmp_path: Path) -> None:
    photo_folder(tmp_path, 2)
    write_labels(tmp_path / "labels.csv", [{"path": "p0.jpg", "lat": 1, "lon": 2, "city": "", "country": ""},
                                           {"path": "p1.jpg", "lat": "", "lon": "", "city": "Porto", "country": "Portugal"}])  # fmt: skip
    source = read_source(str(tmp_path))
    assert [photo.id for photo in source.photos] == ["p0.jpg"]
    assert any("p1.jpg" in note and "coordinates" in note for note in source.notes)


def test_a_table_with_pictures_elsewhere(tmp_path: Path) -> None:
    data = jpeg(scene(3))
    shard(tmp_path / "pictures.tar", [{"deep/a.jpg": data}])
    (tmp_path / "places.jsonl").write_text(json.dumps({"id": "a", "lat": 48.85, "lng": 2.35, "taken": "2012"}) + "\n")
    source = read_source(str(tmp_path / "places.jsonl"), tmp_path / "pictures.tar")
    assert source.short_name() == "places"
    assert source.photos[0].open().size == (160, 120)


def test_parquet_with_pictures(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for part in range(2):
        data = [jpeg(scene(10 * part + n)) for n in range(3)]
        table = pa.table({"image": [{"bytes": d, "path": None} for d in data], "id": [f"{part}-{n}" for n in range(3)],
                          "latitude": [1.5, 2.5, 3.5], "longitude": [4.0, 5.0, 6.0], "captured_at": ["2019-01-02"] * 3})  # fmt: skip
        (tmp_path / "rows").mkdir(exist_ok=True)
        pq.write_table(table, tmp_path / "rows" / f"{part}.parquet")
    one, both = read_source(str(tmp_path / "rows" / "0.parquet")), read_source(str(tmp_path / "rows"))
    assert [photo.id for photo in one.photos] == ["0-0", "0-1", "0-2"]
    assert len(both.photos) == 6
    assert (both.photos[4].lat, both.photos[4].lon) == (2.5, 5.0)
    assert both.photos[5].open().size == (160, 120)


# tar shards


def test_tar_shards(tmp_path: Path) -> None:
    shard(
        tmp_path / "000.tar",
        [
            labelled("a", 1, lat=48.85, lon=2.35, time="2019-07-04 10:00", license="CC BY 4.0", author="B"),
            labelled("sub/b", 2, metadata={"latitude": "-33.5", "longitude": "151"}, kind="pano"),
            {"c.jpg": jpeg(scene(3)), "c.txt": b"48.8566, 2.3522"},
        ],
    )
    shard(tmp_path / "001.tar", [labelled("a", 4, lat=1, lon=2), {"d.json": b"{}"}, {"e.jpg": jpeg(scene(5), PARIS)},
                                 {"f.jpg": b"x", "f.json": b"[1]"}, {"g.jpg": b"x", "g.json": b"{"},
                                 labelled("h", 6, lat=95, lon=2)])  # fmt: skip
    source = read_source(str(tmp_path))
    found = {photo.id: photo for photo in source.photos}
    assert list(found) == ["000/a", "000/sub/b", "000/c", "001/a"]
    first = found["000/a"]
    assert (first.lat, first.lon, first.time, first.licence, first.attribution) == (
        48.85,
        2.35,
        "2019-07-04T10:00:00",
        "CC BY 4.0",
        "B",
    )
    assert (found["000/sub/b"].lat, found["000/sub/b"].panorama) == (-33.5, True)
    assert (found["000/c"].lat, found["000/c"].lon) == (48.8566, 2.3522)
    opened = first.open()
    assert opened.size == (160, 120)
    assert str(opened.path) == str(tmp_path / "000.tar" / "a.jpg")
    problems = dict(source.problems)
    assert set(problems) == {"001/e", "001/f", "001/g", "001/h"}
    assert "outside -90 to 90" in problems["001/h"]
    assert [photo.id for photo in read_source(str(tmp_path / "000.tar")).photos] == ["a", "sub/b", "c"]


def test_the_key_of_a_shard_ends_at_the_first_dot(tmp_path: Path) -> None:
    shard(tmp_path / "0.tar", [{"k.v2.jpg": b"other"}, {"k.jpg": jpeg(scene(1)), "k.json": b'{"lat": 1, "lon": 2}'}])
    assert [photo.id for photo in read_source(str(tmp_path)).photos] == ["0/k"]


def test_a_broken_tar_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "0.tar").write_bytes(b"no tar" * 1000)
    with pytest.raises(GalleryError, match=r"0\.tar cannot be read as a tar file"):
        read_source(str(tmp_path))
    with tarfile.open(tmp_path / "0.tar", "w"):
        pass
    with pytest.raises(GalleryError, match="holds no picture"):
        read_source(str(tmp_path))


# benchmarks and mistakes


def test_a_benchmark_is_a_source() -> None:
    source = read_source("practice:easy:0:3")
    assert source.short_name() == "practice-easy-0-3"
    assert len(source.photos) == 3
    assert source.photos[0].licence == "CC0-1.0"


@pytest.mark.parametrize("text", ["nowhere/at/all", "im2gps9k", "im2gps3k", "practice:absurd", "folder:/not/there"])
def test_a_source_that_is_not_there_is_refused_in_one_line(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    with pytest.raises((GalleryError, BenchmarkError)) as caught:
        read_source(text)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(GalleryError, match="is no source"):
        read_source(str(tmp_path / "a.zip"))
