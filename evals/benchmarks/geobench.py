"""GeoBench, in both of its layouts: LibraTree/GeoVistaBench and the older LibraTree/GeoBench.

    GeoVistaBench   id, raw_image_path, preview (JPEG of at most 1 megapixel), metadata (JSON text), data_type; split test
    GeoBench        image, metadata; split train

The metadata hold `location.lat`, `.lng` and `.multi_level_loc_dict` with `country`, `province_or_state` and `city`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agent.photo import PhotoFile, open_photo
from evals.benchmarks.coordinates import KINDS, photo_in_row, point
from evals.benchmarks.loaded import Loaded, listed
from evals.benchmarks.picture_rows import PictureRows
from evals.record import BenchmarkError, Record, Truth
from evals.truth import given

_PICTURES = ("preview", "image")
_ATTRIBUTION = "GeoVistaBench (LibraTree)"
_LONGEST_METADATA = 100_000


@dataclass(frozen=True)
class _Row:
    """One row without its picture."""

    number: int
    """From 0."""
    id: str
    raw: str
    """Path of the picture in full resolution, below the folder of the data set; "" where none is named."""
    kind: str | None
    truth: Truth | None


def load_geobench(rows: PictureRows, folder: Path | None) -> Loaded:
    """Records of GeoBench; `folder` is where `raw_image/` lies. No picture is decoded.

    Rows without a place are left out and counted. Raises BenchmarkError for other columns than GeoBench's, for metadata that cannot
    be read and for ids that occur twice.
    """
    columns = [name for name in _PICTURES if name in rows.names]
    if "metadata" not in rows.names or not columns:
        raise BenchmarkError(
            f"{rows.path} is not GeoBench: it has the columns {', '.join(rows.names[:8])}, not image and metadata"
        )
    listing = list(_listing(rows))
    _refuse_twins(rows, listing)
    unsaid = [row.number for row in listing if row.kind is None]
    panoramas = set(_wide(rows, columns[0])) if unsaid else set()
    records = [
        Record(row.id, row.truth, partial(_open, rows, row, columns, folder),
               row.kind or ("panorama" if row.number in panoramas else "photo"), attribution=_ATTRIBUTION)
        for row in listing if row.truth is not None
    ]  # fmt: skip
    notes = listed("rows without a place were left out", [row.id for row in listing if row.truth is None])
    if unsaid:
        notes.append(f"{len(unsaid):,} rows do not say their kind: a picture twice as wide as high was taken for a panorama")
    return Loaded(records, notes)


def _refuse_twins(rows: PictureRows, listing: Sequence[_Row]) -> None:
    seen: dict[str, int] = {}
    for row in listing:
        first = seen.setdefault(row.id, row.number)
        if first != row.number:
            raise BenchmarkError(f"{rows.path} rows {first + 1} and {row.number + 1} have the same id {row.id[:80]!r}")


def _listing(rows: PictureRows) -> Iterator[_Row]:
    wanted = [name for name in ("id", "raw_image_path", "metadata", "data_type") if name in rows.names]
    for number, row in enumerate(rows.values(wanted)):
        try:
            metadata = _metadata(row["metadata"])
            truth = _truth(metadata)
        except ValueError as error:
            raise BenchmarkError(f"{rows.path} row {number + 1}: {error}") from error
        name = str(row.get("id") or metadata.get("uid") or f"row-{number + 1}")[:200]
        kind = next(
            filter(None, (KINDS.get(str(said or "").casefold()) for said in (row.get("data_type"), metadata.get("data_type")))),
            None,
        )
        yield _Row(number, name, str(row.get("raw_image_path") or ""), kind, truth)


def _metadata(value: object) -> Mapping[str, Any]:
    """The metadata, which are JSON text or a structure. Raises ValueError."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        if len(value) > _LONGEST_METADATA:
            raise ValueError(f"its metadata have {len(value):,} characters")
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"its metadata are not JSON ({str(error)[:80]})") from None
    if not isinstance(value, Mapping):
        raise ValueError("its metadata are no JSON object")
    return value


def _truth(metadata: Mapping[str, Any]) -> Truth | None:
    location = metadata.get("location")
    if not isinstance(location, Mapping):
        return None
    levels = location.get("multi_level_loc_dict")
    levels = levels if isinstance(levels, Mapping) else {}
    country, region, city = (_text(levels.get(name)) for name in ("country", "province_or_state", "city"))
    lat, lon = (next((location[name] for name in names if location.get(name) is not None), None)
                for names in (("lat", "latitude"), ("lng", "lon", "longitude")))  # fmt: skip
    if lat is None and lon is None:
        return given(None, None, country=country, region=region, city=city) if country or region or city else None
    return given(*point(str(lat), str(lon)), country=country, region=region, city=city)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and value.strip().casefold() not in {"none", "null", "nan"} else ""


def _wide(rows: PictureRows, column: str) -> Iterator[int]:
    """Numbers of the rows whose picture is twice as wide as high. Only the heads of the pictures are decoded, one at a time."""
    from PIL import Image, UnidentifiedImageError

    for number, data in enumerate(rows.pictures(column)):
        try:
            with Image.open(io.BytesIO(data or b"")) as image:
                if abs(image.width - 2 * image.height) <= 0.02 * image.width:
                    yield number
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            continue  # whoever opens the record is told


def _open(rows: PictureRows, row: _Row, columns: Sequence[str], folder: Path | None) -> PhotoFile:
    """The picture in full resolution where it is there, else the one in the table. Raises PhotoError."""
    path = _raw(row.raw, folder) or rows.file(row.raw)
    return open_photo(path) if path else photo_in_row(rows, row.number, columns)


def _raw(name: str, folder: Path | None) -> Path | None:
    parts = Path(name).parts
    if not folder or not parts or Path(name).is_absolute() or ".." in parts or "\0" in name:
        return None
    path = folder.joinpath(*parts)
    return path if path.is_file() else None
