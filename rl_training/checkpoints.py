"""Where training stands, kept so that a run that was cut off goes on as if it had not been.

OUT/checkpoints/step-00000050/
    weights.safetensors     every trained parameter, by name
    optimizer.safetensors   the optimizer's state, `PARAMETER|KEY`
    state.json              steps done, random states of each process, sizes of the files above

A folder gets its name when all of it is on the disk. Nothing that is read is executed: safetensors and JSON alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
FOLDER = "checkpoints"
WEIGHTS = "weights.safetensors"
_OPTIMIZER, _STATE = "optimizer.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{8})")
_MAX_STATE = 50_000_000


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or one of another model or run. One line."""


def trained(model: Any) -> dict[str, Any]:
    """The parameters that are trained, by name; a wrapper for several processes leaves no mark in the names."""
    inner = getattr(model, "module", model)
    return {name: p for name, p in inner.named_parameters() if p.requires_grad}


def save_weights(model: Any, folder: Path) -> Path:
    """Write the trained parameters to `folder/weights.safetensors`. Raises OSError."""
    from safetensors.torch import save_file

    path = folder / WEIGHTS
    save_file({name: p.detach().contiguous().cpu() for name, p in trained(model).items()}, str(path))
    return path


def load_weights(model: Any, folder: Path) -> None:
    """Bring the trained parameters to those in `folder` (a checkpoint's, or one that `save_weights` wrote). Raises CheckpointError."""
    found, parameters = _read_tensors(folder / WEIGHTS), trained(model)
    if found.keys() != parameters.keys():
        odd = sorted(found.keys() ^ parameters.keys())
        raise CheckpointError(f"{folder} holds other parameters than are trained here: {odd[0]} and {len(odd) - 1} more")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if found[name].shape != parameter.shape:
                raise CheckpointError(f"{folder}: {name} is {list(found[name].shape)}, the model has {list(parameter.shape)}")
            parameter.copy_(found[name].to(parameter.dtype))


def write(
    out: Path, kind: str, step: int, model: Any, optimizer: Any, random_states: Sequence[Mapping[str, Any]], keep: int
) -> Path:
    """Keep where training stands after `step` steps, whole or not at all, and the `keep` newest of all. Raises OSError."""
    root = out / FOLDER
    root.mkdir(parents=True, exist_ok=True)
    target = root / f"step-{step:08d}"
    temporary = Path(tempfile.mkdtemp(dir=root, prefix=".writing-"))
    try:
        save_weights(model, temporary)
        _save_optimizer(optimizer, model, temporary / _OPTIMIZER)
        sizes = {name: (temporary / name).stat().st_size for name in (WEIGHTS, _OPTIMIZER)}
        state = {"version": VERSION, "kind": kind, "step": step, "files": sizes, "random": list(random_states)}
        (temporary / _STATE).write_text(json.dumps(state), encoding="utf-8")
        for name in (*sizes, _STATE):
            with (temporary / name).open("rb") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        temporary.replace(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _forget(root, keep)
    return target


def newest(out: Path) -> Path | None:
    """The newest whole checkpoint of a run; those that are torn are passed over."""
    return next((folder for _, folder in reversed(list(_whole(out / FOLDER)))), None)


def read_state(folder: Path) -> dict[str, Any]:
    """What a checkpoint says of itself: `kind`, `step`, `random`. Raises CheckpointError where it is not whole."""
    path = folder / _STATE
    try:
        if path.stat().st_size > _MAX_STATE:
            raise CheckpointError(f"{path} is larger than a checkpoint's state can be")
        state = json.loads(path.read_text(encoding="utf-8"))
        whole = state["version"] == VERSION and all(
            (folder / name).stat().st_size == state["files"][name] for name in (WEIGHTS, _OPTIMIZER)
        )
        if not whole or not isinstance(state["step"], int) or not isinstance(state["random"], list):
            raise CheckpointError(f"{folder} is not a whole checkpoint of this version")
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} is not a whole checkpoint") from error
    return dict(state)


def read(folder: Path, kind: str, model: Any, optimizer: Any) -> dict[str, Any]:
    """Bring model and optimizer to where training stood; returns the state. Raises CheckpointError."""
    state = read_state(folder)
    if state["kind"] != kind:
        raise CheckpointError(f"{folder} is of a run of {state['kind']}, not of {kind}")
    load_weights(model, folder)
    _load_optimizer(optimizer, model, folder / _OPTIMIZER)
    return state


def _save_optimizer(optimizer: Any, model: Any, path: Path) -> None:
    from safetensors.torch import save_file

    names = {id(p): name for name, p in trained(model).items()}
    tensors: dict[str, Tensor] = {}
    for parameter, values in optimizer.state.items():
        for key, value in values.items():
            tensors[f"{names[id(parameter)]}|{key}"] = torch.as_tensor(value).detach().contiguous().cpu()
    save_file(tensors, str(path))


def _load_optimizer(optimizer: Any, model: Any, path: Path) -> None:
    """The groups, with rates and decay, stay as they were made: those are settings, not state."""
    names = {id(p): name for name, p in trained(model).items()}
    by_name: dict[str, dict[str, Tensor]] = {}
    for key, tensor in _read_tensors(path).items():
        name, _, what = key.rpartition("|")
        by_name.setdefault(name, {})[what] = tensor
    state: dict[int, dict[str, Tensor]] = {}
    for number, parameter in enumerate(p for group in optimizer.param_groups for p in group["params"]):
        of = by_name.get(names[id(parameter)], {})
        if any(t.dim() and t.shape != parameter.shape for t in of.values()):
            raise CheckpointError(f"{path}: the state of {names[id(parameter)]} has another shape than the parameter")
        if of:
            state[number] = of
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(str(path)))
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({' '.join(str(error).split())[:120]})") from error


def _whole(root: Path) -> Iterator[tuple[int, Path]]:
    """Whole checkpoints, oldest first."""
    for folder in sorted(root.glob("step-*")):
        if match := _NAME.fullmatch(folder.name):
            try:
                read_state(folder)
            except CheckpointError:
                continue
            yield int(match[1]), folder


def _forget(root: Path, keep: int) -> None:
    """Remove all but the `keep` newest checkpoints, and what earlier runs left half-written."""
    for _, folder in list(_whole(root))[: -max(keep, 1)]:
        shutil.rmtree(folder, ignore_errors=True)
    for torn in root.glob(".writing-*"):
        shutil.rmtree(torn, ignore_errors=True)
