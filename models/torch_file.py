"""Files that torch wrote, read without trusting them: bounded before they are unpacked, tensors alone, nothing executed."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from models.geolocator import ModelError

MAX_BYTES = 2**31
"""Of what a file unpacks to, where a reader has no bound of its own."""


def read_torch(data: bytes, what: str, most_bytes: int = MAX_BYTES) -> Any:
    """What `torch.save` was given; `what` names the file in errors. Raises ModelError, one line."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            packed = sum(member.file_size for member in file.infolist())
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise ModelError(f"{what} is no file of torch ({line_of(error)})") from error
    if packed > most_bytes:
        raise ModelError(f"{what} unpacks to more than {most_bytes // 2**20} MB")
    try:
        import torch

        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except ImportError as error:
        raise ModelError(f"{what} is read by torch: pip install torch") from error
    except Exception as error:  # broken or hostile: torch raises what it trips over, UnpicklingError for anything but tensors
        raise ModelError(f"{what} cannot be read ({line_of(error)})") from error


def line_of(error: Exception) -> str:
    """An error's words as one short line."""
    return " ".join(str(error).split())[:120] or type(error).__name__
