from __future__ import annotations

import numpy as np
import pytest

from rl_training.advantages import AdvantageError, advantages_of, deviation, equal_groups, rewards_of, spread
from rl_training.episode import Episode
from rl_training.reward import Reward

NAN = float("nan")


def episode(total: float | None, end: str = "answered") -> Episode:
    return Episode("t", [1], [0], [0.0], [], end, reward=Reward(total, {}))


def test_rewards_without_a_verdict_are_nan_and_caps_can_be_excluded() -> None:
    groups = [[episode(1.0), episode(None), episode(0.25, "max_turns")], [episode(0.5), episode(0.0, "no_eos")]]
    groups[1].append(Episode("t", [1], [0], [0.0], [], "answered"))
    np.testing.assert_array_equal(rewards_of(groups), [[1.0, NAN, 0.25], [0.5, 0.0, NAN]])
    np.testing.assert_array_equal(rewards_of(groups, "exclude"), [[1.0, NAN, NAN], [0.5, NAN, NAN]])
    np.testing.assert_array_equal(rewards_of([[episode(1.0)], groups[0]])[0], [1.0, NAN, NAN])
    with pytest.raises(AdvantageError, match="penalise or exclude"):
        rewards_of(groups, "forget")


def test_equal_and_nearly_equal_groups_teach_nothing() -> None:
    rewards = np.array([[0.5, 0.5, 0.5], [0.1, 0.1005, 0.1], [0.1, 0.5, 0.1], [NAN, 0.3, NAN], [NAN, NAN, NAN], [0.2, NAN, 0.9]])
    assert equal_groups(rewards, 1e-3).tolist() == [True, True, False, True, True, False]
    assert equal_groups(rewards).tolist() == [True, False, False, True, True, False]
    assert equal_groups(np.full((2, 0), NAN)).tolist() == [True, True]


def test_the_baseline_is_the_mean_of_the_rewards_that_are_known() -> None:
    found = advantages_of(np.array([[1.0, 0.0, NAN, 0.5], [0.3, 0.3, 0.3, 0.3], [NAN, NAN, NAN, NAN]]))
    np.testing.assert_allclose(found, [[0.5, -0.5, 0, 0], [0] * 4, [0] * 4], atol=1e-15)


def test_scales_are_the_standard_deviations_of_trl() -> None:
    rewards = np.array([[1.0, 0.0, NAN, 0.5], [0.2, 0.4, 0.0, 0.2]])
    centred = advantages_of(rewards)
    group = np.array([np.nanstd(row, ddof=1) for row in rewards])[:, None]
    np.testing.assert_allclose(advantages_of(rewards, "group"), centred / (group + 1e-4), rtol=1e-12)
    whole = np.nanstd(rewards, ddof=1)
    np.testing.assert_allclose(advantages_of(rewards, "batch"), centred / (whole + 1e-4), rtol=1e-12)
    with pytest.raises(AdvantageError, match="none, batch, group"):
        advantages_of(rewards, "std")


def test_the_deviation_of_all_processes_comes_from_sums() -> None:
    rng = np.random.default_rng(0)
    shares = [rng.random((2, 3)), rng.random((1, 3)), np.full((1, 3), NAN)]
    sums = np.sum([spread(share) for share in shares], axis=0)
    assert deviation(*sums) == pytest.approx(float(np.nanstd(np.concatenate(shares), ddof=1)))
    assert deviation(1, 0.4, 0.16) == 0
    assert deviation(3, 0.3, 0.03) == pytest.approx(0, abs=1e-8)


def test_near_equal_rewards_stay_quiet_unless_divided_by_their_own_deviation() -> None:
    """Four guesses on wrong continents must not shout as loudly as a hit (Dr. GRPO, arXiv 2503.20783)."""
    far = np.array([[0.0001, 0.0022, 0.0011, 0.0003]])
    assert np.abs(advantages_of(far)).max() < 2e-3
    assert np.abs(advantages_of(far, "group")).max() > 1
