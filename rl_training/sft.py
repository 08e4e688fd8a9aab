"""SFT: the policy learns to write what the teacher wrote, on the token streams that it will meet when it acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rl_training.config import TrainSettings
    from rl_training.episode import Episode


class SftError(ValueError):
    """Rows or settings that SFT cannot work with. One line."""


def train_sft(
    settings: TrainSettings, rows: Sequence[Episode], model: Any, processor: Any, *, out: Path, told: Callable[[Mapping[str, Any]], None],
    evaluate: Callable[[Any, int], Mapping[str, float]] | None = None,
) -> Path:  # fmt: skip
    """Train what of `model` requires a gradient; returns the last checkpoint's folder. A run that was cut off goes on.

    The loss of a step is the mean over all tokens that the teacher wrote in its `sft.batch` rows, whatever the micro-batches are. Rows come
    in an order of `run.seed`, each once before any comes again. `told` gets one flat dict a step; `evaluate(model, step)` is asked every
    `run.eval_every` steps and at the end.
    """
    usable = [row for row in rows if any(row.mask) and len(row.ids) <= settings.sft.max_tokens]
    if not usable:
        raise SftError(
            f"none of {len(rows)} rows can be trained on: nothing is marked as written, or all exceed {settings.sft.max_tokens} tokens"
        )
    left_out = {"rows": len(usable), "rows_left_out": len(rows) - len(usable)}

    def tell(row: Mapping[str, Any]) -> None:
        told({**row, **left_out} if "loss" in row else row)

    if settings.run.backend == "accelerate":
        from rl_training import accelerate_backend

        return accelerate_backend.train_sft(settings, usable, model, processor, out=out, told=tell, evaluate=evaluate)
    if settings.run.backend == "trl":
        from rl_training import trl_backend

        return trl_backend.train_sft(settings, usable, model, processor, out=out, told=tell, evaluate=evaluate)
    raise SftError(f"no backend named {settings.run.backend!r}: there are trl, accelerate")
