"""What a model's likeness means, measured on pairs that it did not learn from.

The held-out references give the tiles, none centred on its camera, two of three beside the street; each query is asked at several fields of view and errors of
the heading, once with its place among the tiles and once with it taken out, as a picture from elsewhere would be. Held-out pairs of the
data that a model was trained on are easier than pictures of another camera and another year: all of this is on the optimistic side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import haversine_km
from models.aerial.pictures import Picture
from models.crossview.ground_view import PINHOLE_MOST_DEG, Aim
from models.crossview.heat_map import Calibration, Case, Reading, fitted, fitted_second
from models.crossview.match import OFFSETS, Asked, Heading, asked, best_likeness, standardised
from models.crossview.pictures import PairPictures
from models.crossview.reader import Around, Reader
from models.crossview.samples import Look, aim_of, metres_of
from models.geolocator import ModelError
from models.training_data import Told

FOVS_DEG, ERRORS_DEG = (60.0, 90.0, 180.0, 360.0), (0.0, 20.0, 60.0, 180.0)
LOOKED_AGAIN = 8
_LEAST, _MOST_PLACES, _MOST_QUERIES = 40, 700, 160


@dataclass(frozen=True, eq=False)
class _Tiles:
    codes: NDArray[np.float16]
    """[n, offsets, headings, dim]; offset 4 is the middle."""
    same: NDArray[np.bool_]
    """[places, n]: whether a tile shows that place."""


def calibrated(reader: Reader, pictures: PairPictures, radius_m: float, jitter_m: float, same_m: float, seed: int, told: Told) -> tuple[Calibration, dict[str, Any]]:  # fmt: skip
    """Readings and, for the card, R@1 among the tiles for each of them. Raises ModelError for fewer than 40 pairs."""
    rng = np.random.default_rng([seed, 31])
    rows = _chosen(pictures, rng)
    tiles = _tiles(reader, pictures, rows, radius_m, jitter_m, same_m, rng)
    queries = rng.permutation(len(rows))[:_MOST_QUERIES]
    readings, figures = [], {}
    for fov in FOVS_DEG:
        for error in ERRORS_DEG:
            if error < 180 and all(pictures.pairs[i].heading_deg is None for i in rows):
                continue
            looks = [_looks(reader, pictures, int(rows[q]), fov, error, rng) for q in queries]
            reading, right = _reading(tiles, looks, queries, fov, error)
            readings.append(reading)
            figures[f"{fov:g}/{error:g}"] = round(right, 4)
            told(
                {
                    "calibrated": len(readings),
                    "of": len(FOVS_DEG) * len(ERRORS_DEG),
                    "fov_deg": fov,
                    "error_deg": error,
                    "right": right,
                }
            )
    return Calibration(tuple(readings)), {"tiles": len(tiles.codes), "queries": len(queries), "recall_at_1": figures}


def _chosen(pictures: PairPictures, rng: np.random.Generator) -> NDArray[np.intp]:
    """One pair of each place, not too many."""
    _, first = np.unique([pair.place for pair in pictures.pairs], return_index=True)
    if len(first) < _LEAST:
        raise ModelError(f"{len(first)} places are held out; at least {_LEAST} are needed to calibrate")
    return np.sort(rng.permutation(first)[:_MOST_PLACES])


def _tiles(
    reader: Reader,
    pictures: PairPictures,
    rows: NDArray[np.intp],
    radius_m: float,
    jitter_m: float,
    same_m: float,
    rng: np.random.Generator,
) -> _Tiles:
    """Three tiles of each reference: one about the camera, and two beside the street. An index is full of such tiles, which are easily
    told from streets; without them likeness would be read against streets alone."""
    around = []
    for i in rows.tolist():
        view, picture = pictures.pairs[i].reference, pictures.reference(i)
        own = np.array(view.offset_m or (0.0, 0.0))
        metres, turn = metres_of(view, picture, radius_m), rng.uniform(0, 2 * np.pi, 2)
        # Not so far that the picture ends.
        far = np.minimum(rng.uniform(1.2, 1.8, 2) * same_m, max(min(picture.shape[:2]) * metres / 2 - 0.6 * radius_m, 0.0))
        middles = [
            own + rng.uniform(-jitter_m, jitter_m, 2),
            *(own + np.stack([np.sin(turn), np.cos(turn)], axis=1) * far[:, None]),
        ]
        around += [Around(picture, metres, float(m[0] + e), float(m[1] + n)) for m in middles for e, n in OFFSETS * 2 * jitter_m]
    codes = reader.above(around, radius_m).astype(np.float16).reshape(-1, len(OFFSETS), reader.headings, reader.dim)
    places = np.array([pictures.pairs[i].place for i in rows])
    same = places[:, None] == places[None, :]
    at = [pictures.pairs[i].at for i in rows]
    if all(point is not None for point in at):
        lat, lon = (np.array([point[axis] for point in at if point]) for axis in (0, 1))
        same |= haversine_km(lat[:, None], lon[:, None], lat[None, :], lon[None, :]) * 1000.0 < same_m
    return _Tiles(codes, np.repeat(same, 3, axis=1))


def _looks(reader: Reader, pictures: PairPictures, i: int, fov: float, error: float, rng: np.random.Generator) -> list[Asked]:
    """A query at a field of view, its heading said with an error by chance."""
    aim, heading = aim_of(pictures.pairs[i], Look(fov, error), rng)
    picture, box = framed(pictures.query(i), aim, fov)
    known = Heading() if heading is None or error >= 180 else Heading(heading + float(rng.uniform(-error, error)), error)
    return asked(reader, picture, Aim(aim.fov_deg, aim.turn_deg, aim.pitch_deg, box, aim.panorama, aim.window_deg), known)


def framed(picture: Picture, aim: Aim, fov: float) -> tuple[Picture, tuple[float, float, float, float]]:
    """Of a panorama, the rows that a photo three to four of that field of view would show; photos as they are."""
    if not aim.panorama or fov >= PINHOLE_MOST_DEG:
        return picture, aim.box
    half = math.degrees(math.atan(math.tan(math.radians(fov / 2)) * 0.75)) / aim.fov_deg * picture.shape[1]
    height = picture.shape[0]
    top, bottom = max(round(height / 2 - half), 0), min(round(height / 2 + half), height)
    return picture[top:bottom], (0.0, top / height, 1.0, bottom / height)


def _reading(
    tiles: _Tiles, looks: list[list[Asked]], queries: NDArray[np.intp], fov: float, error: float
) -> tuple[Reading, float]:
    middle = tiles.codes[:, len(OFFSETS) // 2]
    every, at_camera = np.ones(len(middle), dtype=bool), np.arange(len(middle)) % 3 == 0
    true: list[NDArray[np.bool_]] = []
    z_present: list[NDArray[np.float64]] = []
    z_absent: list[NDArray[np.float64]] = []
    right = 0
    again: list[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp], NDArray[np.float64]]] = []
    for q, look in zip(queries.tolist(), looks, strict=True):
        values, _ = best_likeness(middle, look)
        own = tiles.same[q] & at_camera
        right += bool(own[int(values.argmax())])
        true.append(own)
        for there in (every, ~tiles.same[q]):
            mean, spread = standardised(values, there)
            z = ((values - mean) / spread).astype(np.float64)[there]
            (z_present if there is every else z_absent).append(z)
            top = np.argsort(-z, kind="stable")[:LOOKED_AGAIN]
            second, _ = best_likeness(tiles.codes[np.flatnonzero(there)[top]].reshape(-1, *middle.shape[1:]), look)
            z_second = (second.reshape(len(top), -1).max(axis=1) - mean) / spread
            again.append((z, own[there], top, z_second.astype(np.float64)))
    slope, level = fitted(z_present, true, z_absent)
    first = Reading(fov, error, slope, level, slope, level)
    cases = [Case(z, right_ones, top, z_second) for z, right_ones, top, z_second in again]
    return Reading(fov, error, slope, level, *fitted_second(first, cases)), right / len(queries)
