"""Small worlds to learn: where photos of two kinds of pictures lie."""

from __future__ import annotations

import numpy as np

from geo.sphere import Floats, lat_lon, sample_vmf, unit_vectors
from models.encoders.encoder import unit_rows
from models.flow.distribution import Distribution
from models.flow.settings import FlowSettings
from models.training_data import TrainingData

KAPPA = 60.0
"""Blobs of about 820 km."""
SEAM, POLE = (-20.0, 180.0), (88.0, 30.0)
DIM = 6
QUICK = FlowSettings(
    dim=48, depth=3, steps=700, batch=192, lr=4e-3, warmup=50, ema=0.99, judged_every=175, drop=0.25, divide_prior=False
)
VECTORS = unit_rows(np.eye(2, DIM) + 0.05)
"""What the two kinds of pictures look like."""


def blobs(n: int, seed: int) -> Floats:
    """Half around a place on the antimeridian, half around one near the north pole: [n, 3]."""
    rng = np.random.default_rng(seed)
    means = unit_vectors(*np.array([SEAM, POLE]).T)
    parts = [sample_vmf(mean, KAPPA, m, rng) for mean, m in zip(means, (n - n // 2, n // 2), strict=True)]
    return rng.permutation(np.concatenate(parts))


def ring(n: int, seed: int) -> Floats:
    """Uniform around the equator, within some 10 degrees: [n, 3]."""
    rng = np.random.default_rng(seed)
    return unit_vectors(np.clip(rng.normal(0.0, 10.0, n), -85.0, 85.0), rng.uniform(-180.0, 180.0, n))


def photos(n: int = 3000, seed: int = 0) -> TrainingData:
    """Half of them of each kind, with some noise in the vectors."""
    rng = np.random.default_rng([seed, 5])
    kind = np.arange(n) % 2
    places = np.empty((n, 3))
    places[kind == 0], places[kind == 1] = blobs((n + 1) // 2, seed), ring(n // 2, seed + 1)
    vectors = unit_rows(VECTORS[kind] + 0.02 * rng.normal(size=(n, DIM)))
    return TrainingData(vectors, *lat_lon(places), "two kinds", "0123456789abcdef", f"two kinds ({n:,} photos)")


def integral(distribution: Distribution, vectors: np.ndarray, order: int = 4) -> float:
    """Of the density over the sphere, at the centres of equal areas."""
    points = grid(order)
    return float(np.exp(distribution.log_density(vectors, points[None])[0]).mean() * 4.0 * np.pi)


def grid(order: int) -> Floats:
    """Centres of the cells of an order [12·4^order, 3]."""
    from geo.cells import Cells

    ipix = np.arange(12 * 4**order)
    return Cells.of(np.full(len(ipix), order), ipix).vectors
