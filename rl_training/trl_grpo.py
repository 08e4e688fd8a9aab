"""TRL's GRPOTrainer with our rollouts: one private method is replaced, `_generate` (TRL 1.16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import torch
from trl import GRPOConfig, GRPOTrainer

from rl_training.advantages import advantages_of, deviation, spread
from rl_training.batch import check_pictures, to_batch
from rl_training.grpo import Collected, GrpoError, RolloutSource, collect, counted_rows
from rl_training.losses import score
from rl_training.reference import Reference
from rl_training.rollout_metrics import added, step_metrics
from rl_training.trl_head import use_own_head

if TYPE_CHECKING:
    from rl_training.config import TrainSettings
    from rl_training.episode import Episode


def advantage(advantage: Sequence[float], **_: Any) -> list[float]:
    """TRL's reward function. A group's advantages have mean 0, so TRL, told not to scale, takes them as they are."""
    return list(advantage)


class AgentGRPOTrainer(GRPOTrainer):  # type: ignore[misc]
    """Optimises on episodes of a `RolloutSource`; the data set that TRL wants is a placeholder."""

    def __init__(
        self, settings: TrainSettings, source: RolloutSource, model: Any, processor: Any, args: GRPOConfig, callbacks: list[Any]
    ) -> None:  # fmt: skip
        """Raises GrpoError where the tasks cannot be shared by the processes, whole groups to each."""
        reference = Reference(model) if settings.grpo.beta else None
        tasks = datasets.Dataset.from_dict({"prompt": [""] * settings.grpo.tasks})
        super().__init__(
            model=model, reward_funcs=[advantage], args=args, train_dataset=tasks, processing_class=processor, callbacks=callbacks
        )
        use_own_head(self.model, settings.grpo.temperature)
        if settings.grpo.tasks % self.accelerator.num_processes:
            raise GrpoError(f"{settings.grpo.tasks} tasks cannot be shared by {self.accelerator.num_processes} processes")
        self.settings, self.source, self.processor = settings, source, processor
        self.tools = [advantage]  # never called: with tools TRL takes the pictures of whole episodes, not of prompts alone
        self.rollout_metrics: dict[str, float] = {}
        self.rows_counted = 0
        if reference is not None:
            # TRL would load the base model anew, or copy the adapter without what is trained beside it.
            self.beta, self.ref_model = settings.grpo.beta, _Starting(self, reference)

    def _generate(self, prompts: list[Any]) -> tuple[Any, ...]:
        """TRL's eight values: prompt ids, completion ids, mask of written tokens, texts, log-probabilities, columns for the reward, pictures, of tools.

        An episode that takes no part has a mask of zeros; attention covers it all the same.
        """
        grpo, accelerator = self.settings.grpo, self.accelerator
        model, training = accelerator.unwrap_model(self.model), self.model.training
        self.model.eval()
        step = self.state.global_step // self.num_iterations
        found = collect(
            grpo, self.source, model, step, len(prompts) // grpo.group, accelerator.process_index, accelerator.num_processes
        )
        rows = self._rows(found)
        check_pictures(
            [episode for episode, _ in rows], self.processor
        )  # TRL would drop the pictures of the whole batch, and say nothing
        self.rollout_metrics = {**step_metrics(found, self._together), **self._apart(model, rows), **self._counted(rows)}
        self.model.train(training)
        episodes = [episode for episode, _ in rows]
        starts = [min(e.prompt_length, len(e.ids) - 1) for e in episodes]
        pictures = [list(e.images) for e in episodes]
        return (
            [e.ids[:start] for e, start in zip(episodes, starts, strict=True)],
            [e.ids[start:] for e, start in zip(episodes, starts, strict=True)],
            [e.mask[s:] if a is not None else [0] * (len(e.ids) - s) for (e, a), s in zip(rows, starts, strict=True)],
            [""] * len(rows),
            None,
            {"advantage": [a or 0.0 for _, a in rows]},
            pictures if any(pictures) else None,
            pictures,
        )

    def _rows(self, found: Collected) -> list[tuple[Episode, float | None]]:
        """As many rows as TRL's batch has; None instead of an advantage where an episode takes no part."""
        grpo = self.settings.grpo
        wrong = next((group for group in found.drawn if len(group) != grpo.group), None)
        if wrong is not None:
            raise GrpoError(f"TRL needs groups of {grpo.group} rollouts, got one of {len(wrong)}")
        rewards_GK = found.rewards(grpo.unfinished)
        known = added(self._together([dict(zip(("number", "total", "squares"), spread(rewards_GK), strict=True))]))
        counted = dict.fromkeys((id(e) for group in found.drawn for e in group), None)
        advantages_GK = advantages_of(rewards_GK, grpo.scale, deviation(**known))
        counted |= {id(e): a for e, a in counted_rows(found.kept, rewards_GK, advantages_GK)}
        kept = {id(group) for group in found.kept}
        spare = [group for group in found.drawn if id(group) not in kept]
        wanted = self.args.generation_batch_size // grpo.group // self.accelerator.num_processes
        groups = [*found.kept, *spare][:wanted]
        return [(e, counted[id(e)]) for group in groups for e in group]

    def _counted(self, rows: Sequence[tuple[Episode, float | None]]) -> dict[str, float]:
        parts = [{"rows_trained": 1, "tokens_trained": e.written} for e, a in rows if a is not None]
        total = {"rows_trained": 0.0, "tokens_trained": 0.0, **added(self._together(parts))}
        self.rows_counted = int(total["rows_trained"])
        return total

    def _apart(self, model: Any, rows: Sequence[tuple[Episode, float | None]]) -> dict[str, float]:
        """How far log-probabilities are from those at sampling, over the first micro-batch (`score` runs anew for it)."""
        few = [e for e, _ in rows if any(e.mask)][: self.args.per_device_train_batch_size]
        apart = np.zeros(0)
        if few:
            with torch.no_grad():
                found = score(model, to_batch(few, self.processor, self.accelerator.device), self.settings.grpo.temperature)
            apart = (found.logp_N - found.sampled_N).abs().cpu().numpy()
        sums = added(self._together([{"sum": float(apart.sum()), "number": apart.size}]))
        furthest = max(self._together([float(apart.max(initial=0.0))]))
        return {"logp_apart/mean": sums["sum"] / max(sums["number"], 1), "logp_apart/max": furthest}

    def _together(self, values: list[Any]) -> list[Any]:
        from accelerate.utils import gather_object

        return list(gather_object(values)) if self.accelerator.num_processes > 1 else values


class _Starting:
    """Stands for TRL's reference model: the policy itself, with the weights that training began from."""

    def __init__(self, trainer: AgentGRPOTrainer, reference: Reference) -> None:
        self._trainer, self._reference = trainer, reference

    def __call__(self, **inputs: Any) -> Any:
        with self._reference.in_place(self._trainer.model):
            return self._trainer.model(**inputs)
