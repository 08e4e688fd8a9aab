from __future__ import annotations

import dataclasses

import pytest

from rl_training.episode import Episode
from rl_training.grpo import Collected
from rl_training.reward import Reward
from rl_training.rollout_metrics import added, facts, rollout_metrics, step_metrics

FIRST = Episode(
    "a", [1, 2, 3, 4], [0, 1, 1, 0], [0.0] * 4, [], "answered", reward=Reward(0.75, {"distance": 0.5, "format": 1.0}),
    trajectory={"steps": [{"tool": "zoom"}, {"tool": "zoom"}, {"tool": "read_text"}, "no step", {"id": 1}]},
)  # fmt: skip
SECOND = dataclasses.replace(FIRST, end="max_turns", reward=Reward(0.25, {"distance": 0.0, "format": None}), trajectory={})
NONE = dataclasses.replace(
    FIRST, end="world_error", reward=Reward(None, {"distance": None}), trajectory={"steps": [{"tool": "zoom"}]}
)
UNSCORED = dataclasses.replace(NONE, reward=None)


def test_means_leave_out_what_has_no_verdict_and_count_it() -> None:
    found = rollout_metrics([facts(e) for e in (FIRST, SECOND, NONE, UNSCORED)])
    assert found["reward"] == 0.5
    assert found["reward/std"] == 0.25
    assert found["reward/none"] == 0.5
    assert found["reward/distance"] == 0.25
    assert found["reward/format"] == 1.0
    assert (found["end/answered"], found["end/max_turns"], found["end/world_error"]) == (0.25, 0.25, 0.5)
    assert (found["tool/zoom"], found["calls/zoom"]) == (0.75, 1.0)
    assert (found["tool/read_text"], found["calls/read_text"]) == (0.25, 0.25)
    assert found["tokens_written"] == 8
    assert (found["episode/written"], found["episode/tokens"]) == (2, 4)


def test_where_nothing_has_a_verdict_there_is_no_mean() -> None:
    found = rollout_metrics([facts(NONE)])
    assert "reward" not in found
    assert found["reward/none"] == 1
    assert found["tool/zoom"] == 1
    assert rollout_metrics([facts(SECOND)])["tool/zoom"] == 0


def test_processes_are_put_together() -> None:
    found = Collected(drawn=[[FIRST, SECOND]], kept=[[FIRST, SECOND]], equal=1, resampled=1, seconds=2.0)
    alone = step_metrics(found, lambda values: values)
    both = step_metrics(found, lambda values: values * 2)
    assert both["groups/drawn"] == 2 * alone["groups/drawn"] == 2
    assert both["tokens_written"] == 2 * alone["tokens_written"]
    assert (both["reward"], both["seconds/rollout"]) == (alone["reward"], 2.0)
    assert added([{"a": 1.5}, {"a": -2.0, "b": 1}]) == pytest.approx({"a": -0.5, "b": 1})
