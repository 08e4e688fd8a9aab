"""Collecting what a teacher does: filtered, counted, digested, and resumed after a kill without doubling."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.policies import Policy
from evals.record import Record
from evals.run_folder import RunError, RunFolder
from evals.splits import split_of
from rl_training.collect import Summary, Teacher, collect
from rl_training.filters import FilterError
from rl_training.manifest import ManifestError, check_files, read_manifest
from tests.rl_training.traces_made import SETTINGS, Given, looks_and_answers, pictures, says

POINTS = {"lisbon": (38.7169, -9.1399), "paris": (48.8566, 2.3522), "tokyo": (35.6895, 139.6917), "london": (51.5085, -0.1257),
          "madrid": (40.4168, -3.7038)}  # fmt: skip


class Killed(Exception):
    """The end of a process, for tests."""


def run(benchmark: Given, folder: Path, policy: Any, **options: Any) -> Summary:
    return asyncio.run(collect(benchmark, policy, options.pop("settings", SETTINGS), folder, **options))


def knowing(record: Record) -> Policy:
    """Answers with the truth, but for London; about Madrid it says nothing that can be used."""
    if record.id == "madrid":
        return says(("Hm.", []))
    assert record.truth.lat is not None
    assert record.truth.lon is not None
    return looks_and_answers(record.truth.lat + 0.002, record.truth.lon + (20.0 if record.id == "london" else 0.002))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary, list[tuple[str, Mapping[str, Any]]]]:
    folder = tmp_path_factory.mktemp("collected")
    told: list[tuple[str, Mapping[str, Any]]] = []
    summary = run(pictures(folder / "photos", POINTS), folder / "out", knowing, keep="right", teacher=Teacher("knowing", "the truth"),
                  tell=lambda name, event: told.append((name, event)))  # fmt: skip
    return folder / "out", summary, told


def test_each_record_has_its_own_policy_and_what_is_right_is_kept(collected: tuple[Path, Summary, Any]) -> None:
    folder, summary, _ = collected
    assert summary == Summary(folder, 5, 3, {"no answer": 1, "wrong": 1}, 0, "")
    traces, records = lines(folder / "traces.jsonl"), lines(folder / "records.jsonl")
    assert [t["photo"] for t in traces] == [r["id"] for r in records] == ["lisbon", "paris", "tokyo"], (
        "in the order of the records"
    )
    assert all(t["stop"] == "answered" and len(t["messages"]) >= 6 for t in traces)
    assert lines(folder / "dropped.jsonl") == [
        {"id": "london", "reason": "wrong: the city"},
        {"id": "madrid", "reason": "no answer: no_answer"},
    ]


def test_progress_is_told(collected: tuple[Path, Summary, list[tuple[str, Mapping[str, Any]]]]) -> None:
    _, _, told = collected
    finished = [event for _, event in told if event["event"] == "finished"]
    assert [event["done"] for event in finished] == [1, 2, 3, 4, 5]
    assert {event["total"] for event in finished} == {5}
    assert ("london", {"event": "dropped", "reason": "wrong: the city"}) in told
    assert {event["event"] for name, event in told if name == "paris"} >= {"start", "step", "belief", "finished", "kept"}


def test_the_manifest_says_where_it_comes_from(collected: tuple[Path, Summary, Any]) -> None:
    folder, _, _ = collected
    said = check_files(folder)
    assert said["benchmark"] == "given"
    assert said["teacher"] == {"name": "knowing", "knew": "the truth"}
    assert said["keep"] == "right"
    assert said["counts"] == {"records": 5, "kept": 3, "dropped": {"no answer": 1, "wrong": 1}, "missing": 0}
    assert said["licences"] == {"CC0-1.0": 3}
    assert said["attributions"] == ["Drawn for tests"]
    assert said["settings"]["limits"]["max_turns"] == 4
    assert len(said["checksum"]) == 64
    assert said["prompts"]["system"]
    assert said["versions"]["numpy"]
    for name in ("traces.jsonl", "records.jsonl", "dropped.jsonl"):
        data = (folder / name).read_bytes()
        assert said["files"][name] == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_changed_files_are_found_out(tmp_path: Path) -> None:
    benchmark = pictures(tmp_path / "photos", dict(list(POINTS.items())[:1]))
    with pytest.raises(ManifestError, match=r"is no folder of traces: manifest\.json is missing"):
        read_manifest(tmp_path)
    run(benchmark, tmp_path / "out", knowing)
    assert check_files(tmp_path / "out")["teacher"] == {"name": "teacher", "knew": "nothing but the photo"}
    with (tmp_path / "out" / "traces.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(ManifestError, match=r"traces\.jsonl is not the file that manifest\.json was written for"):
        check_files(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    manifest["files"] = {"../photos/lisbon.png": {"sha256": ""}}
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ManifestError, match="which is no file of the folder"):
        check_files(tmp_path / "out")


@pytest.mark.parametrize("deadly", [("paris", "step"), ("tokyo", "finished"), ("paris", "kept")])
def test_a_killed_collection_goes_on_without_doubling(tmp_path: Path, deadly: tuple[str, str]) -> None:
    benchmark, out = pictures(tmp_path / "photos", POINTS), tmp_path / "out"
    asked: list[str] = []

    def policy(record: Record) -> Policy:
        asked.append(record.id)
        return knowing(record)

    def kill(name: str, event: Mapping[str, Any]) -> None:
        if (name, event["event"]) == deadly:
            raise Killed

    with pytest.raises((Killed, ExceptionGroup)) as caught:
        run(benchmark, out, policy, tell=kill)
    assert caught.group_contains(Killed) if isinstance(caught.value, ExceptionGroup) else True
    assert not (out / "manifest.json").exists()
    assert not (out / "traces.jsonl").exists()
    assert not list(out.glob(".*")), "no half-written file is left"
    finished = {trajectory["photo"] for trajectory in RunFolder(out / "run").every_trajectory()}
    asked.clear()

    summary = run(benchmark, out, policy)
    assert summary.kept == 3
    assert not finished & set(asked), "what was finished is not asked again"
    assert [t["photo"] for t in lines(out / "traces.jsonl")] == ["lisbon", "paris", "tokyo"]
    assert len(list(RunFolder(out / "run").every_trajectory())) == 5
    check_files(out)
    again = run(benchmark, out, lambda record: pytest.fail("all are finished"))
    assert again == summary


def test_another_choice_asks_the_teacher_nothing(tmp_path: Path) -> None:
    benchmark, out = pictures(tmp_path / "photos", POINTS), tmp_path / "out"
    run(benchmark, out, knowing, teacher=Teacher("knowing"))

    def nobody(record: Record) -> Policy:
        return pytest.fail("all are finished")

    assert run(benchmark, out, nobody, keep="all", teacher=Teacher("knowing")).kept == 4
    assert run(benchmark, out, nobody, keep="within:1", teacher=Teacher("knowing"), count_tokens=lambda t, r: 300 if r.id == "paris" else 3,
               max_tokens=100).dropped == {"no answer": 1, "too long": 1, "wrong": 1}  # fmt: skip
    assert check_files(out)["max_tokens"] == 100
    with pytest.raises(RunError, match="another policy"):
        run(benchmark, out, nobody, teacher=Teacher("another"))
    with pytest.raises(FilterError):
        run(benchmark, out, nobody, keep="best")


def test_one_policy_for_all_a_split_and_the_same_photo_twice(tmp_path: Path) -> None:
    benchmark = pictures(tmp_path / "photos", POINTS)
    twice = Given([*benchmark.given, replace(benchmark.given[0], id="lisbon again")])
    one = looks_and_answers(38.72, -9.14)
    summary = run(twice, tmp_path / "out", one, keep="all", split="train")
    train = [record.id for record in twice.given if split_of(record.truth) == "train"]
    assert summary.records == len(train) == 4
    assert summary.dropped == {"duplicate": 3}, "two others have the very same messages"
    assert lines(tmp_path / "out" / "dropped.jsonl")[-1] == {"id": "lisbon again", "reason": "duplicate: the photo of lisbon"}
    said = read_manifest(tmp_path / "out")
    assert (said["split"], said["teacher"]["name"]) == ("train", "scripted")


def test_faults_of_the_world_are_told_apart(tmp_path: Path) -> None:
    benchmark = pictures(tmp_path / "photos", dict(list(POINTS.items())[:2]))
    (tmp_path / "photos" / "paris.png").unlink()
    summary = run(benchmark, tmp_path / "out", knowing, settings=replace(SETTINGS, workers=2))
    assert (summary.kept, summary.dropped) == (1, {"failed": 1})
