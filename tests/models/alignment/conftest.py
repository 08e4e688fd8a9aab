"""A small world: vectors that change smoothly with the place, some noise, and an alignment trained on them once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from geo.sphere import destination, unit_vectors
from models.alignment.alignment import Alignment
from models.alignment.settings import AlignmentSettings
from models.alignment.train import train
from models.training_data import TrainingData

DIM = 48
SMALL = AlignmentSettings(
    dim=32, hidden=64, depth=2, features=48, widths_km=(3186.0, 400.0), queue=512, batch=128, epochs=14, rate=3e-3, text=""
)
NAMES = (("PT", "Lisbon", "Lisbon"), ("FR", "Occitanie", "Toulouse"), ("JP", "Kyoto", "Kyoto"), ("CL", "Maule", "Talca"))


def world(n: int, noise: float = 1.5, seed: int = 0) -> TrainingData:
    """Photos [n] in 60 areas of about 300 km, a third of them at the antimeridian; the vectors are sums of waves over the sphere."""
    fixed, rng = np.random.default_rng(5), np.random.default_rng(seed)
    area_lat = np.degrees(np.arcsin(fixed.uniform(-0.9, 0.9, 60)))
    area_lon = np.where(np.arange(60) < 20, 180.0, fixed.uniform(-180.0, 180.0, 60))
    area = rng.integers(0, 60, n)
    lat, lon = destination(area_lat[area], area_lon[area], rng.uniform(0, 360, n), rng.rayleigh(300.0, n))
    waves, phase, mix = fixed.normal(size=(200, 3)) * 3.0, fixed.uniform(0, 6.3, 200), fixed.normal(size=(200, DIM))
    vectors = np.cos(unit_vectors(lat, lon) @ waves.T + phase) @ mix
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors += noise * rng.normal(size=vectors.shape) / np.sqrt(DIM)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    country, region, city = zip(*(NAMES[i % 4] for i in area), strict=True)
    return TrainingData(
        vectors.astype(np.float32), lat, lon, "embedded", "0123456789abcdef", "a small world", country, region, city
    )


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Small matrices on several threads of a busy machine take ten times as long."""
    import torch

    torch.set_num_threads(1)


class Trained(NamedTuple):
    model: Alignment
    folder: Path
    training: TrainingData
    validation: TrainingData


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder, data = tmp_path_factory.mktemp("models") / "small", world(3000)
    model = train(data, SMALL, folder)
    return Trained(model, folder, *data.split(SMALL.validation_share, SMALL.seed))


@pytest.fixture
def make_world() -> Callable[..., TrainingData]:
    return world
