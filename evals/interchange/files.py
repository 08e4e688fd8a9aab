"""Rows of a file of predictions: CSV, TSV, JSON lines or JSON, told apart by what they hold. A row that cannot be read is a sentence."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from evals.interchange.fields import has_answer_column, ids_of
from evals.interchange.prediction import PredictionError

MAX_FILE_BYTES = 4_000_000_000
MAX_JSON_BYTES = 256_000_000
"""Of a file that is one JSON value and so must be held whole."""
MAX_LINE_BYTES = 16_000_000
MAX_ROWS = 2_000_000
_MAX_COLUMNS = 300
_HEAD = 4096
_LISTS = ("predictions", "results", "samples", "items", "data", "answers", "records")
_PLACELESS = ("id", "lat", "lon", "probability")

Row = tuple[str, Mapping[str, Any] | str, str]
"""Where it stands (`line 3`), the row or one sentence about what is wrong with it, and the line as written in that case."""


def rows_of(path: Path) -> Iterator[Row]:
    """Every row in order. Raises PredictionError, one line with the file's name, for what is no file of predictions."""
    try:
        if not path.is_file():
            raise PredictionError(f"{path} is not a file" if path.exists() else f"{path} cannot be found")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise PredictionError(f"{path} is larger than {MAX_FILE_BYTES // 1_000_000_000} GB")
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(3 if head.startswith(b"\xef\xbb\xbf") else 0)
            yield from _bounded(path, _rows(path, file, head, size))
    except OSError as error:
        raise PredictionError(f"{path} cannot be read: {(error.strerror or type(error).__name__).lower()}") from error


