"""Whole runs from settings: SFT on collected traces, GRPO in the practice world, evaluations on cities held out."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.policies import Policy
from evals.record import Record
from evals.splits import split_of
from rl_training.collect import collect
from rl_training.config import (
    GrpoSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    SftSettings,
    TrainSettings,
    WorldSettings,
)
from rl_training.row_store import RowStore
from rl_training.run import RunError, run_grpo, run_sft
from rl_training.traces import TraceError, read_traces
from tests.rl_training.traces_made import SETTINGS, looks_and_answers, pictures
from tests.tiny_models import save_tiny_qwen_vl

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")

POINTS = {"lisbon": (38.7169, -9.1399), "paris": (48.8566, 2.3522), "madrid": (40.4168, -3.7038), "tokyo": (35.6895, 139.6917),
          "london": (51.5085, -0.1257), "rome": (41.8919, 12.5113), "oslo": (59.9127, 10.7461), "cairo": (30.0626, 31.2497)}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen_vl(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collected")

    def knowing(record: Record) -> Policy:
        return looks_and_answers((record.truth.lat or 0.0) + 0.02, record.truth.lon or 0.0)

    asyncio.run(collect(pictures(folder / "photos", POINTS), knowing, SETTINGS, folder / "out", keep="right"))
    return folder / "out"


def settings(base: Path, out: Path, traces: Path | None = None, held_out: tuple[str, ...] = ()) -> TrainSettings:
    optimiser = OptimiserSettings(learning_rate=1e-3, micro_batch=2)
    return TrainSettings(
        model=ModelSettings(base=str(base), train="full", prompt="system_brief", tools_as="names", max_pixels=56 * 56, result_chars=300),
        world=WorldSettings(benches=("practice:easy:1:4:train",), held_out=held_out, reader="known", tools=("zoom", "read_text"),
                            max_turns=2, max_calls=2, at_once=4),
        sft=SftSettings(traces=(str(traces),) if traces else (), steps=2, batch=2, optimiser=optimiser),
        grpo=GrpoSettings(steps=2, tasks=2, group=2, max_new_tokens=6, max_tokens=1024, filter_groups=False, optimiser=optimiser),
        run=RunSettings(out=str(out), backend="accelerate", seed=3, save_every=1, tensorboard=False),
    )  # fmt: skip


class Told(list[Mapping[str, Any]]):
    def __call__(self, row: Mapping[str, Any]) -> None:
        self.append(dict(row))


def test_sft_learns_from_the_traces_of_cities_that_are_not_held_out(base: Path, collected: Path, tmp_path: Path) -> None:
    traces = shutil.copytree(collected, tmp_path / "traces")
    shutil.copytree(collected.parent / "photos", tmp_path / "photos")
    told = Told()
    left = run_sft(settings(base, tmp_path / "run", traces), tmp_path / "run" / "sft", told)
    assert (left / "weights.safetensors").is_file()
    splits = {record.id: split_of(record.truth) for _, record in read_traces(traces)}
    expected = [name for name, split in splits.items() if split == "train"]
    assert set(splits) == set(POINTS)
    assert 0 < len(expected) < len(POINTS)
    rows = RowStore(traces / "rows.jsonl").rows
    assert told[0] == {
        "rows": len(expected),
        "tokens": sum(len(r.ids) for r in rows.values()),
        "written": sum(r.written for r in rows.values()),
    }
    assert sorted(row.task for row in rows.values()) == sorted(expected)
    assert [row["step"] for row in told if "loss" in row] == [0, 1]
    again = Told()
    run_sft(settings(base, tmp_path / "other", traces), tmp_path / "other" / "sft", again)
    assert again[0] == told[0], "from the rows that were kept"
    assert [row["loss"] for row in again if "loss" in row] == [row["loss"] for row in told if "loss" in row]


def test_without_traces_there_is_nothing_to_learn(base: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no traces to learn from"):
        run_sft(settings(base, tmp_path / "run"), tmp_path / "run" / "sft", Told())
    with pytest.raises(TraceError) as caught:
        run_sft(settings(base, tmp_path / "run", tmp_path / "nowhere"), tmp_path / "run" / "sft", Told())
    assert "\n" not in str(caught.value)


def test_grpo_practises_and_is_looked_at_in_other_cities(base: Path, tmp_path: Path) -> None:
    told = Told()
    chosen = settings(base, tmp_path / "run", held_out=("practice:easy:2:2:held-out",))
    left = run_grpo(chosen, tmp_path / "run" / "grpo", told)
    assert (left / "weights.safetensors").is_file()
    steps = [row for row in told if "loss" in row]
    assert [row["step"] for row in steps] == [0, 1]
    ends = {name: value for name, value in steps[0].items() if name.startswith("end/")}
    assert sum(ends.values()) == pytest.approx(1.0)
    assert "reward" in steps[0]
    looked = [row for row in told if any(str(name).startswith("eval/") for name in row)]
    assert looked, "at the end at least"
    assert "eval/reward" in looked[-1]
    assert 0.0 <= looked[-1]["eval/reward"] <= 1.0


def test_the_same_settings_give_the_same_run(base: Path, tmp_path: Path) -> None:
    one, other, differently = Told(), Told(), Told()
    for told, seed, name in ((one, 3, "a"), (other, 3, "b"), (differently, 4, "c")):
        chosen = settings(base, tmp_path / name)
        run_grpo(replace(chosen, run=replace(chosen.run, seed=seed)), tmp_path / name / "grpo", told)
    runs = [
        [{name: value for name, value in row.items() if not name.startswith(("seconds", "logp_apart"))} for row in told]
        for told in (one, other, differently)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert all(row["logp_apart/max"] < 1e-5 for row in one if "loss" in row), "the trainer finds what was recorded while sampling"
