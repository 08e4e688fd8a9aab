"""What a run measures is on the disk at once, is cut where a run goes on, and reaches TensorBoard."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from rl_training.metrics_log import MetricsError, MetricsLog, flat_row, names_under, number, read_metrics, series, summary


def log(folder: Path, **more: Any) -> MetricsLog:
    seconds = iter(range(1000))
    return MetricsLog(folder, tensorboard=False, clock=lambda: float(next(seconds)), **more)


def told(folder: Path) -> list[tuple[int, list[str]]]:
    return [(row["step"], sorted(row.keys() - {"step", "wall_s"})) for row in read_metrics(folder)]


def test_a_row_is_on_the_disk_when_the_call_returns(tmp_path: Path) -> None:
    shown: list[dict[str, Any]] = []
    metrics = log(tmp_path, show=shown.append)
    metrics({"step": 0, "loss": 0.5, "reward": {"distance": 0.25, "names": {"city": 1}}})
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {
        "step": 0, "loss": 0.5, "reward/distance": 0.25, "reward/names/city": 1, "wall_s": 1.0,
    }  # fmt: skip
    metrics({"step": 1, "loss": None})
    assert read_metrics(tmp_path) == metrics.rows == shown
    assert shown[1] == {"step": 1, "loss": None, "wall_s": 2.0}


def test_numbers_of_any_kind_become_plain() -> None:
    import numpy as np

    row = flat_row({"a": np.float32(0.5), "b": np.int64(3), "c": math.nan, "d": -math.inf, "e": True, "f": "x" * 900, "g": None})
    assert row == {"a": 0.5, "b": 3, "c": "nan", "d": "-inf", "e": True, "f": "x" * 500, "g": None}
    assert math.isnan(number(row["c"]) or 0.0)
    assert number(row["d"]) == -math.inf
    assert [number(row[name]) for name in "efg"] == [None, None, None]


def test_a_loss_that_blew_up_is_kept_and_no_number(tmp_path: Path) -> None:
    metrics = log(tmp_path)
    for step, loss in enumerate([1.0, math.nan, None, 0.5]):
        metrics({"step": step, "loss": loss})
    assert [row["loss"] for row in read_metrics(tmp_path)] == [1.0, "nan", None, 0.5]
    assert series(read_metrics(tmp_path), "loss") == ([0, 3], [1.0, 0.5])


def test_an_event_without_a_step_is_of_the_whole_run(tmp_path: Path) -> None:
    notes: list[str] = []
    metrics = log(tmp_path, note=notes.append)
    metrics({"rows": 1200, "share": 0.5})
    assert metrics.facts == {"rows": 1200, "share": 0.5}
    assert notes == ["rows 1,200, share 0.5"]
    assert metrics.rows == []
    with pytest.raises(MetricsError, match="whole number, not 'x'"):
        metrics({"step": "x"})


def test_a_run_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    log(tmp_path)({"step": 0})
    with pytest.raises(MetricsError, match="another run"):
        log(tmp_path)


def test_a_run_that_goes_on_drops_what_it_writes_again(tmp_path: Path) -> None:
    first = log(tmp_path)
    for step in range(4):
        first({"step": step, "loss": float(step)})
        first({"step": step, "eval/reward": float(step)})
    second = log(tmp_path, resume=True)
    second({"step": 2, "loss": 9.0})
    assert told(tmp_path) == [(0, ["loss"]), (0, ["eval/reward"]), (1, ["loss"]), (1, ["eval/reward"]), (2, ["loss"])]
    assert series(second.rows, "loss") == ([0, 1, 2], [0.0, 1.0, 9.0])
    third = log(tmp_path, resume=True)
    third({"step": 1, "eval/reward": 7.0})  # an evaluation comes after the training row of its step
    assert told(tmp_path) == [(0, ["loss"]), (0, ["eval/reward"]), (1, ["loss"]), (1, ["eval/reward"])]
    times = [row["wall_s"] for row in read_metrics(tmp_path)]
    assert times == sorted(times)


def test_a_run_that_says_where_it_goes_on_is_cut_there(tmp_path: Path) -> None:
    first = log(tmp_path)
    for step in range(5):
        first({"step": step, "loss": float(step)})
    second = log(tmp_path, resume=True)
    second({"resumed": 2})
    assert [row["step"] for row in read_metrics(tmp_path)] == [0, 1, 2]
    second({"step": 3, "loss": 0.0})
    assert [row["step"] for row in read_metrics(tmp_path)] == [0, 1, 2, 3]


def test_a_run_that_goes_on_without_an_event_loses_nothing(tmp_path: Path) -> None:
    log(tmp_path)({"step": 0, "loss": 1.0})
    log(tmp_path, resume=True).close()
    assert told(tmp_path) == [(0, ["loss"])]


def test_a_torn_last_line_is_left_out_and_written_over(tmp_path: Path) -> None:
    log(tmp_path)({"step": 0, "loss": 1.0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 1, "lo')
    assert told(tmp_path) == [(0, ["loss"])]
    log(tmp_path, resume=True)({"step": 1, "loss": 2.0})
    assert series(read_metrics(tmp_path), "loss") == ([0, 1], [1.0, 2.0])


@pytest.mark.parametrize(
    "line", ["[]", "{}", '{"step": "x"}', '{"step": 1, "a": {"b": 1}}', "nonsense", '{"step": 1, "a": "' + "x" * 1_000_001 + '"}']
)
def test_a_line_that_is_no_row_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 0}}\n{line}\n')
    with pytest.raises(MetricsError, match="line 2: not a row of metrics"):
        read_metrics(tmp_path)


def test_no_metrics_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MetricsError, match="cannot be read: No such file"):
        read_metrics(tmp_path)


def test_the_summary_has_the_last_of_each_and_the_best_evaluation() -> None:
    rows: list[dict[str, Any]] = [{"step": 0, "loss": 2.0, "reward": 0.1}, {"step": 0, "eval/reward": 0.4}, {"step": 5, "loss": 1.0, "reward": None},
            {"step": 5, "eval/reward": 0.4}, {"step": 9, "eval/reward": 0.3}]  # fmt: skip
    found = summary(rows)
    assert found["step"] == 9
    assert found["last"] == {"step": 9, "loss": 1.0, "reward": 0.1, "eval/reward": 0.3}
    assert found["best"] == {"metric": "eval/reward", "step": 0, "value": 0.4}  # of equal ones the first
    assert summary([]) == {"step": None, "last": {}}


def test_names_are_those_with_a_number() -> None:
    rows: list[dict[str, Any]] = [
        {"step": 0, "end/answered": 0.5, "end/no_eos": None},
        {"step": 1, "end/max_turns": 0.1, "ended": 1.0},
    ]
    assert names_under(rows, "end/") == ["end/answered", "end/max_turns"]


def test_tensorboard_gets_the_numbers(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with MetricsLog(tmp_path) as metrics:
        metrics({"step": 3, "loss": 0.5, "end/answered": math.nan, "note": "x"})
        metrics({"step": 4, "loss": 0.25})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(3, 0.5), (4, 0.25)]
    assert set(events.Tags()["scalars"]) == {"loss", "wall_s"}


def test_without_tensorboard_the_log_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    notes: list[str] = []
    with MetricsLog(tmp_path, note=notes.append) as metrics:
        metrics({"step": 0, "loss": 1.0})
        metrics({"step": 1, "loss": 1.0})
    assert len(read_metrics(tmp_path)) == 2
    assert len(notes) == 1
    assert "TensorBoard is left out" in notes[0]
