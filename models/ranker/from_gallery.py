"""Training lists from a gallery, as GeoRanking was made (arXiv 2505.13731): the photos most like a photo are its candidates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from geo.sphere import haversine_km
from models.encoders.encoder import Vectors
from models.gallery.gallery import Gallery, GalleryError, Hit, Row
from models.knn_density import neighbour_weights
from models.ranker.candidates import SOURCES, BeliefSummary, Candidate
from models.ranker.lists import RankingData, RankingList
from models.ranker.sights import Sights
from models.training_data import Told, silent

NEAR_KM = 25.0
_POWER = 10.0
_SPARE = 8
"""Photos looked up beyond those wanted, since the photo itself and its copies are taken out."""
_BATCH = 256
_SOURCES = tuple(int(kind == "retrieval") for kind in SOURCES)


PicturesOf = Callable[[Sequence[Row]], Sequence[str]]
"""Gives the path of each row's picture, "" for one without."""


@dataclass(frozen=True)
class GalleryListSettings:
    """How lists are drawn from a gallery."""

    photos: int = 5000
    """Photos asked, drawn from the whole gallery."""
    k: int = 20
    """Candidates of each, as published."""
    seed: int = 0
    """Of the draw."""


def gallery_lists(
    gallery: Gallery,
    name: str,
    settings: GalleryListSettings | None = None,
    told: Told = silent,
    pictures: PicturesOf | None = None,
) -> RankingData:
    """Lists of photos of a gallery, each asked without itself (leave one out) and without other rows of the same file.

    `pictures` gives the photos' files, for a ranker that looks; without it the lists hold numbers alone. Near copies under another file name are not known as such here: take them out of the gallery first (`geosleuth gallery`). `told`
    hears `{"step": …, "of": …}`. Raises GalleryError for a gallery of fewer than two photos.
    """
    own = settings or GalleryListSettings()
    if gallery.count() < 2:
        raise GalleryError(f"gallery {name} holds too few photos to rank any")
    lists: list[RankingList] = []
    left_out = asked = 0
    wanted = min(own.photos, gallery.count())
    for rows, vectors in _drawn(gallery, wanted, own.seed):
        for row, hits in zip(rows, gallery.search(vectors, own.k + _SPARE), strict=True):
            others = [hit for hit in hits if hit.row.id != row.id and (not row.sha256 or hit.row.sha256 != row.sha256)]
            one = list_of_hits(row.id, row.lat, row.lon, others[: own.k])
            if len(one) and pictures:
                one = replace(one, sights=_sights(row, others[: own.k], pictures))
            if len(one):
                lists.append(one)
            else:
                left_out += 1
        asked += len(rows)
        told({"step": asked, "of": wanted})
    return RankingData(lists, f"gallery {name} ({len(lists):,} lists of up to {own.k} photos)", 0, left_out)


def _sights(row: Row, hits: Sequence[Hit], pictures: PicturesOf) -> Sights:
    """The photo and those found for it, and where the gallery says that they were taken."""
    photo, *others = pictures([row, *(hit.row for hit in hits)])
    return Sights(photo, tuple(others), tuple(place_of(hit.row) for hit in hits))


def place_of(row: Row) -> str:
    """`Porto, Porto District, PT`; "" where the gallery names nothing."""
    return ", ".join(dict.fromkeys(part for part in (row.city, row.region, row.country) if part))


def list_of_hits(photo: str, lat: float, lon: float, hits: Sequence[Hit]) -> RankingList:
    """The similar photos of a photo taken at a point, likest first, as candidates.

    The belief is what retrieval alone says: photos weighted d⁻¹⁰ (Revisiting IM2GPS), summed within 25 km of each candidate. It has no
    entropy: that of a few weights is not on the scale of that of a belief over the Earth.
    """
    if not hits:
        return RankingList(photo, lat, lon, ())
    at = np.array([(hit.row.lat, hit.row.lon) for hit in hits])
    similarity = np.array([hit.similarity for hit in hits])
    weight = neighbour_weights(similarity, _POWER)
    near = haversine_km(at[:, 0, None], at[:, 1, None], at[None, :, 0], at[None, :, 1]) <= NEAR_KM
    mass = np.minimum(near @ weight, 1.0)
    candidates = tuple(
        Candidate(hit.row.lat, hit.row.lon, m, _parts(m, rank, hit.similarity), _SOURCES)
        for rank, (hit, m) in enumerate(zip(hits, mass.tolist(), strict=True), 1)
    )
    best = candidates[int(np.argmax(mass))]
    return RankingList(photo, lat, lon, candidates, BeliefSummary(None, best.lat, best.lon))


def _parts(mass: float, rank: int, similarity: float) -> dict[str, float | None]:
    return {"belief": math.log(max(mass, 1e-12)), "retrieval": -math.log(rank), "similarity": similarity}


def _drawn(gallery: Gallery, n: int, seed: int) -> Iterator[tuple[list[Row], Vectors]]:
    """`n` rows of the gallery and their vectors, in its order."""
    chosen = np.sort(np.random.default_rng(seed).choice(gallery.count(), n, replace=False))
    first = 0
    for rows, vectors in gallery.scan(_BATCH):
        here = chosen[(chosen >= first) & (chosen < first + len(rows))] - first
        if len(here):
            yield [rows[i] for i in here.tolist()], np.asarray(vectors, dtype=np.float32)[here]
        first += len(rows)
