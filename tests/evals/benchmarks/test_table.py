"""Tables: columns by what they hold, rows in complaints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evals.benchmarks.table import Table, assigned, flat, read_table
from evals.record import BenchmarkError


def test_columns_are_known_by_many_names() -> None:
    assert assigned(["IMG_ID", "AUTHOR", "LAT", "LON", "S3_Label"]) == {
        "id": "IMG_ID", "attribution": "AUTHOR", "lat": "LAT", "lon": "LON"}  # fmt: skip
    assert assigned(["id", "latitude", "longitude", "sub-region", "country", "unique_country"]) == {
        "id": "id", "lat": "latitude", "lon": "longitude", "country": "country"}  # fmt: skip
    assert assigned(["filename", "lng", "lat", "path", "province_or_state", "License"]) == {
        "image": "path", "lon": "lng", "lat": "lat", "region": "province_or_state", "licence": "License"}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "id,lat,lon\na,1,2\n\nb,3,4\n"),
        ("t.csv", "\ufeffid;lat;lon\r\na;1;2\r\n\r\nb;3;4\r\n"),
        ("t.tsv", "id\tlat\tlon\na\t1\t2\n\nb\t3\t4"),
        ("t.jsonl", '{"id":"a","lat":1,"lon":2}\n\n{"id":"b","ground_truth":{"lat":3,"lon":4}}\n'),
    ],
)
def test_formats(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    table = read_table(tmp_path / name)
    assert {role: list(values) for role, values in table.roles.items()} == {
        "id": ["a", "b"],
        "lat": ["1", "3"],
        "lon": ["2", "4"],
    }
    assert [table.where(row) for row in (0, 1)] == (
        [f"{name} line 1", f"{name} line 3"] if name == "t.jsonl" else [f"{name} line 2", f"{name} line 4"]
    )


def test_columns_with_few_short_values_split_results(tmp_path: Path) -> None:
    rows = [
        f"{i},1,2,{i % 11},{i / 7},{'left' if i % 2 else 'right'},always,{'y' * 50},{'' if i else 'late'}" for i in range(100)
    ]
    head = "id,lat,lon,land_cover,road_index,drive_side,constant,long,rare"
    (tmp_path / "t.csv").write_text("\n".join([head, *rows]))
    assert list(read_table(tmp_path / "t.csv").splits) == ["land_cover", "drive_side"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("t.csv", "id,lat,lon\na,1,2,3\n", "t.csv line 2 has 4 values for the 3 columns id, lat, lon"),
        ("t.csv", "", "columns in its first line"),
        ("t.csv", "id,lat\n" + '"' + "a" * 200_000, "t.csv line"),
        ("t.csv", "id," + "x" * 2_000_000, "more than 1,000,000 characters"),
        ("t.csv", ",".join(f"c{i}" for i in range(500)), "500 columns"),
        ("t.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("t.jsonl", '{"id": 1}\n{', "line 2 is not JSON"),
        ("t.jsonl", '{"a":' * 100_000, "line 1 is not JSON"),
        ("u.csv", None, "cannot be read"),
        ("t.parquet", "no parquet", "cannot be read as parquet"),
    ],
)
def test_complaints_are_one_line_and_name_the_row(tmp_path: Path, name: str, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(BenchmarkError, match=reason) as caught:
        read_table(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"id,lat\n\xff\xfe,1\n")
    with pytest.raises(BenchmarkError, match="is not UTF-8"):
        read_table(tmp_path / "t.csv")


def test_inner_objects_fill_what_outer_ones_leave() -> None:
    data = {"index": 3, "ground_truth": {"lat": 1.5, "index": 9}, "prompt": {"lat": 7}, "none": None, "list": [1],
            "reward_model": {"ground_truth": {"city": "青岛"}}}  # fmt: skip
    assert flat(data) == {"index": "3", "lat": "1.5", "city": "青岛"}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(["id", "lat", "location", "x"]), inside, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=200), st.lists(json_values, max_size=4).map(lambda rows: "\n".join(map(json.dumps, rows)))))
def test_whatever_the_text_a_table_or_one_line_comes_out(tmp_path: Path, text: str) -> None:
    for name in ("t.csv", "t.tsv", "t.jsonl"):
        (tmp_path / name).write_bytes(text.encode("utf-8", "replace"))
        table, error = outcome(tmp_path / name)
        assert "\n" not in error
        assert table is None or all(len(values) == len(table) for values in (*table.roles.values(), *table.splits.values()))


def outcome(path: Path) -> tuple[Table | None, str]:
    try:
        return read_table(path), ""
    except BenchmarkError as error:
        return None, str(error)
