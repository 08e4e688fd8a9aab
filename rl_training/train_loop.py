"""The plain loop that SFT and GRPO share on accelerate: gradients over micro-batches and processes, rate, checkpoints, evaluation."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from rl_training import checkpoints
from rl_training.random_state import kept_random, random_state, set_random_state
from rl_training.schedule import learning_rate

if TYPE_CHECKING:
    from torch import Tensor

    from rl_training.config import OptimiserSettings, RunSettings

T = TypeVar("T")


class LoopError(ValueError):
    """A way to start training that this loop does not do. One line."""


class Loop:
    """Steps from where a run stands to its end. Attributes: `model` (to be called), `inner` (to roll out with), `device`, `rank`, `processes`."""

    def __init__(
        self, run: RunSettings, optimiser: OptimiserSettings, steps: int, model: Any, kind: str, out: Path,
        told: Callable[[Mapping[str, Any]], None], evaluate: Callable[[Any, int], Mapping[str, float]] | None = None,
    ) -> None:  # fmt: skip
        """Takes up the newest whole checkpoint under `out`, where there is one. Raises LoopError, CheckpointError."""
        from accelerate import Accelerator, DistributedDataParallelKwargs
        from accelerate.utils import DistributedType, set_seed

        # A micro-batch without pictures does not touch the projector.
        self.accelerator = Accelerator(kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)])
        if self.accelerator.distributed_type not in {DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU}:
            raise LoopError(
                'the accelerate backend shares data alone between processes; with FSDP or DeepSpeed use run.backend = "trl"'
            )
        if not checkpoints.trained(model):
            raise LoopError("nothing of the model is trained: no parameter requires a gradient")
        set_seed(run.seed, device_specific=True)
        self.run, self.optimiser, self.number, self.kind, self.out = run, optimiser, steps, kind, out
        self.told, self.evaluate = told, evaluate
        self.model = self.accelerator.prepare_model(model)
        self.inner = self.accelerator.unwrap_model(self.model)
        self.device, self.rank, self.processes = (
            self.accelerator.device,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        self.optimizer = adamw(self.inner, optimiser)
        self.first, self.last = 0, out / checkpoints.FOLDER
        self._take_up()

    def _take_up(self) -> None:
        folder = checkpoints.newest(self.out)
        if folder is None:
            return
        state = checkpoints.read(folder, self.kind, self.inner, self.optimizer)
        if self.rank < len(state["random"]):
            set_random_state(state["random"][self.rank])
        self.first, self.last = state["step"], folder
        if self.rank == 0:
            self.told({"resumed": self.first - 1})

    def steps(self) -> Iterator[int]:
        """Numbers of the steps that are left, from 0."""
        yield from range(self.first, self.number)

    def together(self, values: list[T]) -> list[T]:
        """The lists of all processes, one after another."""
        if self.processes == 1:
            return values
        from accelerate.utils import gather_object

        return list(gather_object(values))

    def update(
        self, step: int, parts: Sequence[Sequence[T]], spare: Sequence[T], loss_of: Callable[[Sequence[T], bool], Tensor]
    ) -> tuple[float, float]:
        """One optimizer step: gradients of `loss_of(part, True)` add up over this process' parts and over processes.

        A process with fewer parts than another goes through `spare` meanwhile, as `loss_of(spare, False)` times 0. Returns the loss and
        the gradient's norm before clipping. Where that is not finite the weights stay as they are.
        """
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.optimiser, step, self.number)
        self.optimizer.zero_grad(set_to_none=True)
        total, most = 0.0, max(self.together([len(parts)]))
        for number in range(most):
            real = number < len(parts)
            waits = contextlib.nullcontext() if number == most - 1 else self.accelerator.no_sync(self.model)
            with waits:
                loss = loss_of(parts[number] if real else spare, real)
                total += float(loss.detach()) if real else 0.0
                self.accelerator.backward(loss * (self.processes if real else 0))
        limit = self.optimiser.max_grad_norm or math.inf
        norm = float(self.accelerator.clip_grad_norm_(list(checkpoints.trained(self.inner).values()), limit))
        if math.isfinite(norm):
            self.optimizer.step()
        return sum(self.together([total])), norm

    def done(self, step: int, metrics: Mapping[str, float]) -> None:
        """Tell of a step, evaluate and keep a checkpoint where the settings ask for it."""
        end = step == self.number - 1
        if self.rank == 0:
            rate = learning_rate(self.optimiser, step, self.number)
            self.told({"step": step, "of": self.number, **metrics, "learning_rate": rate})
        if end or (self.run.eval_every and (step + 1) % self.run.eval_every == 0):
            self._evaluate(step)
        if end or (self.run.save_every and (step + 1) % self.run.save_every == 0):
            self._save(step + 1)

    def _evaluate(self, step: int) -> None:
        if self.evaluate is not None and self.rank == 0:
            self.inner.eval()
            with kept_random(), torch.no_grad():
                found = self.evaluate(self.inner, step)
            self.told(
                {"step": step, **{name if name.startswith("eval/") else f"eval/{name}": value for name, value in found.items()}}
            )
        self.accelerator.wait_for_everyone()

    def _save(self, step: int) -> None:
        states = self.together([random_state()])
        self.last = self.out / checkpoints.FOLDER / f"step-{step:08d}"
        if self.rank == 0:
            checkpoints.write(self.out, self.kind, step, self.inner, self.optimizer, states, self.run.keep)
        self.accelerator.wait_for_everyone()


def adamw(model: Any, optimiser: OptimiserSettings) -> torch.optim.AdamW:
    """AdamW over what is trained; matrices alone decay, as in transformers' Trainer."""
    parameters = list(checkpoints.trained(model).values())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": optimiser.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=optimiser.learning_rate)
