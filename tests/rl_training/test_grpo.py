from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_training.config import GrpoSettings, RunSettings, TrainSettings
from rl_training.episode import Episode
from rl_training.grpo import GrpoError, collect, counted_rows, train_grpo
from rl_training.reward import Reward
from rl_training.sft import SftError, train_sft


def group(*totals: float | None, end: str = "answered") -> list[Episode]:
    return [Episode("t", [1, 2], [0, 1], [0.0, -1.0], [], end, reward=Reward(total, {})) for total in totals]


class Source:
    """Gives the groups of a list, a batch a call, and writes down what it was asked."""

    def __init__(self, *batches: list[list[Episode]]) -> None:
        self.batches, self.asked = list(batches), list[tuple[int, int, int]]()

    def __call__(self, model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
        self.asked.append((step, groups, salt))
        return self.batches.pop(0)


def test_groups_of_equal_rewards_are_replaced_as_often_as_the_settings_say() -> None:
    good, equal, near = group(0.1, 0.9), group(0.5, 0.5), group(0.5, 0.5004)
    source = Source([good, equal, near], [equal, good], [good])
    found = collect(GrpoSettings(resample=3), source, None, 7, 3)
    assert source.asked == [(7, 3, 0), (7, 2, 1), (7, 1, 2)]
    assert found.kept == [good, good, good]
    assert (len(found.drawn), found.equal, found.resampled) == (6, 3, 3)
    source = Source([good, equal, near], [equal, near])
    found = collect(GrpoSettings(resample=1), source, None, 7, 3, rank=1, processes=2)
    assert source.asked == [(7, 3, 1), (7, 2, 3)]  # no two processes ask with the same salt
    assert found.kept == [good]


def test_without_a_filter_every_group_is_kept() -> None:
    source = Source([group(0.5, 0.5), group(None, None)])
    found = collect(GrpoSettings(filter_groups=False, resample=5), source, None, 0, 2)
    assert (len(found.kept), found.equal, source.asked) == (2, 2, [(0, 2, 0)])


def test_excluding_the_unfinished_can_leave_a_group_without_a_lesson() -> None:
    half = [*group(0.9), *group(0.0, end="max_turns")]
    assert collect(GrpoSettings(resample=0), Source([half]), None, 0, 1).kept == [half]
    assert not collect(GrpoSettings(resample=0, unfinished="exclude"), Source([half]), None, 0, 1).kept


@pytest.mark.parametrize("batch", [[group(0.1, 0.2)], [group(0.1, 0.2), []]])
def test_a_source_that_gives_something_else_is_told(batch: list[list[Episode]]) -> None:
    with pytest.raises(GrpoError, match="asked for 2 groups of rollouts"):
        collect(GrpoSettings(), Source(batch), None, 0, 2)


def test_only_episodes_with_a_reward_and_written_tokens_count() -> None:
    rows = group(0.9, None, 0.1)
    rows[2].mask = [0, 0]
    rewards = np.array([[0.9, np.nan, 0.1]])
    assert counted_rows([rows], rewards, np.array([[0.4, 0.0, -0.4]])) == [(rows[0], 0.4)]


def test_unknown_backends_are_named(tmp_path: Path) -> None:
    settings = TrainSettings(run=RunSettings(backend="jax"))
    with pytest.raises(GrpoError, match="'jax'"):
        train_grpo(settings, Source(), None, None, out=tmp_path, told=print)
    with pytest.raises(SftError, match="'jax'"):
        train_sft(settings, group(1.0), None, None, out=tmp_path, told=print)


def test_sft_without_a_usable_row_says_why(tmp_path: Path) -> None:
    rows = [Episode("t", [1, 2], [0, 0], [0.0, 0.0], [], "answered")]
    with pytest.raises(SftError, match="none of 1 rows"):
        train_sft(TrainSettings(), rows, None, None, out=tmp_path, told=print)
