from __future__ import annotations

import itertools

import pytest
import torch

from rl_training.config import OptimiserSettings
from rl_training.schedule import learning_rate, micro_batches, rows_of_step


def test_every_row_comes_once_before_any_comes_again() -> None:
    steps = [rows_of_step(step, 4, 10, seed=7) for step in range(5)]
    stream = list(itertools.chain(*steps))
    assert sorted(stream[:10]) == sorted(stream[10:]) == list(range(10))
    assert stream[:10] != stream[10:]
    assert steps[2] == rows_of_step(2, 4, 10, seed=7)
    assert stream != list(itertools.chain(*(rows_of_step(step, 4, 10, seed=8) for step in range(5))))
    assert sorted(rows_of_step(0, 7, 3, seed=0)[:6]) == [0, 0, 1, 1, 2, 2]
    with pytest.raises(ValueError, match="at least one row"):
        rows_of_step(0, 4, 0, seed=0)


@pytest.mark.parametrize(
    ("schedule", "theirs"), [("constant", "constant_with_warmup"), ("linear", "linear"), ("cosine", "cosine")]
)
@pytest.mark.parametrize("warmup", [0, 3])
def test_rates_are_those_of_transformers(schedule: str, theirs: str, warmup: int) -> None:
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = get_scheduler(theirs, optimizer, num_warmup_steps=warmup, num_training_steps=10)
    settings = OptimiserSettings(learning_rate=0.1, schedule=schedule, warmup_steps=warmup)
    for step in range(10):
        assert learning_rate(settings, step, 10) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        scheduler.step()


def test_unknown_schedules_are_named() -> None:
    with pytest.raises(ValueError, match="constant, linear, cosine"):
        learning_rate(OptimiserSettings(schedule="poly"), 0, 10)


def test_micro_batches_hold_every_row_with_like_lengths_together() -> None:
    assert micro_batches(["aaaa", "b", "cc", "ddd", "e"], 2, len) == [["b", "e"], ["cc", "ddd"], ["aaaa"]]
