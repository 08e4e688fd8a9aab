"""Reliability is the share that holds, and never more than what training covers."""

from __future__ import annotations

import numpy as np
import pytest

from geo.sphere import destination
from models.reliability import best_reliability, covered_reliability


def test_the_reliability_is_the_share_that_holds() -> None:
    hit = np.arange(1000) < 700
    r, nats = best_reliability(np.where(hit, 40.0, 0.0))
    grid = np.linspace(0.021, 0.979, 959)
    score = np.log(grid[:, None] * np.where(hit, 40.0, 0.0) + 1.0 - grid[:, None]).mean(axis=1)
    assert r == pytest.approx(grid[np.argmax(score)], abs=2e-3)
    assert nats == pytest.approx(score.max(), abs=1e-6)
    assert best_reliability(np.full(9, 1e9))[0] == pytest.approx(0.98, abs=1e-3)
    assert best_reliability(np.zeros(9))[0] == pytest.approx(0.02, abs=1e-3)


def test_a_model_of_one_town_is_trusted_by_what_the_town_is_of_the_earth() -> None:
    rng = np.random.default_rng(0)
    lat, lon = destination(48.2, 16.4, rng.uniform(0, 360, 500), rng.uniform(0, 30, 500))
    everywhere = np.full(500, 3000.0)  # says "near Vienna", and is always right, since all photos are from there
    reliability, _, coverage = covered_reliability(everywhere, lat, lon)
    assert coverage < 0.05
    assert reliability <= coverage


def test_a_model_of_the_whole_earth_keeps_its_trust() -> None:
    lat, lon = (np.tile(part.ravel(), 9) for part in np.meshgrid(np.arange(-60.0, 75.0, 1.5), np.arange(-180.0, 180.0, 1.5)))
    ratios = np.where(np.arange(len(lat)) % 10 < 8, 500.0, 0.0)
    reliability, _, coverage = covered_reliability(ratios, lat, lon)
    assert coverage > 0.9
    assert reliability == pytest.approx(0.8 * coverage, abs=0.02)
