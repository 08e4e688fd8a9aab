"""Rows and vectors as Arrow tables, which LanceDB and Parquet keep: one column for each field of `Row`, and `vector`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from models.encoders.encoder import Vectors
from models.gallery.gallery import Row
from models.gallery.where import NO_TIME, second_of

if TYPE_CHECKING:
    import pyarrow

FIELDS = tuple(field.name for field in fields(Row))
_values = attrgetter(*FIELDS)


def schema_of(dim: int, second: bool = True) -> pyarrow.Schema:
    """The columns: those of `Row`, `vector` in half precision, and where asked for `second` (of the time; null where it is not known)."""
    import pyarrow

    columns = [pyarrow.field(name, pyarrow.float64() if name in ("lat", "lon") else pyarrow.string()) for name in FIELDS]
    seconds = [pyarrow.field("second", pyarrow.int64())] if second else []
    return pyarrow.schema([*columns, *seconds, pyarrow.field("vector", pyarrow.list_(pyarrow.float16(), dim))])


def table_of(rows: Sequence[Row], vectors: Vectors, schema: pyarrow.Schema) -> pyarrow.Table:
    """Checked rows and vectors [n, dim] with the columns of `schema_of`."""
    import pyarrow

    columns = dict(zip(FIELDS, map(list, zip(*map(_values, rows), strict=True)) if rows else [[] for _ in FIELDS], strict=True))
    if "second" in schema.names:
        seconds = [second_of(row.time) for row in rows]
        columns["second"] = [None if second == NO_TIME else second for second in seconds]
    halves = pyarrow.array(np.asarray(vectors, dtype=np.float16).ravel())
    columns["vector"] = pyarrow.FixedSizeListArray.from_arrays(halves, schema.field("vector").type.list_size)
    return pyarrow.table(columns, schema=schema)


def rows_of(table: pyarrow.Table | pyarrow.RecordBatch) -> list[Row]:
    """The rows of a table that has the columns of `Row`."""
    return [Row(*values) for values in zip(*(table[name].to_pylist() for name in FIELDS), strict=True)]


def vectors_of(part: pyarrow.RecordBatch, dim: int) -> Vectors:
    """The vectors [n, dim] of a batch as float32."""
    return np.asarray(part["vector"].flatten().to_numpy(zero_copy_only=False), dtype=np.float32).reshape(-1, dim)
