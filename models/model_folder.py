"""How a trained model is kept: a folder with `model.json` (what it is) and `arrays.npz` (its numbers)."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.geolocator import ModelError

VERSION = 1
_CARD, _ARRAYS = "model.json", "arrays.npz"


def models_folder() -> Path:
    """Where models are kept by name: `$GEOSLEUTH_DATA/models`, or the user's data folder."""
    import platformdirs

    root = os.environ.get("GEOSLEUTH_DATA")
    return (Path(root) if root else Path(platformdirs.user_data_dir("geosleuth"))) / "models"


def write_model(folder: Path, card: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep a model, whole or not at all: the arrays first, then the card. Raises OSError.

    `card` holds plain JSON: `kind`, `encoder`, `encoder_digest`, `trained_on`, and whatever the kind needs; `version` is added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with replaced(folder / _ARRAYS) as path, path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    write_json(folder / _CARD, {"version": VERSION, **card})


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a small JSON file, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary:
        temporary.write_text(json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_card(folder: Path) -> dict[str, Any]:
    """What a model says of itself. Raises ModelError with one line where the folder holds none that can be read."""
    try:
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no trained model ({_CARD} is missing)") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ModelError(f"{folder / _CARD} cannot be read ({' '.join(str(error).split())[:120]})") from error
    if not isinstance(card, dict) or card.get("version") != VERSION or not isinstance(card.get("kind"), str):
        raise ModelError(f"{folder} holds no model that this version reads")
    return card


def read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """The numbers of a model; nothing in the file is executed. Raises ModelError."""
    try:
        with (folder / _ARRAYS).open("rb") as file, np.load(file, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ModelError(f"{folder / _ARRAYS} cannot be read ({' '.join(str(error).split())[:120]})") from error


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when all went well."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(0o644)  # others may read it, as a file that is simply written
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def is_text(value: Any) -> bool:
    """Whether it is a text that can be shown in one line."""
    return isinstance(value, str) and len(value) < 2000 and value.isprintable()
