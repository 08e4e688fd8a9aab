"""The trajectory: one versioned JSON line that holds everything about one investigation."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

VERSION = 1


class StopReason(StrEnum):
    """How a run ended. Exactly one holds."""

    ANSWERED = "answered"
    CANNOT_TELL = "cannot_tell"
    """The policy or the belief says that nothing points anywhere: an honest end."""
    MAX_TURNS = "max_turns"
    MAX_CALLS = "max_calls"
    MAX_SECONDS = "max_seconds"
    NO_ANSWER = "no_answer"
    """The policy kept replying without a call or an answer."""
    POLICY_ERROR = "policy_error"
    """The policy could not be reached or failed; what evidence there was still counts."""
    PHOTO_ERROR = "photo_error"
    """The photo could not be opened or fetched."""

    @property
    def failed(self) -> bool:
        """Whether the world kept the run from its end."""
        return self in {StopReason.POLICY_ERROR, StopReason.PHOTO_ERROR}


class TrajectoryError(ValueError):
    """A file is not a trajectory that this version reads."""


def save(trajectory: Mapping[str, Any], path: Path) -> None:
    """Write one line to `path`, whole or not at all. Raises OSError when the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(trajectory, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def load(path: Path) -> Iterator[dict[str, Any]]:
    """The trajectories of a file, one a line. Raises TrajectoryError with one clear line for anything else."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield parse(line, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise TrajectoryError(f"cannot read {path}: {reason}") from error


def parse(line: str, where: str) -> dict[str, Any]:
    """One line as a trajectory; `where` names it in the TrajectoryError."""
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise TrajectoryError(f"{where}: not JSON ({error.msg})") from error
    if not isinstance(data, dict) or "version" not in data or "stop" not in data:
        raise TrajectoryError(f"{where}: not a trajectory")
    if data["version"] != VERSION:
        raise TrajectoryError(f"{where}: a trajectory of version {data['version']}; this program reads version {VERSION}")
    return data


def file_name(photo: str, key: str) -> str:
    """A file name for a photo's trajectory: readable, safe, and one for each photo and settings key."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(photo.split("?")[0]).stem)[:60].strip("._") or "photo"
    return f"{stem}-{key[:16]}.json"


def summary(trajectory: Mapping[str, Any]) -> dict[str, Any]:
    """The line that `geosleuth locate --json` prints."""
    evidence = [
        {
            "tool": e["tool"],
            "claim": e["claim"],
            "bits": e["bits"],
            "for_answer_bits": e["for_answer_bits"],
            "sources": e["citations"],
        }
        for e in trajectory["ledger"]
    ]
    names = ("photo", "sha256", "policy", "stop", "error", "seconds", "answer", "alternatives", "best_guess")
    return {**{name: trajectory[name] for name in names}, "evidence": evidence}
