from __future__ import annotations

from pathlib import Path

import pytest

from models.geocells.geocells import Geocells
from models.geocells.settings import GeocellSettings
from models.geocells.train import train
from models.training_data import TrainingData
from tests.models.geocells.world import data

SETTINGS = GeocellSettings(epochs=12, batch=128, lr=5e-3)


@pytest.fixture(scope="session")
def photos() -> TrainingData:
    return data()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "waves"


@pytest.fixture(scope="session")
def trained(photos: TrainingData, folder: Path) -> Geocells:
    return train(photos, SETTINGS, folder)
