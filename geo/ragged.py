"""Lists of different lengths, one after the other in one array, as the tables of places and borders hold them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_PAIRS = 2_000_000


def ranges(first: Ints, counts: Ints) -> Ints:
    """`first[i], first[i] + 1, ...` (`counts[i]` of them) for every i, one after the other."""
    ends = np.cumsum(counts)
    return np.asarray(np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - counts), counts))


def slices(costs: Ints, limit: int = _PAIRS) -> list[slice]:
    """Consecutive slices of items whose costs [n] add up to at most `limit` and one item more."""
    total = np.cumsum(costs)
    if not len(total):
        return []
    cuts = np.unique(np.searchsorted(total, np.arange(limit, total[-1], limit), side="right"))
    bounds = [0, *(int(cut) for cut in cuts if 0 < cut < len(costs)), len(costs)]
    return [slice(a, b) for a, b in pairwise(bounds)]
