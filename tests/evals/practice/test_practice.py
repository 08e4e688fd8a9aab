"""The practice world as a benchmark and on the command line, and what is said of a failure."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from evals.practice import LEVELS, Practice, ScenePlan, explain
from evals.practice.__main__ import main
from evals.record import BenchmarkError
from evals.splits import SPLITS, shared_places, split_of


def test_records_tell_the_truth_and_open_as_photos(plans: list[ScenePlan]) -> None:
    practice = Practice("easy", 11, 2, (448, 336))
    assert practice.name == "practice:easy:11:2"
    records = practice.records()
    assert [record.id for record in records] == [plan.id for plan in plans[:2]]
    record, plan = records[0], plans[0]
    assert (record.truth.lat, record.truth.lon) == (plan.lat, plan.lon)
    assert (record.truth.country, record.truth.region, record.truth.city) == (plan.country, plan.region, plan.city)
    assert record.kind == "scene"
    assert record.licence == "CC0-1.0"
    assert {"difficulty", "script", "language", "decisive"} <= set(record.columns)
    assert len(record.clues) == len(plan.clues)
    json.dumps(record.to_json())
    photo = record.open()
    assert photo.size == (448, 336)
    assert not photo.metadata
    assert photo.sha256 == record.open().sha256


def test_names_of_the_usual_size_are_short() -> None:
    assert Practice("hard").name == "practice:hard"
    assert Practice("hard", 3).name == "practice:hard:3"
    assert Practice("hard", 0, 20).name == "practice:hard:0:20"


def test_all_levels_take_turns() -> None:
    practice = Practice("all", 11, 7)
    assert practice.name == "practice:all:11:7"
    assert [record.id for record in practice.records()] == [
        f"practice-{level}-11-{index:05}" for index in range(3) for level in LEVELS
    ][:7]


def test_no_city_is_in_two_splits_and_scenes_keep_their_numbers() -> None:
    everything = Practice("hard", 4, 60).records()
    parts = {split: Practice("hard", 4, 20, cities=split).records() for split in SPLITS}
    cities = {split: {record.truth.city for record in records} for split, records in parts.items()}
    assert not shared_places(parts["train"], parts["held-out"])
    assert len(cities["train"]) > 10
    assert len(cities["held-out"]) > 10
    assert not cities["train"] & cities["held-out"]
    for split, records in parts.items():
        assert {split_of(record.truth) for record in records} == {split}, "the truth of a scene tells its split"
        numbers = [int(record.id[-5:]) for record in records]
        assert numbers == sorted(set(numbers))
        assert [r.id for r in everything if split_of(r.truth) == split][:20] == [r.id for r in records if int(r.id[-5:]) < 60]
    assert [r.to_json() for r in Practice("hard", 4, 5, cities="train").records()] == [r.to_json() for r in parts["train"][:5]]


def test_what_cannot_be_drawn_is_named() -> None:
    with pytest.raises(BenchmarkError, match="no split is called 'test'"):
        Practice("easy", cities="test")
    with pytest.raises(BenchmarkError, match="brutal"):
        Practice("brutal")
    with pytest.raises(BenchmarkError, match="not 0"):
        Practice("easy", 0, 0)


def test_the_command_writes_pictures_labels_and_clues(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--level", "medium", "--n", "2", "--seed", "5", "--size", "448x336", "--out", str(tmp_path)]) == 0
    assert "2 scenes" in capsys.readouterr().out
    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = (tmp_path / "clues.jsonl").read_text("utf-8").splitlines()
    assert len(rows) == len(lines) == 2
    assert all((tmp_path / row["path"]).read_bytes()[:2] == b"\xff\xd8" for row in rows)
    assert json.loads(lines[0])["city"] == rows[0]["city"]
    assert {"path", "lat", "lon", "country", "city", "difficulty"} <= set(rows[0])


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["--level", "easy", "--n", "1", "--out", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_failure_is_explained_by_what_was_not_read(plans: list[ScenePlan]) -> None:
    for plan in plans[::7]:
        texts = [clue.text for clue in plan.clues if clue.text]
        assert all(row["read"] in (True, None) for row in explain(plan, texts))
        rows = explain(plan, [])
        assert len(rows) == len(plan.clues)
        assert rows[0]["decisive"]
        assert rows[0]["read"] is False
        assert not any(row["read"] for row in rows)
        missing = [clue.text for clue in plan.clues if clue.text and not clue.decisive]
        assert any(row["decisive"] and row["read"] is False for row in explain(plan, missing)), plan.id


def test_a_misread_letter_is_forgiven(plans: list[ScenePlan]) -> None:
    plan = plans[0]
    clue = next(clue for clue in plan.clues if clue.kind == "domain")
    row = next(
        row for row in explain(plan, [clue.text.replace("shop", "sh0p").replace("info", "inf0")]) if row["text"] == clue.text
    )
    assert row["read"]
