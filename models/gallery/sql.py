"""A filter as an SQL expression (DataFusion's dialect, which LanceDB reads).

Values go in as literals of one kind each, so that no text of the world can become SQL.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from geo.area import Box
from geo.sphere import EARTH_RADIUS_KM
from models.gallery.checked import storable
from models.gallery.gallery import Circle, GalleryError, Where
from models.gallery.where import check_where, circle_box, lon_ranges, second_of

_SLACK = 1.0 + 1e-9


def sql_of(where: Where) -> str:
    """The expression over the columns of `Row` and `second`; empty for a filter that holds all rows.

    A circle's expression may hold points up to 1e-9 of the radius (or a millimetre) outside it, never fewer than the circle: the caller
    looks again. Raises GalleryError.
    """
    check_where(where)
    parts = []
    if where.countries:
        parts.append(one_of("country", where.countries))
    if where.sources:
        parts.append(one_of("source", where.sources))
    if where.taken_from:
        parts.append(f"second >= {integer(second_of(where.taken_from))}")
    if where.taken_before:
        parts.append(f"second < {integer(second_of(where.taken_before))}")
    if where.box is not None:
        parts.append(_in_box(where.box))
    if where.circle is not None:
        parts += [_in_box(circle_box(where.circle)), _in_circle(where.circle)]
    unwanted = {
        "id": set(filter(storable, where.exclude_ids)),
        "sha256": {digest.lower() for digest in where.exclude_sha256 if digest and storable(digest)},
    }
    parts += [f"NOT {one_of(column, texts)}" for column, texts in unwanted.items() if texts]
    return " AND ".join(f"({part})" for part in parts)


def text(value: str) -> str:
    """A string literal. Raises GalleryError for text that none can hold."""
    if not storable(value):
        raise GalleryError(f"{value[:40]!r} holds characters that no text of a gallery holds")
    return "'" + value.replace("'", "''") + "'"


def number(value: float) -> str:
    """A literal of 64-bit floating point. Raises GalleryError where it is not finite."""
    if not math.isfinite(value):
        raise GalleryError(f"a filter needs numbers, not {value}")
    return repr(float(value))


def integer(value: int) -> str:
    """A literal of a whole number."""
    return str(int(value))


def one_of(column: str, texts: Iterable[str]) -> str:
    """Whether a column is one of some texts."""
    return f"{column} IN ({', '.join(text(value) for value in sorted(texts))})"


def _in_box(box: Box) -> str:
    ranges = " OR ".join(f"(lon >= {number(west)} AND lon <= {number(east)})" for west, east in lon_ranges(box))
    return f"lat >= {number(box.south)} AND lat <= {number(box.north)} AND ({ranges})"


def _in_circle(circle: Circle) -> str:
    """The haversine formula: sin^2(dlat / 2) + cos(lat) cos(lat0) sin^2(dlon / 2) <= sin^2(radius / 2 R)."""
    half = min((circle.radius_km * _SLACK + 1e-6) / EARTH_RADIUS_KM / 2, math.pi / 2)
    cosine = number(math.cos(math.radians(circle.lat)))
    across = [f"sin(radians({column} - {number(middle)}) / 2.0)" for column, middle in (("lat", circle.lat), ("lon", circle.lon))]
    most = number(math.sin(half) ** 2 * _SLACK)
    return f"{across[0]} * {across[0]} + cos(radians(lat)) * {cosine} * {across[1]} * {across[1]} <= {most}"
