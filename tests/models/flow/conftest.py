from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.flow.flow import Flow
from models.flow.train import train
from models.training_data import TrainingData
from tests.models.flow.world import QUICK, photos


@pytest.fixture(scope="session")
def data() -> TrainingData:
    return photos()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "kinds"


@pytest.fixture(scope="session")
def trained(data: TrainingData, folder: Path) -> Flow:
    return train(data, QUICK, folder)


@pytest.fixture(scope="session")
def mixture(data: TrainingData) -> Flow:
    return train(data, replace(QUICK, objective="mixture", steps=350))
