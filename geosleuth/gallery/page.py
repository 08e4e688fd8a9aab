"""The page of a search: the photo, where the photos that look like it were taken, and each of them as a card."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agent.report.belief import bounds, heat
from agent.report.document import document, resource
from agent.report.map import map_figure, no_map, towns
from agent.report.markup import Html, join, tag, web_link
from agent.report.picture import PHOTO_SIDE_PX, Picture
from agent.report.words import counted, km
from geo.belief import belief_from
from geo.evidence import Evidence
from geo.sphere import haversine_km
from geosleuth.gallery.find import Found, from_first_km, place_of
from models.gallery.gallery import Hit
from models.gallery.own_density import own_density
from models.knn_evidence import calibration_of, neighbour_evidence
from tools.observation import View

if TYPE_CHECKING:
    from agent.photo import PhotoFile
    from models.gallery.catalogue import NamedGallery

_CERTAIN = 0.999
"""The map shows what the neighbours say; how far they can be trusted stands beside it."""
_CLUSTER_KM = 50.0
"""Points nearer to each other than this share one label on the map."""


def search_html(
    gallery: NamedGallery,
    photo: PhotoFile,
    found: Found,
    filters: Sequence[str] = (),
    pictures: Mapping[str, bytes] | None = None,
) -> str:
    """One self-contained page: no network, no other files; without scripts the map alone is missing. Text stays text.

    `pictures` are JPEG files by the id of their row.
    """
    picture, hits = Picture(photo), found.hits
    calibration = calibration_of(gallery.card)
    own = own_density(gallery) if calibration.divide_density else None
    evidence = neighbour_evidence(hits, calibration, own, gallery.name, "similar photos")
    stage = f"--stage:{picture.ratio:.3f}"
    pair = tag("div", _query(picture), _map(hits, evidence), class_="pair", style=stage)
    cards = (
        tag("ol", _cards(hits, pictures or {}), class_="cards")
        if hits
        else tag("p", "No photo passes the filters.", class_="none")
    )
    heading = tag("h3", "Photos that look like it", tag("small", str(len(hits))))
    body = tag(
        "article", _header(gallery, photo, found, _words(gallery, found, filters, evidence)), pair, tag("section", heading, cards)
    )
    style = resource("page.css") + resource("page.css", "geosleuth.gallery")
    return document(
        f"{photo.path.name} in {gallery.name} · Geosleuth", body, style=style, script=resource("map.js") + resource("page.js")
    )


def _header(gallery: NamedGallery, photo: PhotoFile, found: Found, words: Sequence[str]) -> Html:
    eyebrow = tag("div", tag("span", f"Gallery {gallery.name}: {counted(gallery.store.count(), 'photo')}"), class_="eyebrow")
    small = f"the likest: {place_of(found.hits[0])}" if found.hits else "there is none in this gallery"
    title = tag("h2", f"Photos like {photo.path.name}", tag("small", small))
    return tag("header", eyebrow, title, tag("p", " ".join(filter(None, words)), class_="lead"))


def _words(gallery: NamedGallery, found: Found, filters: Sequence[str], evidence: Evidence | None) -> list[str]:
    return [
        f"Only photos {', '.join(filters)}." if filters else "",
        f"Left out: {', '.join(found.left_out)}, this very photo." if found.left_out else "",
        _trust(gallery, evidence),
    ]


def _trust(gallery: NamedGallery, evidence: Evidence | None) -> str:
    """How far the neighbours can be trusted, in words."""
    if evidence is None:
        return ""
    queries = calibration_of(gallery.card).queries
    measured = f"measured on {queries:,} photos of this gallery" if queries else "an assumption: this gallery is not calibrated"
    return f"Neighbours this alike tell where a photo was taken in about {100 * evidence.reliability:.0f}\u00a0% of cases ({measured})."


def _query(picture: Picture) -> Html:
    url = picture.data_url(View("photo"), PHOTO_SIDE_PX)
    assert picture.photo is not None
    width, height = picture.photo.size
    if url is None:
        return tag(
            "figure",
            tag("div", tag("b", "No picture"), tag("span", "It cannot be read any more."), class_="missing"),
            class_="photo",
        )
    image = tag("img", src=url, alt=f"the photo {picture.photo.path.name}", width=width, height=height)
    frame = tag("div", image, class_="frame", style=f"aspect-ratio:{width}/{height};--ratio:{width / height:.4f}")
    return tag("figure", frame, tag("figcaption", tag("span", f"{width} × {height} pixels")), class_="photo")


def _map(hits: Sequence[Hit], evidence: Evidence | None) -> Html:
    if evidence is None:
        return no_map("There is nothing to show on it.")
    belief = belief_from([replace(evidence, reliability=_CERTAIN)], prior=False)
    box = bounds(belief, hits[0].row.lat, hits[0].row.lon)
    data = {
        "heat": heat(belief),
        "bounds": box,
        "points": _points(hits),
        "towns": towns(box),
    }
    legend = [
        tag("span", tag("i", class_="k50"), "half of what the neighbours say"),
        tag("span", tag("i", class_="k90"), "90\u00a0% of it"),
        tag("span", tag("i", class_="heat"), "likelier"),
    ]
    return map_figure(data, "map-neighbours", "map of the photos that look like it", "Neighbours", legend)


def _points(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """A point for each hit. Of those that lie within 50 km of each other the likest alone has words, so that they do not overlap."""
    points: list[dict[str, Any]] = []
    worded: list[Hit] = []
    for rank, hit in enumerate(hits, 1):
        row = hit.row
        kilometres = haversine_km(row.lat, row.lon, [one.row.lat for one in worded], [one.row.lon for one in worded])
        alone = not (kilometres <= _CLUSTER_KM).any()
        if alone:
            worded.append(hit)
        label = (row.city or row.region or row.country or "at sea") if alone else ""
        share = f"{hit.similarity:.2f}" if alone else ""
        points.append({"lat": row.lat, "lon": row.lon, "label": label, "mark": str(rank), "share": share, "href": f"#hit-{rank}"})
    return points


def _cards(hits: Sequence[Hit], pictures: Mapping[str, bytes]) -> list[Html]:
    away = from_first_km(hits)
    return [_card(rank, hit, pictures.get(hit.row.id), away[rank - 1]) for rank, hit in enumerate(hits, 1)]


def _card(rank: int, hit: Hit, jpeg: bytes | None, away_km: float) -> Html:
    row = hit.row
    shown: Html
    if jpeg is not None:
        url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
        shown = tag("img", src=url, alt=f"photo {rank}: {place_of(hit)}")
    else:
        shown = tag("span", "no picture", class_="blank")
    numbers = tag(
        "span",
        f"{hit.similarity:.3f} alike",
        tag("span", f"{km(away_km)} from the first") if rank > 1 else None,
        class_="numbers",
    )
    at = tag("code", f"{row.lat:.5f}, {row.lon:.5f}")
    words = [part for part in (row.time[:10], row.source) if part]
    rights = [part for part in (row.licence, row.attribution) if part]
    picture = web_link(row.picture, "open the picture") if row.picture.startswith(("http://", "https://")) else None
    return tag(
        "li",
        tag("div", shown, tag("b", str(rank), class_="rank"), class_="shown"),
        tag("b", place_of(hit), class_="name"),
        numbers,
        at,
        tag("span", " · ".join(words), class_="rights") if words else None,
        tag("span", " · ".join(rights) or "licence not stated", class_="rights long", tabindex="0" if rights else None),
        join(picture),
        id=f"hit-{rank}",
    )
