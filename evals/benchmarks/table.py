"""Tables of a benchmark: CSV, TSV, JSON lines and parquet, read column by column, with the row in every complaint.

Everything is text, as written; what is missing is "". Columns with many different values are dropped while they are read, so that
a table of 200,000 rows and 20 columns stays small.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from evals.benchmarks.parquet import ParquetRows
from evals.benchmarks.picture_rows import PictureRows
from evals.record import BenchmarkError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
MAX_ROWS = 2_000_000
MOST_VALUES = 32
"""A column with more different values, or longer ones than _LONGEST, is nothing to split results by (climates are 30)."""
_LONGEST = 40
_MOST_COLUMNS = 200
_MAX_LINE = 1_000_000

# What a column may be called, by preference; capitals, spaces, `-` and `_` do not matter.
ROLES: Mapping[str, tuple[str, ...]] = {
    "id": ("imgid", "id", "imageid", "photoid", "uid", "uuid", "key"),
    "image": ("path", "image", "imagepath", "filename", "file", "filepath", "img", "imgpath", "imagename", "rawimagepath"),
    "lat": ("lat", "latitude", "gpslat", "gpslatitude"),
    "lon": ("lon", "lng", "long", "longitude", "gpslon", "gpslongitude"),
    "country": ("country", "countrycode", "countryname", "iso2"),
    "region": ("region", "state", "province", "provinceorstate", "admin1"),
    "city": ("city", "town"),
    "kind": ("kind", "datatype"),
    "licence": ("licence", "license"),
    "attribution": ("attribution", "author", "credit", "source"),
    "split": ("split",),
    "time": (
        "time",
        "taken",
        "takenat",
        "datetaken",
        "timetaken",
        "datetimeoriginal",
        "capturedat",
        "captureddate",
        "datetime",
        "date",
        "timestamp",
    ),
}
# Fields of JSON lines and parquet that hold the labels: Thinking-with-Map writes `ground_truth` and `reward_model.ground_truth`.
_NESTED = ("groundtruth", "rewardmodel", "location", "metadata", "multilevellocdict", "extrainfo")


@dataclass(frozen=True)
class Table:
    """Columns of equal length."""

    path: Path
    roles: Mapping[str, Sequence[str]]
    """Columns by what they hold (keys of ROLES), those that the table has."""
    splits: Mapping[str, Sequence[str]]
    """Further columns with few, short values, by the name that the table gives them."""
    lines: Sequence[int]
    """Where each row begins: the line of a text file, the row of a parquet file, counted from 1."""
    pictures: PictureRows | None = None
    """Set where the pictures are in the table itself."""

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int) -> str:
        """`labels.csv line 18`, for complaints."""
        unit = "line" if self.path.suffix.lower() in {".csv", ".tsv", ".jsonl"} else "row"
        return f"{self.path.name} {unit} {self.lines[row]}"


def read_table(path: Path) -> Table:
    """Raises BenchmarkError, one line with the file and the row, for what cannot be read."""
    suffix = path.suffix.lower()
    if suffix == ".parquet" or path.is_dir():
        return table_of(ParquetRows(path))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _json_rows(path, file) if suffix == ".jsonl" else _csv_rows(path, file)
            return _collected(path, rows)
    except UnicodeDecodeError as error:
        raise BenchmarkError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {(error.strerror or type(error).__name__).lower()}") from error


def role_of(column: str) -> tuple[str, int] | None:
    """Which role a column has, and how well its name fits (0 is best); None for any other column."""
    name = plain(column)
    return next(((role, names.index(name)) for role, names in ROLES.items() if name in names), None)


def plain(column: str) -> str:
    """A column's name without capitals, spaces and signs."""
    return re.sub(r"[\s_\-.]", "", column).casefold()


def assigned(columns: Sequence[str]) -> dict[str, str]:
    """The column of each role that the table has: the best name wins, the first of equal ones."""
    best: dict[str, tuple[int, str]] = {}
    for column in columns:
        found = role_of(column)
        if found and (found[0] not in best or found[1] < best[found[0]][0]):
            best[found[0]] = (found[1], column)
    return {role: column for role, (_, column) in best.items()}


