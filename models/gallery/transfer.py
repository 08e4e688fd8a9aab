"""Galleries move between stores, and as Parquet files between people: the columns of `Row`, `vector`, and what encoder made it."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import Vectors
from models.gallery.checked import checked
from models.gallery.gallery import Gallery, GalleryError, Row
from models.gallery.open import StoredGallery
from models.gallery.table import FIELDS, schema_of, table_of
from models.training_data import Told, silent

if TYPE_CHECKING:
    import pyarrow

_META = b"geosleuth"
_BATCH = 4096
_MOST_NUMBERS = 65536


@dataclass(frozen=True)
class About:
    """What a Parquet file says of its vectors."""

    dim: int
    rows: int
    encoder: str
    encoder_digest: str
    """Empty where the file does not say."""


def copy_gallery(source: Gallery, target: Gallery, told: Told = silent) -> int:
    """Put every row of one gallery into another, and flush it; how many there were. `told` hears `{"step": rows so far, "of": rows}`.

    Doing it again after a break continues where ids are the same: rows are replaced, never doubled. Raises GalleryError.
    """
    digests = {getattr(gallery, "encoder_digest", "") for gallery in (source, target)} - {""}
    if source.dim != target.dim or len(digests) > 1:
        raise GalleryError(
            f"the galleries hold vectors of different encoders ({source.dim} and {target.dim} numbers; {', '.join(sorted(digests))})"
        )
    done, total = 0, source.count()
    for rows, vectors in source.scan(_BATCH):
        target.add(rows, vectors)
        done += len(rows)
        told({"step": done, "of": total})
    target.flush()
    return done


def export_parquet(gallery: StoredGallery, path: Path, told: Told = silent) -> int:
    """Write a gallery to a Parquet file, whole or not at all; how many rows. Vectors are kept in half precision. Raises GalleryError."""
    parquet = _parquet()
    about = {"version": 1, "encoder": gallery.encoder, "encoder_digest": gallery.encoder_digest, "dim": gallery.dim}
    schema = schema_of(gallery.dim, second=False).with_metadata({_META: json.dumps(about).encode()})
    temporary = path.with_name(f".{path.name}.part")
    done, total = 0, gallery.count()
    try:
        with parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for rows, vectors in gallery.scan(_BATCH):
                writer.write_table(table_of(rows, vectors, schema))
                done += len(rows)
                told({"step": done, "of": total})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise GalleryError(f"{path} cannot be written ({' '.join(str(error).split())[:120]})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return done


def about_parquet(path: Path) -> About:
    """What a file of `export_parquet`, or one with its columns, says of itself. Raises GalleryError."""
    with _opened(path) as file:
        return _about(file, path)


def is_export(path: Path) -> bool:
    """Whether a Parquet file is what `export_parquet` writes, or has its columns and no pictures. Raises GalleryError where it cannot be read."""
    with _opened(path) as file:
        schema: pyarrow.Schema = file.schema_arrow
    import pyarrow.types as types

    if _META in (schema.metadata or {}):
        return True
    if not {"id", "lat", "lon", "vector"} <= set(schema.names) or len(set(schema.names)) != len(schema.names):
        return False
    pictures = any(types.is_struct(kind) or types.is_binary(kind) or types.is_large_binary(kind) for kind in schema.types)
    return types.is_fixed_size_list(schema.field("vector").type) and not pictures


def import_parquet(path: Path) -> Iterator[tuple[list[Row], Vectors]]:
    """The rows and unit vectors of a Parquet file, in batches. `id`, `lat`, `lon` and `vector` must be there, other columns of `Row` may be.

    Raises GalleryError with one line that names the column, or the first bad row: no text, coordinates out of range, vectors that are not
    finite, not of length 1, or not of one length.
    """
    with _opened(path) as file:
        dim, first = _about(file, path).dim, 0
        columns = [name for name in (*FIELDS, "vector") if name in file.schema_arrow.names]
        try:
            for part in file.iter_batches(_BATCH, columns=columns):
                rows, vectors = _rows(part, first), _vectors(part, dim, first)
                yield rows, checked(rows, vectors, dim, first)
                first += len(rows)
        except GalleryError as error:
            raise GalleryError(f"{path}: {error}") from None
        except (OSError, ValueError) as error:
            raise GalleryError(f"{path} is damaged ({' '.join(str(error).split())[:120]})") from error


def _parquet() -> Any:
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise GalleryError("parquet files need pyarrow: pip install 'geosleuth[evals]'") from None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    parquet = _parquet()
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise GalleryError(f"{path} is no Parquet file that can be read ({' '.join(str(error).split())[:120]})") from error
    with file:
        yield file


def _about(file: Any, path: Path) -> About:
    import pyarrow.types as types

    schema: pyarrow.Schema = file.schema_arrow
    if len(set(schema.names)) != len(schema.names):
        raise GalleryError(f"{path} has two columns of the same name")
    for name in ("id", "lat", "lon", "vector"):
        if name not in schema.names:
            raise GalleryError(f"{path} has no column {name!r}")
    for name in FIELDS:
        if name in schema.names:
            kind = schema.field(name).type
            fits = types.is_floating(kind) if name in ("lat", "lon") else types.is_string(kind) or types.is_large_string(kind)
            if not fits:
                raise GalleryError(
                    f"{path}: the column {name!r} holds {str(kind)[:40]}, not {'numbers' if name in ('lat', 'lon') else 'text'}"
                )
    vector = schema.field("vector").type
    if (
        not types.is_fixed_size_list(vector)
        or not types.is_floating(vector.value_type)
        or not 0 < vector.list_size <= _MOST_NUMBERS
    ):
        raise GalleryError(
            f"{path}: the column 'vector' holds {str(vector)[:40]}, not lists of floating-point numbers of one fixed size"
        )
    try:
        said = json.loads((schema.metadata or {}).get(_META, b"{}"))
        encoder, digest = str(said.get("encoder", "")), str(said.get("encoder_digest", ""))
    except (ValueError, AttributeError, RecursionError):
        raise GalleryError(f"{path}: what it says of its encoder cannot be read") from None
    return About(int(vector.list_size), int(file.metadata.num_rows), encoder, digest)


def _rows(part: pyarrow.RecordBatch, first: int) -> list[Row]:
    """The rows of a batch; text that is null becomes empty."""
    held = {name: part[name].to_pylist() for name in FIELDS if name in part.schema.names}
    for name in ("id", "lat", "lon"):
        if None in held[name]:
            raise GalleryError(f"row {first + held[name].index(None)} has no {name}")
    texts = {name: [value if value is not None else "" for value in values] for name, values in held.items()}
    return [Row(**dict(zip(texts, values, strict=True))) for values in zip(*texts.values(), strict=True)]


def _vectors(part: pyarrow.RecordBatch, dim: int, first: int) -> NDArray[np.floating]:
    column = part["vector"]
    if column.null_count or column.flatten().null_count:
        missing = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        raise GalleryError(f"row {first + int(missing[0])} has no vector" if missing.size else "a vector lacks numbers")
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float32).reshape(-1, dim)
