"""Rows with pictures in them, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol


class PictureRows(Protocol):
    """A table whose labels can be read without its pictures. What cannot be read raises BenchmarkError, one line."""

    @property
    def path(self) -> Path:
        """What it is called in complaints."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Its columns."""
        ...

    def __len__(self) -> int: ...

    def picture_columns(self) -> list[str]:
        """Columns that hold pictures."""
        ...

    def values(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Every row as plain values of these columns, which hold no pictures."""
        ...

    def pictures(self, column: str) -> Iterator[bytes | None]:
        """The picture of every row, one at a time."""
        ...

    def picture(self, row: int, column: str) -> bytes | None:
        """The picture of one row; None where it has none. Thread-safe."""
        ...

    def file(self, name: str) -> Path | None:
        """A file that lies beside the table where it was published, fetched if need be; None where there is none."""
        ...


def bytes_of(value: object) -> bytes | None:
    """The picture in a value: bytes, or a structure with `bytes` and `path` as Hugging Face writes them."""
    if isinstance(value, dict):
        value = value.get("bytes")
    return value if isinstance(value, bytes) and value else None
