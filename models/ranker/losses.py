"""Losses over lists of candidates whose true distances are known, with their gradients, in numpy (GeoRanker, arXiv 2505.13731).

A list has scores s and distances d; pi sorts it by distance, the nearest first.

- First order: partial Plackett–Luce, L1 = −(1/K) Σ_{i≤K} log[exp s_π(i) / Σ_{j≥i} exp s_π(j)]. K = 1 is softmax cross-entropy on the nearest.
- Second order: for pairs i < j of the sorted list Δs = s_i − s_j and Δd = d_i − d_j; the pairs whose first member is among the K nearest are
  sorted by Δd, the largest gap first, and L2 is the full Plackett–Luce of their Δs, averaged over these pairs. A candidate that is much
  farther away should be scored much lower.
- Together: λ·L1 + (1 − λ)·L2, λ = 0.7.

Only the order of the distances (and of their differences) counts, never their unit. Equal distances keep the order in which they are given.
Batches are `scores [b, g]`, `distance_km [b, g]` and `mask [b, g]`, True where there is a candidate; what lies under False never counts.
Sums of exponentials are taken in the logarithm, so that scores of ±1000 do not overflow.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats

Mask = NDArray[np.bool_]
LossAndGradient = tuple[Floats, Floats]
"""The loss of each list [b], and its gradient by the scores [b, g]."""

PUBLISHED_LAMBDA = 0.7
SCALE_KM = 25.0
"""Distances are looked at as ln(1 + d / 25 km) where they are regressed."""


def plackett_luce(scores: Floats, valid: Mask, terms: Mask) -> LossAndGradient:
    """−mean over `terms` of log[exp s_i / Σ_{j≥i} exp s_j], for scores [b, m] that are in the wanted order.

    `valid` [b, m] is True for a beginning of each row; `terms` (within `valid`) says which positions are summed. A row without terms has
    loss and gradient 0.
    """
    s = np.where(valid, scores, -np.inf)
    rest = np.logaddexp.accumulate(s[:, ::-1], axis=1)[:, ::-1]  # log Σ_{j≥i} exp s_j
    count = np.maximum(terms.sum(axis=1), 1)[:, None]
    loss = np.where(terms, np.where(terms, rest, 0.0) - np.where(terms, scores, 0.0), 0.0).sum(axis=1) / count[:, 0]
    # d/ds_j = Σ_{terms i≤j} exp(s_j − rest_i) − [j is a term]; each exponent is at most 0.
    before = np.logaddexp.accumulate(np.where(terms, -np.where(terms, rest, 0.0), -np.inf), axis=1)
    share = np.exp(np.where(valid, s, 0.0) + np.where(valid, before, -np.inf))
    return loss, (share - terms) / count


def first_order(scores: Floats, distance_km: Floats, mask: Mask, k: int = 1) -> LossAndGradient:
    """Partial Plackett–Luce over the `k` nearest; over all where a list is shorter."""
    order = _nearest_first(distance_km, mask)
    valid = np.take_along_axis(mask, order, axis=1)
    loss, by_rank = plackett_luce(np.take_along_axis(scores, order, axis=1), valid, valid & (np.arange(mask.shape[1]) < k))
    return loss, _put_back(by_rank, order)


def second_order(scores: Floats, distance_km: Floats, mask: Mask, k: int = 1) -> LossAndGradient:
    """Plackett–Luce over pairs: larger gaps in distance want larger gaps in score. 0 for a list of fewer than two."""
    order = _nearest_first(distance_km, mask)
    valid, s = np.take_along_axis(mask, order, axis=1), np.take_along_axis(scores, order, axis=1)
    far = np.where(valid, np.take_along_axis(distance_km, order, axis=1), 0.0)
    first, second, incidence = pairs(mask.shape[1], k)
    both = valid[:, second]  # the first of a pair is nearer: it is there where the second is
    gap = np.where(both, far[:, first] - far[:, second], np.inf)
    by_gap = np.argsort(gap, axis=1, kind="stable")
    delta = np.where(valid[:, first] & both, s[:, first] - s[:, second], 0.0)
    kept = np.take_along_axis(both, by_gap, axis=1)
    loss, gradient = plackett_luce(np.take_along_axis(delta, by_gap, axis=1), kept, kept)
    return loss, _put_back(_put_back(gradient, by_gap) @ incidence, order)


def multi_order(scores: Floats, distance_km: Floats, mask: Mask, k: int = 1, weight: float = PUBLISHED_LAMBDA) -> LossAndGradient:
    """`weight`·first + (1 − `weight`)·second order; `weight` is the published λ."""
    one, d_one = first_order(scores, distance_km, mask, k)
    two, d_two = second_order(scores, distance_km, mask, k)
    return weight * one + (1.0 - weight) * two, weight * d_one + (1.0 - weight) * d_two


def distance_regression(scores: Floats, distance_km: Floats, mask: Mask) -> LossAndGradient:
    """Mean squared error of each score against −ln(1 + d / 25 km), candidate by candidate: what listwise losses are compared with."""
    error = np.where(mask, scores + np.log1p(np.where(mask, distance_km, 0.0) / SCALE_KM), 0.0)
    count = np.maximum(mask.sum(axis=1), 1)
    return (error**2).sum(axis=1) / count, 2.0 * error / count[:, None]


@functools.lru_cache(64)
def pairs(length: int, k: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Ranks (from 0) of the first and the second of each pair [p] with the first among the `k` nearest, and the matrix [p, length] that
    takes scores to differences."""
    first, second = np.triu_indices(length, 1)
    keep = first < k
    first, second = first[keep], second[keep]
    incidence = np.zeros((len(first), length))
    rows = np.arange(len(first))
    incidence[rows, first], incidence[rows, second] = 1.0, -1.0
    return first, second, incidence


def _nearest_first(distance_km: Floats, mask: Mask) -> NDArray[np.intp]:
    """Columns [b, g] by distance, what is not there last. Raises ValueError for a distance that is not a number from 0."""
    known = np.where(mask, distance_km, 0.0)
    if not np.isfinite(known).all() or (known < 0).any():
        raise ValueError("a distance must be a number of km from 0")
    return np.argsort(np.where(mask, distance_km, np.inf), axis=1, kind="stable")


def _put_back(values: Floats, order: NDArray[np.intp]) -> Floats:
    """Undo `take_along_axis` by `order`."""
    out = np.empty_like(values)
    np.put_along_axis(out, order, values, axis=1)
    return out
