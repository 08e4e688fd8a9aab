"""Training through TRL: its optimizer, losses, checkpoints and parallelism; our rows for SFT, our rollouts for GRPO."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import torch
from packaging.version import Version
from transformers import PrinterCallback
from trl import GRPOConfig, SFTConfig, SFTTrainer

from rl_training import trl_checkpoints
from rl_training.batch import model_inputs, to_batch
from rl_training.grpo import Evaluate, RolloutSource, Told
from rl_training.schedule import SCHEDULES, micro_batches, rows_of_step
from rl_training.trl_callback import TellAndKeep
from rl_training.trl_grpo import AgentGRPOTrainer
from rl_training.trl_head import use_own_head

if TYPE_CHECKING:
    from rl_training.config import OptimiserSettings, TrainSettings
    from rl_training.episode import Episode

LEAST, BELOW = Version("1.16"), Version("1.17")


class TrlError(ValueError):
    """Another TRL than this backend was written for, or a step that cannot be divided. One line."""


def check_version(version: str) -> None:
    """Raises TrlError unless `version` is one whose private parts are known here: one method of GRPOTrainer is replaced."""
    if not LEAST <= Version(version) < BELOW:
        raise TrlError(
            f"TRL {version} is installed, this backend needs {LEAST} (pip install 'trl>={LEAST},<{BELOW}'), or run.backend = \"accelerate\""
        )


def train_sft(
    settings: TrainSettings, rows: Sequence[Episode], model: Any, processor: Any, *, out: Path, told: Told, evaluate: Evaluate | None = None
) -> Path:  # fmt: skip
    """See `rl_training.sft.train_sft`. Rows come in the order of the accelerate backend, step by step."""
    check_version(metadata.version("trl"))
    sft = settings.sft
    micro, accumulate = divided(sft.batch, sft.optimiser.micro_batch)
    order = [i for step in range(sft.steps) for i in _ordered(rows_of_step(step, sft.batch, len(rows), settings.run.seed), rows)]
    args = SFTConfig(
        **_arguments(settings, sft.optimiser, sft.steps, out), per_device_train_batch_size=micro, gradient_accumulation_steps=accumulate,
        train_sampling_strategy="sequential", max_length=None, packing=False, dataset_kwargs={"skip_prepare_dataset": True},
    )  # fmt: skip

    def collate(picked: Sequence[Mapping[str, int]]) -> dict[str, torch.Tensor]:
        batch = to_batch([rows[row["row"]] for row in picked], processor)
        return {**model_inputs(batch), "labels": batch["labels"]}

    callback = TellAndKeep(settings.run, sft.optimiser, sft.steps, 1, out, told, evaluate)
    trainer = SFTTrainer(
        model=model, args=args, data_collator=collate, train_dataset=datasets.Dataset.from_dict({"row": order}), processing_class=processor,
        callbacks=[callback],
    )  # fmt: skip
    use_own_head(trainer.model)
    # Models that take no num_items_in_batch would have their micro-batches' means averaged; TRL's loss itself divides by the step's tokens.
    trainer.model_accepts_loss_kwargs = True
    return _train(trainer, callback, out)


def train_grpo(
    settings: TrainSettings, source: RolloutSource, model: Any, processor: Any, *, out: Path, told: Told, evaluate: Evaluate | None = None
) -> Path:  # fmt: skip
    """See `rl_training.grpo.train_grpo`."""
    check_version(metadata.version("trl"))
    grpo = settings.grpo
    callback = TellAndKeep(settings.run, grpo.optimiser, grpo.steps, passes(settings), out, told, evaluate)
    trainer = AgentGRPOTrainer(settings, source, model, processor, grpo_arguments(settings, out), [callback])
    return _train(trainer, callback, out)


def passes(settings: TrainSettings) -> int:
    """Optimizer steps on the episodes of one rollout."""
    return int(settings.grpo.passes)


def grpo_arguments(settings: TrainSettings, out: Path) -> GRPOConfig:
    """Our settings in TRL's words. Advantages are scaled by `rl_training/advantages.py`, so TRL leaves them alone."""
    grpo, times = settings.grpo, passes(settings)
    micro, accumulate = divided(grpo.tasks * grpo.group, grpo.optimiser.micro_batch)
    common = _arguments(settings, grpo.optimiser, grpo.steps * times, out)
    common |= {
        "save_steps": common["save_steps"] * times,
        "warmup_steps": grpo.optimiser.warmup_steps * times,
        "logging_steps": times,
    }
    return GRPOConfig(
        **common, per_device_train_batch_size=micro, gradient_accumulation_steps=accumulate, steps_per_generation=accumulate,
        num_generations=grpo.group, num_iterations=times, max_completion_length=grpo.max_tokens, temperature=grpo.temperature,
        loss_type="grpo" if grpo.loss == "gspo" else grpo.loss, importance_sampling_level="sequence" if grpo.loss == "gspo" else "token",
        epsilon=grpo.epsilon, epsilon_high=grpo.epsilon_high, beta=0.0, scale_rewards="none", mask_truncated_completions=False,
    )  # fmt: skip


