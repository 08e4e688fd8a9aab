"""What a training step uses, as functions of its number alone: rows of the data, and the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from rl_training.config import OptimiserSettings

SCHEDULES = ("constant", "linear", "cosine")


T = TypeVar("T")


def rows_of_step(step: int, batch: int, rows: int, seed: int) -> list[int]:
    """The `batch` rows of step `step` (from 0), of `rows`: every row once, in an order of the seed, before any comes again."""
    if rows < 1 or batch < 1:
        raise ValueError("training needs at least one row and a batch of at least one")
    orders: dict[int, list[int]] = {}
    picked = []
    for place in range(step * batch, (step + 1) * batch):
        epoch = place // rows
        if epoch not in orders:
            orders[epoch] = np.random.default_rng([seed, epoch]).permutation(rows).tolist()
        picked.append(orders[epoch][place % rows])
    return picked


def learning_rate(optimiser: OptimiserSettings, step: int, steps: int) -> float:
    """The rate of step `step` (from 0) of `steps`: linear warm-up from 0, then the schedule (as in transformers' `get_scheduler`)."""
    if optimiser.schedule not in SCHEDULES:
        raise ValueError(f"schedule = {optimiser.schedule!r}: it is one of {', '.join(SCHEDULES)}")
    warm = optimiser.warmup_steps
    if step < warm:
        return optimiser.learning_rate * step / max(warm, 1)
    done = (step - warm) / max(steps - warm, 1)
    if optimiser.schedule == "linear":
        return optimiser.learning_rate * max(0.0, 1 - done)
    if optimiser.schedule == "cosine":
        return optimiser.learning_rate * max(0.0, 0.5 * (1 + math.cos(math.pi * done)))
    return optimiser.learning_rate


def micro_batches(rows: Sequence[T], size: int, length: Callable[[T], int]) -> list[list[T]]:
    """Rows of like length together, `size` at a time: a sum over a step does not ask for an order, and little is padded."""
    ordered = sorted(rows, key=length)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]