def _bounded(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        if number >= MAX_ROWS:
            raise PredictionError(f"{path} has more than {MAX_ROWS:,} rows")
        yield row


def _rows(path: Path, file: IO[bytes], head: bytes, size: int) -> Iterator[Row]:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise PredictionError(f"{path} is empty")
    if b"\0" in head:
        raise PredictionError(f"{path} is not text (CSV, TSV, JSON or JSON lines in UTF-8)")
    if start[:1] in b"[{" and not _is_lines(file):
        return _whole(path, file, size)
    return _json_lines(file) if start[:1] == b"{" else _table(path, file)


# -- JSON


def _is_lines(file: IO[bytes]) -> bool:
    """Whether a file that begins with a brace has a JSON object on each line; the position is kept."""
    at = file.tell()
    lines = [line for _, line in zip(range(3), (text for text, _ in _lines(file) if text and text.strip()), strict=False)]
    file.seek(at)
    return len(lines) > 1 and any(isinstance(_json(line), dict) for line in lines)


def _lines(file: IO[bytes]) -> Iterator[tuple[bytes | None, int]]:
    """Lines with their numbers; None for one that is too long."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE_BYTES)
            yield None, number
        else:
            yield line, number


def _json(data: bytes | str) -> Any:
    """A JSON value, or one sentence fragment as an exception's text."""
    try:
        return json.loads(data.decode("utf-8") if isinstance(data, bytes) else data)
    except UnicodeDecodeError:
        return ValueError("is not UTF-8 text")
    except RecursionError:
        return ValueError("is nested too deeply")
    except ValueError as error:
        return ValueError(f"is not JSON ({str(error)[:80]})")


def _json_lines(file: IO[bytes]) -> Iterator[Row]:
    for line, number in _lines(file):
        where = f"line {number}"
        if line is None:
            yield where, f"is longer than {MAX_LINE_BYTES // 1_000_000} MB", ""
        elif line.strip():
            yield _row(where, _json(line), line)


def _row(where: str, value: Any, line: bytes | str = "") -> Row:
    if isinstance(value, Mapping):
        return where, value, ""
    written = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    return where, str(value) if isinstance(value, ValueError) else "is not a JSON object", written.strip()[:2000]


def _whole(path: Path, file: IO[bytes], size: int) -> Iterator[Row]:
    """Rows of one JSON value: a list, an object that holds one, an object of answers by id, or a single row."""
    if size > MAX_JSON_BYTES:
        raise PredictionError(f"{path} is one JSON value of more than {MAX_JSON_BYTES // 1_000_000} MB; write it as JSON lines")
    value = _json(file.read())
    if isinstance(value, ValueError):
        raise PredictionError(f"{path} {value}")
    if isinstance(value, dict):
        inside = next((value[name] for name in _LISTS if isinstance(value.get(name), list | dict) and value[name]), None)
        # A list called `predictions` in a row with an id holds its ranked places.
        value = inside if inside is not None and not ids_of(value) else value
    if isinstance(value, dict):
        answers = value.values()
        by_id = not has_answer_column(list(value)[:_MAX_COLUMNS]) and all(
            isinstance(answer, dict | list | str) for answer in answers
        )
        value = [_by_id(key, answer) for key, answer in value.items()] if by_id else [value]
    for number, item in enumerate(value, 1):
        yield _row(f"item {number}", item, json.dumps(item)[:2000] if not isinstance(item, dict) else "")


def _by_id(key: str, answer: Any) -> dict[str, Any]:
    if isinstance(answer, dict):
        return {"id": key, **answer}
    if isinstance(answer, list):
        return {"id": key, "latlon": answer[:2]}
    return {"id": key, "answer": answer}


# -- tables


def _table(path: Path, file: IO[bytes]) -> Iterator[Row]:
    lines = _Lines(file)
    first = next(lines, "")
    if lines.problem:
        raise PredictionError(f"{path}: line 1 {lines.problem}")
    delimiter = max(("\t", ",", ";", "|"), key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    if len(names) > _MAX_COLUMNS:
        raise PredictionError(f"{path} has {len(names):,} columns; the most that are read are {_MAX_COLUMNS}")
    headless = _is_headless(names)
    if not headless and not (ids_of(dict.fromkeys(names, "x")) and has_answer_column(names)):
        raise PredictionError(
            f"{path} has no columns for the photo and the answer (such as id, lat, lon, or id, place); it has {_listed(names)}"
        )
    if headless:
        yield "line 1", dict(zip(_PLACELESS, names, strict=False)), ""
    yield from _table_rows(lines, list(_PLACELESS[: len(names)]) if headless else names, delimiter)


def _is_headless(names: Sequence[str]) -> bool:
    """Whether the first line is `id, lat, lon` in values rather than in names."""
    try:
        return 3 <= len(names) <= 4 and all(abs(float(value)) <= 180 for value in names[1:3])
    except ValueError:
        return False


def _table_rows(lines: _Lines, names: Sequence[str], delimiter: str) -> Iterator[Row]:
    rows = csv.reader(lines, delimiter=delimiter)
    while True:
        where = f"line {lines.number + 1}"
        try:
            values = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield where, f"cannot be read as a row ({error})", ""
            continue
        if lines.problem:
            yield where, lines.problem, ""
            lines.problem = ""
        elif len(values) > len(names) and any(values[len(names) :]):
            problem = f"has {len(values)} values for {len(names)} columns"
            yield where, problem, delimiter.join(values)[:2000]
        elif any(value.strip() for value in values):
            yield where, {name: value.strip() for name, value in zip(names, values, strict=False) if name}, ""


class _Lines(Iterator[str]):
    """Lines of a file as text; a line that cannot be read is empty and leaves a `problem`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._lines = _lines(file)
        self.number, self.problem = 0, ""

    def __next__(self) -> str:
        line, self.number = next(self._lines)
        if line is None:
            self.problem = f"is longer than {MAX_LINE_BYTES // 1_000_000} MB"
            return ""
        try:
            return line.decode("utf-8").replace("\0", "")
        except UnicodeDecodeError:
            self.problem = "is not UTF-8 text"
            return "\n"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:30]) for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
