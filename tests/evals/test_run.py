"""Runs: order, resuming, failures, money; each in a folder that can be read anywhere."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.limits import Limits
from agent.photo import PhotoError, PhotoFile
from agent.policies import make_policy
from evals.record import BenchmarkError, Record, Truth
from evals.run import Price, Progress, RunSettings, chosen, prepare, run, standing
from evals.run_folder import RunError, RunFolder
from tests.agent.misbehaving_server import says, serving

LISBON = says("It is Lisbon.", ("answer", {"candidates": [{"lat": 38.72, "lon": -9.14, "radius_km": 10, "probability": 0.8}]}))
BROKEN = {"status": 500, "raw": "no"}
QUICK = RunSettings(limits=Limits(max_turns=3), workers=1, attempts=1, pause_s=0.0)


def record(number: int, lat: float = 38.7, lon: float = -9.1) -> Record:
    def opened() -> PhotoFile:
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), (number * 10 % 256, 80, 90)).save(buffer, "PNG")
        return PhotoFile(Path(f"{number}.png"), buffer.getvalue())

    return Record(f"r{number}", Truth(lat, lon), opened)


class Some:
    """A benchmark made in code."""

    name = "some"

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = list(records)

    def records(self) -> Sequence[Record]:
        return self._records


def drive(benchmark: Some, folder: RunFolder, settings: RunSettings, url: str) -> tuple[list[dict[str, Any]], Progress]:
    """Run to the end against a server that is asked once for each turn."""
    policy = make_policy("openai:test", base_url=url, retries=0)
    records = prepare(benchmark, policy.name, settings, folder)
    progress = standing(records, settings, folder)

    async def collect() -> list[dict[str, Any]]:
        return [trajectory async for trajectory in run(records, policy, settings, folder, progress)]

    return asyncio.run(collect()), progress


def test_a_run_can_be_read_without_its_benchmark(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with serving(LISBON) as (url, requests):
        finished, progress = drive(Some([record(n) for n in range(3)]), folder, replace(QUICK, workers=2), url)
    assert (len(finished), progress.done, len(requests)) == (3, 3, 3)
    manifest, records, trajectories = folder.manifest(), folder.records(), folder.trajectories()
    assert manifest["n"] == manifest["size"] == 3
    assert {"python", "geosleuth", "numpy"} <= set(manifest["versions"])
    assert manifest["prompts"]
    assert [r["truth"]["country"] for r in records] == ["PT"] * 3
    assert all("country" in r["truth"]["derived"] for r in records)
    assert sorted(trajectories) == ["r0", "r1", "r2"]
    assert all(folder.thumbnail(key) is not None for key in trajectories)
    assert "image" not in json.dumps(trajectories["r0"]["messages"])


def test_nothing_finished_is_run_again_and_more_records_may_follow(tmp_path: Path) -> None:
    folder, benchmark = RunFolder(tmp_path / "run"), Some([record(n) for n in range(5)])
    with serving(LISBON) as (url, requests):
        drive(benchmark, folder, replace(QUICK, limit=2), url)
        before = folder.trajectories_path.read_bytes()
        _, progress = drive(benchmark, folder, QUICK, url)
    assert progress.done == len(requests) == 5
    assert folder.trajectories_path.read_bytes().startswith(before)


def test_a_torn_line_is_cut_and_its_record_run_again(tmp_path: Path) -> None:
    folder, benchmark = RunFolder(tmp_path / "run"), Some([record(n) for n in range(2)])
    with serving(LISBON) as (url, requests):
        drive(benchmark, folder, QUICK, url)
        whole = folder.trajectories_path.read_bytes()
        folder.trajectories_path.write_bytes(whole[:-200])
        assert sorted(folder.trajectories()) == ["r0"]
        drive(benchmark, folder, QUICK, url)
    assert len(requests) == 3
    assert sorted(folder.trajectories()) == ["r0", "r1"]
    assert folder.trajectories_path.read_bytes().count(b"\n") == 2


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    folder, benchmark = RunFolder(tmp_path / "run"), Some([record(n) for n in range(2)])
    prepare(benchmark, "checklist", QUICK, folder)
    with pytest.raises(RunError, match="another policy"):
        prepare(benchmark, "openai:x", QUICK, folder)
    with pytest.raises(RunError, match="another seed"):
        prepare(benchmark, "checklist", replace(QUICK, seed=1), folder)
    with pytest.raises(RunError, match="another settings"):
        prepare(benchmark, "checklist", replace(QUICK, limits=Limits(max_turns=9)), folder)
    with pytest.raises(RunError, match="another checksum"):
        prepare(Some([record(0), record(7)]), "checklist", QUICK, folder)
    prepare(benchmark, "checklist", replace(QUICK, workers=9), folder)


def test_two_records_of_one_id(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="'r1'"):
        prepare(Some([record(1), record(1)]), "checklist", QUICK, RunFolder(tmp_path / "run"))


def test_order_depends_on_the_seed_alone() -> None:
    records = [record(n) for n in range(40)]
    first = [r.id for r in chosen(records, 10, seed=3)]
    assert first == [r.id for r in chosen(records[::-1], 10, seed=3)]
    assert first == [r.id for r in chosen(records, 20, seed=3)][:10]
    assert first != [r.id for r in chosen(records, 10, seed=4)]
    assert [r.id for r in chosen(records, 3, None)] == ["r0", "r1", "r2"]


def test_a_failure_is_tried_again_and_the_last_try_counts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with serving(LISBON, BROKEN, LISBON, LISBON) as (url, requests):
        finished, progress = drive(Some([record(n) for n in range(3)]), folder, replace(QUICK, attempts=2), url)
    assert [t["stop"] for t in finished] == ["answered", "policy_error", "answered", "answered"]
    assert progress.done == 3
    assert folder.trajectories()["r1"]["stop"] == "answered"
    assert len(requests) == 4


def test_a_server_that_is_gone_ends_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with serving(BROKEN) as (url, requests):
        finished, progress = drive(Some([record(n) for n in range(12)]), folder, replace(QUICK, give_up_after=4, attempts=3), url)
    assert len(finished) == len(requests) == 4
    assert "failed 4 times in a row" in progress.stopped
    assert progress.done == 0


def test_money_is_never_overspent(tmp_path: Path) -> None:
    """Each photo costs 15 tokens: 10 read at 1 dollar and 5 written at 2 dollars a token, 20 dollars in all."""
    price = Price(1e6, 2e6)
    folder, benchmark = RunFolder(tmp_path / "run"), Some([record(n) for n in range(6)])
    with serving(LISBON) as (url, requests):
        _, progress = drive(benchmark, folder, replace(QUICK, price=price, budget_usd=70.0), url)
        assert progress.spent_usd == pytest.approx(60.0)
        assert "budget of 70" in progress.stopped
        _, progress = drive(benchmark, folder, replace(QUICK, price=price, budget_usd=70.0), url)
        assert len(requests) == 3, "money of earlier sessions counts"
        _, progress = drive(benchmark, folder, replace(QUICK, price=price, budget_usd=1000.0), url)
    assert progress.done == len(requests) == 6
    with pytest.raises(ValueError, match="--price"):
        RunSettings(budget_usd=1.0)


def test_a_photo_that_cannot_be_opened_is_kept_as_a_failure(tmp_path: Path) -> None:
    def gone() -> PhotoFile:
        raise PhotoError("r9.jpg is not there")

    folder = RunFolder(tmp_path / "run")
    with serving(LISBON) as (url, _):
        _, progress = drive(Some([record(1), replace(record(9), open=gone)]), folder, QUICK, url)
    assert progress.done == 1
    broken = folder.trajectories()["r9"]
    assert broken["stop"] == "photo_error"
    assert broken["error"] == "r9.jpg is not there"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}'])
def test_folders_that_are_no_runs(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match="run"):
        RunFolder(tmp_path).manifest()
    with pytest.raises(RunError, match="not a run"):
        RunFolder(tmp_path / "none").manifest()


def test_damage_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.trajectories_path.write_text('{"version": 1, "stop": "answered", "photo": "a"}\nnonsense\n')
    with pytest.raises(RunError, match="line 2"):
        folder.trajectories()
