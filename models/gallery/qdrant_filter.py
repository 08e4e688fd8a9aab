"""A filter as the conditions of Qdrant."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from models.gallery.checked import storable
from models.gallery.gallery import Circle, Where
from models.gallery.where import check_where, lon_ranges, second_of

if TYPE_CHECKING:
    from qdrant_client import models as qm

_NAMESPACE = uuid.UUID("5c8f3f3e-0a52-5d0b-8d3b-6b1f7c1a9e42")
_SLACK_KM = 0.05
_SLACK = 1e-4
"""A server's Earth may have another radius than ours: its circles are asked for a little larger, and its answers looked at again."""


def filter_of(where: Where | None, grown: float = 1.0) -> qm.Filter | None:
    """The conditions of a filter. A circle is larger by a little (smaller with `grown=-1`): it holds all (only) rows inside. Raises GalleryError."""
    if where is None:
        return None
    from qdrant_client import models as qm

    check_where(where)
    must: list[Any] = [
        qm.FieldCondition(key=key, match=qm.MatchAny(any=sorted(names)))
        for key, names in (("country", where.countries), ("source", where.sources))
        if names
    ]
    if where.taken_from or where.taken_before:
        first = second_of(where.taken_from) if where.taken_from else None
        until = second_of(where.taken_before) if where.taken_before else None
        must.append(qm.FieldCondition(key="second", range=qm.Range(gte=first, lt=until)))
    if where.box is not None:
        must.append(qm.FieldCondition(key="lat", range=qm.Range(gte=where.box.south, lte=where.box.north)))
        ranges = [qm.FieldCondition(key="lon", range=qm.Range(gte=west, lte=east)) for west, east in lon_ranges(where.box)]
        must.append(qm.Filter(should=ranges))
    if where.circle is not None:
        must.append(_in_circle(where.circle, grown))
    excluded = _excluded(where)
    return qm.Filter(must=must or None, must_not=excluded or None) if must or excluded else None


def _in_circle(circle: Circle, grown: float) -> Any:
    from qdrant_client import models as qm

    radius_km = max(0.0, circle.radius_km + grown * (circle.radius_km * _SLACK + _SLACK_KM))
    return qm.FieldCondition(
        key="place",
        geo_radius=qm.GeoRadius(center=qm.GeoPoint(lat=circle.lat, lon=circle.lon), radius=min(radius_km, 30_000.0) * 1000),
    )


def _excluded(where: Where) -> list[Any]:
    from qdrant_client import models as qm

    conditions: list[Any] = []
    if where.exclude_ids:
        conditions.append(qm.HasIdCondition(has_id=[point_id(id) for id in sorted(where.exclude_ids) if storable(id)]))
    digests = sorted({digest.lower() for digest in where.exclude_sha256 if digest})
    if digests:
        conditions.append(qm.FieldCondition(key="sha256", match=qm.MatchAny(any=digests)))
    return conditions


def point_id(id: str) -> str:
    """The id of a row's point: UUIDs (version 5), for Qdrant takes no other text."""
    return str(uuid.uuid5(_NAMESPACE, id))
