"""Which rows a filter holds: the one meaning of `Where`, over columns, for every store."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from geo.sphere import EARTH_RADIUS_KM, Floats, haversine_km, wrap_lon
from models.gallery.gallery import Circle, GalleryError, Row, Where

Rows = NDArray[np.intp]

NO_TIME = -(2**63)
"""The second of a row whose time is not known."""

_TIME = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?)?)?)?)?", re.ASCII)
_SLACK = 1.0 + 1e-9
"""A circle's box is larger by this, so that rounding never leaves a point of its border out."""


_FEW = 8


@dataclass(frozen=True, eq=False)
class Columns:
    """What filters read of rows [n]."""

    lat: Floats
    lon: Floats
    country: NDArray[np.uint16]
    """Indices into `countries`."""
    countries: Sequence[str]
    source: NDArray[np.uint16]
    """Indices into `sources`."""
    sources: Sequence[str]
    second: NDArray[np.int64]
    """`second_of` the times."""
    sha256: NDArray[np.uint8]
    """Digests [n, 32]; zeros where there is none."""
    rows_of: Callable[[Iterable[str]], Rows]
    """The rows that have some of these ids."""

    def __len__(self) -> int:
        return len(self.lat)


def columns_of(rows: Sequence[Row]) -> Columns:
    """The columns of rows in memory."""
    countries, country = _coded([row.country for row in rows])
    sources, source = _coded([row.source for row in rows])
    digests = b"".join(bytes.fromhex(row.sha256) or bytes(32) for row in rows)
    row_of = {row.id: number for number, row in enumerate(rows)}
    return Columns(
        np.array([row.lat for row in rows], dtype=np.float64),
        np.array([row.lon for row in rows], dtype=np.float64),
        country,
        countries,
        source,
        sources,
        np.array([second_of(row.time) for row in rows], dtype=np.int64),
        np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32),
        lambda ids: np.array([row_of[id] for id in ids if id in row_of], dtype=np.intp),
    )


def _coded(texts: Sequence[str]) -> tuple[list[str], NDArray[np.uint16]]:
    names = sorted(set(texts))
    codes = {name: code for code, name in enumerate(names)}
    return names, np.array([codes[text] for text in texts], dtype=np.uint16)


@functools.lru_cache(maxsize=65536)
def second_of(time: str) -> int:
    """The first second (since 1970, no zone) of an ISO 8601 time or its beginning; `NO_TIME` for no text. Raises GalleryError."""
    if not time:
        return NO_TIME
    match = _TIME.fullmatch(time)
    parts = [part and int(part) for part in match.groups()] if match else []
    try:
        year, month, day, hour, minute, second = parts
        moment = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0)
        if month == 0 or day == 0:
            raise ValueError
    except ValueError:
        raise GalleryError(f"{time[:40]!r} is no time (ISO 8601 without zone, or its beginning: 2019-07)") from None
    return round((moment - datetime(1970, 1, 1)).total_seconds())


def check_where(where: Where) -> None:
    """Raises GalleryError with one line where a filter means nothing."""
    second_of(where.taken_from), second_of(where.taken_before)
    box, circle = where.box, where.circle
    if box is not None and not all(map(math.isfinite, (box.south, box.west, box.north, box.east))):
        raise GalleryError(f"the box of a filter needs four numbers, not {box}")
    if circle is None:
        return
    if not (abs(circle.lat) <= 90 and math.isfinite(circle.lon) and circle.radius_km >= 0):
        raise GalleryError(f"the circle of a filter needs a point on the Earth and a radius, not {circle}")


def mask(where: Where, columns: Columns) -> NDArray[np.bool_]:
    """Which rows [n] the filter holds. Raises GalleryError for a filter that means nothing."""
    kept = np.zeros(len(columns), dtype=bool)
    kept[held_rows(where, columns)] = True
    return kept


def held_rows(where: Where, columns: Columns) -> Rows:
    """The rows, ascending, that the filter holds. Raises GalleryError for a filter that means nothing.

    The cheap parts go first, and each part looks only at the rows that the parts before it left.
    """
    check_where(where)
    rows: Rows | slice = slice(None)
    for part in (_named, _timed, _in_box, _in_circle, _not_excluded):
        held = part(where, columns, rows)
        if held is not None:
            rows = np.flatnonzero(held) if isinstance(rows, slice) else rows[held]
    left = np.arange(len(columns)) if isinstance(rows, slice) else rows
    unwanted = columns.rows_of(where.exclude_ids) if where.exclude_ids else ()
    return left[~np.isin(left, unwanted)] if len(unwanted) else left