class _Column:
    """Values of one column that is dropped once it shows too many different ones."""

    def __init__(self, rows: int, bounded: bool) -> None:
        self.values: list[str] | None = [""] * rows
        self._bounded = bounded
        self._known: dict[str, str] = {}

    def add(self, value: str) -> None:
        if self.values is None:
            return
        if self._bounded:
            value = self._known.setdefault(value, value)
            if len(self._known) > MOST_VALUES + 1 or len(value) > _LONGEST:
                self.values = None
                return
        self.values.append(value)

    def splits(self, rows: int) -> bool:
        """Whether results can be split by it: at least two values, and not as many as rows."""
        known = len(self._known.keys() - {""})
        return self.values is not None and 2 <= known <= MOST_VALUES and known < rows


def _collected(path: Path, rows: Iterator[tuple[int, Mapping[str, str]]]) -> Table:
    columns: dict[str, _Column] = {}
    lines: list[int] = []
    for line, row in rows:
        if len(lines) >= MAX_ROWS:
            raise BenchmarkError(f"{path} has more than {MAX_ROWS:,} rows")
        for name in [name for name in row if name not in columns]:
            if len(columns) >= _MOST_COLUMNS:
                raise BenchmarkError(f"{path} line {line}: more than {_MOST_COLUMNS} columns")
            columns[name] = _Column(len(lines), bounded=role_of(name) is None)
        for name, column in columns.items():
            column.add(row.get(name, ""))
        lines.append(line)
    return _table(path, columns, lines)


def _table(path: Path, columns: Mapping[str, _Column], lines: Sequence[int]) -> Table:
    role_columns = assigned(list(columns))
    roles = {role: columns[name].values or [] for role, name in role_columns.items()}
    splits = {
        name: column.values or [] for name, column in columns.items() if role_of(name) is None and column.splits(len(lines))
    }
    return Table(path, roles, splits, lines)


def _csv_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    head = file.readline(_MAX_LINE)
    delimiter = max(("\t", ",", ";", "|"), key=head.count) if path.suffix.lower() != ".tsv" else "\t"
    file.seek(0)
    lines = csv.reader(_bounded(path, file), delimiter=delimiter)
    try:
        names = [name.strip() for name in next(lines, [])]
        if len(names) > _MOST_COLUMNS or not any(names):
            raise BenchmarkError(f"{path} has {len(names)} columns in its first line, where their names should stand")
        before = lines.line_num
        for values in lines:
            line, before = before + 1, lines.line_num
            if not any(values):
                continue
            if len(values) > len(names):
                raise BenchmarkError(
                    f"{path.name} line {line} has {len(values)} values for the {len(names)} columns {', '.join(names)[:200]} "
                    "(decimals are written with a point, or in quotes)"
                )
            yield line, {name: value.strip() for name, value in zip(names, values, strict=False) if name}
    except csv.Error as error:
        raise BenchmarkError(f"{path.name} line {lines.line_num}: {error}") from error


def _bounded(path: Path, file: IO[str]) -> Iterator[str]:
    number = 0
    while line := file.readline(_MAX_LINE + 1):
        number += 1
        if len(line) > _MAX_LINE:
            raise BenchmarkError(f"{path.name} line {number} has more than {_MAX_LINE:,} characters")
        yield line.replace("\0", "")


def _json_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for line, text in enumerate(_bounded(path, file), start=1):
        if not text.strip():
            continue
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BenchmarkError(f"{path.name} line {line} is not JSON: {str(error)[:100]}") from error
        if not isinstance(data, dict):
            raise BenchmarkError(f"{path.name} line {line} is not a JSON object")
        yield line, flat(data)


def flat(data: Mapping[str, Any]) -> dict[str, str]:
    """The plain values of a JSON object and of the objects inside it that hold labels; an outer value goes before an inner one."""
    values: dict[str, str] = {}
    inside: list[Mapping[str, Any]] = []
    for name, value in list(data.items())[:_MOST_COLUMNS]:
        if isinstance(value, Mapping):
            if plain(str(name)) in _NESTED:
                inside.append(value)
        elif isinstance(value, str | int | float | bool):
            values[str(name)] = str(value).strip()
    for nested in inside:
        for name, text in flat(nested).items():
            values.setdefault(name, text)
    return values


def table_of(rows: PictureRows) -> Table:
    """The table of rows with or without pictures. Raises BenchmarkError."""
    pictures = rows.picture_columns()
    values = rows.values([name for name in rows.names if name not in pictures][:_MOST_COLUMNS])
    table = _collected(rows.path, ((number, flat(row)) for number, row in enumerate(values, start=1)))
    return replace(table, pictures=rows) if pictures else table
