"""Training as a plain loop on accelerate: one process, or several under `accelerate launch` (data parallel)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rl_training.advantages import advantages_of, deviation, spread
from rl_training.batch import to_batch
from rl_training.folded import folded
from rl_training.grpo import Collected, Evaluate, GrpoError, RolloutSource, Told, collect, counted_rows
from rl_training.losses import PolicyLoss, Scores, StepSize, policy_loss, score, sft_loss
from rl_training.reference import Reference
from rl_training.rollout_metrics import added, step_metrics
from rl_training.row_attention import attend_by_rows
from rl_training.schedule import micro_batches, rows_of_step
from rl_training.shared_prefix import to_shared_batch
from rl_training.train_loop import Loop

if TYPE_CHECKING:
    from torch import Tensor

    from rl_training.config import TrainSettings
    from rl_training.episode import Episode

Row = tuple["Episode", float]
"""An episode and its advantage."""


def train_sft(
    settings: TrainSettings, rows: Sequence[Episode], model: Any, processor: Any, *, out: Path, told: Told, evaluate: Evaluate | None = None
) -> Path:  # fmt: skip
    """See `rl_training.sft.train_sft`."""
    sft, loop = settings.sft, Loop(settings.run, settings.sft.optimiser, settings.sft.steps, model, "sft", out, told, evaluate)
    for step in loop.steps():
        began = time.perf_counter()
        picked = [rows[i] for i in rows_of_step(step, sft.batch, len(rows), settings.run.seed)]
        tokens = sum(row.written for row in picked)

        def loss_of(part: Sequence[Episode], real: bool, tokens: int = tokens) -> Tensor:
            return sft_loss(score(loop.model, to_batch(part, processor, loop.device)).logp_N, tokens)

        parts = micro_batches(picked, sft.optimiser.micro_batch, lambda row: len(row.ids))
        loss, norm = loop.update(step, parts[loop.rank :: loop.processes], parts[0], loss_of)
        seconds = time.perf_counter() - began
        loop.done(step, {"loss": loss, "grad_norm": norm, "tokens_trained": tokens, "seconds/update": seconds})
    return loop.last


def train_grpo(
    settings: TrainSettings, source: RolloutSource, model: Any, processor: Any, *, out: Path, told: Told, evaluate: Evaluate | None = None
) -> Path:  # fmt: skip
    """See `rl_training.grpo.train_grpo`."""
    grpo = settings.grpo
    reference = Reference(model) if grpo.beta else None
    loop = Loop(settings.run, grpo.optimiser, grpo.steps, model, "grpo", out, told, evaluate)
    if grpo.tasks < loop.processes:
        raise GrpoError(f"{grpo.tasks} tasks a step cannot be shared by {loop.processes} processes")
    share = len(range(loop.rank, grpo.tasks, loop.processes))
    for step in loop.steps():
        loop.inner.eval()
        found = collect(grpo, source, loop.inner, step, share, loop.rank, loop.processes)
        metrics = Update(settings, loop, processor, reference)(step, found)
        loop.done(step, {**step_metrics(found, loop.together), **metrics})
    return loop.last


class Update:
    """The optimizer steps of GRPO on the episodes of one rollout: one, or `passes` of them, in which the ratio and its clip come to matter."""

    def __init__(self, settings: TrainSettings, loop: Loop, processor: Any, reference: Reference | None) -> None:
        self.grpo, self.loop, self.processor, self.reference = settings.grpo, loop, processor, reference
        if self.grpo.share_beginnings:
            attend_by_rows(loop.inner)
        self._old: dict[int, Tensor] = {}
        self._sums = dict.fromkeys(("entropy", "kl", "clipped", "apart", "scored", "tokens"), 0.0)
        self._furthest = 0.0

    def __call__(self, step: int, found: Collected) -> dict[str, float]:
        began = time.perf_counter()
        rows = self._rows(found)
        sizes = added(self.loop.together([{"tokens": sum(e.written for e, _ in rows), "rows": len(rows)}]))
        metrics = {"loss": 0.0, "grad_norm": 0.0, "rows_trained": sizes["rows"], "tokens_trained": sizes["tokens"]}
        if sizes["rows"]:
            self.size = StepSize(int(sizes["tokens"]), self.grpo.tasks * self.grpo.group, self.grpo.max_tokens)
            parts = self._parts(rows)
            spare = [(found.drawn[0][0], 0.0)]
            updates = [self._pass(step, parts, spare) for _ in range(self.grpo.passes)]
            loss = sum(loss for loss, _ in updates) / len(updates)
            metrics |= {"loss": loss, "grad_norm": updates[-1][1], **self._metrics()}
        return {**metrics, "seconds/update": time.perf_counter() - began}

    def _pass(self, step: int, parts: Sequence[Sequence[Row]], spare: Sequence[Row]) -> tuple[float, float]:
        """One optimizer step; a reference is the same model with other adapters, which must not be folded in."""
        with folded(self.loop.inner) if self.grpo.fold and self.reference is None else nullcontext():
            return self.loop.update(step, parts, spare, self._loss)

    def _rows(self, found: Collected) -> list[Row]:
        rewards_GK = found.rewards(self.grpo.unfinished)
        known = added(self.loop.together([dict(zip(("number", "total", "squares"), spread(rewards_GK), strict=True))]))
        return counted_rows(found.kept, rewards_GK, advantages_of(rewards_GK, self.grpo.scale, deviation(**known)))

    def _parts(self, rows: Sequence[Row]) -> list[list[Row]]:
        """Micro-batches: rows of like length, or of one task where beginnings are shared."""
        size = self.grpo.optimiser.micro_batch
        if not self.grpo.share_beginnings:
            return micro_batches(rows, size, lambda row: len(row[0].ids))
        tasks = [list(group) for _, group in groupby(rows, key=lambda row: row[0].task)]
        return [part for task in tasks for part in micro_batches(task, size, lambda row: len(row[0].ids))]

    def _loss(self, part: Sequence[Row], real: bool) -> Tensor:
        grpo, model = self.grpo, self.loop.model
        episodes = [episode for episode, _ in part]
        if grpo.share_beginnings:
            batch = to_shared_batch(episodes, self.processor, self.loop.inner, self.loop.device)
        else:
            batch = to_batch(episodes, self.processor, self.loop.device)
        advantage_B = torch.tensor([advantage for _, advantage in part], device=self.loop.device)
        reference_N = self.reference.logp(model, batch, grpo.temperature) if self.reference else None
        now = score(model, batch, grpo.temperature, entropy=True)
        key = id(part[0][0])
        first = key not in self._old  # in the first pass the policy is the one that wrote: the ratio is 1, its gradient is not 0
        old_N = self._old.setdefault(key, now.logp_N.detach())
        made = policy_loss(
            now.logp_N,
            old_N,
            now.row_N,
            advantage_B,
            self.size,
            grpo.loss,
            grpo.epsilon,
            grpo.epsilon_high,
            grpo.beta,
            reference_N,
        )
        if real:
            self._count(now, made, first)
        return made.loss

    def _count(self, now: Scores, made: PolicyLoss, first: bool) -> None:
        sums = {"clipped": made.clipped, "kl": made.kl, "tokens": float(now.logp_N.numel())}
        if now.entropy_N is not None:
            sums["entropy"] = float(now.entropy_N.sum())
        if first:
            apart_N = (now.logp_N.detach() - now.sampled_N).abs()
            sums |= {"apart": float(apart_N.sum()), "scored": float(apart_N.numel())}
            self._furthest = max(self._furthest, float(apart_N.max()))
        self._sums = added([self._sums, sums])

    def _metrics(self) -> dict[str, float]:
        sums = added(self.loop.together([self._sums]))
        tokens = max(sums["tokens"], 1.0)
        kl = {"kl": sums["kl"] / tokens} if self.reference else {}
        return {
            "entropy": sums["entropy"] / tokens, "clip_fraction": sums["clipped"] / tokens, **kl,
            "logp_apart/mean": sums["apart"] / max(sums["scored"], 1.0), "logp_apart/max": max(self.loop.together([self._furthest])),
        }  # fmt: skip