Held = NDArray[np.bool_] | None
"""Which of the rows that are left a part of a filter holds; None where the filter has no such part."""


def _named(where: Where, columns: Columns, rows: Rows | slice) -> Held:
    if not where.countries:
        return _one_of(columns.source[rows], columns.sources, where.sources) if where.sources else None
    held = _one_of(columns.country[rows], columns.countries, where.countries)
    if where.sources:
        held &= _one_of(columns.source[rows], columns.sources, where.sources)
    return held


def _one_of(codes: NDArray[np.uint16], names: Sequence[str], wanted: frozenset[str]) -> NDArray[np.bool_]:
    known = [code for code, name in enumerate(names) if name in wanted]
    if len(known) > _FEW:
        return np.asarray(np.isin(np.arange(len(names)), known)[codes])
    # A few comparisons are faster than looking every code up.
    held = np.zeros(len(codes), dtype=bool)
    for code in known:
        held |= codes == np.uint16(code)
    return held


def _timed(where: Where, columns: Columns, rows: Rows | slice) -> Held:
    if not (where.taken_from or where.taken_before):
        return None
    second = columns.second[rows]
    held: NDArray[np.bool_] = second != NO_TIME
    if where.taken_from:
        held &= second >= second_of(where.taken_from)
    if where.taken_before:
        held &= second < second_of(where.taken_before)
    return held


def _in_box(where: Where, columns: Columns, rows: Rows | slice) -> Held:
    if where.box is None:
        return None
    return _where_near(where.box, columns, rows, where.box.contains)


def _in_circle(where: Where, columns: Columns, rows: Rows | slice) -> Held:
    circle = where.circle
    if circle is None:
        return None
    return _where_near(circle_box(circle), columns, rows, functools.partial(in_circle, circle))


def _where_near(
    box: Box, columns: Columns, rows: Rows | slice, test: Callable[[Floats, Floats], NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """A test of points that costs much, asked only between the latitudes of a box."""
    lat = columns.lat[rows]
    held = (lat >= box.south) & (lat <= box.north)
    near = np.flatnonzero(held)
    held[near] = test(lat[near], columns.lon[rows][near])
    return held


def _not_excluded(where: Where, columns: Columns, rows: Rows | slice) -> Held:
    digests = [bytes.fromhex(text) for text in where.exclude_sha256 if re.fullmatch("[0-9a-fA-F]{64}", text)]
    if not digests:
        return None
    unwanted = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32)
    own = columns.sha256[rows]
    # The first eight bytes tell almost all apart; the others are looked at in full.
    alike = np.flatnonzero(np.isin(own.view(np.uint64)[:, 0], unwanted.view(np.uint64)[:, 0]))
    held = np.ones(len(own), dtype=bool)
    held[alike] = [bytes(own[row]) not in digests for row in alike]
    return held


def in_circle(circle: Circle, lat: Floats, lon: Floats) -> NDArray[np.bool_]:
    """Which points [n] are within the radius, by the great-circle distance, border included."""
    return np.asarray(haversine_km(circle.lat, circle.lon, lat, lon) <= circle.radius_km)


def circle_box(circle: Circle) -> Box:
    """A box that holds the circle; it goes all around where the circle holds a pole (a box of latitudes then)."""
    radius_deg = math.degrees(circle.radius_km / EARTH_RADIUS_KM) * _SLACK + 1e-9
    south, north = max(-90.0, circle.lat - radius_deg), min(90.0, circle.lat + radius_deg)
    if south == -90.0 or north == 90.0:
        return Box(south, -180.0, north, 180.0)
    # The meridians that touch it: sin(half width) = sin(radius) / cos(latitude).
    sine = math.sin(math.radians(radius_deg)) / math.cos(math.radians(circle.lat))
    if sine >= 1.0:
        return Box(south, -180.0, north, 180.0)
    half = math.degrees(math.asin(sine)) * _SLACK
    return Box(south, float(wrap_lon(circle.lon - half)), north, float(wrap_lon(circle.lon + half)))


def lon_ranges(box: Box) -> list[tuple[float, float]]:
    """The longitudes of a box as closed ranges within [-180, 180]; 180 and -180 are the same meridian."""
    west, east = float(wrap_lon(box.west)), float(wrap_lon(box.east))
    if box.east != box.west and (box.east - box.west) % 360.0 == 0.0:
        return [(-180.0, 180.0)]
    if west > east:
        return [(west, 180.0), (-180.0, east)]
    return [(west, east), (180.0, 180.0)] if west == -180.0 else [(west, east)]
