"""A flight followed over frames: a particle filter over place, course and speed.

Between frames each particle flies on, its course and speed drifting; the likeness map of a frame then weighs the particles. A frame that shows
nothing (None) only lets them fly on, so that a gap widens the answer. A wrong map never kills the truth: part of each weight is flat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import wrap_lon
from models.aerial.index import AerialIndex
from models.aerial.match import Located
from models.aerial.web_mercator import Floats, east_north_m, moved

_LEAST_NEW = 0.2
_FRESH = 0.02  # share of particles set anew by a map, for flights that were lost


@dataclass(frozen=True)
class Motion:
    """What is known of the flight: metres a second and degrees clockwise from north."""

    speed_m_s: float
    speed_error_m_s: float = 3.0
    course_deg: float | None = None
    """None: not known at the start."""
    course_error_deg: float = 20.0
    turn_deg_sqrt_s: float = 4.0
    """How much the course drifts in one second, growing with the square root of time."""
    speed_drift_m_s_sqrt_s: float = 0.3


@dataclass(frozen=True)
class Fix:
    """Where the aircraft is believed to be."""

    lat: float
    lon: float
    covariance_m2: tuple[float, float, float]
    """East·east, east·north, north·north."""
    confidence: float
    """Share of the belief within one patch width of the place."""
    seen: bool
    """Whether a frame was weighed; False in a gap."""


class Track:
    """Particles over the area of an index. With a calibrated index the weights are likelihood ratios that were measured."""

    def __init__(self, index: AerialIndex, motion: Motion, particles: int = 4000, seed: int = 0) -> None:
        if not (0 <= motion.speed_m_s <= 1000 and 100 <= particles <= 1_000_000):
            raise ValueError("a speed lies between 0 and 1000 m/s; 100 particles or more")
        self.index, self.motion, self.rng = index, motion, np.random.default_rng(seed)
        self.lat, self.lon = float(index.lat.mean()), float(index.lon.mean())
        self.cells = np.stack(
            [v.ravel() for v in east_north_m(self.lat, self.lon, *np.meshgrid(index.lat, index.lon, indexing="ij"))], axis=1
        )
        self.spacing, self.n = float(index.card["spacing_m"]), particles
        self.place, self.course, self.speed = self._start(particles)
        self._weighed = False

    def _start(self, n: int) -> tuple[Floats, Floats, Floats]:
        """Places all over the area, courses and speeds as told."""
        return self._anew(self.rng.choice(np.flatnonzero(self.index.seen), n))

    def _anew(self, cells: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
        n, motion = len(cells), self.motion
        place = self.cells[cells] + self.rng.uniform(-0.5, 0.5, (n, 2)) * self.spacing
        course = (
            self.rng.uniform(0, 360, n)
            if motion.course_deg is None
            else self.rng.normal(motion.course_deg, motion.course_error_deg, n)
        )
        return place, course, np.abs(self.rng.normal(motion.speed_m_s, motion.speed_error_m_s, n))

    def step(self, seconds: float, found: Located | None) -> Fix:
        """Fly on for some seconds (0 for the first frame), then weigh with what a frame gave. Raises ValueError for negative times."""
        if not 0 <= seconds <= 86_400:
            raise ValueError("frames follow each other by 0 seconds to a day")
        root = np.sqrt(seconds)
        self.course = self.course + self.rng.normal(0, self.motion.turn_deg_sqrt_s * root, self.n)
        self.speed = np.abs(self.speed + self.rng.normal(0, self.motion.speed_drift_m_s_sqrt_s * root, self.n))
        turn = np.radians(self.course)
        self.place = self.place + (self.speed * seconds)[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1)
        if found is not None:
            self._weigh(found, seconds)
        return self._fix(found is not None)

    def _weigh(self, found: Located, seconds: float) -> None:
        # Frames that overlap the one before show partly the same ground, and err alike: they count by how much of it is new.
        new = self.motion.speed_m_s * seconds / float(self.index.card["metres"]) if self._weighed else 1.0
        self._weighed = True
        weights = likelihood(found.map, self.index) ** np.clip(new, _LEAST_NEW, 1.0)
        held, fresh = weights[self._cell()], int(_FRESH * self.n)
        held[self._outside()] = weights.min()
        chosen = self._drawn(held, self.n - fresh)
        anew = self._anew(self._drawn(weights, fresh))
        # Copies of one particle are spread a little, or they would stay one forever.
        place = self.place[chosen] + self.rng.normal(0, self.spacing / 5, (len(chosen), 2))
        self.place = np.concatenate([place, anew[0]])
        self.course = np.concatenate([self.course[chosen] + self.rng.normal(0, 1.0, len(chosen)), anew[1]])
        self.speed = np.concatenate([self.speed[chosen], anew[2]])

    def _drawn(self, weights: Floats, n: int) -> NDArray[np.int64]:
        """Systematic resampling: one random number, n evenly spaced draws."""
        total = np.cumsum(weights)
        return np.asarray(
            np.minimum(np.searchsorted(total, (np.arange(n) + self.rng.random()) / n * total[-1]), len(weights) - 1)
        )

    def _cell(self) -> NDArray[np.int64]:
        rows, columns = self.index.shape
        column = np.clip(np.rint((self.place[:, 0] - self.cells[0, 0]) / self.spacing), 0, columns - 1)
        row = np.clip(np.rint((self.place[:, 1] - self.cells[0, 1]) / self.spacing), 0, rows - 1)
        return np.asarray(row * columns + column, dtype=np.int64)

    def _outside(self) -> NDArray[np.bool_]:
        low, high = self.cells.min(axis=0) - self.spacing, self.cells.max(axis=0) + self.spacing
        return np.asarray(((self.place < low) | (self.place > high)).any(axis=1))

    def _fix(self, seen: bool) -> Fix:
        """The mean of the densest patch width, and the spread of all particles around it."""
        metres = float(self.index.card["metres"])
        middle = np.median(self.place, axis=0)
        some = self.place[:: max(self.n // 200, 1)]
        near = (np.hypot(*(self.place[None] - some[:, None]).transpose(2, 0, 1)) <= metres).sum(axis=1)
        middle = some[int(near.argmax())] if near.max() > 0 else middle
        for _ in range(2):
            close = np.hypot(*(self.place - middle).T) <= metres
            middle = self.place[close].mean(axis=0) if close.any() else middle
        away = self.place - middle
        spread = away.T @ away / self.n
        lat, lon = moved(self.lat, self.lon, *middle)
        share = float((np.hypot(*away.T) <= metres).mean())
        return Fix(float(lat), float(wrap_lon(lon)), (float(spread[0, 0]), float(spread[0, 1]), float(spread[1, 1])), share, seen)


def likelihood(likeness: NDArray[np.float32], index: AerialIndex) -> Floats:
    """How much likelier a likeness map [rows, columns] is from each cell than from any, [rows · columns], with a mean of 1 over those seen.

    `models.aerial.calibrate` says how; an index that was not calibrated gets broad guesses. Cells that show nothing get the flat part.
    """
    known: dict[str, Any] = index.card.get("calibration") or {}
    sharpness, wrong = float(known.get("sharpness", 8.0)), float(known.get("wrong", 0.3))
    seen = likeness.ravel() > -1.0
    ratio = np.where(seen, np.exp(sharpness * likeness.ravel().astype(np.float64)), 0.0)
    return np.asarray(wrong + (1.0 - wrong) * ratio / float(ratio[seen].mean()))


def spread(found: Located, index: AerialIndex) -> tuple[tuple[float, float, float], float]:
    """What one frame alone says: the covariance (east·east, east·north, north·north) in m² around its place of the belief over the whole area,
    and the share of the belief within one patch width. A frame from anywhere has a small share and a spread as wide as the area."""
    belief = np.where(found.map.ravel() > -1.0, likelihood(found.map, index), 0.0)
    lats, lons = np.meshgrid(index.lat, index.lon, indexing="ij")
    away = np.stack(east_north_m(found.lat, found.lon, lats.ravel(), lons.ravel()), axis=1)
    belief = belief / belief.sum()
    cell = float(index.card["spacing_m"]) ** 2 / 12.0  # within a cell the place is not known either
    squares = (away * belief[:, None]).T @ away
    share = float(belief[np.hypot(*away.T) <= float(index.card["metres"])].sum())
    return (float(squares[0, 0] + cell), float(squares[0, 1]), float(squares[1, 1] + cell)), share
