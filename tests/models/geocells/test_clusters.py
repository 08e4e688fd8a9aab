from __future__ import annotations

import numpy as np
import pytest

from geo.sphere import haversine_km, lat_lon, unit_vectors
from models.geocells.clusters import MOST_POINTS, means, nearest, optics, rms_km, sampled, spherical_kmeans


def blobs(n: int, seed: int, duplicates: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    middle = rng.uniform([-50, 175], [50, 185], size=(5, 2))  # across the antimeridian
    points = middle[rng.integers(0, 5, n)] + rng.normal(scale=rng.choice([0.05, 0.5], (n, 1)), size=(n, 2))
    points[:duplicates] = points[0]
    return points[:, 0], (points[:, 1] + 180) % 360 - 180


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("min_samples", "xi"), [(3, 0.15), (8, 0.05), (10, 0.025), (15, 0.015)])
def test_optics_is_that_of_scikit_learn(seed: int, min_samples: int, xi: float) -> None:
    from sklearn.cluster import OPTICS

    lat, lon = blobs(150, seed, duplicates=5)
    reference = OPTICS(min_samples=min_samples, xi=xi, metric="haversine", algorithm="ball_tree")
    assert optics(lat, lon, min_samples, xi).tolist() == reference.fit(np.radians(np.stack([lat, lon], axis=1))).labels_.tolist()


def test_optics_finds_blobs_across_the_antimeridian() -> None:
    lat = np.concatenate([np.zeros(20), np.full(20, 5.0)]) + np.linspace(-0.01, 0.01, 40) ** 3
    lon = np.tile(np.linspace(179.9, 180.1, 20), 2)
    labels = optics(lat, (lon + 180) % 360 - 180, 5, 0.05)
    assert len(set(labels[:20]) - {-1}) == 1
    assert set(labels[:20]) & set(labels[20:]) <= {-1}


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_optics_of_a_few_points_or_of_one_place(n: int) -> None:
    assert len(optics(np.zeros(n), np.zeros(n), 8, 0.05)) == n


def test_optics_is_bounded() -> None:
    with pytest.raises(ValueError, match="at most"):
        optics(np.zeros(MOST_POINTS + 1), np.zeros(MOST_POINTS + 1), 3, 0.1)
    rows = sampled(10 * MOST_POINTS, np.random.default_rng(0))
    assert len(rows) == MOST_POINTS
    assert (np.diff(rows) > 0).all()


def test_nearest_generators_by_great_circle() -> None:
    rng = np.random.default_rng(0)
    lat, lon, of_lat, of_lon = rng.uniform(-90, 90, 50), rng.uniform(-180, 180, 50), *rng.uniform(-90, 90, (2, 8))
    slow = [int(np.argmin(haversine_km(a, b, of_lat, of_lon))) for a, b in zip(lat, lon, strict=True)]
    assert nearest(unit_vectors(lat, lon), unit_vectors(of_lat, of_lon)).tolist() == slow


def test_kmeans_finds_blobs_and_no_more_groups_than_points() -> None:
    lat, lon = np.repeat([0.0, 0.0, 60.0], 30), np.repeat([179.9, -179.0, 20.0], 30) + np.tile(np.linspace(0, 0.1, 30), 3)
    points = unit_vectors(lat, lon)
    centres = spherical_kmeans(points, 3, np.random.default_rng(0))
    assert sorted(np.bincount(nearest(points, centres))) == [30, 30, 30]
    assert len(spherical_kmeans(np.repeat(points[:1], 9, axis=0), 4, np.random.default_rng(0))) == 1
    again = spherical_kmeans(points, 3, np.random.default_rng(0))
    assert (again == centres).all()


def test_means_and_spreads() -> None:
    lat, lon, labels = np.array([0.0, 0.0, 10.0]), np.array([179.0, -179.0, 5.0]), np.array([0, 0, 2])
    middle = means(unit_vectors(lat, lon), labels, 3)
    at_lat, at_lon = lat_lon(middle)
    assert (abs(at_lon[0]), at_lat[2], at_lon[2]) == pytest.approx((180.0, 10.0, 5.0))
    assert not middle[1].any()
    assert rms_km(lat, lon, labels, at_lat, at_lon) == pytest.approx([float(haversine_km(0, 179, 0, 180)), 0, 0], abs=1e-6)
