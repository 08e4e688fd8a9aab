"""From rewards to advantages: how much better a rollout went than the others of its task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rl_training.episode import Episode

SCALES = ("none", "batch", "group")
UNFINISHED = ("penalise", "exclude")
_FLOOR = 1e-4
"""Added to a standard deviation before dividing by it (TRL's constant)."""


class AdvantageError(ValueError):
    """A word that these settings do not know."""


def rewards_of(groups: Sequence[Sequence[Episode]], unfinished: str = "penalise") -> NDArray[np.float64]:
    """Rewards [G, K]; NaN where there is no verdict, where a short group has no rollout, and, with `exclude`, where a cap ended it."""
    if unfinished not in UNFINISHED:
        raise AdvantageError(f"unfinished = {unfinished!r}: it is {' or '.join(UNFINISHED)}")
    rewards_GK = np.full((len(groups), max((len(g) for g in groups), default=0)), np.nan)
    for g, group in enumerate(groups):
        for k, episode in enumerate(group):
            total = None if episode.reward is None else episode.reward.total
            if total is not None and (episode.finished or unfinished == "penalise"):
                rewards_GK[g, k] = total
    return rewards_GK


def equal_groups(rewards_GK: NDArray[np.float64], equal_within: float = 0.0) -> NDArray[np.bool_]:
    """Which groups [G] teach nothing: their rewards differ by no more than `equal_within`, or fewer than two have one."""
    known_GK = ~np.isnan(rewards_GK)
    highest_G = np.where(known_GK, rewards_GK, -np.inf).max(axis=1, initial=-np.inf)
    lowest_G = np.where(known_GK, rewards_GK, np.inf).min(axis=1, initial=np.inf)
    few_G = known_GK.sum(axis=1) < 2
    with np.errstate(invalid="ignore"):
        return np.asarray(few_G | (highest_G - lowest_G <= equal_within))


def spread(rewards_GK: NDArray[np.float64]) -> tuple[float, float, float]:
    """Number, sum and sum of squares of the rewards that are known: they add up over processes."""
    known = rewards_GK[~np.isnan(rewards_GK)]
    return float(known.size), float(known.sum()), float((known**2).sum())


def deviation(number: float, total: float, squares: float) -> float:
    """The standard deviation (n - 1) from what `spread` gives; 0 for fewer than two."""
    return float(np.sqrt(max(squares - total**2 / number, 0.0) / (number - 1))) if number > 1 else 0.0


def advantages_of(
    rewards_GK: NDArray[np.float64], scale: str = "none", batch_deviation: float | None = None
) -> NDArray[np.float64]:
    """Reward less its group's mean [G, K]; 0 where there is none. Rollouts without a reward have no part in the mean.

    `scale`: `none` leaves it there (Dr. GRPO); `group` divides by the group's standard deviation (n - 1) plus 1e-4; `batch` by that of all
    rewards, or by `batch_deviation` where other processes hold some of them.
    """
    if scale not in SCALES:
        raise AdvantageError(f"scale = {scale!r}: it is one of {', '.join(SCALES)}")
    known_GK = ~np.isnan(rewards_GK)
    number_G1 = np.maximum(known_GK.sum(axis=1, keepdims=True), 1)
    mean_G1 = np.where(known_GK, rewards_GK, 0.0).sum(axis=1, keepdims=True) / number_G1
    centred_GK = np.where(known_GK, rewards_GK - mean_G1, 0.0)
    if scale == "group":
        deviation_G1 = np.sqrt((centred_GK**2).sum(axis=1, keepdims=True) / np.maximum(number_G1 - 1, 1))
        return np.asarray(centred_GK / (deviation_G1 + _FLOOR))
    if scale == "batch":
        whole = deviation(*spread(rewards_GK)) if batch_deviation is None else batch_deviation
        return np.asarray(centred_GK / (whole + _FLOOR))
    return centred_GK
