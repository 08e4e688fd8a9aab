"""Precision, recall, density and coverage against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from evals.metrics import density
from evals.metrics.density import cloud_match
from geo.sphere import haversine_km


def by_loop(fake: np.ndarray, real: np.ndarray, k: int) -> tuple[float, float, float, float]:
    def far(a: np.ndarray, b: np.ndarray) -> float:
        return float(haversine_km(*a, *b))

    def radius(points: np.ndarray, i: int) -> float:
        return sorted(far(points[i], points[j]) for j in range(len(points)) if j != i)[k - 1]

    fake_radius, real_radius = ([radius(points, i) for i in range(len(points))] for points in (fake, real))
    within = [[far(f, r) <= real_radius[j] + 1e-9 for j, r in enumerate(real)] for f in fake]
    recalled = [any(far(f, r) <= fake_radius[i] + 1e-9 for i, f in enumerate(fake)) for r in real]
    held = [any(within[i][j] for i in range(len(fake))) for j in range(len(real))]
    return (
        float(np.mean([any(w) for w in within])),
        float(np.mean(recalled)),
        float(np.sum(within) / (k * len(fake))),
        float(np.mean(held)),
    )


def cloud(n: int, seed: int, lat: float = 0.0, lon: float = 179.9, spread: float = 5.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = np.stack([90.0 - np.abs(90.0 - rng.normal(lat, spread, n)), rng.normal(lon, spread, n)], axis=1)
    points[:, 1] = (points[:, 1] + 180.0) % 360.0 - 180.0
    return points


@pytest.mark.parametrize("where", [(0.0, 179.9), (88.0, 0.0), (-40.0, -60.0)])
@pytest.mark.parametrize("k", [1, 3])
def test_as_the_formulas_say(where: tuple[float, float], k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(density, "_CHUNK", 200)
    fake, real = cloud(25, 1, *where), cloud(30, 2, where[0] - 2.0, where[1], 4.0)
    found = cloud_match(fake, real, k)
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(by_loop(fake, real, k))


def test_equal_and_distant_clouds() -> None:
    points = cloud(60, 3)
    same = cloud_match(points, points)
    assert (same.precision, same.recall, same.coverage) == (1.0, 1.0, 1.0)
    assert same.density == pytest.approx((3 + 1) / 3, rel=0.1), "each point lies in its own ball and, in the mean, in k others"
    far = cloud_match(points, cloud(60, 4, -50.0, 20.0))
    assert (far.precision, far.recall, far.density, far.coverage) == (0.0, 0.0, 0.0, 0.0)


def test_four_points_on_a_line_by_hand() -> None:
    """k = 1, truths at 0, 1, 3 and 7 degrees: radii 1, 1, 2, 4. Guesses at 0.5, 0.6 and 20 degrees: radii 0.1, 0.1, 19.4."""
    found = density.point_matches([(0, 0.5), (0, 0.6), (0, 20)], [(0, 0), (0, 1), (0, 3), (0, 7)], k=1)
    assert found.density.tolist() == [2.0, 2.0, 0.0], "0.6 is farther than 2 degrees from 3"
    assert found.precision.tolist() == [1.0, 1.0, 0.0]
    assert found.coverage.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert found.recall.tolist() == [0.0, 1.0, 1.0, 1.0], "only the far guess has a large ball, which ends at 0.6"


def test_the_antimeridian_and_the_pole_are_no_borders() -> None:
    guesses = [(0, 179.99), (0, -179.99), (0, 179.98), (0, -179.98)]
    here = cloud_match(guesses, guesses, k=1)
    moved = cloud_match([(lat, lon - 100) for lat, lon in guesses], [(lat, lon - 100) for lat, lon in guesses], k=1)
    assert here == moved
    around = [(89.99, lon) for lon in (0, 90, 180, -90)]
    assert cloud_match(around, [(90, 0), (90, 50), (89.995, 10), (89.98, 3)], k=3).precision == 1.0


def test_equal_points_are_neighbours_at_no_distance() -> None:
    points = [(10.0, 20.0)] * 6
    assert cloud_match(points, points, k=3) == density.CloudMatch(1.0, 1.0, 2.0, 1.0), "each lies in 6 balls over 3"


def test_a_collapsed_cloud_is_precise_and_covers_nothing() -> None:
    real = cloud(100, 5, spread=20.0)
    found = cloud_match(np.repeat(real[:1], 50, axis=0), real)
    assert found.precision == 1.0
    assert found.recall <= 0.02
    assert found.coverage < 0.2


def test_too_few_points() -> None:
    with pytest.raises(ValueError, match="more than 3"):
        cloud_match(cloud(3, 1), cloud(10, 2))
