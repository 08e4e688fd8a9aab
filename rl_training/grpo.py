"""GRPO: rollouts of the agent, groups that teach something, advantages. The update itself is a backend's.

`trl` (`trl_backend.py`) and `accelerate` (`accelerate_backend.py`) make the same step of the same episodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rl_training.advantages import equal_groups, rewards_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rl_training.config import GrpoSettings, TrainSettings
    from rl_training.episode import Episode

Told = Callable[[Mapping[str, Any]], None]
Evaluate = Callable[[Any, int], Mapping[str, float]]
BACKENDS = ("trl", "accelerate")


class GrpoError(ValueError):
    """Rollouts or settings that GRPO cannot work with. One line."""


class RolloutSource(Protocol):
    """Where episodes come from: the rollout engine, or a list in a test."""

    def __call__(self, model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        """`groups` tasks with `settings.group` scored episodes each. Another `salt` draws other tasks at the same step.

        `step` counts from 0. Of several processes each asks for its own share, with a salt of its own.
        """


@dataclass
class Collected:
    """What one process rolled out for one step."""

    drawn: list[list[Episode]] = field(default_factory=list)
    """All groups, those that taught nothing included."""
    kept: list[list[Episode]] = field(default_factory=list)
    """Those that the step learns from."""
    equal: int = 0
    """Groups whose rewards do not differ, or that have fewer than two."""
    resampled: int = 0
    """Groups drawn in the place of such."""
    seconds: float = 0.0

    def rewards(self, unfinished: str) -> NDArray[np.float64]:
        """Of the kept groups [G, K], NaN where there is none."""
        return rewards_of(self.kept, unfinished)


def collect(
    settings: GrpoSettings, source: RolloutSource, model: Any, step: int, groups: int, rank: int = 0, processes: int = 1
) -> Collected:
    """Roll out `groups` tasks; groups of equal rewards are replaced up to `resample` times where the settings filter them.

    Raises GrpoError where the source gives other groups than it was asked for.
    """
    began, found = time.perf_counter(), Collected()
    for attempt in range(1 + (settings.resample if settings.filter_groups else 0)):
        missing = groups - len(found.kept)
        if not missing:
            break
        new = source(model, step, missing, attempt * processes + rank)
        if len(new) != missing or not all(new):
            raise GrpoError(f"asked for {missing} groups of rollouts, got {len(new)} ({sum(not g for g in new)} of them empty)")
        equal_G = equal_groups(rewards_of(new, settings.unfinished), settings.equal_within)
        found.drawn += new
        found.equal += int(equal_G.sum())
        found.resampled += missing if attempt else 0
        found.kept += [group for group, equal in zip(new, equal_G, strict=True) if not (settings.filter_groups and equal)]
    found.seconds = time.perf_counter() - began
    return found


def counted_rows(
    kept: Sequence[Sequence[Episode]], rewards_GK: NDArray[np.float64], advantages_GK: NDArray[np.float64]
) -> list[tuple[Episode, float]]:
    """Episodes that have a part in the loss, with their advantages: they have a reward, and the policy wrote something."""
    return [
        (episode, float(advantages_GK[g, k]))
        for g, group in enumerate(kept)
        for k, episode in enumerate(group)
        if not np.isnan(rewards_GK[g, k]) and any(episode.mask)
    ]


def train_grpo(
    settings: TrainSettings, source: RolloutSource, model: Any, processor: Any, *, out: Path, told: Told, evaluate: Evaluate | None = None
) -> Path:  # fmt: skip
    """Train what of `model` requires a gradient; returns the last checkpoint's folder. A run that was cut off goes on.

    `told` gets one flat dict a step. `evaluate(model, step)` is asked every `run.eval_every` steps and at the end.
    """
    if settings.run.backend == "accelerate":
        from rl_training import accelerate_backend

        return accelerate_backend.train_grpo(settings, source, model, processor, out=out, told=told, evaluate=evaluate)
    if settings.run.backend == "trl":
        from rl_training import trl_backend

        return trl_backend.train_grpo(settings, source, model, processor, out=out, told=told, evaluate=evaluate)
    raise GrpoError(f"no backend named {settings.run.backend!r}: there are {', '.join(BACKENDS)}")
