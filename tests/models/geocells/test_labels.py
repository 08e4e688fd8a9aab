from __future__ import annotations

import math

import numpy as np
import pytest

from geo.sphere import haversine_km
from models.geocells.labels import SMALLEST, label_loss, one_hot_labels, smooth_labels

LAT, LON = np.array([48.1, -16.8, 89.9]), np.array([11.5, 179.9, 10.0])
CELL_LAT, CELL_LON = np.array([48.0, 47.0, -17.0, -16.0, 85.0]), np.array([11.0, 12.0, -179.9, 178.0, -170.0])


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("tau", [65.0, 75.0, 1000.0])
def test_smoothing_is_the_published_formula(tau: float, normalised: bool) -> None:
    found = smooth_labels(LAT, LON, CELL_LAT, CELL_LON, tau, normalised)
    for row, (lat, lon) in enumerate(zip(LAT, LON, strict=True)):
        distance = [float(haversine_km(lat, lon, a, b)) for a, b in zip(CELL_LAT, CELL_LON, strict=True)]
        share = [math.exp(-(d - min(distance)) / tau) for d in distance]
        share = [y if y >= SMALLEST else 0.0 for y in share]
        total = sum(share) if normalised else 1.0
        assert found[row] == pytest.approx([y / total for y in share], rel=1e-5)
    assert found.dtype == np.float32


def test_the_nearest_cell_counts_fully_and_another_tau_farther_by_1_over_e() -> None:
    along = np.degrees(np.array([0.0, 75.0]) / 6371.0088)
    assert smooth_labels(np.zeros(1), np.zeros(1), np.zeros(2), along)[0] == pytest.approx([1.0, math.exp(-1)], rel=1e-5)


def test_the_loss_is_the_sum_over_cells_and_the_mean_over_photos() -> None:
    import torch

    share = smooth_labels(LAT, LON, CELL_LAT, CELL_LON)
    logits = np.random.default_rng(0).normal(size=share.shape)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    slow = np.mean([-sum(y * lp for y, lp in zip(*rows, strict=True)) for rows in zip(share, log_p, strict=True)])
    assert float(label_loss(torch.from_numpy(logits), torch.from_numpy(share))) == pytest.approx(slow)
    one_hot = one_hot_labels(np.array([2, 0, 4]), 5)
    assert float(label_loss(torch.from_numpy(logits), torch.from_numpy(one_hot))) == pytest.approx(
        -log_p[[0, 1, 2], [2, 0, 4]].mean()
    )
