"""The losses of `models/ranker/losses.py` in torch, for a value head over a vision-language model (GeoRanker, arXiv 2505.13731).

Same formulas, same conventions, same arguments; each returns the loss of each list [b]. They are safe in half precision: the sums are taken
in float32 at least.
"""

from __future__ import annotations

from typing import Any

from models.ranker.losses import PUBLISHED_LAMBDA, pairs

_NOTHING = -1e30
"""Stands for −∞ under the logarithm: with −∞ itself the derivative would be no number."""


def first_order(scores: Any, distance_km: Any, mask: Any, k: int = 1) -> Any:
    """Partial Plackett–Luce [b] over the `k` nearest of scores [b, g]."""
    import torch

    order = _nearest_first(distance_km, mask)
    valid = mask.gather(1, order)
    return _plackett_luce(_wide(scores).gather(1, order), valid, valid & (torch.arange(mask.shape[1], device=mask.device) < k))


def second_order(scores: Any, distance_km: Any, mask: Any, k: int = 1) -> Any:
    """Plackett–Luce [b] over pairs, the largest gap in distance first."""
    import torch

    order = _nearest_first(distance_km, mask)
    valid, s = mask.gather(1, order), _wide(scores).gather(1, order)
    far = distance_km.double().gather(1, order).masked_fill(~valid, 0.0)
    first, second = (torch.as_tensor(part, device=mask.device) for part in pairs(mask.shape[1], k)[:2])
    both = valid[:, second]
    gap = (far[:, first] - far[:, second]).masked_fill(~both, float("inf"))
    by_gap = torch.argsort(gap, dim=1, stable=True)
    kept = both.gather(1, by_gap)
    return _plackett_luce((s[:, first] - s[:, second]).gather(1, by_gap), kept, kept)


def multi_order(scores: Any, distance_km: Any, mask: Any, k: int = 1, weight: float = PUBLISHED_LAMBDA) -> Any:
    """`weight`·first + (1 − `weight`)·second order [b]."""
    return weight * first_order(scores, distance_km, mask, k) + (1.0 - weight) * second_order(scores, distance_km, mask, k)


def _plackett_luce(scores: Any, valid: Any, terms: Any) -> Any:
    s = scores.masked_fill(~valid, _NOTHING)
    rest = s.flip(1).logcumsumexp(1).flip(1)
    return (rest - s).masked_fill(~terms, 0.0).sum(1) / terms.sum(1).clamp(min=1)


def _nearest_first(distance_km: Any, mask: Any) -> Any:
    import torch

    return torch.argsort(distance_km.double().masked_fill(~mask, float("inf")), dim=1, stable=True)


def _wide(scores: Any) -> Any:
    import torch

    return scores.to(torch.promote_types(scores.dtype, torch.float32))
