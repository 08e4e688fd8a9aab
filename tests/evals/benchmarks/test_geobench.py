"""GeoBench in its two layouts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.photo import PhotoError
from evals.benchmarks import checksum, make_benchmark, missing, notes
from evals.benchmarks.parquet import ParquetRows
from evals.record import BenchmarkError
from tests.evals.benchmarks.geobench_file import kinds, places, write_geobench
from tests.evals.benchmarks.pictures import jpeg

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    write_geobench(folder, 24, raw=2)
    return folder


def test_the_mix_is_that_of_the_benchmark() -> None:
    assert Counter(kinds(1142)) == {"photo": 512, "panorama": 512, "satellite": 118}
    assert (len({(p.country, p.region, p.name) for p in places()}), len({p.country for p in places()})) == (108, 66)


def test_published_layout(published: Path) -> None:
    benchmark = make_benchmark(f"geobench:{published}")
    records = benchmark.records()
    assert [record.kind for record in records] == kinds(24)
    truth = records[0].truth
    assert truth.derived == ()
    assert truth.names["city"] == places()[0].name
    assert records[0].open().size == (1280, 960)  # raw_image/ is there
    assert records[5].open().size == (640, 480)
    assert [record.open().format for record in records[::6]] == ["PNG", "JPEG", "JPEG", "JPEG"]
    assert not notes(benchmark)
    assert not missing(benchmark)


@pytest.mark.parametrize("typed", [True, False])
def test_older_layout_holds_the_same(published: Path, tmp_path: Path, typed: bool) -> None:
    path = write_geobench(tmp_path, 24, layout="older", typed=typed)
    benchmark = make_benchmark(f"geobench:{path}")
    wanted = make_benchmark(f"geobench:{published}").records()
    said = kinds(24) if typed else [kind if kind == "panorama" else "photo" for kind in kinds(24)]
    assert [record.kind for record in benchmark.records()] == said
    assert [(record.id, record.truth) for record in benchmark.records()] == [(record.id, record.truth) for record in wanted]
    assert bool(notes(benchmark)) != typed
    assert (checksum(benchmark.records()) == checksum(wanted)) == typed


def test_shards_and_row_groups(tmp_path: Path) -> None:
    for shard in range(3):
        rows = [{"i": 10 * shard + i, "p": jpeg(10 * shard + i) if i else None} for i in range(5)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"part-{shard}.parquet", row_group_size=2)
    rows = ParquetRows(tmp_path)
    assert len(rows) == 15
    assert [row["i"] for row in rows.values(["i"])] == [10 * shard + i for shard in range(3) for i in range(5)]
    assert rows.picture_columns() == ["p"]
    wanted = [jpeg(10 * shard + i) if i else None for shard in range(3) for i in range(5)]
    assert [rows.picture(row, "p") for row in range(15)] == wanted
    assert list(rows.pictures("p")) == wanted


def write(path: Path, metadata: list[object], **columns: list[Any]) -> str:
    table = {"image": [jpeg(i) for i in range(len(metadata))], "metadata": metadata, **columns}
    pq.write_table(pa.table(table), path / "x.parquet")
    return f"geobench:{path / 'x.parquet'}"


def said(**location: object) -> str:
    return json.dumps({"location": location})


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (said(lat=120.1, lng=36.0), "row 1: the latitude 120.1 is outside -90 to 90; latitude and longitude seem to be swapped"),
        (said(lat=None, lng=36.0), "row 1: the latitude 'None' is not a number"),
        (said(lat={}, lng=36.0), "row 1: the latitude '{}' is not a number"),
        ("{", "row 1: its metadata are not JSON"),
        ("[]", "row 1: its metadata are no JSON object"),
        ('{"a":' * 15_000, "row 1: its metadata are not JSON"),
        (" " * 200_000, "row 1: its metadata have 200,000 characters"),
        (None, "row 1: its metadata are no JSON object"),
    ],
)
def test_metadata_that_cannot_be(tmp_path: Path, metadata: str | None, reason: str) -> None:
    with pytest.raises(BenchmarkError, match=reason) as caught:
        make_benchmark(write(tmp_path, [metadata, said(lat=1, lng=2)])).records()
    assert "\n" not in str(caught.value)


def test_rows_without_a_place_are_left_out_and_counted(tmp_path: Path) -> None:
    names = {"country": "France", "province_or_state": None, "city": "Paris"}
    spec = write(tmp_path, [said(), "{}", said(multi_level_loc_dict=names), said(lat="48.85", lng=2.35)], id=list("abcd"))
    benchmark = make_benchmark(spec)
    assert [record.id for record in benchmark.records()] == ["c", "d"]
    assert benchmark.records()[0].truth.derived == ("point", "region")
    assert notes(benchmark)[0] == "2 rows without a place were left out: a, b"


def test_ids_that_occur_twice(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="rows 1 and 2 have the same id 'a'"):
        make_benchmark(write(tmp_path, [said(lat=1, lng=2)] * 2, id=["a", "a"])).records()


def test_raw_pictures_outside_the_folder_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret.png").write_bytes(jpeg(size=(99, 99)))
    for name in ("../secret.png", str(tmp_path / "secret.png"), "a\0b"):
        spec = write(tmp_path / "data", [said(lat=1, lng=2)], raw_image_path=[name])
        assert make_benchmark(spec).records()[0].open().size == (16, 12)


def test_other_tables_and_broken_pictures(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(BenchmarkError, match="is not GeoBench: it has the columns a"):
        make_benchmark(f"geobench:{tmp_path / 'a.parquet'}").records()
    pq.write_table(pa.table({"image": [b"no picture", None], "metadata": [said(lat=1, lng=2)] * 2}), tmp_path / "b.parquet")
    records = make_benchmark(f"geobench:{tmp_path / 'b.parquet'}").records()
    for record, reason in zip(records, ("is not a picture", "has no picture"), strict=True):
        with pytest.raises(PhotoError, match=reason):
            record.open()
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchmarkError, match="holds no parquet file"):
        make_benchmark(f"geobench:{tmp_path / 'empty'}").records()


def test_without_pyarrow_one_line_says_what_to_install(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(BenchmarkError, match=r"pip install 'geosleuth\[evals\]'"):
        make_benchmark(f"geobench:{published}").records()
