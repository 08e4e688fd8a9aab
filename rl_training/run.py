"""One training run from its settings: the model, the world and the data are put together, and an optimiser is let loose on them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rl_training.config import TrainSettings
from rl_training.grpo import Evaluate, Told
from rl_training.policy_model import card_of, load_policy_model

if TYPE_CHECKING:
    from evals.record import Record
    from rl_training.episode import Episode
    from rl_training.rollout import Rollouts
    from rl_training.world import World

_REMEMBERED = "read"
"""Folder beside the runs in which what was read in pictures is kept; all stages share it."""


class RunError(ValueError):
    """Settings that a run cannot be made of. One line."""


def run_sft(settings: TrainSettings, folder: Path, told: Told) -> Path:
    """SFT on the settings' traces; the last checkpoint's folder. A run that was cut off goes on. Raises ValueError, one line."""
    from rl_training.sft import train_sft

    model, processor = load_policy_model(settings)
    rollouts = rollouts_of(settings, model, processor)
    rows = sft_rows(settings, rollouts)
    told({"rows": len(rows), "tokens": sum(len(row.ids) for row in rows), "written": sum(row.written for row in rows)})
    return train_sft(settings, rows, model, processor, out=folder, told=told, evaluate=_evaluation(settings, rollouts))


def run_grpo(settings: TrainSettings, folder: Path, told: Told) -> Path:
    """GRPO in the settings' world; the last checkpoint's folder. A run that was cut off goes on. Raises ValueError, one line."""
    from rl_training.grpo import train_grpo

    model, processor = load_policy_model(settings)
    rollouts = rollouts_of(settings, model, processor)
    return train_grpo(settings, rollouts, model, processor, out=folder, told=told, evaluate=_evaluation(settings, rollouts))


def sft_rows(settings: TrainSettings, rollouts: Rollouts) -> list[Episode]:
    """The traces as the student would have lived them, those of held-out cities left out. Raises TraceError and RunError."""
    rows = list(_taught(settings, rollouts))
    if not rows:
        raise RunError("no traces to learn from: collect some and name their folders in sft.traces")
    return rows


def _taught(settings: TrainSettings, rollouts: Rollouts) -> Iterator[Episode]:
    from evals.splits import split_of
    from rl_training.rollout import taught_episode
    from rl_training.row_store import RowStore, row_key
    from rl_training.traces import read_traces

    card, world, chatml = rollouts.card, rollouts.world, rollouts.chat.chatml
    for folder in settings.sft.traces:
        path = Path(folder).expanduser()
        store = RowStore((path if path.is_dir() else path.parent) / "rows.jsonl")
        for trajectory, record in read_traces(path):
            if split_of(record.truth) == "held-out":
                continue
            key = row_key(trajectory, card, chatml.tokenizer, world.limits)
            if key not in store.rows:
                store.add(key, taught_episode(trajectory, world.open(record), card, world, chatml))
            yield store.rows[key]


def rollouts_of(settings: TrainSettings, model: Any, processor: Any) -> Rollouts:
    from agent.policies.in_process import InProcess
    from rl_training.rollout import Rollouts
    from rl_training.world import World

    grpo, card = settings.grpo, card_of(settings)
    world: World = World(settings.world, settings.run.seed, Path(settings.run.out).expanduser().parent / _REMEMBERED)
    chat = InProcess.of(model, processor, tools_as=card.tools_as, at_once=settings.world.at_once, seed=settings.run.seed,
                        temperature=grpo.temperature, min_p=grpo.min_p, max_new_tokens=grpo.max_new_tokens, max_tokens=grpo.max_tokens)  # fmt: skip
    return Rollouts(world, card, chat, group=grpo.group, weights=settings.reward or None, fold=grpo.fold)


def _evaluation(settings: TrainSettings, rollouts: Rollouts) -> Evaluate | None:
    """What the policy earns on the held-out records, the likeliest token each time."""
    from rl_training.world import held_out

    records = [record for bench in held_out(settings.world) for record in bench.records()]
    if not records:
        return None
    return lambda model, step: evaluated(rollouts, model, records)


def evaluated(rollouts: Rollouts, model: Any, records: Sequence[Record]) -> Mapping[str, float]:
    """Means over the records: reward, its parts, ends, tools."""
    from rl_training.rollout_metrics import facts, rollout_metrics

    sampler = rollouts.chat.sampler
    sampler.model = model
    sampler.forget()
    greedy = rollouts.at_temperature(0.0)
    episodes = asyncio.run(greedy.play(records))
    return {**rollout_metrics([facts(episode) for episode in episodes]), **shares_right(episodes)}


def shares_right(episodes: Sequence[Episode]) -> dict[str, float]:
    """Shares of the episodes that have a verdict and are right: country, region, city, and nearer than 25 km."""
    from rl_training.filters import answer_distance_km, verdicts_of

    verdicts = [verdicts_of(episode.trajectory, episode.truth) for episode in episodes if episode.truth is not None]
    found: dict[str, float] = {}
    for level in ("country", "region", "city"):
        told = [bool(one[level]) for one in verdicts if one[level] is not None]
        found |= {level: sum(told) / len(told)} if told else {}
    away = [answer_distance_km(e.trajectory, e.truth) for e in episodes if e.truth is not None and e.truth.lat is not None]
    return {**found, **({"within_25km": sum(km < 25.0 for km in away) / len(away)} if away else {})}
