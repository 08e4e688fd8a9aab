"""A small world to learn: photos near real places, with vectors that are a smooth function of the place and noise."""

from __future__ import annotations

import numpy as np

from geo.gazetteer import gazetteer
from geo.sphere import Floats, unit_vectors
from models.encoders.encoder import unit_rows
from models.training_data import TrainingData

COUNTRIES = ("DE", "AT", "FR", "ES", "IT", "PL", "NZ", "FJ", "LI")


def places(n: int, seed: int = 0, countries: tuple[str, ...] = COUNTRIES) -> tuple[Floats, Floats]:
    """Photos [n] within some kilometres of places of some countries."""
    atlas, rng = gazetteer(), np.random.default_rng(seed)
    home = atlas.country_index_at(atlas.place_lat, atlas.place_lon)
    some = np.flatnonzero(np.isin(home, [atlas.country_codes.index(code) for code in countries]))
    weight = np.sqrt(atlas.population[some] + 200.0)
    pick = rng.choice(some, n, p=weight / weight.sum())
    lat = atlas.place_lat[pick] + rng.normal(scale=0.03, size=n)
    return lat, atlas.place_lon[pick] + rng.normal(scale=0.03, size=n)


def vectors(lat: Floats, lon: Floats, dim: int = 48, noise: float = 0.5, seed: int = 0) -> np.ndarray:
    """Unit vectors [n, dim]: waves over the sphere, long ones (a continent) to short ones (some hundred km)."""
    rng = np.random.default_rng([seed, 7])
    scale = np.repeat([3.0, 10.0, 30.0], dim // 3)
    waves = np.cos(unit_vectors(lat, lon) @ (rng.normal(size=(3, dim)) * scale) + rng.uniform(0, 2 * np.pi, dim))
    return unit_rows(waves + noise * rng.normal(size=waves.shape))


def data(n: int = 3000, seed: int = 0, noise: float = 0.5) -> TrainingData:
    lat, lon = places(n, seed)
    return TrainingData(vectors(lat, lon, noise=noise, seed=0), lat, lon, "waves", "0123456789abcdef", f"waves ({n:,} photos)")
