"""Scoring a model on pairs: every query against every picture from above, at a field of view and an error of the heading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import haversine_km
from models.crossview.calibrate import framed
from models.crossview.codes import Floats32
from models.crossview.ground_view import Aim
from models.crossview.match import Asked, Heading, asked, best_likeness
from models.crossview.metrics import RankCounter, average_precision, chance, recall, within_m
from models.crossview.model import CrossView
from models.crossview.pairs import AerialView, CrossViewPair
from models.crossview.pictures import FilePictures, PairPictures
from models.crossview.reader import Around
from models.crossview.samples import Look, aim_of, metres_of
from models.geolocator import ModelError
from models.training_data import Told, silent

_BLOCK = 256
_FOR_AP = 20_000_000
"""Average precision needs whole rows; beyond so many numbers it is left out."""


@dataclass(frozen=True)
class Gallery:
    """Pairs to ask, and all that is searched."""

    pairs: Sequence[CrossViewPair]
    views: Sequence[AerialView]
    correct: Sequence[Sequence[int]]
    """For each pair the positions in `views` that are right, its own reference first."""
    ignored: Sequence[Sequence[int]] = field(default=())
    """Neither right nor wrong (VIGOR's semi-positives)."""


def gallery_of(pairs: Sequence[CrossViewPair]) -> Gallery:
    """What the pairs themselves show: each reference and semi-positive once; right are the references of the same place."""
    at: dict[Path, int] = {}
    views: list[AerialView] = []
    places: dict[str, list[int]] = {}
    for view in (v for pair in pairs for v in (pair.reference, *pair.semi_positives)):
        if view.path not in at:
            at[view.path] = len(views)
            views.append(view)
    for pair in pairs:
        places.setdefault(pair.place, []).append(at[pair.reference.path])
    correct, ignored = [], []
    for pair in pairs:
        own = at[pair.reference.path]
        right = list(dict.fromkeys([own, *places[pair.place]]))
        correct.append(right)
        ignored.append([at[v.path] for v in pair.semi_positives if at[v.path] not in right])
    return Gallery(pairs, views, correct, ignored)


def score(
    model: CrossView, gallery: Gallery, fov_deg: float, error_deg: float, seed: int = 0, told: Told = silent
) -> dict[str, Any]:
    """R@1, 5, 10, 1 %, hit rate, mean AP, metres, and chance. `error_deg` of 180 is an unknown heading. Raises ModelError without pairs."""
    if not gallery.pairs:
        raise ModelError("there are no pairs to score")
    queries, references = FilePictures(gallery.pairs), _views(gallery.views)
    looks = [
        _asked(model, queries, i, fov_deg, error_deg, np.random.default_rng([seed, 41, i])) for i in range(len(gallery.pairs))
    ]
    own = [right[0] for right in gallery.correct]
    extra = [[*right[1:], *(gallery.ignored[q] if gallery.ignored else ())] for q, right in enumerate(gallery.correct)]
    whole = np.zeros((len(looks), len(gallery.views)), dtype=np.float32) if len(looks) * len(gallery.views) <= _FOR_AP else None
    right_scores = _own_scores(model, references, own, looks)
    counter, best, best_at = RankCounter(right_scores, own, extra), np.full(len(looks), -2.0), np.zeros(len(looks), dtype=np.intp)
    for first, codes in _coded(model, references):
        block = np.stack([best_likeness(codes, look)[0] for look in looks])
        counter.add(block)
        if whole is not None:
            whole[:, first : first + len(codes)] = block
        top = block.argmax(axis=1)
        value = block[np.arange(len(looks)), top]
        best_at, best = np.where(value > best, top + first, best_at), np.maximum(value, best)
        told({"scored": first + len(codes), "of": len(gallery.views)})
    found = recall(counter)
    assert found is not None
    return {"fov_deg": fov_deg, "error_deg": error_deg, **found.to_json(), "mean_average_precision": _mean_ap(whole, gallery.correct),
            "chance": chance(len(gallery.views)), **_metres(gallery, best_at)}  # fmt: skip


def _views(views: Sequence[AerialView]) -> PairPictures:
    """Pictures from above by number; the queries of these stand-ins are never read."""
    return FilePictures([CrossViewPair(str(i), view.path, view, str(i)) for i, view in enumerate(views)])


def _asked(model: CrossView, pictures: PairPictures, i: int, fov: float, error: float, rng: np.random.Generator) -> list[Asked]:
    pair = pictures.pairs[i]
    look = Look(fov if pair.kind == "panorama" else pair.fov_deg or fov, error)
    aim, heading = aim_of(pair, look, rng)
    picture, box = framed(pictures.query(i), aim, look.fov_deg)
    known = Heading() if heading is None or error >= 180 else Heading(heading + float(rng.uniform(-error, error)), error)
    return asked(model.reader, picture, Aim(aim.fov_deg, aim.turn_deg, 0.0, box, aim.panorama, aim.window_deg), known)


def _coded(model: CrossView, references: PairPictures, rows: Sequence[int] | None = None) -> Iterator[tuple[int, Floats32]]:
    """Codes of pictures from above around their middles, in blocks, with the number of the first."""
    rows = range(len(references.pairs)) if rows is None else rows
    for start in range(0, len(rows), _BLOCK):
        around = []
        for i in rows[start : start + _BLOCK]:
            picture = references.reference(i)
            around.append(Around(picture, metres_of(references.pairs[i].reference, picture, model.radius_m)))
        yield start, model.reader.above(around, model.radius_m)


def _own_scores(
    model: CrossView, references: PairPictures, own: Sequence[int], looks: Sequence[list[Asked]]
) -> NDArray[np.float64]:
    """Likeness of each query to its own reference."""
    scores = np.empty(len(own))
    for first, codes in _coded(model, references, own):
        for j in range(len(codes)):
            scores[first + j] = best_likeness(codes[j : j + 1], looks[first + j])[0][0]
    return scores


def _mean_ap(whole: NDArray[np.float32] | None, correct: Sequence[Sequence[int]]) -> float | None:
    if whole is None:
        return None
    relevant = np.zeros(whole.shape, dtype=bool)
    for q, right in enumerate(correct):
        relevant[q, list(right)] = True
    return float(np.nanmean(average_precision(whole, relevant)))


def _metres(gallery: Gallery, best_at: NDArray[np.intp]) -> dict[str, float | None]:
    """Distance from the camera to the middle of the picture that was taken for the right one, where both places are known."""
    errors = []
    for pair, at in zip(gallery.pairs, best_at.tolist(), strict=True):
        view, place = gallery.views[at], pair.at
        if place is not None and view.lat is not None and view.lon is not None:
            errors.append(float(haversine_km(place[0], place[1], view.lat, view.lon)) * 1000.0)
    return within_m(np.array(errors))
