"""A run that was cut off goes on as if it had not been, with either backend."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from rl_training.config import TrainSettings
from tests.rl_training import made


def saving(settings: TrainSettings, every: int) -> TrainSettings:
    return dataclasses.replace(settings, run=dataclasses.replace(settings.run, save_every=every))


@pytest.mark.parametrize("stage", ["sft", "grpo"])
@pytest.mark.parametrize("backend", ["accelerate", "trl"])
def test_six_steps_are_three_a_kill_and_three_more(tmp_path: Path, stage: str, backend: str) -> None:
    settings = saving(made.settings(backend, steps=6, beta=0.05), 3)
    model = made.model()
    whole = made.run(stage, settings, tmp_path / "whole", model)
    before = made.run(stage, settings, tmp_path / "cut", made.model(), killed_after=4)
    other = made.model()
    after = made.run(stage, settings, tmp_path / "cut", other)
    assert [row["step"] for row in before] == [0, 1, 2, 3, 4]
    assert after[0] == {"resumed": 2}
    assert [row["step"] for row in after[1:]] == [3, 4, 5]
    assert [row["loss"] for row in [*before[:3], *after[1:]]] == [row["loss"] for row in whole]
    mine, again = made.weights(model), made.weights(other)
    assert all(torch.equal(mine[name], again[name]) for name in mine)
    rows = made.run(stage, settings, tmp_path / "cut", made.model())
    assert all("loss" not in row for row in rows)  # nothing is left to do


@pytest.mark.parametrize("backend", ["accelerate", "trl"])
def test_an_evaluation_leaves_training_as_it_was(tmp_path: Path, backend: str) -> None:
    settings = made.settings(backend, steps=3)
    settings = dataclasses.replace(settings, run=dataclasses.replace(settings.run, eval_every=2))
    asked = []

    def evaluate(model: torch.nn.Module, step: int) -> dict[str, float]:
        asked.append((step, model.training, torch.is_grad_enabled()))
        torch.rand(5)
        return {"reward": 0.5}

    one, other = made.model(), made.model()
    told = made.run("grpo", settings, tmp_path / "a", one, evaluate=evaluate)
    made.run("grpo", settings, tmp_path / "b", other)
    assert asked == [(1, False, False), (2, False, False)]
    assert [row for row in told if "loss" not in row] == [{"step": 1, "eval/reward": 0.5}, {"step": 2, "eval/reward": 0.5}]
    mine, again = made.weights(one), made.weights(other)
    assert all(torch.equal(mine[name], again[name]) for name in mine)


def test_torn_checkpoints_are_passed_over(tmp_path: Path) -> None:
    for backend, folder in (("accelerate", "checkpoints/step-00000004"), ("trl", "trl/checkpoint-4")):
        settings = saving(made.settings(backend, steps=4), 2)
        made.run("sft", settings, tmp_path / backend, made.model())
        (tmp_path / backend / folder / "weights.safetensors").unlink()
        told = made.run("sft", settings, tmp_path / backend, made.model())
        assert [row["step"] for row in told[1:]] == [2, 3]
        assert told[0] == {"resumed": 1}
