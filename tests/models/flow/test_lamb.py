"""LAMB against its formula, step by step in numpy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.flow.lamb import BETAS, EPS, lamb
from models.flow.settings import FlowSettings
from models.flow.train import train
from models.geolocator import ModelError
from tests.models.flow.world import QUICK, VECTORS, photos


def by_hand(weight: np.ndarray, slopes: list[np.ndarray], lr: float, decay: float) -> np.ndarray:
    mean, square = np.zeros_like(weight), np.zeros_like(weight)
    for t, slope in enumerate(slopes, start=1):
        mean = BETAS[0] * mean + (1 - BETAS[0]) * slope
        square = BETAS[1] * square + (1 - BETAS[1]) * slope**2
        way = mean / (1 - BETAS[0] ** t) / (np.sqrt(square / (1 - BETAS[1] ** t)) + EPS) + decay * weight
        ratio = np.linalg.norm(weight) / np.linalg.norm(way) if decay and np.linalg.norm(weight) else 1.0
        weight = weight - lr * ratio * way
    return weight


@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("start", [0.0, 1.5])
def test_steps_follow_the_formula(decay: float, start: float) -> None:
    rng = np.random.default_rng(0)
    weight, slopes = start * rng.normal(size=(4, 3)), [rng.normal(size=(4, 3)) for _ in range(5)]
    parameter = torch.nn.Parameter(torch.tensor(weight))
    optimiser = lamb([{"params": [parameter], "weight_decay": decay}], lr=0.1)
    for slope in slopes:
        parameter.grad = torch.tensor(slope)
        optimiser.step()
    np.testing.assert_allclose(parameter.detach().numpy(), by_hand(weight, slopes, 0.1, decay), rtol=1e-9)


def test_without_decay_it_is_adam() -> None:
    rng = np.random.default_rng(1)
    pair = [torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2)]
    optimisers = lamb([{"params": [pair[0]], "weight_decay": 0.0}], lr=0.01), torch.optim.Adam([pair[1]], lr=0.01)
    for _ in range(4):
        slope = torch.tensor(rng.normal(size=3))
        for parameter, optimiser in zip(pair, optimisers, strict=True):
            parameter.grad = slope
            optimiser.step()
    np.testing.assert_allclose(pair[0].detach().numpy(), pair[1].detach().numpy(), rtol=1e-9)


def test_a_flow_trains_with_it_and_resumes(tmp_path: Path) -> None:
    settings = replace(QUICK, dim=16, depth=1, steps=20, judged_every=10, batch=32, optimiser="lamb")
    looks = 0

    def killer(event: object) -> None:
        nonlocal looks
        looks += isinstance(event, dict) and "judged" in event
        if looks == 2:
            raise KeyboardInterrupt

    whole = train(photos(300), settings, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(photos(300), settings, tmp_path / "cut", killer)
    resumed = train(photos(300), settings, tmp_path / "cut")
    place = np.array([10.0]), np.array([30.0])
    assert whole.log_density(VECTORS[0], *place) == resumed.log_density(VECTORS[0], *place)


def test_another_optimiser_is_refused() -> None:
    with pytest.raises(ModelError, match="optimiser is one of adamw, lamb"):
        FlowSettings(optimiser="sgd")
