"""Fitting the network: AdamW on padded batches of lists; the epoch with the lowest loss on held-out lists is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats
from models.ranker.lists import RankingList
from models.ranker.losses import SCALE_KM, LossAndGradient, Mask, distance_regression, first_order, multi_order
from models.ranker.network import Scaling, Weights, backward, first_weights, forward
from models.ranker.settings import RankerSettings
from models.training_data import Told

_BETAS = (0.9, 0.999)
_DECAYED = ("in", "out")


@dataclass(frozen=True, eq=False)
class Padded:
    """Lists as arrays: standardised features [b, g, f], distances [b, g], and which are there [b, g]."""

    x: Floats
    distance_km: Floats
    mask: Mask

    @classmethod
    def of(cls, lists: Sequence[RankingList], scaling: Scaling) -> Padded:
        longest = max(map(len, lists))
        x = np.zeros((len(lists), longest, len(scaling.mean)))
        distance, mask = np.zeros((len(lists), longest)), np.zeros((len(lists), longest), dtype=np.bool_)
        for row, one in enumerate(lists):
            x[row, : len(one)], distance[row, : len(one)], mask[row, : len(one)] = scaling(one.features), one.distance_km, True
        return cls(x, distance, mask)

    def pick(self, rows: NDArray[np.intp]) -> Padded:
        return Padded(self.x[rows], self.distance_km[rows], self.mask[rows])

    def scores(self, weights: Weights) -> tuple[Floats, Floats]:
        """[b, g], and the hidden layer of all rows."""
        flat, hidden = forward(weights, self.x.reshape(-1, self.x.shape[-1]))
        return flat.reshape(self.mask.shape), hidden


def fit(learn: Padded, held: Padded, settings: RankerSettings, told: Told) -> Weights:
    """The weights of the epoch with the lowest loss on `held`. `told` hears `{"epoch": …, "loss": …, "validation": …}`."""
    rng = np.random.default_rng([settings.seed, 2])
    weights = first_weights(settings.hidden, settings.seed)
    if settings.objective == "distance":  # listwise losses do not see the level; a regression would spend its steps on it
        weights["level"][:] = -np.log1p(learn.distance_km[learn.mask] / SCALE_KM).mean()
    optimiser = _AdamW(weights, settings)
    best, lowest, waited = {name: part.copy() for name, part in weights.items()}, math.inf, 0
    n = len(learn.mask)
    for epoch in range(settings.epochs):
        lr = settings.lr * 0.5 * (1.0 + math.cos(math.pi * epoch / settings.epochs))
        order, losses = rng.permutation(n), []
        for start in range(0, n, settings.batch):
            batch = learn.pick(order[start : start + settings.batch])
            scores, hidden = batch.scores(weights)
            loss, gradient = objective(scores, batch, settings)
            flat = batch.x.reshape(-1, batch.x.shape[-1])
            optimiser.step(weights, backward(weights, flat, hidden, gradient.ravel() / len(loss)), lr)
            losses.append(float(loss.mean()))
        judged = float(objective(held.scores(weights)[0], held, settings)[0].mean())
        told({"epoch": epoch + 1, "loss": float(np.mean(losses)), "validation": judged})
        waited = 0 if judged < lowest else waited + 1
        if judged < lowest:
            best, lowest = {name: part.copy() for name, part in weights.items()}, judged
        if waited >= settings.patience:
            break
    return best


def objective(scores: Floats, batch: Padded, settings: RankerSettings) -> LossAndGradient:
    """What is made small."""
    if settings.objective == "distance":
        return distance_regression(scores, batch.distance_km, batch.mask)
    if settings.objective == "nearest":
        return first_order(scores, batch.distance_km, batch.mask, 1)
    return multi_order(scores, batch.distance_km, batch.mask, settings.k, settings.weight)


class _AdamW:
    def __init__(self, weights: Weights, settings: RankerSettings) -> None:
        self.decay, self.steps = settings.weight_decay, 0
        self.first, self.second = ({name: np.zeros_like(part) for name, part in weights.items()} for _ in range(2))

    def step(self, weights: Weights, gradient: Weights, lr: float) -> None:
        self.steps += 1
        for name, g in gradient.items():
            one, two = self.first[name], self.second[name]
            one += (1.0 - _BETAS[0]) * (g - one)
            two += (1.0 - _BETAS[1]) * (g * g - two)
            moved = (one / (1.0 - _BETAS[0] ** self.steps)) / (np.sqrt(two / (1.0 - _BETAS[1] ** self.steps)) + 1e-8)
            weights[name] -= lr * (moved + (self.decay * weights[name] if name in _DECAYED else 0.0))
