"""Where training stands, kept after each epoch, so that a run that was cut off goes on as if it had not been."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.alignment.contrastive import GpsQueue
from models.alignment.settings import AlignmentSettings
from models.alignment.towers import Towers
from models.model_folder import replaced
from models.training_data import TrainingData

_FILE = "training.pt"


@dataclass
class Progress:
    """What changes from epoch to epoch beside weights and optimizer."""

    epoch: int = 0
    """The next epoch."""
    best: float = math.inf
    """The lowest validation loss so far."""
    best_epoch: int = -1
    best_state: dict[str, Any] = field(default_factory=dict)
    """The weights that it was reached with."""
    queue: GpsQueue = field(default_factory=lambda: GpsQueue(0))


def key_of(data: TrainingData, settings: AlignmentSettings) -> str:
    """A digest of all that training depends on."""
    total = hashlib.sha256(repr((settings, data.encoder_digest, list(data.country), list(data.region), list(data.city))).encode())
    for array in (data.vectors, data.lat, data.lon):
        total.update(array.tobytes())
    return total.hexdigest()


def write_checkpoint(folder: Path, key: str, towers: Towers, optimizer: Any, progress: Progress) -> None:
    """Keep where training stands, whole or not at all. Raises OSError."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "key": key, "model": towers.module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": progress.epoch,
        "best": progress.best, "best_epoch": progress.best_epoch, "best_state": progress.best_state,
        "queue": torch.from_numpy(progress.queue.points.copy()), "queue_next": progress.queue.next,
    }  # fmt: skip
    with replaced(folder / _FILE) as path:
        torch.save(state, path)


def read_checkpoint(folder: Path, key: str, towers: Towers, optimizer: Any, progress: Progress) -> None:
    """Bring everything to where training stood; nothing changes where there is no checkpoint of the same data and settings."""
    import torch

    try:
        # Of tensors and plain values alone: nothing in the file is executed.
        state = torch.load(io.BytesIO((folder / _FILE).read_bytes()), weights_only=True)
    except Exception:  # a file that was cut off or written by something else: torch raises what it trips over
        return
    if not isinstance(state, dict) or state.get("key") != key:
        return
    towers.module.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    progress.epoch, progress.best, progress.best_epoch = state["epoch"], state["best"], state["best_epoch"]
    progress.best_state = state["best_state"]
    progress.queue.points, progress.queue.next = state["queue"].numpy().copy(), state["queue_next"]


def drop_checkpoint(folder: Path) -> None:
    """Remove it."""
    (folder / _FILE).unlink(missing_ok=True)
