"""Reads PLONK's published weights (github.com/nicolas-dufour/plonk, MIT): a hub release, a state dict or a training checkpoint.

Our heads carry the published names, so that reading is choosing, checking and leaving out. Only the weights are read; the pictures must come
from the encoder they were trained with (DINOv2 ViT-L/14 with registers at 336 pixels for YFCC and iNaturalist, StreetCLIP for OSV-5M: both
the first token of the last layer, 1,024 numbers, not of unit length).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.flow.flow import Flow
from models.flow.saved import distribution_of
from models.geolocator import ModelError
from models.torch_file import line_of, read_torch

_FILES = ("model.safetensors", "pytorch_model.bin", "last.ckpt")
_MAX_FILE = 1 << 30
_PREFIXES = ("ema_network.", "network.", "")
"""A training checkpoint holds both the averaged and the last weights; the averaged ones were published."""
_LEFT_OUT = ("time_embedder.encode_time.freqs",)
"""A constant that follows from the width."""
RELIABILITY = 0.5
"""Of a model that was calibrated on nothing."""
OBJECTIVES = {"": "riemannian", "_flow": "space", "_diffusion": "diffusion"}
"""Endings of the published names, and what they were trained for."""


def load_plonk(
    source: Path, encoder: str, encoder_digest: str, *, objective: str = "riemannian", guidance: float = 0.0,
    vector_length: float = 1.0, name: str = "plonk",
) -> Flow:  # fmt: skip
    """PLONK's head as a geolocator that is not calibrated; numpy reads it from then on.

    `source` is a weights file or a folder with one. `vector_length` is what the encoder's vectors measured before they were brought to unit
    length, which the published ones were not. Raises ModelError for anything that is not such a head.
    """
    arrays = plonk_arrays(source) | {"scale": np.asarray(1.0 / max(vector_length, 1e-6), dtype=np.float32)}
    card = {
        "objective": objective,
        "schedule_start": -7.0,
        "schedule_end": 3.0,
        "clock": 0.0,
        "guidance": guidance,
        "width_km": 200.0,
    }
    try:
        distribution = distribution_of(card, arrays)
    except ModelError:
        raise
    except ValueError as error:
        raise ModelError(f"{source}: {error}") from error
    trained_on = f"what PLONK was ({source.name[:60]})"
    return Flow(name, encoder, encoder_digest, trained_on, objective, distribution, False, RELIABILITY, calibrated=False)


def plonk_arrays(source: Path) -> dict[str, NDArray[Any]]:
    """The weights of a head by name, float32. Raises ModelError."""
    path = next((source / name for name in _FILES if (source / name).is_file()), source) if source.is_dir() else source
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise ModelError(f"{source} holds no weights of PLONK ({', '.join(_FILES)})") from error
    if len(data) > _MAX_FILE:
        raise ModelError(f"{path.name} is larger than {_MAX_FILE // 2**20} MB")
    return chosen(_safetensors(data, path) if path.suffix == ".safetensors" else _torch_state(data, path))


def chosen(state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The head's weights among all that a state dict holds. Raises ModelError where there is no head in it."""
    for prefix in _PREFIXES:
        found = {name[len(prefix) :]: array for name, array in state.items() if name.startswith(prefix)}
        if "cond_mapper.weight" in found:
            kept = {name: array for name, array in found.items() if name not in _LEFT_OUT and array.dtype.kind == "f"}
            return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in kept.items()}
    raise ModelError("these weights are no head of PLONK (cond_mapper.weight is missing)")


def _safetensors(data: bytes, path: Path) -> dict[str, NDArray[Any]]:
    try:
        from safetensors.numpy import load

        return dict(load(data))
    except ImportError as error:
        raise ModelError("a hub release needs the package safetensors") from error
    except Exception as error:  # safetensors has an error of its own in Rust, beside KeyError and ValueError
        raise ModelError(f"{path.name} cannot be read ({line_of(error)})") from error


def _torch_state(data: bytes, path: Path) -> dict[str, NDArray[Any]]:
    state = read_torch(data, path.name, _MAX_FILE)
    try:
        state = state.get("state_dict", state)
        return {str(name): value.float().numpy() for name, value in state.items() if hasattr(value, "numpy")}
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} cannot be read ({line_of(error)})") from error
