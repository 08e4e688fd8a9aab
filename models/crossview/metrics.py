"""How well queries find their tiles: R@k, hit rate, average precision, metres. References come in blocks; the whole matrix is never held.

Rank is the number of references that are strictly more alike than the right one, as the published code counts it: ties count in the
method's favour. R@1 % is rank < k with k = references / 100 rounded down (Sample4Geo), at least 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]


class RankCounter:
    """Ranks of the right references, and with the semi-positives left out of the competition, over blocks of references."""

    def __init__(self, right: Scores, positive: Sequence[int], semi: Sequence[Sequence[int]] | None = None) -> None:
        """`right` [q]: likeness of each query's own reference, `positive` [q] its number, `semi` numbers of its semi-positives."""
        self._right = np.asarray(right)
        self.ranks = np.zeros(len(self._right), dtype=np.int64)
        self.masked_ranks = np.zeros(len(self._right), dtype=np.int64)
        self.references = 0
        self._positive = np.asarray(positive)
        pairs = [(q, r) for q, refs in enumerate(semi or ()) for r in refs]
        self._semi = np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def add(self, scores: Scores) -> None:
        """The next block of references, [q, b]."""
        more = scores > self._right[:, None]
        own = np.flatnonzero((self._positive >= self.references) & (self._positive < self.references + scores.shape[1]))
        more[own, self._positive[own] - self.references] = False
        self.ranks += more.sum(axis=1)
        inside = (self._semi[:, 1] >= self.references) & (self._semi[:, 1] < self.references + scores.shape[1])
        more[self._semi[inside, 0], self._semi[inside, 1] - self.references] = False
        self.masked_ranks += more.sum(axis=1)
        self.references += scores.shape[1]


@dataclass(frozen=True)
class Recall:
    """Shares of queries."""

    queries: int
    references: int
    at: dict[str, float]
    """`1`, `5`, `10`, `1%`."""
    hit_rate: float

    def to_json(self) -> dict[str, Any]:
        return {
            "queries": self.queries,
            "references": self.references,
            **{f"recall_at_{k}": v for k, v in self.at.items()},
            "hit_rate": self.hit_rate,
        }


def recall(counter: RankCounter, ks: Sequence[int] = (1, 5, 10)) -> Recall | None:
    """R@k and the hit rate (R@1 with semi-positives out of the way, as VIGOR counts it); None without queries."""
    ranks = counter.ranks
    if not len(ranks):
        return None
    one_percent = max(counter.references // 100, 1)
    at = {str(k): float((ranks < k).mean()) for k in ks} | {"1%": float((ranks < one_percent).mean())}
    return Recall(len(ranks), counter.references, at, float((counter.masked_ranks < 1).mean()))


def chance(references: int, ks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
    """What guessing would reach with one right reference."""
    n = max(references, 1)
    return {str(k): min(k / n, 1.0) for k in ks} | {"1%": max(n // 100, 1) / n}


def average_precision(scores: Scores, relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of each query [q], with several right references, by the trapezoid rule of University-1652 (and Oxford); NaN where none is right.

    `scores` and `relevant` are [q, r]. For the i-th of n right ones at 0-based rank r_i: (i / (r_i + 1) + (i - 1) / r_i or 1) / 2n.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    hits = np.take_along_axis(relevant, order, axis=1)
    found = np.cumsum(hits, axis=1)
    rank = np.arange(scores.shape[1])
    after = found / (rank + 1)
    before = np.where(rank > 0, (found - 1) / np.maximum(rank, 1), 1.0)
    total = np.where(hits, (after + before) / 2, 0.0).sum(axis=1)
    count = relevant.sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def within_m(error_m: NDArray[np.float64], limits: Sequence[float] = (10.0, 25.0, 50.0, 100.0)) -> dict[str, float | None]:
    """Median error and shares of queries closer than limits; None without queries."""
    if not len(error_m):
        return {"median_m": None, **{f"within_{limit:g}_m": None for limit in limits}}
    return {"median_m": float(np.median(error_m)), **{f"within_{limit:g}_m": float((error_m < limit).mean()) for limit in limits}}
