"""Tables of coordinates with pictures somewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.photo import PhotoError
from evals.benchmarks import make_benchmark, missing, notes
from evals.benchmarks.coordinates import load_table, point
from evals.benchmarks.table import read_table
from evals.record import BenchmarkError
from tests.evals.benchmarks.pictures import jpeg

HEAD = "IMG_ID,AUTHOR,LAT,LON,S3_Label,Prob_indoor\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images" / "ab").mkdir(parents=True)
    (tmp_path / "images" / "ab" / "one.jpg").write_bytes(jpeg(1))
    (tmp_path / "images" / "two.jpg").write_bytes(jpeg(2))
    return tmp_path


def test_a_table_of_im2gps3k(folder: Path) -> None:
    rows = "ab/one.jpg,a@N00,48.8584,2.2945,0,0.1\ntwo.jpg,b@N00,35.6895,139.6917,1,0.2\nthree.jpg,c@N00,-33.9,151.2,1,0.3\n"
    (folder / "im2gps3k_places365.csv").write_text(HEAD + rows)
    benchmark = make_benchmark(f"im2gps3k:{folder}")
    records = benchmark.records()
    assert [record.id for record in records] == ["ab/one.jpg", "two.jpg", "three.jpg"]
    assert [record.truth.country for record in records] == ["FR", "JP", "AU"]
    assert records[0].truth.derived == ("country", "region", "city")
    assert records[1].columns == {"S3_Label": "1"}
    assert records[0].attribution == "a@N00"
    assert records[0].open().size == (16, 12)
    assert missing(benchmark) == ["three.jpg"]
    with pytest.raises(PhotoError, match=r"'three.jpg' is not among the pictures"):
        records[2].open()
    assert benchmark.records() is records


def test_ids_without_endings_and_pictures_elsewhere(folder: Path) -> None:
    (folder / "test.csv").write_text("id,latitude,longitude,country,region,city,drive_side\none,48.85,2.35,FR,NaN,Paris,0\n")
    record = make_benchmark("osv5m", data=folder / "test.csv", images=folder / "images").records()[0]
    assert (record.truth.city, record.truth.derived, record.licence) == ("Paris", ("region",), "CC-BY-SA-4.0")
    assert record.open().size == (16, 12)


def test_mapbench_keeps_its_test_split_and_its_chinese_names(folder: Path) -> None:
    lines = [
        {"index": i, "data_source": "MAPBench_V1", "ground_truth": {"city": "青岛", "country": "中国", "lat": 36.086763, "lon": 120.379146,
         "split": split, "image": f"images/{name}.jpg"}}
        for i, (name, split) in enumerate([("one", "test"), ("two", "test"), ("other", "train")])
    ]  # fmt: skip
    (folder / "mapbench.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    benchmark = make_benchmark(f"mapbench:{folder}")
    assert [record.id for record in benchmark.records()] == ["images/one.jpg", "images/two.jpg"]
    truth = benchmark.records()[0].truth
    assert (truth.country, truth.city, truth.derived) == ("CN", "青岛", ("region",))
    assert truth.names == {"country": "中国", "city": "青岛"}
    assert notes(benchmark) == ["1 rows of other splits than 'test' were left out"]
    assert not missing(benchmark)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (
            "a,,120.3,36.0,,\n",
            r"t.csv line 2: the latitude 120.3 is outside -90 to 90; latitude and longitude seem to be swapped",
        ),
        ("a,,1,2,,\nb,,1,181,,\n", r"t.csv line 3: the longitude 181 is outside"),
        ("a,,NaN,2,,\n", "line 2: the latitude is NaN"),
        ("a,,1,inf,,\n", "line 2: the longitude is inf"),
        ('a,,"41,5",2,,\n', "the latitude '41,5' is not a number; decimals are written with a point"),
        ("", r"t.csv has no rows; its columns are IMG_ID, AUTHOR, LAT, LON, S3_Label, Prob_indoor"),
        ("a,,41° N,2,,\n", "line 2: the latitude '41° N' is not a number"),
        ("a,,41,,,\n", "line 2: the longitude is missing"),
        ("a,,1,2,,\nb,,1,2,,\na,,3,4,,\n", "line 4 has the same id as t.csv line 2: 'a'"),
        (",,1,2,,\n", "no column for the picture"),
        ("a,,,,,\n", "of none of its 1 rows"),
        (f"{'a' * 400},,1,2,,\n", "id of 400 characters"),
    ],
)
def test_rows_that_cannot_be(folder: Path, rows: str, reason: str) -> None:
    (folder / "t.csv").write_text(HEAD + rows)
    with pytest.raises(BenchmarkError, match=reason) as caught:
        make_benchmark(f"gws15k:{folder / 't.csv'}").records()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "path;lat;place\na.jpg;1;x\n",
            r"no column for the longitude \(such as lon or longitude\); its columns are path, lat, place",
        ),
        ("path,x,lng\na.jpg,1,2\n", r"no column for the latitude \(such as lat or latitude\); its columns are path, x, lng"),
        ("photo,lat,lon\na.jpg,1,2\n", r"no column for the picture .*; its columns are photo, lat, lon"),
        ("path,x,y\na.jpg,1,2\n", r"says of none of its 1 rows .*; its columns are path, x, y"),
    ],
)
def test_columns_that_are_missing(folder: Path, text: str, reason: str) -> None:
    (folder / "t.csv").write_text(text)
    with pytest.raises(BenchmarkError, match=reason):
        make_benchmark(f"folder:{folder / 't.csv'}").records()


def test_bad_rows_go_on_a_list(folder: Path) -> None:
    (folder / "t.csv").write_text(HEAD + f"a,,1,2,,\nb,,99,2,,\na,,3,4,,\nc,,,,,\n{'d' * 400},,1,2,,\nb,,5,6,,\n")
    skipped: list[tuple[str, str]] = []
    loaded = load_table(read_table(folder / "t.csv"), None, skipped=skipped)
    assert [(record.id, record.truth.lat) for record in loaded.records] == [("a", 1.0), ("b", 5.0)]
    assert [name for name, _ in skipped] == ["b (t.csv line 3)", "a (t.csv line 4)", "d" * 300]
    assert skipped[0][1].startswith("t.csv line 3: the latitude 99 is outside -90 to 90")
    assert loaded.notes == ["1 rows without coordinates and names were left out: c"]
    (folder / "t.csv").write_text(HEAD + "a,,99,2,,\n")
    with pytest.raises(BenchmarkError, match=r"none of the 1 rows of .*t.csv can be used: t.csv line 2: the latitude 99"):
        load_table(read_table(folder / "t.csv"), None, skipped=skipped)


def test_points() -> None:
    assert point("-90", "180") == (-90.0, 180.0)
    with pytest.raises(ValueError, match=r"outside -90 to 90$"):
        point("200", "10")


def test_labels_that_contradict_themselves_are_told(folder: Path) -> None:
    (folder / "labels.csv").write_text("path,lat,lon,country\nab/one.jpg,48.85,2.35,DE\ntwo.jpg,48.85,2.35,FR\n")
    benchmark = make_benchmark(f"folder:{folder}", images=folder / "images")
    assert notes(benchmark) == [
        "1 labels that contradict themselves or cannot be placed: "
        "ab/one.jpg (the country is given as DE, but 48.85, 2.35 lies in FR)"
    ]


def test_pictures_inside_the_table(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    truths = [{"lat": 36.08, "lon": 120.37, "city": "青岛"}, {"lat": 1.3, "lon": 103.8, "city": ""}]
    pq.write_table(
        pa.table({"photo": [jpeg(1), jpeg(2)], "reward_model": [{"ground_truth": t} for t in truths]}), tmp_path / "t.parquet"
    )
    benchmark = make_benchmark(f"mapbench:{tmp_path}")
    assert [record.id for record in benchmark.records()] == ["1", "2"]
    assert [record.truth.country for record in benchmark.records()] == ["CN", "SG"]
    assert benchmark.records()[1].open().sha256 != benchmark.records()[0].open().sha256
    assert not missing(benchmark)
