"""Where the training of a vision-language ranker stands, so that one that was cut off goes on as if it had not been.

FOLDER/training/step-00000050/   weights.safetensors, optimizer.safetensors (`PARAMETER|KEY`), state.json

Steps draw from generators that are made of the seed and their number, so that no random state has to be kept. A folder gets its name when
all of it is on the disk; nothing that is read is executed.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from models.geolocator import ModelError
from models.ranker.vlm_saved import WEIGHTS, read_weights, write_weights

FOLDER = "training"
_OPTIMIZER, _STATE = "optimizer.safetensors", "state.json"
_NAME = re.compile(r"step-\d{8}")


class Checkpoints:
    """Those of one training. `key` stands for all that it depends on; those of another key are not gone on from."""

    def __init__(self, folder: Path, key: str) -> None:
        self.root, self.key = folder / FOLDER, key

    def write(self, step: int, losses: Sequence[float], parameters: Mapping[str, Any], optimizer: Any) -> None:
        """Keep where training stands after `step` steps, and forget what was kept before. Raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True)
        target, before = self.root / f"step-{step:08d}", self._folders()
        temporary = Path(tempfile.mkdtemp(dir=self.root, prefix=".writing-"))
        try:
            sums = {WEIGHTS: write_weights(temporary / WEIGHTS, parameters),
                    _OPTIMIZER: write_weights(temporary / _OPTIMIZER, _flat(optimizer, parameters))}  # fmt: skip
            state = {"key": self.key, "step": step, "losses": list(losses), "sha256": sums}
            (temporary / _STATE).write_text(json.dumps(state), encoding="utf-8")
            temporary.chmod(0o755)
            shutil.rmtree(target, ignore_errors=True)
            temporary.replace(target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        for folder in [*(old for old in before if old != target), *self.root.glob(".writing-*")]:
            shutil.rmtree(folder, ignore_errors=True)

    def read(self, parameters: Mapping[str, Any], optimizer: Any) -> tuple[int, list[float]]:
        """Bring parameters and optimizer to the newest whole checkpoint: steps done and their losses; 0 and none without one.

        Raises ModelError where the folder holds the beginning of another training.
        """
        for folder in reversed(self._folders()):
            try:
                state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
                step, key, losses, sums = int(state["step"]), state["key"], [float(v) for v in state["losses"]], state["sha256"]
                weights, kept = (read_weights(folder / name, sums[name]) for name in (WEIGHTS, _OPTIMIZER))
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                continue  # torn
            if key != self.key:
                raise ModelError(
                    f"{self.root} holds the beginning of a training with other settings or lists: remove it, or choose another name"
                )
            _put_back(weights, kept, parameters, optimizer)
            return step, losses
        return 0, []

    def forget(self) -> None:
        """The training has ended."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.root.glob("step-*") if _NAME.fullmatch(path.name))


def _flat(optimizer: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = {id(value): name for name, value in parameters.items()}
    return {
        f"{names[id(parameter)]}|{key}": torch.as_tensor(value)
        for parameter, values in optimizer.state.items()
        for key, value in values.items()
    }


@torch.no_grad()  # type: ignore[untyped-decorator]
def _put_back(weights: Mapping[str, Any], kept: Mapping[str, Any], parameters: Mapping[str, Any], optimizer: Any) -> None:
    """Raises ModelError where they are those of another model."""
    state: dict[str, dict[str, Any]] = {name: {} for name in parameters}
    for key, tensor in kept.items():
        name, _, what = key.rpartition("|")
        if name in state and (not tensor.dim() or tensor.shape == parameters[name].shape):
            state[name][what] = tensor
    if weights.keys() != parameters.keys() or any(weights[name].shape != value.shape for name, value in parameters.items()):
        raise ModelError("the beginning of a training in this folder is of another model: remove it, or choose another name")
    for name, parameter in parameters.items():
        parameter.copy_(weights[name])
    by_number = {number: state[name] for number, name in enumerate(parameters) if state[name]}
    optimizer.load_state_dict({"state": by_number, "param_groups": optimizer.state_dict()["param_groups"]})