def divided(rows: int, micro_batch: int) -> tuple[int, int]:
    """Rows of a forward pass and the passes of a step, for this process: the largest micro-batch, at most as asked for, that divides its share."""
    from accelerate import PartialState

    share, rest = divmod(rows, PartialState().num_processes)
    if rest or not share:
        raise TrlError(f"a step of {rows} rows cannot be shared by {PartialState().num_processes} processes")
    micro = max(n for n in range(1, min(max(micro_batch, 1), share) + 1) if share % n == 0)
    return micro, share // micro


def _ordered(picked: Sequence[int], rows: Sequence[Episode]) -> list[int]:
    """Rows of a step as the micro-batches of the accelerate backend have them."""
    return [i for part in micro_batches(picked, 1, lambda i: len(rows[i].ids)) for i in part]


def _arguments(settings: TrainSettings, optimiser: OptimiserSettings, steps: int, out: Path) -> dict[str, Any]:
    """What SFT and GRPO are told alike."""
    if optimiser.schedule not in SCHEDULES:
        raise TrlError(f"schedule = {optimiser.schedule!r}: it is one of {', '.join(SCHEDULES)}")
    return {
        "output_dir": str(out / trl_checkpoints.FOLDER), "max_steps": steps, "learning_rate": optimiser.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if optimiser.schedule == "constant" else optimiser.schedule,
        "warmup_steps": optimiser.warmup_steps, "weight_decay": optimiser.weight_decay, "max_grad_norm": optimiser.max_grad_norm,
        "optim": "adamw_torch", "seed": settings.run.seed, "save_strategy": "steps", "save_steps": settings.run.save_every or steps,
        "save_total_limit": max(settings.run.keep, 1), "logging_steps": 1, "logging_nan_inf_filter": False, "report_to": "none",
        "disable_tqdm": True, "use_cpu": not torch.cuda.is_available(), "bf16": False, "activation_checkpointing": False,
        "remove_unused_columns": False, "dataloader_pin_memory": torch.cuda.is_available(),
    }  # fmt: skip


def _train(trainer: Any, callback: TellAndKeep, out: Path) -> Path:
    trainer.remove_callback(PrinterCallback)
    trainer.create_model_card = lambda *args, **kwargs: None  # a checkpoint is no model to publish
    callback.trainer = trainer
    newest = trl_checkpoints.newest(out)
    if newest is None or trl_checkpoints.step_of(newest) < trainer.args.max_steps:
        with warnings.catch_warnings():  # TRL 1.16 uses a name that transformers 5.23 calls by another
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            trainer.train(resume_from_checkpoint=None if newest is None else str(newest))
        newest = trl_checkpoints.newest(out)
    return newest or out / trl_checkpoints.FOLDER
