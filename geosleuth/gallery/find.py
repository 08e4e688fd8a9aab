"""Looking a photo up in a gallery, under filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from geo.area import parse_area
from geo.sphere import haversine_km
from geosleuth.gallery.taken import time_range
from models.gallery.gallery import Circle, GalleryError, Hit, Where

if TYPE_CHECKING:
    from agent.photo import PhotoFile
    from models.encoders.encoder import Encoder
    from models.gallery.catalogue import NamedGallery

_FARTHEST_KM = 20_016.0
"""Half the way around the Earth."""
_COPIES = 8
"""Rows of the very photo that a look-up makes room for; with more of them the gallery is asked again."""


def where_of(area: str = "", near: str = "", taken: str = "", sources: Sequence[str] = ()) -> Where:
    """A filter from what a person typed: `FR,DE` or a box, `48.86,2.35,25`, `2015..2019`, names of sources.

    Raises ValueError (GalleryError among them) with one plain sentence for what cannot be read.
    """
    from geo.gazetteer import gazetteer

    where = Where.in_area(parse_area(area, frozenset(gazetteer().country_codes)) if area else None)
    taken_from, taken_before = time_range(taken) if taken else ("", "")
    return replace(
        where,
        circle=_circle(near) if near else None,
        taken_from=taken_from,
        taken_before=taken_before,
        sources=frozenset(sources),
    )


def _circle(text: str) -> Circle:
    try:
        lat, lon, km = (float(part) for part in text.split(","))
    except ValueError:
        raise GalleryError(f"{text[:60]!r} is no circle: write LAT,LON,KM, such as 48.86,2.35,25") from None
    if not (abs(lat) <= 90 and abs(lon) <= 180 and 0 < km <= _FARTHEST_KM):
        raise GalleryError(f"{text[:60]!r} is no circle on the Earth: -90 to 90, -180 to 180, and up to {_FARTHEST_KM:,.0f} km")
    return Circle(lat, lon, km)


@dataclass(frozen=True)
class Found:
    """What a look-up gave."""

    hits: list[Hit]
    """Likest first."""
    left_out: tuple[str, ...] = ()
    """Ids of rows of the very photo that was looked up, which would have been among them."""


def look_up(
    gallery: NamedGallery, encoder: Encoder, photo: PhotoFile, k: int, where: Where | None = None, with_itself: bool = False
) -> Found:
    """The `k` photos that look most like `photo`; not the same file, unless `with_itself`.

    Raises GalleryError where the gallery's vectors are of another encoder, and PhotoError.
    """
    from geosleuth.gallery.describe import vector_of

    card = gallery.card
    if encoder.digest != card.encoder_digest:
        raise GalleryError(
            f"gallery {gallery.name} was built with other weights of {card.encoder} ({card.encoder_digest}) than those that are here "
            f"({encoder.digest}): build it anew"
        )
    where = where or Where()
    vector = vector_of(encoder, photo)
    if not vector.any():
        raise GalleryError(f"{photo.path}: the encoder {encoder.name} finds nothing in it to describe")
    found = gallery.store.search(vector[None, :], k if with_itself else k + _COPIES, where)[0]
    if with_itself:
        return Found(found)
    hits = [hit for hit in found if hit.row.sha256 != photo.sha256]
    itself = tuple(hit.row.id for hit in found if hit.row.sha256 == photo.sha256)
    if len(itself) > _COPIES:
        where = replace(where, exclude_sha256=where.exclude_sha256 | {photo.sha256})
        hits = gallery.store.search(vector[None, :], k, where)[0]
    return Found(hits[:k], itself)


def place_of(hit: Hit) -> str:
    """`Porto, Porto District, PT`; `at sea` where there is nothing to name."""
    row = hit.row
    return ", ".join(dict.fromkeys(part for part in (row.city, row.region, row.country) if part)) or "at sea"


def from_first_km(hits: Sequence[Hit]) -> list[float]:
    """How far each hit lies from the likest one."""
    if not hits:
        return []
    first = hits[0].row
    km = haversine_km(first.lat, first.lon, [hit.row.lat for hit in hits], [hit.row.lon for hit in hits])
    return [round(value, 3) for value in km.tolist()]


def hits_json(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """One plain object for each hit, for `--json`."""
    return [
        {"rank": rank, "id": hit.row.id, "similarity": round(hit.similarity, 6), "lat": hit.row.lat, "lon": hit.row.lon,
         "country": hit.row.country, "region": hit.row.region, "city": hit.row.city, "time": hit.row.time, "source": hit.row.source,
         "licence": hit.row.licence, "attribution": hit.row.attribution, "picture": hit.row.picture, "sha256": hit.row.sha256,
         "from_first_km": km}
        for rank, (hit, km) in enumerate(zip(hits, from_first_km(hits), strict=True), 1)
    ]  # fmt: skip
