"""A run on disk: what was asked, of which records, and what came out; enough to score and report it on any machine.

run.json            what was asked: benchmark, policy, settings, versions, prompt digests, checksum, order
records.jsonl       the records in the order of the run, with the truth, without the photos
trajectories.jsonl  one line a finished investigation, appended as it ends; the last line of a record counts
thumbnails/         small pictures for the report
checkpoints.sqlite  what investigations in progress go on from
baselines/NAME/     runs of baselines over the same records
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.trajectory import TrajectoryError, save
from agent.trajectory import parse as parse_trajectory
from evals.record import BenchmarkError, Record, Truth

FORMAT = 1
_MAX_LINE = 64_000_000


class RunError(ValueError):
    """A run folder that cannot be used; one line."""


class RunFolder:
    """A run folder; reading it needs neither the benchmark nor the policy."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trajectories_path = path / "trajectories.jsonl"

    # -- what was asked

    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "run.json").is_file()

    def manifest(self) -> dict[str, Any]:
        """What was asked. Raises RunError where there is no run."""
        try:
            data = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path} is not a run: its run.json cannot be read") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise RunError(f"{self.path} is a run of another format; this program reads format {FORMAT}")
        return data

    def begin(self, manifest: Mapping[str, Any], records: Sequence[Record]) -> None:
        """Write what is asked, or check that it is what was asked before; more records of the same order may be added.

        Raises RunError when the folder holds another run.
        """
        lines = [record.to_json() for record in records]
        started = manifest.get("started")
        if self.exists():
            self._check_same(manifest, [line["id"] for line in lines])
            started = self.manifest().get("started")
        save({**manifest, "started": started, "format": FORMAT}, self.path / "run.json")
        _write_lines(self.path / "records.jsonl", lines)
        self._drop_torn_line()

    def _check_same(self, manifest: Mapping[str, Any], ids: Sequence[str]) -> None:
        before = self.manifest()
        for name in ("benchmark", "checksum", "policy", "settings", "prompts", "seed"):
            if before.get(name) != json.loads(json.dumps(manifest.get(name))):
                raise RunError(
                    f"{self.path} holds a run with another {name} ({_short(before.get(name))}, now {_short(manifest.get(name))}); choose another --out"
                )
        known = [record["id"] for record in self.records()]
        shorter = min(len(known), len(ids))
        if known[:shorter] != list(ids[:shorter]):
            raise RunError(f"{self.path} holds a run over other records; choose another --out")

    def records(self) -> list[dict[str, Any]]:
        """The records asked, as `Record.to_json` wrote them."""
        try:
            with (self.path / "records.jsonl").open(encoding="utf-8") as file:
                records = [json.loads(line) for line in file if line.strip()]
            for record in records:
                Truth.from_json(record["truth"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{self.path}: its records.jsonl cannot be read") from error
        return records

    # -- what came out

    def append(self, trajectory: Mapping[str, Any]) -> str:
        """Add one finished investigation, on disk before this returns. Raises OSError."""
        line = json.dumps(trajectory, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        with self.trajectories_path.open("ab") as file:
            file.write(line.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        return str(self.trajectories_path)

    def replace_trajectories(self, trajectories: Iterable[Mapping[str, Any]]) -> None:
        """Write all of them anew, whole or not at all: for results that were not made here. Raises OSError."""
        _write_lines(self.trajectories_path, trajectories)

    def trajectories(self) -> dict[str, dict[str, Any]]:
        """The last finished investigation of each record. A torn last line is left out; any other damage raises RunError."""
        return {str(trajectory["photo"]): trajectory for trajectory in self.every_trajectory()}

    def every_trajectory(self) -> Iterator[dict[str, Any]]:
        """All finished investigations in the order in which they ended, those that were made again included."""
        if not self.trajectories_path.is_file():
            return
        with self.trajectories_path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield parse_trajectory(line.decode("utf-8"), f"{self.trajectories_path}, line {number}")
                except (TrajectoryError, UnicodeDecodeError) as error:
                    raise RunError(str(error)) from error

    def _drop_torn_line(self) -> None:
        """Cut what a killed run left of a line, so that the next line begins on its own."""
        if not self.trajectories_path.is_file():
            return
        with self.trajectories_path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MAX_LINE))
            tail = file.read()
            file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)

    # -- pictures and parts

    def thumbnail_path(self, record_id: str) -> Path:
        """Where the small picture of a record is kept."""
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", record_id)[:40].strip("._")
        return self.path / "thumbnails" / f"{stem}-{hashlib.sha256(record_id.encode()).hexdigest()[:12]}.jpg"

    def thumbnail(self, record_id: str) -> bytes | None:
        """The small picture of a record, where it was kept."""
        try:
            return self.thumbnail_path(record_id).read_bytes()
        except OSError:
            return None

    def baselines(self) -> dict[str, RunFolder]:
        """Runs of baselines over the same records, by name."""
        folders = sorted((self.path / "baselines").glob("*/run.json"))
        return {folder.parent.name: RunFolder(folder.parent) for folder in folders}


def _write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """A file of JSON lines, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    temporary.replace(path)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"


def unique(records: Sequence[Record], name: str) -> Sequence[Record]:
    """The records as they are. Raises BenchmarkError where two have one id."""
    seen: set[str] = set()
    for record in records:
        if record.id in seen:
            raise BenchmarkError(f"{name} has two records with the id {record.id!r}")
        seen.add(record.id)
    return records
