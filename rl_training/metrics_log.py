"""What a training run measures: one flat row a step in `metrics.jsonl`, the same in TensorBoard, a line on the screen.

Names are paths: `reward` (mean), `reward/PART`, `loss`, `end/REASON` and `tool/NAME` (shares of episodes), `eval/METRIC` (held out).
A number that could not be had is null; one that is not finite is kept as a word ("nan", "inf", "-inf"), since a loss that blew up is news.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from models.model_folder import replaced

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
EVAL = "eval/"
_MAX_LINE = 1_000_000
_MAX_BYTES = 2_000_000_000
_MAX_TEXT = 500

Row = dict[str, Any]
Told = Callable[[Mapping[str, Any]], None]


class MetricsError(ValueError):
    """Metrics that cannot be read or written; one line."""


class MetricsLog:
    """Called with an event a step: a mapping with `step` (from 0), and the numbers of this step; nested mappings become paths. An event
    without a step says something of the whole run, such as how many rows it learns from: that is noted, and kept in `facts`.

    A row is on the disk when the call returns. A run that goes on (`resume`) drops the rows that it will write again: those after the
    step before its first event, or after N where the first event is `{"resumed": N}`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        resume: bool = False,
        tensorboard: bool = True,
        show: Callable[[Row], None] | None = None,
        note: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises MetricsError where metrics are there and `resume` is not asked for, or where those there cannot be read."""
        self.path = folder / METRICS_FILE
        self._show, self._note, self._clock = show, note, clock
        there = self.path.is_file() and self.path.stat().st_size > 0
        if there and not resume:
            raise MetricsError(f"{self.path} holds the metrics of another run")
        folder.mkdir(parents=True, exist_ok=True)
        earlier = read_metrics(folder) if there else []
        self._cut_pending = there
        self._before_s, self._began = _last_time(earlier), clock()
        self.rows: list[Row] = earlier
        self.facts: Row = {}
        """What was told of the run as a whole."""
        self._tensorboard = _TensorBoard(folder / TENSORBOARD_FOLDER) if tensorboard else None

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Keep one event. Raises MetricsError for a step that is no number, OSError where the disk refuses."""
        if "resumed" in event:
            self._cut(int(event["resumed"]) + 1, False)
            return
        row = flat_row(event)
        if "step" not in row:
            self.facts |= row
            self._say(
                ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in row.items())
            )
            return
        if not isinstance(row.get("step"), int):
            raise MetricsError(f"the step of an event is a whole number, not {row['step']!r}")
        if self._cut_pending:
            self._cut(row["step"], _is_eval(row))
        row["wall_s"] = round(self._before_s + self._clock() - self._began, 3)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.rows.append(row)
        if self._tensorboard is not None:
            missing = self._tensorboard.write(row)
            if missing:
                self._tensorboard = None
                self._say(f"TensorBoard is left out: {missing}; metrics are in {self.path}")
        if self._show is not None:
            self._show(row)

    def _cut(self, step: int, evaluated: bool) -> None:
        """Drop rows from (`step`, evaluation or not) on, and a torn last line; an evaluation comes after the training row of its step."""
        self._cut_pending = False
        kept = [row for row in self.rows if (row["step"], _is_eval(row)) < (step, evaluated)]
        if not self.path.is_file():
            return
        with replaced(self.path) as path:
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept), encoding="utf-8")
        self.rows, self._before_s, self._began = kept, _last_time(kept), self._clock()

    def _say(self, text: str) -> None:
        if self._note is not None:
            self._note(text)

    def close(self) -> None:
        """Finish TensorBoard's file; nothing more is written."""
        if self._tensorboard is not None:
            self._tensorboard.close()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def flat_row(event: Mapping[str, Any]) -> Row:
    """An event as JSON numbers and short texts by path; values that JSON lacks become words, tensors of one number become numbers."""
    return dict(_flat(event, ""))


def _flat(event: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in event.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield prefix + str(name), _plain(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)[:_MAX_TEXT]


def number(value: Any) -> float | None:
    """A stored value as a number, not finite ones included; None for nulls and texts."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if value in {"nan", "inf", "-inf"} else None


def read_metrics(run: Path) -> list[Row]:
    """The rows of a run's folder (or of a `metrics.jsonl`), in the order of writing; a torn last line is left out.

    Raises MetricsError where there are none, or where a line is not a row.
    """
    path = run / METRICS_FILE if run.is_dir() else run
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise MetricsError(f"{path} is larger than metrics can be")
        with path.open("rb") as file:
            return list(_rows(file, path))
    except OSError as error:
        raise MetricsError(f"{path} cannot be read: {error.strerror or error}") from error


def _rows(lines: Iterable[bytes], path: Path) -> Iterator[Row]:
    for count, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            return
        try:
            row = json.loads(line) if len(line) <= _MAX_LINE else None
        except ValueError:
            row = None
        if (
            not isinstance(row, dict)
            or not isinstance(row.get("step"), int)
            or any(isinstance(v, dict | list) for v in row.values())
        ):
            raise MetricsError(f"{path}, line {count}: not a row of metrics")
        yield row


def series(rows: Iterable[Row], name: str) -> tuple[list[int], list[float]]:
    """Steps and finite values of one metric, in the order of steps; of two rows of a step the later counts."""
    found = {row["step"]: value for row in rows if (value := number(row.get(name))) is not None and math.isfinite(value)}
    return sorted(found), [found[step] for step in sorted(found)]


def names_under(rows: Iterable[Row], prefix: str) -> list[str]:
    """Names of the metrics that begin with `prefix` and have a number somewhere, sorted."""
    return sorted({name for row in rows for name, value in row.items() if name.startswith(prefix) and number(value) is not None})


def summary(rows: Iterable[Row], best: str = "eval/reward") -> Row:
    """A run in a few numbers: its last step, the last value of every metric, and where the held-out metric `best` was highest."""
    rows = list(rows)
    last: Row = {}
    for row in rows:
        last |= {name: value for name, value in row.items() if value is not None}
    steps, values = series(rows, best)
    top = max(range(len(values)), key=lambda i: (values[i], -steps[i]), default=None)
    found = {} if top is None else {"best": {"metric": best, "step": steps[top], "value": values[top]}}
    return {"step": max((row["step"] for row in rows), default=None), "last": last, **found}


def _is_eval(row: Row) -> bool:
    """Whether a row holds an evaluation and nothing of training."""
    names = row.keys() - {"step", "of", "wall_s"}
    return bool(names) and all(name.startswith(EVAL) for name in names)


def _last_time(rows: list[Row]) -> float:
    return max((number(row.get("wall_s")) or 0.0 for row in rows), default=0.0)


class _TensorBoard:
    """Scalars of the rows; the writer is made at the first, since only then it is known which steps are written again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None

    def write(self, row: Row) -> str | None:
        """Add a row. Returns why that cannot be done, where a package is missing."""
        if self._writer is None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                return f"{error.name or error} is not installed (pip install tensorboard)"
            self._writer = SummaryWriter(str(self.folder), purge_step=row["step"])
        for name, value in row.items():
            if name != "step" and (found := number(value)) is not None and math.isfinite(found):
                self._writer.add_scalar(name, found, row["step"])
        self._writer.flush()
        return None

    def close(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
