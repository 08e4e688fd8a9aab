"""How a vision-language ranker is kept: `model.json`, `arrays.npz`, and `weights.safetensors` with what was trained and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.geolocator import ModelError
from models.model_folder import replaced

WEIGHTS = "weights.safetensors"
MOST_BYTES = 2**36
"""Of that file; a model of some billion parameters that was trained whole is as large as itself."""


def write_weights(path: Path, tensors: Mapping[str, Any]) -> str:
    """Write tensors as safetensors, whole or not at all; the SHA-256 of the file. Raises OSError."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary:
        save_file({name: value.detach().contiguous().cpu().clone() for name, value in tensors.items()}, str(temporary))
        return sha256_of(temporary)


def read_weights(path: Path, sha256: Any = None) -> dict[str, Any]:
    """Tensors by name. Raises ModelError where the file is missing, too large, broken, or not the one that `sha256` speaks of."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"{path} is larger than {MOST_BYTES} bytes")
        if sha256 is not None and sha256_of(path) != sha256:
            raise ModelError(f"{path} is not the file that the card beside it speaks of (SHA-256 differs)")
        return dict(load_file(str(path)))
    except (OSError, SafetensorError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} cannot be read ({' '.join(str(error).split())[:120]})") from error


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
