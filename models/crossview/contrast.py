"""Symmetric InfoNCE over a batch of pairs whose headings are known, roughly known or unknown (for torch).

As Sample4Geo (ICCV 2023): cross-entropy with label smoothing in both directions on scaled cosines, the scale learned. Added here: the
likeness of a pair is that of its best allowed heading, so that unknown headings are the normal case; and what may be the same place is no
negative.
"""

from __future__ import annotations

import math
from typing import Any


def headings_likeness(ground: Any, weights: Any, aerial: Any, middle: int) -> Any:
    """[b, n, k] of windows [b, w, d] (unit columns) with weights [b, w] and codes from above [n, k, d]."""
    import torch

    count, wide = aerial.shape[1], ground.shape[1]
    at = (torch.arange(count)[:, None] + torch.arange(wide)[None, :] - middle) % count
    return torch.einsum("bwd,nkwd->bnk", ground * weights[..., None], aerial[:, at])


def pair_logits(likeness: Any, allowed: Any, true: Any) -> Any:
    """[b, b] from likeness [b, b, k]: off the diagonal at the best allowed heading [b, k], on it at the best true one [b, k]."""
    import torch

    low = torch.finfo(likeness.dtype).min
    best = likeness.masked_fill(~allowed[:, None, :], low).amax(dim=2)
    rows = torch.arange(len(likeness))
    own = likeness[rows, rows].masked_fill(~true, low).amax(dim=1)
    return torch.where(torch.eye(len(best), dtype=torch.bool), own[:, None], best)


def symmetric_info_nce(logits: Any, same: Any, smoothing: float) -> Any:
    """Mean loss of logits [b, b] whose diagonal is right; `same` [b, b] marks pairs of one place, which count neither way."""
    import torch

    own = torch.eye(len(logits), dtype=torch.bool)
    masked = logits.masked_fill(same & ~own, -math.inf)
    return 0.5 * (_smoothed(masked, smoothing) + _smoothed(masked.T, smoothing))


def _smoothed(logits: Any, smoothing: float) -> Any:
    log_p = logits.log_softmax(dim=1)
    there = logits > -math.inf
    spread = log_p.masked_fill(~there, 0.0).sum(dim=1) / there.sum(dim=1)
    return -((1 - smoothing) * log_p.diagonal() + smoothing * spread).mean()
