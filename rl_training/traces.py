"""Traces read back: trajectories with the records that they are about, whose photos can be opened again.

A folder of traces has `traces.jsonl` (a trajectory a line), `records.jsonl` (what each is about, in the same order) and
`manifest.json`. Any other file of trajectories, such as `geosleuth locate` writes, can be read too; its records have no truth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.photo import PhotoError, open_photo
from agent.trajectory import StopReason, TrajectoryError, parse
from evals.record import BenchmarkError, Record, Truth
from rl_training.manifest import ManifestError, read_manifest
from tools.observation import View

if TYPE_CHECKING:
    from agent.photo import PhotoFile

TRACES, RECORDS = "traces.jsonl", "records.jsonl"
MAX_LINE_BYTES = 16_000_000
MAX_MESSAGES = 1000
_ROLES = frozenset({"system", "user", "assistant", "tool"})
_PRACTICE = re.compile(r"practice-(easy|medium|hard)-(\d{1,9})-(\d{5,9})")


class TraceError(ValueError):
    """A trace that cannot be used; one line with the file and the line."""


def read_traces(path: Path) -> Iterator[tuple[dict[str, Any], Record]]:
    """Every trajectory of a folder or a file, with its record. Raises TraceError with one line for what is no trajectory; those
    whose photo could not be opened are passed over.

    `record.open()` paints a scene of the practice world again from its id, and opens any other photo from its path, or else from
    the benchmark that the manifest names. It raises PhotoError where the photo is not the one that the trajectory is about:
    another SHA-256; for a drawn scene other clues or another place (other fonts or tables).
    """
    file = path / TRACES if path.is_dir() else path
    known, again = _records(file.with_name(RECORDS)), _Again(file.parent)
    for where, line in _lines(file):
        trajectory = _checked(line, where)
        if trajectory is None:
            continue
        name = str(trajectory["photo"])
        record = known.get(name) or Record(name, Truth(), again.open_named)
        yield trajectory, replace(record, open=partial(again.open, trajectory, record, where))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line with words for where it stands; a torn last line is left out. Raises TraceError."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                where = f"{path}, line {number}"
                if len(line) > MAX_LINE_BYTES:
                    raise TraceError(f"{where}: longer than {MAX_LINE_BYTES // 1_000_000} MB")
                if not line.endswith(b"\n") and number > 1:
                    return
                if line.strip():
                    yield where, line.decode("utf-8")
    except OSError as error:
        raise TraceError(f"cannot read {path}: {(error.strerror or type(error).__name__).lower()}") from error
    except UnicodeDecodeError as error:
        raise TraceError(f"{where}: not UTF-8") from error


# -- what a line holds


def _checked(line: str, where: str) -> dict[str, Any] | None:
    """A line as a trajectory whose messages, views and photo have the forms that readers rely on; None where there was no
    photo."""
    try:
        trajectory = parse(line, where)
        if trajectory["stop"] == StopReason.PHOTO_ERROR.value:
            return None
        problem = _problem(trajectory)
    except TrajectoryError as error:
        raise TraceError(str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise TraceError(f"{where}: not a whole trajectory ({' '.join(str(error).split())[:120]})") from error
    if problem:
        raise TraceError(f"{where}: {problem}")
    return trajectory


def _problem(trajectory: Mapping[str, Any]) -> str:
    """What is wrong with a trajectory, "" for nothing."""
    size, messages = trajectory["size"], trajectory["messages"]
    if not isinstance(trajectory["photo"], str) or not re.fullmatch(r"[0-9a-f]{64}", str(trajectory["sha256"])):
        return "its photo has no name or no digest"
    if len(size) != 2 or not all(isinstance(side, int) and 0 < side <= 100_000 for side in size):
        return "its photo has no size"
    if not isinstance(messages, list) or not 2 <= len(messages) <= MAX_MESSAGES:
        return f"it has not 2 to {MAX_MESSAGES} messages"
    views = {name: View.from_json(view) for name, view in trajectory["views"].items()}
    for number, message in enumerate(messages, 1):
        if problem := _message_problem(message, views):
            return f"message {number} {problem}"
    return ""


def _message_problem(message: Mapping[str, Any], views: Mapping[str, View]) -> str:
    role, content = message["role"], message["content"]
    if role not in _ROLES or not isinstance(content, str | list):
        return "has no role, or no content"
    for block in content if isinstance(content, list) else ():
        if block["type"] == "view" and block["view"] not in views:
            return f"shows a view {str(block['view'])[:40]!r} that there is not"
        if block["type"] != "view" and not isinstance(block["text"], str):
            return "has a block without a text"
    for call in message.get("tool_calls") or ():
        if not isinstance(call["name"], str) or not isinstance(call["id"], str) or not isinstance(call["args"], dict):
            return "has a call without a name, an id or arguments"
    if role == "tool" and not isinstance(message["tool_call_id"], str):
        return "answers no call"
    return ""


def _records(path: Path) -> dict[str, Record]:
    """The records beside the traces by id, none where there is no such file; they cannot be opened. Raises TraceError."""
    found = {}
    for where, line in _lines(path) if path.is_file() else ():
        try:
            data = json.loads(line)
            record = Record(str(data["id"]), Truth.from_json(data["truth"]), _Again.open_named, str(data["kind"]),
                            {str(k): str(v) for k, v in data["columns"].items()}, str(data["licence"]), str(data["attribution"]),
                            str(data["file"]), tuple(dict(clue) for clue in data["clues"]))  # fmt: skip
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise TraceError(f"{where}: not a record ({' '.join(str(error).split())[:120]})") from error
        found[record.id] = record
    return found


# -- the photo of a trace


class _Again:
    """Opens photos of traces again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._benchmark = cache(self._read_benchmark)

    @staticmethod
    def open_named() -> PhotoFile:
        """The photo of a record that was read without its trajectory: there is none."""
        raise PhotoError("the photo of a record can only be opened beside its trajectory")

    def open(self, trajectory: Mapping[str, Any], record: Record, where: str) -> PhotoFile:
        """The photo that the trajectory is about. Raises PhotoError."""
        if match := _PRACTICE.fullmatch(record.id):
            return _painted(match[1], int(match[2]), int(match[3]), trajectory, record, where)
        photo = self._found(trajectory, record, where)
        if photo.sha256 != trajectory["sha256"]:
            raise PhotoError(f"{where}: {photo.path} is not the photo that it is about: its digest is {photo.sha256[:12]}…")
        return photo

    def _found(self, trajectory: Mapping[str, Any], record: Record, where: str) -> PhotoFile:
        path = Path(str(trajectory.get("path") or ""))
        for candidate in (self.folder / path, path, self.folder / "photos" / path.name):
            if path.name and "\0" not in str(path) and candidate.is_file():
                return open_photo(candidate)
        opened = self._benchmark().get(record.id)
        if opened is None:
            raise PhotoError(f"{where}: its photo {str(path)[:200]!r} is not there")
        return opened.open()

    def _read_benchmark(self) -> dict[str, Record]:
        """The records of the benchmark that the traces were collected over; none where that cannot be read here."""
        from evals.benchmarks import make_benchmark

        try:
            name = str(read_manifest(self.folder).get("benchmark"))
            return {record.id: record for record in make_benchmark(name).records()}
        except (ManifestError, BenchmarkError):
            return {}


def _painted(level: str, seed: int, index: int, trajectory: Mapping[str, Any], known: Record, where: str) -> PhotoFile:
    """A scene of the practice world, painted again in the size that it had. Raises PhotoError where it is another scene here."""
    from evals.practice import open_scene, plan_scene, record_of

    try:
        plan = plan_scene(level, seed, index)
    except RuntimeError as error:
        raise PhotoError(f"{where}: {error}") from error
    width, height = trajectory["size"]
    photo = open_scene(plan, None if (width, height) == plan.size else (width, height))
    # Another version of the JPEG encoder writes other bytes of the same scene, which is what counts.
    if photo.sha256 != trajectory["sha256"] and _scene(record_of(plan)) != _scene(known):
        raise PhotoError(f"{where}: {known.id} is another scene here: it was drawn with other fonts or tables")
    return photo


def _scene(record: Record) -> tuple[Any, ...]:
    """What a scene shows: the place, and its clues with where they stand."""
    truth = record.truth
    return truth.lat, truth.lon, json.dumps([dict(clue) for clue in record.clues], sort_keys=True)
