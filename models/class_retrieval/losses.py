"""Losses of deep metric learning on unit vectors, in torch. All take vectors [n, d], labels [n] and which are ground pictures [n].

Only pairs of a ground and an aerial picture count: retrieval is across the views, and pairs within a view would be easy by the view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TRIPLET_MARGIN = 0.2
SOFTMAX_TEMPERATURE = 0.05
MS_ALPHA, MS_BETA, MS_BASE, MS_MARGIN = 2.0, 50.0, 0.5, 0.1


def triplet(vectors: Tensor, labels: Tensor, ground: Tensor, margin: float = TRIPLET_MARGIN) -> Tensor:
    """Batch-hard triplets (Hermans, Beyer & Leibe 2017) with cosine distance 1 − s: for every picture the least similar one of its class
    and the most similar one of another class, both from the other view: mean of max(0, margin + s⁻ − s⁺) over the pictures that have both.
    """
    similarity = vectors @ vectors.T
    positive, negative = _pairs(labels, ground)
    hardest_positive = similarity.masked_fill(~positive, float("inf")).amin(1)
    hardest_negative = similarity.masked_fill(~negative, float("-inf")).amax(1)
    both = positive.any(1) & negative.any(1)
    if not both.any():
        return vectors.sum() * 0.0
    return (margin + hardest_negative[both] - hardest_positive[both]).clamp(min=0.0).mean()


def multi_similarity(vectors: Tensor, labels: Tensor, ground: Tensor) -> Tensor:
    """Wang et al., CVPR 2019: pairs are mined by comparing with the hardest opposite pair (ε = 0.1) and weighted by log-sums:

    1/n · Σᵢ [ln(1 + Σ⁺ exp(−α(s − λ)))/α + ln(1 + Σ⁻ exp(β(s − λ)))/β], α = 2, β = 50, λ = 0.5.
    """
    import torch

    similarity = vectors @ vectors.T
    positive, negative = _pairs(labels, ground)
    least_positive = similarity.masked_fill(~positive, float("inf")).amin(1, keepdim=True)
    most_negative = similarity.masked_fill(~negative, float("-inf")).amax(1, keepdim=True)
    hard_positive = positive & (similarity - MS_MARGIN < most_negative)
    hard_negative = negative & (similarity + MS_MARGIN > least_positive)
    pull = _log_one_plus(-MS_ALPHA * (similarity - MS_BASE), hard_positive) / MS_ALPHA
    push = _log_one_plus(MS_BETA * (similarity - MS_BASE), hard_negative) / MS_BETA
    return torch.mean(pull + push)


def normalised_softmax(vectors: Tensor, labels: Tensor, proxies: Tensor, temperature: float = SOFTMAX_TEMPERATURE) -> Tensor:
    """Zhai & Wu, BMVC 2019: cross-entropy of cosine similarities with one learned unit vector a class [classes, d], no bias. Both views
    share the proxies, which is what brings them together."""
    from torch.nn.functional import cross_entropy, normalize

    return cross_entropy(vectors @ normalize(proxies, dim=1).T / temperature, labels)


def _pairs(labels: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs across the views [n, n]: of one class, and of two."""
    across = ground[:, None] != ground[None, :]
    same = labels[:, None] == labels[None, :]
    return across & same, across & ~same


def _log_one_plus(exponents: Tensor, mask: Tensor) -> Tensor:
    """ln(1 + Σ exp) of each row over the masked columns, without overflow."""
    import torch

    chosen = exponents.masked_fill(~mask, float("-inf"))
    return torch.logsumexp(torch.cat([chosen, torch.zeros_like(chosen[:, :1])], dim=1), dim=1)
