"""Probabilities from scores, learned on held-out lists: a temperature, and a logistic curve for "within 25 km"."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from geo.sphere import Floats

NEAR_KM = 25.0
_COLDEST, _HOTTEST = 0.02, 50.0
_RIDGE = 1e-2
_ROUNDS = 50


def log_softmax(scores: Floats) -> Floats:
    """Logarithm of the softmax of one list [n]."""
    shifted = scores - scores.max()
    return np.asarray(shifted - math.log(math.fsum(np.exp(shifted).tolist())))


def fit_temperature(scores: Sequence[Floats], distance_km: Sequence[Floats]) -> float:
    """The temperature between 1/50 and 50 at which −log p(nearest) is least on the whole (Guo et al. 2017), of a fine grid."""
    nearest = [int(np.argmin(km)) for km in distance_km]

    def loss(temperature: float) -> float:
        return -math.fsum(float(log_softmax(s / temperature)[i]) for s, i in zip(scores, nearest, strict=True))

    coarse = min(np.geomspace(_COLDEST, _HOTTEST, 35).tolist(), key=loss)
    return float(min(np.geomspace(max(_COLDEST, coarse / 1.3), min(_HOTTEST, coarse * 1.3), 27).tolist(), key=loss))


def fit_within(log_nearest: Sequence[Floats], distance_km: Sequence[Floats]) -> tuple[float, float]:
    """Slope and intercept of P(within 25 km) = 1 / (1 + exp(−slope·ln p(nearest) − intercept)) over all candidates (Platt 1999).

    Newton's method with a slight pull to (0, 0); the slope is never negative, so that a better candidate is never less likely.
    """
    x = np.concatenate(list(log_nearest))
    y = (np.concatenate(list(distance_km)) < NEAR_KM).astype(np.float64)
    slope, intercept = _logistic(np.stack([x, np.ones_like(x)], axis=1), y)
    if slope < 0.0:
        slope, intercept = 0.0, float(_logistic(np.ones((len(y), 1)), y)[0])
    return float(slope), float(intercept)


def within(log_nearest: Floats, slope: float, intercept: float) -> Floats:
    """Probabilities [n] from the logarithms of p(nearest)."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * (slope * log_nearest + intercept))))


def _logistic(design: Floats, y: Floats) -> Floats:
    beta = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        p = 0.5 * (1.0 + np.tanh(0.5 * (design @ beta)))
        gradient = design.T @ (y - p) - _RIDGE * beta
        hessian = (design * (p * (1.0 - p))[:, None]).T @ design + _RIDGE * np.eye(len(beta))
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-9:
            break
    return beta
