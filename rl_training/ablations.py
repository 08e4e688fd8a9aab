"""What the parts of training are worth: a recipe trained as it is and with one part taken out, each a change of settings.

A teacher's lessons are taken in the recipe's own world, with its reader and its tools; then SFT, then GRPO, and after each the policy is
judged on held-out scenes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rl_training.config import TrainSettings
from rl_training.config_file import changed

if TYPE_CHECKING:
    from agent.beliefs import Beliefs
    from evals.record import Record
    from rl_training.episode import Episode
    from rl_training.rollout import Rollouts
    from rl_training.teachers import MakePolicy
    from rl_training.world import World

Told = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Ablation:
    """A way to train the recipe."""

    changes: tuple[str, ...] = ()
    """As `--set` takes them."""
    stages: tuple[str, ...] = ("sft", "grpo")


ABLATIONS: Mapping[str, Ablation] = MappingProxyType({
    "as it is": Ablation(),
    "no SFT": Ablation(stages=("grpo",)),
    "flat reward": Ablation(("reward.levels_flat=1",)),
    "no zoom": Ablation(("world.tools=read_text,find_place",)),
    "no place search": Ablation(("world.tools=read_text,zoom",)),
    "belief shown": Ablation(("world.belief_line=true",)),
})  # fmt: skip
"""By name; the reward of the judgement is the recipe's own in all of them."""

_AT_ONCE = 4
"""Cases of a teacher, which gains nothing by more; the beliefs of so few are all kept."""
DRAWS = 3
"""Rollouts on each held-out scene where they are drawn."""


@dataclass(frozen=True)
class Stage:
    """What a policy does on the held-out scenes after a stage of its training."""

    name: str
    """`untrained`, `sft` or `grpo`."""
    drawn: Mapping[str, float]
    """Means over rollouts at the training temperature (`rl_training/rollout_metrics.py`, `rl_training/run.py`)."""
    greedy: Mapping[str, float]
    """The same where the likeliest token is taken each time."""


class Trial:
    """One training of a recipe: model, world and data put together, stage by stage."""

    def __init__(
        self, settings: TrainSettings, folder: Path, ablation: Ablation | None = None, beliefs: Beliefs | None = None
    ) -> None:
        """`beliefs` may be shared by trials, which then need not work out the same twice. Raises ValueError, one line."""
        from rl_training.policy_model import load_policy_model
        from rl_training.run import rollouts_of

        self.ablation, self.folder = ablation or Ablation(), folder
        self.judge_weights = settings.reward or None
        self.settings = changed(settings, self.ablation.changes)
        self.model, self.processor = load_policy_model(self.settings)
        self.rollouts: Rollouts = rollouts_of(self.settings, self.model, self.processor)
        if beliefs is not None:
            self.rollouts.world.beliefs = beliefs

    def run(self, teacher: MakePolicy, records: Sequence[Record], told: Callable[[str, Mapping[str, Any]], None]) -> list[Stage]:
        """Train; the stages that were judged, before any training first. `told` gets the name of the stage and a row of metrics."""
        stages = [self.judged("untrained")]
        if "sft" in self.ablation.stages:
            self.sft(self.lessons(teacher, records), lambda row: told("sft", row))
            stages.append(self.judged("sft"))
        if "grpo" in self.ablation.stages:
            self.grpo(lambda row: told("grpo", row))
            stages.append(self.judged("grpo"))
        return stages

    def lessons(self, teacher: MakePolicy, records: Sequence[Record]) -> list[Episode]:
        """What the teacher does on the records in this world, as the policy would have lived it."""
        from rl_training.rollout import taught_episode

        world, chat = self.rollouts.world, self.rollouts.chat
        trajectories = asyncio.run(taught_in(world, teacher, records))
        return [
            taught_episode(trajectory, world.open(record), self.rollouts.card, world, chat.chatml)
            for trajectory, record in zip(trajectories, records, strict=True)
        ]

    def sft(self, rows: Sequence[Episode], told: Told) -> None:
        from rl_training.sft import train_sft

        train_sft(self.settings, rows, self.model, self.processor, out=self.folder / "sft", told=told)

    def grpo(self, told: Told) -> None:
        from rl_training.grpo import train_grpo

        train_grpo(
            self.settings, self.rollouts, self.model, self.processor, out=self.folder / "grpo", told=told, evaluate=self._evaluate
        )

    def _evaluate(self, model: Any, step: int) -> Mapping[str, float]:
        return means_of(self.played(0.0))

    def judged(self, name: str) -> Stage:
        """The policy as it stands on the held-out scenes, by the reward of the recipe."""
        return Stage(name, means_of(self.played(self.settings.grpo.temperature, DRAWS)), means_of(self.played(0.0)))

    def played(self, temperature: float, draws: int = 1) -> list[Episode]:
        """Scored episodes, `draws` on each held-out scene."""
        from rl_training.world import held_out

        records = [record for bench in held_out(self.settings.world) for record in bench.records() for _ in range(draws)]
        rollouts = self.rollouts.at_temperature(temperature)
        rollouts.weights, rollouts.group = self.judge_weights, draws
        sampler = rollouts.chat.sampler
        sampler.model = self.model
        sampler.forget()
        self.model.eval()
        return asyncio.run(rollouts.play(records))


def means_of(episodes: Sequence[Episode]) -> Mapping[str, float]:
    """Means over episodes: reward, its parts, ends, tools, shares that are right."""
    from rl_training.rollout_metrics import facts, rollout_metrics
    from rl_training.run import shares_right

    return {**rollout_metrics([facts(episode) for episode in episodes]), **shares_right(episodes)}


async def taught_in(world: World, teacher: MakePolicy, records: Sequence[Record]) -> list[dict[str, Any]]:
    """A teacher's trajectory of each record, with the tools and limits of the world."""
    from agent.case import Case
    from agent.graph import build_graph
    from agent.locate import run_case, trajectory_of
    from evals.truth import complete

    graph, places = build_graph(), asyncio.Semaphore(_AT_ONCE)
    truths = complete([record.truth for record in records])
    world.new_loop()

    async def one(record: Record) -> dict[str, Any]:
        async with places:
            case = Case(await world.photo(record), teacher(record), world.tools, world.limits, beliefs=world.beliefs)
            began = datetime.now(UTC)
            state = await run_case(case, graph, record.id, lambda event: None)
            return trajectory_of(record.id, case, world.tool_settings, state, began)

    return list(await asyncio.gather(*(one(replace(r, truth=truth)) for r, truth in zip(records, truths, strict=True))))
