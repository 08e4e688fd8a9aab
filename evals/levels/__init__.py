"""Verdicts at country, region and city, exact and offline: coordinates by polygons and distance, words by place ids.

Exonyms, other names and scripts count; homonyms elsewhere do not. A quarter or near suburb counts as its city, as the
gazetteer has it. An answer must be right on its own path: a point or a name across the border is in the wrong country and
so in the wrong city.

Coordinates beside words: a point within the named city's reach (at least 5 km) says the same, and the words tell the levels
they name; one up to 50 km away, in the same country, is the more exact statement and wins; a farther one, or one in another
country, contradicts (often latitude and longitude are swapped), and the words win. Of several places of the name the one near
the point is meant. Where the words name a country or region only and the point lies in it, the point wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from agent.answer import final_words
from evals.levels.path import Path, path_of, paths_at, reach_km
from evals.levels.reading import Reading, read
from evals.levels.target import target_of
from evals.levels.verdict import no_answer, verdicts_of
from evals.record import Truth
from evals.row import Verdicts
from geo.coordinates import LatLon, find_coordinates, parse_coordinates
from geo.place import Place
from geo.sphere import haversine_km

__all__ = ["Path", "levels_of_points", "levels_of_text", "reach_km", "resolve"]

_SAME_KM, _MORE_EXACT_KM = 5.0, 50.0
_NUMBER = r"[\"']?\s*[:=]\s*[\"']?([+-]?\d{1,3}(?:\.\d{1,17})?)"
_LAT = re.compile(rf"\blat(?:itude)?{_NUMBER}", re.I)
_LON = re.compile(rf"\b(?:lon|lng|long|longitude){_NUMBER}", re.I)


def levels_of_points(truths: Sequence[Truth], lat: ArrayLike, lon: ArrayLike) -> list[Verdicts]:
    """Verdicts on answers in coordinates [n] (degrees); NaN, or what is no point on the Earth, is no answer.

    Raises ValueError where there are not as many points as truths.
    """
    lat, lon = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
    if not len(truths) == len(lat) == len(lon):
        raise ValueError(f"{len(truths)} truths, but {len(lat)} latitudes and {len(lon)} longitudes")
    given = np.isfinite(lat) & np.isfinite(lon) & (np.abs(np.nan_to_num(lat)) <= 90)
    paths: list[Path | None] = [None] * len(truths)
    for row, path in zip(np.flatnonzero(given).tolist(), paths_at(lat[given], lon[given]), strict=True):
        paths[row] = path
    targets = [target_of(truth) for truth in truths]
    return [verdicts_of(target, path) if path else no_answer(target) for target, path in zip(targets, paths, strict=True)]


def levels_of_text(truth: Truth, text: str) -> Verdicts:
    """Verdicts on a final answer in words, in coordinates, or both. Reasoning in `<think>` is not read; never raises on a text."""
    path, reading = _understood(text)
    target = target_of(truth)
    return verdicts_of(target, path, reading.said, reading.names) if path or reading.said else no_answer(target)


def resolve(text: str) -> Path | None:
    """The place that a final answer asserts, with a point in its middle (or the stated one); None for no answer."""
    return _understood(text)[0]


def _understood(text: str) -> tuple[Path | None, Reading]:
    """The path of an answer, and what its words assert."""
    text = final_words(text)
    reading = read(text)
    stated = _coordinates(text)
    meant = _nearest(reading.equals, stated) if stated else None
    reading = replace(reading, place=meant) if meant else reading
    worded = path_of(reading.place) if reading.place else None
    if stated is None:
        return worded, reading
    point = paths_at([stated[0]], [stated[1]])[0]
    if worded is None:
        return point, reading
    if worded.country != point.country or (
        worded.region_key and worded.city_id is None and worded.region_key != point.region_key
    ):
        return worded, reading
    if worded.city_id is None or reading.place is None:
        return point, reading
    away = float(haversine_km(worded.lat, worded.lon, *stated))
    if away <= max(_SAME_KM, float(reach_km(reading.place.population))):
        return replace(worded, lat=stated[0], lon=stated[1]), reading
    return (point if away <= _MORE_EXACT_KM else worded), reading


def _nearest(places: Sequence[Place], point: LatLon) -> Place | None:
    """The nearest of the places of one name that the words may mean, if it is near enough to be the one."""
    if not places:
        return None
    away = haversine_km(*point, [place.lat for place in places], [place.lon for place in places])
    best = int(np.argmin(away))
    return places[best] if away[best] <= _MORE_EXACT_KM else None


def _coordinates(text: str) -> LatLon | None:
    """The first pair of coordinates in an answer."""
    if found := find_coordinates(text):
        return found[0]
    lat, lon = _LAT.search(text), _LON.search(text)
    if lat and lon:
        pair = float(lat[1]), float(lon[1])
        return pair if abs(pair[0]) <= 90 and abs(pair[1]) <= 180 else None
    return parse_coordinates(text.strip())
