"""Benchmarks by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evals.benchmarks import checksum, known_benchmarks, make_benchmark, missing, notes
from evals.practice import Practice
from evals.record import BenchmarkError, Record, Truth
from evals.truth import complete
from tests.evals.benchmarks.pictures import jpeg


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    return tmp_path


def test_every_benchmark_says_its_size_licence_and_source(root: Path) -> None:
    infos = {info.name: info for info in known_benchmarks()}
    names = ["geobench", "im2gps", "im2gps3k", "yfcc4k", "yfcc26k", "gws15k", "osv5m", "mapbench"]
    assert list(infos) == [*names, "folder", "practice"]
    assert all(info.size and info.licence and info.source and info.where for info in infos.values())
    assert not any(infos[name].present for name in names)
    assert infos["im2gps3k"].where == str(root / "im2gps3k")
    assert "never released" in infos["gws15k"].source
    assert "withdrew" in infos["yfcc26k"].source


def test_a_benchmark_is_found_in_the_data_folder(root: Path) -> None:
    (root / "yfcc4k" / "pictures").mkdir(parents=True)
    (root / "yfcc4k" / "yfcc4k.csv").write_text("IMG_ID,LAT,LON\n1.jpg,48.85,2.35\n")
    (root / "yfcc4k" / "pictures" / "1.jpg").write_bytes(jpeg())
    benchmark = make_benchmark("yfcc4k")
    assert benchmark.name == "yfcc4k"
    assert [record.open().size for record in benchmark.records()] == [(16, 12)]
    assert next(info for info in known_benchmarks() if info.name == "yfcc4k").present


def test_two_tables_need_a_name(root: Path) -> None:
    (root / "gws15k").mkdir()
    for name in ("ours.csv", "theirs.csv"):
        (root / "gws15k" / name).write_text("id,lat,lon\n1,1,2\n")
    with pytest.raises(BenchmarkError, match=r"several tables \(ours.csv, theirs.csv\)"):
        make_benchmark("gws15k").records()
    assert len(make_benchmark(f"gws15k:{root / 'gws15k' / 'ours.csv'}").records()) == 1


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("im2gps3k", "im2gps3k is not here: put a table with image id, latitude and longitude .* into .*im2gps3k"),
        ("gws15k", "never released"),
        ("im2gps9k", "no benchmark is called 'im2gps9k': there are geobench, im2gps,"),
        ("", "no benchmark is called ''"),
        ("yfcc4k:/nowhere/at/all", "/nowhere/at/all is not there"),
        ("practice:easy:seven", "is not practice:LEVEL"),
        ("practice:easy:1:2:3", "is not practice:LEVEL"),
        ("practice:easy:1:2:train:4", "is not practice:LEVEL"),
        ("practice:easy:1:2:test", "no split is called 'test': there are train, held-out"),
        ("practice:brutal", "no level 'brutal': there are easy, medium, hard"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(root: Path, spec: str, reason: str) -> None:
    with pytest.raises(BenchmarkError, match=reason) as caught:
        make_benchmark(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "level", "seed", "n", "cities"),
    [
        ("practice", "all", 0, 300, "all"),
        ("practice:hard", "hard", 0, 300, "all"),
        ("practice:hard:7:100", "hard", 7, 100, "all"),
        ("practice:easy:1:2000:train", "easy", 1, 2000, "train"),
        ("practice:all:1:60:held-out", "all", 1, 60, "held-out"),
    ],
)
def test_practice_scenes_by_level_seed_number_and_split(spec: str, level: str, seed: int, n: int, cities: str) -> None:
    practice = make_benchmark(spec)
    assert isinstance(practice, Practice)
    assert (practice.level, practice.seed, practice.n, practice.cities) == (level, seed, n, cities)
    assert practice.name == spec


def records() -> list[Record]:
    truths = [Truth(48.85, 2.35), Truth(city="Tokyo", country="JP", names={"city": "Tokyo", "country": "Japan"})]
    return [Record(str(i), truth, lambda: pytest.fail("nothing is opened"), columns={"a": "b"}) for i, truth in enumerate(truths)]


def test_the_checksum_is_of_what_was_given() -> None:
    before = records()
    after = [replace(r, truth=t, columns={}) for r, t in zip(before, complete([r.truth for r in before]), strict=True)]
    assert after[1].truth.lat is not None
    assert checksum(before) == checksum(after) == checksum(reversed(after))
    assert len(checksum(before)) == 64


@pytest.mark.parametrize(
    "change",
    [{"id": "x"}, {"kind": "panorama"}, {"truth": Truth(48.85, 2.36)}, {"truth": Truth(48.85, 2.35, names={"city": "Paris"})}],
)
def test_the_checksum_sees_changes(change: dict[str, object]) -> None:
    first, second = records()
    assert checksum([replace(first, **change), second]) != checksum([first, second])  # type: ignore[arg-type]


def test_benchmarks_that_are_made_have_nothing_to_note() -> None:
    class Made:
        name = "made"

        def records(self) -> list[Record]:
            return records()

    assert notes(Made()) == missing(Made()) == []
