"""Benchmarks that are a table of coordinates and a heap of pictures."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from agent.photo import PhotoError, PhotoFile
from evals.benchmarks.image_store import ImageStore, photo_of_bytes
from evals.benchmarks.loaded import Loaded, listed
from evals.benchmarks.picture_rows import PictureRows
from evals.benchmarks.table import MOST_VALUES, Table
from evals.record import BenchmarkError, Record, Truth
from evals.truth import given

KINDS = {"photo": "photo", "panorama": "panorama", "pano": "panorama", "satellite": "satellite", "planetary": "satellite",
         "scene": "scene"}  # fmt: skip
"""What tables call the kinds of a picture, as records name them."""
_MOST_COLUMNS = 12
_LONGEST_ID = 300
_MAX_HEAD = 10_000
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3},\d+")

Skipped = list[tuple[str, str]]
"""Names of rows that cannot be used, each with the reason."""
_Refuse = Callable[[int, str], object]
"""Told of a bad row and why."""


def load_table(
    table: Table, images: ImageStore | None, *, licence: str = "", attribution: str = "", split: str = "", skipped: Skipped | None = None
) -> Loaded:  # fmt: skip
    """Records of a table, in its order. Rows without coordinates and names are left out and counted.

    `split` leaves out rows of another split, where the table has such a column. Raises BenchmarkError, one line with the row, for
    coordinates that cannot be, ids that occur twice, and a table without ids or without anything that says where. With `skipped`, a row
    that cannot be used goes on that list instead, and the others are kept.
    """
    bad: dict[int, str] = {}
    refuse: _Refuse = _refuse if skipped is None else bad.setdefault
    _refuse_headless(table)
    names = _names(table) if skipped is None else _names_row_by_row(table, refuse)
    open_row = _openers(table, images, names)
    used = [row for row in range(len(table)) if not split or _value(table, "split", row).casefold() in {split, ""}]
    truths = {row: _truth(table, row, refuse) for row in used if row not in bad}
    kept = {row: truth for row, truth in truths.items() if truth is not None and row not in bad}
    _refuse_twins(table, names, kept, refuse)
    kept = {row: truth for row, truth in kept.items() if row not in bad}
    if not kept and bad:
        raise BenchmarkError(f"none of the {len(table):,} rows of {table.path} can be used: {next(iter(bad.values()))}")
    if not kept:
        raise BenchmarkError(
            f"{table.path} says of none of its {len(table):,} rows where the photo was taken (lat and lon, or names); its columns are "
            f"{_found(table)}"
        )
    if skipped is not None:
        taken = {names[row] for row in kept}
        skipped += [(_called(table, names[row], row, taken), reason) for row, reason in sorted(bad.items())]
    columns = _columns(table)
    records = [
        Record(names[row], truth, open_row(row), KINDS.get(_value(table, "kind", row).casefold(), "photo"),
               {name: values[row] for name, values in columns.items() if values[row]},
               _value(table, "licence", row) or licence, _value(table, "attribution", row) or attribution, _picture(table, names, row))
        for row, truth in kept.items()
    ]  # fmt: skip
    left_out = len(table) - len(used)
    notes = [f"{left_out:,} rows of other splits than {split!r} were left out"] if left_out else []
    notes += listed(
        "rows without coordinates and names were left out", [names[row] for row in used if row not in kept and row not in bad]
    )
    wanted = [_picture(table, names, row) for row in kept]
    return Loaded(records, notes, list if table.pictures is not None else _absent(images, wanted))


def _refuse(row: int, reason: str) -> None:
    raise BenchmarkError(reason)


def _called(table: Table, name: str, row: int, taken: Iterable[str]) -> str:
    """What a row that is skipped is listed as: its id, with its line where another row has that id."""
    return f"{name[:_LONGEST_ID]} ({table.where(row)})" if name in taken else name[:_LONGEST_ID] or table.where(row)


def _refuse_headless(table: Table) -> None:
    """Raises BenchmarkError where nothing but a head is there, or one of the coordinates has no column."""
    if not len(table):
        raise BenchmarkError(f"{table.path} has no rows; its columns are {_found(table)}")
    for there, missing, name in (("lat", "lon", "longitude"), ("lon", "lat", "latitude")):
        if missing not in table.roles and any(table.roles.get(there, ())):
            raise BenchmarkError(
                f"{table.path} has no column for the {name} (such as {missing} or {name}); its columns are {_found(table)}"
            )


def _found(table: Table) -> str:
    """The columns as the table calls them; of other tables than text those that were kept."""
    names: Sequence[str] = [*table.roles, *table.splits]
    if table.path.suffix.lower() in {".csv", ".tsv"}:
        with table.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            head = file.readline(_MAX_HEAD)
        delimiter = max(("\t", ",", ";", "|"), key=head.count)
        names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
    named = ", ".join(name[:40] for name in names[:_MOST_COLUMNS] if name)
    return (named or "none") + (", …" if len(names) > _MOST_COLUMNS else "")


def _refuse_twins(table: Table, names: Sequence[str], rows: Iterable[int], refuse: _Refuse) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(names[row], row)
        if first != row:
            refuse(row, f"{table.where(row)} has the same id as {table.where(first)}: {names[row][:80]!r}")
        if len(names[row]) > _LONGEST_ID:
            refuse(row, f"{table.where(row)} has an id of {len(names[row]):,} characters")


def _names_row_by_row(table: Table, refuse: _Refuse) -> Sequence[str]:
    """The id of each row, or the name of its picture where it has none; rows without either are refused."""
    held = [table.roles[role] for role in ("id", "image") if role in table.roles]
    if not held or table.pictures is not None:
        return _names(table)
    names = [next(filter(None, of), "") for of in zip(*held, strict=True)]
    for row in [row for row, name in enumerate(names) if not name]:
        refuse(row, f"{table.where(row)} names neither an id nor a picture")
    return names


def _names(table: Table) -> Sequence[str]:
    """The ids, or the names of the pictures where there are none."""
    for role in ("id", "image"):
        if role in table.roles:
            names = table.roles[role]
            unnamed = next((row for row, name in enumerate(names) if not name), None)
            if unnamed is None:
                return names
            if role == "image":
                raise BenchmarkError(f"{table.where(unnamed)} names neither an id nor a picture")
    if table.pictures is not None:
        return [str(number) for number in table.lines]
    raise BenchmarkError(
        f"{table.path} has no column for the picture (such as id, IMG_ID, image, path or filename); its columns are {_found(table)}"
    )


def _value(table: Table, role: str, row: int) -> str:
    column = table.roles.get(role)
    return column[row] if column is not None else ""


def _truth(table: Table, row: int, refuse: _Refuse) -> Truth | None:
    """What the row says about the place; None where it says nothing. Coordinates that cannot be are refused."""
    lat, lon = (_value(table, role, row) for role in ("lat", "lon"))
    country, region, city = ("" if name.casefold() in {"nan", "none", "null"} else name
                             for name in (_value(table, level, row) for level in ("country", "region", "city")))  # fmt: skip
    if not lat and not lon:
        return given(None, None, country=country, region=region, city=city) if country or region or city else None
    try:
        return given(*point(lat, lon), country=country, region=region, city=city)
    except ValueError as error:
        refuse(row, f"{table.where(row)}: {error}")
        return None


def point(lat: str, lon: str) -> tuple[float, float]:
    """Coordinates from text. Raises ValueError with one plain sentence for what is no place on the Earth."""
    values = []
    for name, text in (("latitude", lat), ("longitude", lon)):
        try:
            value = float(text)
        except ValueError:
            if not text:
                raise ValueError(f"the {name} is missing") from None
            comma = "; decimals are written with a point" if _DECIMAL_COMMA.fullmatch(text) else ""
            raise ValueError(f"the {name} {text[:40]!r} is not a number{comma}") from None
        if not math.isfinite(value):
            raise ValueError(f"the {name} is {text[:40]}, which is not a number")
        values.append(value)
    if abs(values[0]) > 90:
        swapped = "; latitude and longitude seem to be swapped" if abs(values[1]) <= 90 and abs(values[0]) <= 180 else ""
        raise ValueError(f"the latitude {values[0]:g} is outside -90 to 90{swapped}")
    if abs(values[1]) > 180:
        raise ValueError(f"the longitude {values[1]:g} is outside -180 to 180")
    return values[0], values[1]


def _columns(table: Table) -> dict[str, Sequence[str]]:
    """The columns to split results by. Kinds that records do not have are one of them, as `labelled kind`."""
    columns = dict(table.splits)
    kinds = set(table.roles.get("kind", ())) - {""}
    if len(kinds) <= MOST_VALUES and not {kind.casefold() for kind in kinds} <= KINDS.keys():
        columns = {"labelled kind": [kind[:40] for kind in table.roles["kind"]], **columns}
    return dict(list(columns.items())[:_MOST_COLUMNS])


def _picture(table: Table, names: Sequence[str], row: int) -> str:
    return _value(table, "image", row) or names[row]


def _openers(table: Table, images: ImageStore | None, names: Sequence[str]) -> Callable[[int], Callable[[], PhotoFile]]:
    """What opens the picture of each row: out of the table itself, or from among `images`."""
    if table.pictures is not None:
        return partial(_from_table, table.pictures, table.pictures.picture_columns()[0])
    return lambda row: partial(_from_store, images, _picture(table, names, row))


def _from_store(images: ImageStore | None, name: str) -> PhotoFile:
    if images is None:
        raise PhotoError(f"{name[:200]!r} cannot be opened: no folder of pictures was given")
    return images.open(name)


def _from_table(rows: PictureRows, column: str, row: int) -> Callable[[], PhotoFile]:
    return partial(photo_in_row, rows, row, (column,))


def photo_in_row(rows: PictureRows, row: int, columns: Sequence[str]) -> PhotoFile:
    """The picture in the first of `columns` that has one. Raises PhotoError."""
    name = rows.path / f"row {row + 1}"
    for column in columns:
        try:
            data = rows.picture(row, column)
        except BenchmarkError as error:
            raise PhotoError(str(error)) from error
        if data is not None:
            return photo_of_bytes(name, data)
    raise PhotoError(f"{name} has no picture")


def _absent(images: ImageStore | None, wanted: Sequence[str]) -> Callable[[], list[str]]:
    return lambda: [name for name in wanted if images is None or not images.has(name)]
