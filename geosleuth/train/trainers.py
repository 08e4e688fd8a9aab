"""Who does the work behind `geosleuth train`; another set can be given as the context's object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from rl_training.config import TrainSettings
    from rl_training.metrics_log import Told


def _run_sft(settings: TrainSettings, folder: Path, told: Told) -> Any:
    from rl_training.run import run_sft

    return run_sft(settings, folder, told)


def _run_grpo(settings: TrainSettings, folder: Path, told: Told) -> Any:
    from rl_training.run import run_grpo

    return run_grpo(settings, folder, told)


Work = Callable[["TrainSettings", "Path", "Told"], Any]
"""Trains in a folder; a run that is there goes on."""


@dataclass(frozen=True)
class Trainers:
    sft: Work = _run_sft
    grpo: Work = _run_grpo
    load: Callable[[Path], tuple[Any, Any]] | None = None
    """A run's model and processor; None: as `rl_training/policy_model.py` loads them."""
    hub: Any = None
    """A client of the hub; None: the real one."""


def trainers(context: click.Context) -> Trainers:
    """Those of the context, or the real ones."""
    found = context.find_object(Trainers)
    return found or Trainers()
