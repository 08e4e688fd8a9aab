"""The small network: features to scores, linear or with one hidden layer, in numpy with its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.sphere import Floats
from models.ranker.features import FEATURES

Weights = dict[str, Floats]
"""`in` [f, h] and `bias` [h] where there is a hidden layer, `out` [h]; without one, `out` [f]; `level` [1], added to every score."""
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class Scaling:
    """Means and one over the standard deviations [f] of the features of the training lists.

    What never varied there has 0 for the latter: it cannot have been learned from, and says nothing later either.
    """

    mean: Floats
    per_spread: Floats

    @classmethod
    def of(cls, table: Floats) -> Scaling:
        """Of rows [n, f]."""
        spread = table.std(axis=0)
        varies = spread > _LEAST_SPREAD
        return cls(table.mean(axis=0), np.where(varies, 1.0 / np.where(varies, spread, 1.0), 0.0))

    def __call__(self, table: Floats) -> Floats:
        """Standardised, and cut at 10 standard deviations, so that nothing unheard of outweighs the rest."""
        return np.clip((table - self.mean) * self.per_spread, -10.0, 10.0)


def first_weights(hidden: int, seed: int) -> Weights:
    """Before training: the last layer is 0, so that all candidates are alike."""
    rng, n = np.random.default_rng([seed, 1]), len(FEATURES)
    if not hidden:
        return {"out": np.zeros(n), "level": np.zeros(1)}
    inner = rng.normal(0.0, np.sqrt(1.0 / n), (n, hidden))
    return {"in": inner, "bias": np.zeros(hidden), "out": np.zeros(hidden), "level": np.zeros(1)}


def forward(weights: Weights, x: Floats) -> tuple[Floats, Floats]:
    """Scores [n] of standardised rows [n, f], and the hidden layer [n, h] (the rows themselves where there is none)."""
    hidden = np.tanh(x @ weights["in"] + weights["bias"]) if "in" in weights else x
    return hidden @ weights["out"] + weights["level"], hidden


def backward(weights: Weights, x: Floats, hidden: Floats, gradient: Floats) -> Weights:
    """Gradients by the weights, from the gradient by the scores [n]."""
    found = {"out": hidden.T @ gradient, "level": gradient.sum(keepdims=True)}
    if "in" in weights:
        inner = gradient[:, None] * weights["out"] * (1.0 - hidden**2)
        found |= {"in": x.T @ inner, "bias": inner.sum(axis=0)}
    return found


def scores_of(weights: Weights, x: Floats) -> Floats:
    """As `forward`, row by row in an order of summation of its own, so that a row's score does not depend on where it stands."""
    if "in" in weights:
        x = np.tanh((x[:, :, None] * weights["in"]).sum(axis=1) + weights["bias"])
    return np.array([float((row * weights["out"]).sum() + weights["level"][0]) for row in x])
