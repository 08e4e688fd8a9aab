"""Checkpoints that TRL's trainers write, and the weights that we lay beside them.

OUT/trl/checkpoint-50/   transformers' Trainer's files, and `weights.safetensors` with every trained parameter: an adapter's own file
                         lacks a projector that is trained with it. It is written last: a folder without it is torn.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from rl_training import checkpoints

FOLDER = "trl"
_NAME = re.compile(r"checkpoint-(\d{1,9})")


def mark(folder: Path, model: Any) -> None:
    """Write the trained parameters into a checkpoint that is whole otherwise. Raises OSError."""
    scratch = folder / ".writing"
    scratch.mkdir(exist_ok=True)
    path = checkpoints.save_weights(model, scratch)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    path.replace(folder / checkpoints.WEIGHTS)
    scratch.rmdir()


def step_of(folder: Path) -> int:
    """Optimizer steps done."""
    match = _NAME.fullmatch(folder.name)
    return int(match[1]) if match else 0


def newest(out: Path) -> Path | None:
    """The newest whole checkpoint of a run; those that are torn are passed over."""
    found = [f for f in (out / FOLDER).glob("checkpoint-*") if _NAME.fullmatch(f.name)]
    whole = [f for f in found if (f / checkpoints.WEIGHTS).is_file() and (f / "trainer_state.json").is_file()]
    return max(whole, key=step_of, default=None)
