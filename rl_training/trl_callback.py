"""What a TRL run tells of each step, when it is evaluated, and what it keeps beside TRL's own checkpoints."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from rl_training import checkpoints, trl_checkpoints
from rl_training.random_state import kept_random
from rl_training.schedule import learning_rate

if TYPE_CHECKING:
    from rl_training.config import OptimiserSettings, RunSettings
    from rl_training.grpo import Evaluate, Told

_NAMES = {
    "loss": "loss", "grad_norm": "grad_norm", "entropy": "entropy", "kl": "kl", "clip_ratio/region_mean": "clip_fraction",
    "mean_token_accuracy": "accuracy",
}  # fmt: skip
"""TRL's names and ours."""


class TellAndKeep(TrainerCallback):  # type: ignore[misc]
    """One flat dict a step through `told`; `evaluate` every `run.eval_every` steps and at the end; weights into each checkpoint.

    `passes`: optimizer steps of TRL that make one step here; the last of them is told.
    """

    def __init__(
        self, run: RunSettings, optimiser: OptimiserSettings, steps: int, passes: int, out: Path, told: Told, evaluate: Evaluate | None
    ) -> None:  # fmt: skip
        self.run, self.optimiser, self.number, self.passes, self.out = run, optimiser, steps, passes, out
        self.told, self.evaluate = told, evaluate
        self.trainer: Any = None
        """Set before training begins."""
        self._began = time.perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A run that goes on takes up every trained parameter, those that TRL does not know of, too."""
        if state.global_step:
            folder = trl_checkpoints.newest(self.out)
            if folder is not None:
                checkpoints.load_weights(self._inner(), folder)
            if state.is_world_process_zero:
                self.told({"resumed": state.global_step // self.passes - 1})

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % self.passes == 0:
            self._began = time.perf_counter()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Where nothing was learned AdamW would still move by its momentum; parameters without a gradient stay."""
        if getattr(self.trainer, "rows_counted", 1) == 0:
            for parameter in checkpoints.trained(self._inner()).values():
                parameter.grad = None

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        if logs is None or "loss" not in logs or state.global_step % self.passes:
            return
        step = state.global_step // self.passes - 1
        if state.is_world_process_zero:
            found = {ours: logs[theirs] for theirs, ours in _NAMES.items() if logs.get(theirs) is not None}
            rollout = getattr(self.trainer, "rollout_metrics", {})
            spent = {"seconds/update": time.perf_counter() - self._began - rollout.get("seconds/rollout", 0.0)}
            rate = {"learning_rate": learning_rate(self.optimiser, step, self.number)}
            self.told({"step": step, "of": self.number, **rollout, **found, **spent, **rate})
        if step == self.number - 1 or (self.run.eval_every and (step + 1) % self.run.eval_every == 0):
            self._evaluate(step, state)

    def _evaluate(self, step: int, state: Any) -> None:
        if self.evaluate is not None and state.is_world_process_zero:
            model = self._inner()
            model.eval()
            with kept_random(), torch.no_grad():
                found = self.evaluate(model, step)
            model.train()
            self.told(
                {"step": step, **{name if name.startswith("eval/") else f"eval/{name}": value for name, value in found.items()}}
            )
        self.trainer.accelerator.wait_for_everyone()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            trl_checkpoints.mark(Path(args.output_dir) / f"checkpoint-{state.global_step}", self._inner())

    def _inner(self) -> Any:
        return self.trainer.accelerator.unwrap_model(self.trainer.model)
