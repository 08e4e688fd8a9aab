"""Weights that come inside packages of the registry: found without importing the package, read only if they are the known ones."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path


class AssemblyError(ValueError):
    """A part of the model that is missing or is not what it should be; one line that says what would help."""


def packaged_file(package: str, file: str, sha256: str, install: str) -> Path:
    """Path of `file` in the folder of an installed `package`; nothing of the package is run.

    Raises AssemblyError where the package or the file is missing, or the file's SHA-256 is another; `install` is the command to advise.
    """
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise AssemblyError(f"the embedded model needs weights that are not installed: {install}")
    path = Path(folders[0]) / file
    try:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise AssemblyError(f"{path} cannot be read ({error.strerror}); install it again: {install}") from error
    if digest != sha256:
        raise AssemblyError(f"{path} is not the file that it should be (SHA-256 differs); install it again: {install}")
    return path
