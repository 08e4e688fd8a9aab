"""The reward of GRPO: a weighted sum of bounded parts, computed from a finished trajectory and the truth.

What is right, how far and how sure is what the evaluation says of the same trajectory (`evals/rows.py`): a policy cannot be trained
towards another number than the one that is reported. No model is asked, so that a trajectory has the same reward every time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from evals.record import Truth
from evals.row import Row
from rl_training import reward_parts
from rl_training.episode import FINISHED, WORLD_FAULTS
from rl_training.reward_parts import BETA, Outcome, outcome_of


class RewardError(ValueError):
    """Weights or a trajectory that no reward can be made of; one line."""


@dataclass(frozen=True)
class Reward:
    """What one investigation earned."""

    total: float | None
    """The weighted sum; None where there is no verdict, never 0: such a rollout takes no part in the loss, and is counted."""
    parts: Mapping[str, float | None]
    """Every part of `PARTS`, those without weight too; None where it does not apply or has no verdict."""


class Part(NamedTuple):
    """One part of the reward."""

    function: Callable[[Outcome], float | None]
    bounds: tuple[float, float]
    description: str
    applies: Callable[[Row], bool]
    """Whether the truth gives what the part needs. It is the same for all rollouts of one task."""


def _has_point(row: Row) -> bool:
    return row.truth.lat is not None


def _has_names(row: Row) -> bool:
    return any(verdict is not None for verdict in row.levels.values())


def _always(row: Row) -> bool:
    return True


PARTS: Mapping[str, Part] = MappingProxyType({
    "levels": Part(reward_parts.levels, (0.0, BETA**2), "4 for the right city, 2 for the region, 1 for the country (GeoVista).", _has_names),
    "levels_flat": Part(reward_parts.levels_flat, (0.0, 1.0),
                        "1 for the right city, or the finest level that the truth gives.", _has_names),
    "distance": Part(reward_parts.distance, (0.0, 1.0), "exp(-d / 1492.7 km), the geoscore as a share of 5000.", _has_point),
    "distance_steps": Part(reward_parts.distance_steps, (0.0, 1.0),
                           "1, 0.8, 0.6, 0.4, 0.2, 0.1 nearer than 0.5, 2, 10, 25, 200, 750 km (Thinking with Map).", _has_point),
    "calibration": Part(reward_parts.calibration, (0.0, 1.0),
                        "The log score of the answer's density at the truth, -8 to 24 bits over the photo prior.", _has_point),
    "evidence": Part(reward_parts.evidence, (0.0, 1.0),
                     "1 - 2^-s for s bits that observations say for the answer, net of those against it and of claims that none holds.", _always),
    "format": Part(reward_parts.well_formed, (0.0, 1.0),
                   "The share of replies that were well formed, an accepted answer counted as one more.", _always),
    "calls": Part(reward_parts.calls, (-1.0, 0.0), "Minus the share of the allowed tool calls that were used.", _always),
})  # fmt: skip
"""Every part by name."""

DEFAULT_WEIGHTS: Mapping[str, float] = MappingProxyType({
    "levels": 0.1, "distance": 0.3, "calibration": 0.15, "evidence": 0.05, "format": 0.1,
})  # fmt: skip
"""A total from 0 to 1. The place is worth 0.7 of it: 0.4 by names, which jump where a border is crossed, and 0.3 by distance, which
rises everywhere, since a jump alone teaches nothing where every rollout is in the wrong country. Calibration is worth less than the
place, so that a "cannot tell" at once (0.16 in all) loses to an answer that is in the right city one time in ten, and enough that a
wrong answer stated as sure (0.12 in all) loses to a "cannot tell". Evidence and format are small: they break ties among equal answers.
Calls cost nothing: a policy that is charged for looking stops looking long before it can use what it sees."""


def score(
    trajectory: Mapping[str, Any],
    truth: Truth,
    weights: Mapping[str, float] | None = None,
    *,
    end: str | None = None,
    guess_counts: bool = False,
    unfinished_counts: bool = False,
) -> Reward:
    """The reward of a finished trajectory (`agent/locate.py`).

    `weights` replace the defaults; parts that are not named weigh nothing. `end` is how the episode ended where the rollout knows it
    better than the trajectory's `stop` (`rl_training/episode.py`). With `guess_counts` the best guess is the answer where the policy
    cannot tell; with `unfinished_counts` the belief's answer is the answer where a cap ended the run, as the evaluation has it.

    No verdict, hence no total: the world failed (every part is None), or a part that weighs something and applies has no verdict. A
    part that does not apply, since the truth lacks what it needs, is left out of the sum: for all rollouts of the task alike. Where
    no part with weight applies there is no total.

    Raises RewardError for unknown weights, or what is no trajectory.
    """
    chosen = checked_weights(weights)
    if not isinstance(trajectory, Mapping) or "stop" not in trajectory:
        raise RewardError("not a finished trajectory: it does not say how it stopped")
    ending = end or str(trajectory["stop"])
    if not WORLD_FAULTS.isdisjoint({ending, str(trajectory["stop"])}):
        return Reward(None, dict.fromkeys(PARTS))
    _check_truth(truth)
    try:
        outcome = outcome_of(
            trajectory, truth, ended=ending in FINISHED, guess_counts=guess_counts, unfinished_counts=unfinished_counts
        )
        parts = {name: part.function(outcome) if part.applies(outcome.row) else None for name, part in PARTS.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RewardError(f"not a finished trajectory: {type(error).__name__}: {str(error)[:200]}") from error
    return Reward(_total(parts, chosen, outcome.row), parts)


def checked_weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    """The weights that are not 0, the defaults for None or none. Raises RewardError for names or numbers that mean nothing."""
    given = weights or DEFAULT_WEIGHTS
    if unknown := [str(name) for name in given if name not in PARTS]:
        raise RewardError(
            f"no part of the reward is called {', '.join(map(repr, unknown))[:200]}; the parts are {', '.join(PARTS)}"
        )
    for name, weight in given.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            raise RewardError(f"the weight of {name} must be a finite number, not {str(weight)[:40]}")
    chosen = {name: float(weight) for name, weight in given.items() if weight}
    if not chosen:
        raise RewardError("every weight of the reward is 0, which teaches nothing")
    return chosen


def bounds_of(weights: Mapping[str, float] | None = None) -> tuple[float, float]:
    """The least and the most that a total can be under these weights. Raises RewardError."""
    ends = [sorted(weight * bound for bound in PARTS[name].bounds) for name, weight in checked_weights(weights).items()]
    return math.fsum(low for low, _ in ends), math.fsum(high for _, high in ends)


def _total(parts: Mapping[str, float | None], weights: Mapping[str, float], row: Row) -> float | None:
    summed = []
    for name, weight in weights.items():
        value = parts[name]
        if value is not None:
            summed.append(weight * value)
        elif PARTS[name].applies(row):
            return None
    return math.fsum(summed) if summed else None


def _check_truth(truth: Truth) -> None:
    """Raises RewardError where the truth has coordinates that are no point on the Earth."""
    if truth.lat is None and truth.lon is None:
        return
    if truth.lat is None or truth.lon is None or not math.isfinite(truth.lon) or not abs(truth.lat) <= 90.0:
        raise RewardError(f"the truth lies nowhere on the Earth: {truth.lat}, {truth.lon}")
