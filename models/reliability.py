"""How far the evidence of a learned geolocator can be trusted, from photos that it did not learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from geo.sphere import Floats
from models.gallery.own_density import OwnDensity

LEAST, MOST = 0.02, 0.98


def best_reliability(ratios: ArrayLike) -> tuple[float, float]:
    """The r in (0.02, 0.98) that maximises the mean of log(r·q + 1 − r), and that mean in nats.

    `ratios` q [n] is the likelihood at the places of held-out photos over its mean under the photo prior: what a belief multiplies by, so
    that r is the maximum-likelihood share of the mixture that the belief takes the evidence for. The mean is concave in r: bisection finds it.
    """
    gain = np.asarray(ratios, dtype=np.float64) - 1.0
    low, high = LEAST, MOST
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(np.mean(gain / (1.0 + middle * gain))) > 0 else (low, middle)
    r = (low + high) / 2.0
    return r, float(np.mean(np.log1p(r * gain)))


def covered_reliability(ratios: ArrayLike, lat: Floats, lon: Floats) -> tuple[float, float, float]:
    """Reliability for photos from anywhere, the mean in nats on the held-out ones, and the share C of the photo prior that training covers.

    Held-out photos come from where the training photos do (places [n], degrees): that they lie there at all is nothing the model knew. So
    their ratios count relative to the covered part of the Earth, C·q, and where the model has seen nothing it cannot speak against a place:
    L = r·C·q + 1 − r inside, 1 outside, which one number stands for: the belief's mixture with the reliability r·C.
    """
    coverage = OwnDensity.of_points(lat, lon).coverage
    r, score = best_reliability(coverage * np.asarray(ratios, dtype=np.float64))
    return max(r * coverage, 1e-3), score, coverage
