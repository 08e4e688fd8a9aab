"""An Earth for learning: vectors that depend smoothly on place, with noise, with regions that look alike, and with looks that tell nothing.

A vector has three parts, mixed by a fixed rotation so that no coordinate stands for one of them:

- *place*: smooth random functions of the point (random Fourier features on the unit sphere) at four scales from about 4,000 to 60 km;
- *looks that tell nothing* (weather, light, camera): a few directions of large variance that have nothing to do with the place;
- *noise*: independent in every coordinate.

Some caps of the Earth look exactly like another cap far away: what the first one shows at a point, the second one shows at the point of
the same position in it. Photos lie where the photo prior says. Nothing here was drawn from real photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from geo.gazetteer import gazetteer
from geo.sphere import EARTH_RADIUS_KM, Floats, destination, haversine_km, unit_vectors
from models.encoders.encoder import Vectors, unit_rows
from models.training_data import TrainingData

_SCALES_KM = (4000.0, 1000.0, 250.0, 60.0)
_STRENGTH = (1.0, 0.9, 0.6, 0.35)


@dataclass(frozen=True)
class EarthSettings:
    """How hard the Earth is."""

    seed: int = 0
    dim: int = 128
    features: int = 48
    """Random functions of the place for each scale."""
    looks: int = 12
    """Directions that tell nothing."""
    looks_strength: float = 1.2
    """Their standard deviation together, the place's being about 1."""
    noise: float = 0.35
    """Standard deviation of the noise together."""
    twins: int = 12
    """Pairs of caps that look alike."""
    twin_km: float = 700.0
    """Their radius."""


class SyntheticEarth:
    """One Earth: the same for every draw of photos."""

    def __init__(self, settings: EarthSettings | None = None) -> None:
        self.settings = settings or EarthSettings()

    def photos(self, n: int, seed: int) -> TrainingData:
        """`n` photos [n, dim] drawn by `seed`; two draws of different seeds share the Earth and no photo."""
        rng = np.random.default_rng([self.settings.seed, seed])
        lat, lon = self._places(n, rng)
        found = gazetteer().reverse_many(lat, lon)
        named = [found.location(row) for row in range(n)]
        names = [[getattr(place, part) or "" for place in named] for part in ("country", "region", "city")]
        vectors = self.vectors(lat, lon, rng)
        source = f"synthetic Earth {self.settings.seed} ({n} photos)"
        return TrainingData(vectors, lat, lon, f"synthetic:{self.settings.seed}", f"{self.settings.seed:016x}", source, *names)

    def vectors(self, lat: Floats, lon: Floats, rng: np.random.Generator) -> Vectors:
        """Unit vectors [n, dim] of photos taken at points."""
        own = self.settings
        shown = self.shown_at(lat, lon)
        place = np.concatenate(
            [strength * np.cos(shown @ b + phase) for (b, phase), strength in zip(self._waves, _STRENGTH, strict=True)], axis=1
        ) * np.sqrt(2.0 / own.features)
        looks = rng.normal(0.0, own.looks_strength / np.sqrt(own.looks), (len(lat), own.looks))
        noise = rng.normal(0.0, own.noise / np.sqrt(own.dim), (len(lat), own.dim))
        return unit_rows(place @ self._mixing[0] + looks @ self._mixing[1] + noise)

    def shown_at(self, lat: Floats, lon: Floats) -> Floats:
        """What is to be seen at points: unit vectors [n, 3] of the point itself or, in the second cap of a pair, of its twin in the first."""
        points = unit_vectors(lat, lon)
        for second, turn in self._twins:
            inside = points @ second > np.cos(self.settings.twin_km / EARTH_RADIUS_KM)
            points[inside] = points[inside] @ turn.T
        return np.asarray(points)

    @cached_property
    def _waves(self) -> list[tuple[Floats, Floats]]:
        """Frequencies [3, f] and phases [f] for each scale; a wave of length 2π·scale/6371 turns once in 2π scales."""
        rng, f = np.random.default_rng([self.settings.seed, 1]), self.settings.features
        return [(rng.normal(0.0, EARTH_RADIUS_KM / scale, (3, f)), rng.uniform(0.0, 2.0 * np.pi, f)) for scale in _SCALES_KM]

    @cached_property
    def _mixing(self) -> tuple[Floats, Floats]:
        """Rows of random orthogonal matrices that put place [4f, dim] and looks [l, dim] into the vector."""
        own, rng = self.settings, np.random.default_rng([self.settings.seed, 2])
        place = rng.normal(0.0, 1.0 / np.sqrt(own.dim), (len(_SCALES_KM) * own.features, own.dim))
        looks = np.linalg.qr(rng.normal(size=(own.dim, own.looks)))[0].T
        return place, looks

    @cached_property
    def _twins(self) -> list[tuple[Floats, Floats]]:
        """Pairs of caps: the centre [3] of the second and the rotation [3, 3] from it to the first."""
        own, rng = self.settings, np.random.default_rng([self.settings.seed, 3])
        pairs: list[tuple[Floats, Floats]] = []
        taken: list[tuple[float, float]] = []
        while len(pairs) < own.twins:
            lat, lon = self._places(2, rng)
            far = haversine_km(lat[0], lon[0], lat[1], lon[1]) > 4000.0
            free = all(haversine_km(lat[i], lon[i], *known) > 2.0 * own.twin_km for i in (0, 1) for known in taken)
            if far and free:
                frames = [_frame(float(lat[i]), float(lon[i])) for i in (0, 1)]
                pairs.append((frames[1][2], frames[0].T @ frames[1]))
                taken += [(float(lat[i]), float(lon[i])) for i in (0, 1)]
        return pairs

    def _places(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Points [n] as the photo prior has them: near places by the root of their population, a fifth of them far from any."""
        known = gazetteer()
        weight = np.sqrt(np.maximum(known.population.astype(np.float64), 200.0))
        row = rng.choice(len(weight), n, p=weight / weight.sum())
        spread = np.where(rng.random(n) < 0.2, 150.0, 15.0)
        return destination(known.place_lat[row], known.place_lon[row], rng.uniform(0, 360, n), spread * rng.rayleigh(1.0, n))


def _frame(lat: float, lon: float) -> Floats:
    """East, north and up [3, 3] at a point, as rows."""
    up = unit_vectors(lat, lon)
    north = unit_vectors(lat + 90.0, lon)
    return np.stack([np.cross(north, up), north, up])
