"""Rows of parquet files with pictures in them: labels are read without pictures, a picture when it is opened.

Files of many gigabytes are never loaded: columns without pictures are read batch by batch, and a picture by streaming through its
row group up to its row.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.benchmarks.picture_rows import bytes_of
from evals.record import BenchmarkError

_MAX_SHARDS = 10_000
_BUFFER = 1 << 20
_BROKEN = (OSError, ValueError, NotImplementedError)  # what the errors of pyarrow derive from


class ParquetRows:
    """The rows of one parquet file, or of all those below a folder in the order of their names. Thread-safe.

    A `PictureRows`.
    """

    def __init__(self, path: Path) -> None:
        """Raises BenchmarkError where pyarrow is missing, or there is no parquet file, or one that cannot be read."""
        self._parquet = _pyarrow()
        self.path = path
        shards = sorted(path.rglob("*.parquet"))[:_MAX_SHARDS] if path.is_dir() else [path]
        if not shards:
            raise BenchmarkError(f"{path} holds no parquet file")
        self._shards = shards
        self._lock = threading.Lock()
        counts: list[list[int]] = []
        for shard in shards:
            with self._open(shard) as file:
                groups = file.metadata
                counts.append([groups.row_group(i).num_rows for i in range(groups.num_row_groups)])
                schema = file.schema_arrow
                if shard == shards[0]:
                    self.schema = schema
                elif schema.names != self.schema.names:
                    raise BenchmarkError(f"{shard} has other columns than {shards[0].name}")
        self._starts = np.cumsum([0, *(sum(groups) for groups in counts)])
        self._groups = [np.cumsum([0, *groups]) for groups in counts]

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def names(self) -> list[str]:
        return list(self.schema.names)

    def picture_columns(self) -> list[str]:
        """Columns that hold bytes, alone or in a structure."""

        def holds(kind: Any) -> bool:
            parts = [kind.field(i) for i in range(kind.num_fields)]
            return str(kind) in {"binary", "large_binary"} or any(part.name == "bytes" and holds(part.type) for part in parts)

        return [field.name for field in self.schema if holds(field.type)]

    def values(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Every row as plain Python values of these columns. Raises BenchmarkError."""
        return self._rows(columns, 1024)

    def pictures(self, column: str) -> Iterator[bytes | None]:
        """The bytes of every row, one at a time. Raises BenchmarkError."""
        for row in self._rows([column], 1):
            yield bytes_of(row[column])
        self._release()

    def file(self, name: str) -> Path | None:
        """None: what lies beside local files is found in their folder."""
        return None

    def _rows(self, columns: Sequence[str], batch: int) -> Iterator[dict[str, Any]]:
        for shard in self._shards:
            with self._open(shard) as file:
                try:
                    for rows in file.iter_batches(batch_size=batch, columns=list(columns), use_threads=False):
                        yield from rows.to_pylist()
                except _BROKEN as error:
                    raise _unreadable(shard, error) from error

    def picture(self, row: int, column: str) -> bytes | None:
        """The bytes in one row; None where it has none. Raises BenchmarkError. One picture is read at a time."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        shard, groups = self._shards[number], self._groups[number]
        row -= int(self._starts[number])
        group = int(np.searchsorted(groups, row, side="right")) - 1
        row -= int(groups[group])
        with self._lock:
            found = self._streamed(shard, group, row, column)
            self._release()
        return found

    @staticmethod
    def _release() -> None:
        """Gives memory back to the system: a page of the file may hold a hundred pictures."""
        importlib.import_module("pyarrow").default_memory_pool().release_unused()

    def _streamed(self, shard: Path, group: int, row: int, column: str) -> bytes | None:
        try:
            with self._open(shard) as file:
                batches = file.iter_batches(batch_size=1, row_groups=[group], columns=[column], use_threads=False)
                return next((bytes_of(one.column(0)[0].as_py()) for at, one in enumerate(batches) if at == row), None)
        except _BROKEN as error:
            raise _unreadable(shard, error) from error

    def _open(self, shard: Path) -> Any:
        try:
            return self._parquet.ParquetFile(shard, buffer_size=_BUFFER, pre_buffer=False)
        except _BROKEN as error:
            raise _unreadable(shard, error) from error


def _pyarrow() -> Any:
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise BenchmarkError("parquet files need pyarrow: pip install 'geosleuth[evals]'") from None


def _unreadable(shard: Path, error: Exception) -> BenchmarkError:
    return BenchmarkError(f"{shard} cannot be read as parquet ({' '.join(str(error).split())[:150]})")
