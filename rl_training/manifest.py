"""The manifest of a folder of traces: where they come from, what was kept and why, and digests of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.model_folder import write_json

FORMAT = 1
MANIFEST = "manifest.json"
_MAX_BYTES = 10_000_000


class ManifestError(ValueError):
    """A folder of traces that is not what its manifest says; one line."""


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, data: Mapping[str, Any], files: Sequence[str]) -> None:
    """Write `manifest.json`, whole or not at all, with the size and the digest of each of `files`. Raises OSError."""
    known = {name: {"bytes": (folder / name).stat().st_size, "sha256": digest_of(folder / name)} for name in files}
    write_json(folder / MANIFEST, {"format": FORMAT, **data, "files": known})


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest says. Raises ManifestError."""
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ManifestError(f"{path} is larger than {_MAX_BYTES // 1_000_000} MB")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(
            f"{folder} is no folder of traces: {MANIFEST} is missing (an unfinished collection has none)"
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ManifestError(f"{path} cannot be read ({' '.join(str(error).split())[:120]})") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("files"), dict):
        raise ManifestError(f"{path} is no manifest of traces that this version reads (format {FORMAT})")
    return data


def check_files(folder: Path) -> dict[str, Any]:
    """The manifest, after each file was found to have the digest in it. Raises ManifestError, naming the first that has not."""
    data = read_manifest(folder)
    for name, said in data["files"].items():
        if Path(name).name != name or not isinstance(said, dict):
            raise ManifestError(f"{folder / MANIFEST} names {name[:60]!r}, which is no file of the folder")
        try:
            found = digest_of(folder / name)
        except OSError as error:
            raise ManifestError(f"{folder / name} cannot be read: {error.strerror or error}") from error
        if found != said.get("sha256"):
            raise ManifestError(f"{folder / name} is not the file that {MANIFEST} was written for: its digest is {found[:12]}…")
    return data
