"""What a step's rollouts say about the policy, as numbers by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rl_training.episode import Episode
    from rl_training.grpo import Collected


def facts(episode: Episode) -> dict[str, Any]:
    """What is counted of one episode, small and plain, so that processes can send it to one another."""
    steps = episode.trajectory.get("steps") or []
    tools = Counter(str(step["tool"]) for step in steps if isinstance(step, Mapping) and "tool" in step)
    reward = episode.reward
    return {
        "end": episode.end,
        "reward": None if reward is None else reward.total,
        "parts": {} if reward is None else {name: value for name, value in reward.parts.items() if value is not None},
        "tools": dict(tools),
        "written": episode.written,
        "tokens": len(episode.ids),
        "pictures": len(episode.images),
    }


def group_facts(collected: Collected) -> dict[str, int]:
    """How many groups were drawn, taught nothing, were drawn for such, and are left."""
    return {
        "groups/drawn": len(collected.drawn),
        "groups/equal": collected.equal,
        "groups/resampled": collected.resampled,
        "groups/kept": len(collected.kept),
    }


def added(counts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Sums by name."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def step_metrics(found: Collected, together: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
    """All of a step's rollouts: `together` puts the lists of all processes into one."""
    groups = together([group_facts(found)])
    episodes = together([facts(episode) for group in found.drawn for episode in group])
    return {**rollout_metrics(episodes), **added(groups), "seconds/rollout": max(together([found.seconds]))}


def rollout_metrics(episodes: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Means over the episodes that `facts` gave. Rewards: over those that have one; `reward/none` is the share that has not."""
    number = max(len(episodes), 1)
    totals = [e["reward"] for e in episodes if e["reward"] is not None]
    metrics = {"reward/none": 1 - len(totals) / number}
    if totals:
        metrics |= {"reward": float(np.mean(totals)), "reward/std": float(np.std(totals))}
    for name in sorted({name for e in episodes for name in e["parts"]}):
        metrics[f"reward/{name}"] = float(np.mean([e["parts"][name] for e in episodes if name in e["parts"]]))
    for end, count in sorted(Counter(e["end"] for e in episodes).items()):
        metrics[f"end/{end}"] = count / number
    for tool in sorted({"zoom", *(name for e in episodes for name in e["tools"])}):
        metrics[f"tool/{tool}"] = sum(tool in e["tools"] for e in episodes) / number
        metrics[f"calls/{tool}"] = sum(e["tools"].get(tool, 0) for e in episodes) / number
    for name in ("written", "tokens", "pictures"):
        metrics[f"episode/{name}"] = sum(e[name] for e in episodes) / number
    metrics["tokens_written"] = float(sum(e["written"] for e in episodes))
    return metrics
