"""How well a ranking brings pictures of the same class to the top: mean average precision, P@k, R@k, NDCG@k.

A gallery picture is relevant where its class is that of the query. Equal similarities have no order, so every figure is its mean over
all orders of the tied pictures (McSherry & Najork, "Computing information retrieval performance measures efficiently in the presence of
ties", ECIR 2008). A sort by index instead would hand a collapsed encoder, for which all pictures are alike, whatever order the gallery
happens to lie in; this way it scores exactly chance.

Average precision is that of information retrieval, the mean of the precision at the relevant ranks, not the trapezoid of University-1652.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

KS = (1, 5, 10)
_BLOCK_CELLS = 2_000_000
"""Similarities that are ranked at once: about 0.2 GB."""
_DECIMALS = 6
"""Similarities that agree so far are tied: the order of sums alone moves those of unit vectors in float32 by some 1e-7."""


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Figures in [0, 1] over the queries that have any relevant picture in the gallery; None where no query has one."""

    queries: int
    """All of them."""
    unanswerable: int
    """Those whose class the gallery does not hold; no figure counts them."""
    gallery: int
    map: float | None
    """Mean over queries."""
    map_by_class: dict[int, float]
    """By class index; a class without an answerable query is missing."""
    precision: dict[int, float | None]
    """P@k: the share of relevant pictures among the first k."""
    recall: dict[int, float | None]
    """R@k: the share of all relevant pictures that lies among the first k. Not the hit rate that place retrieval calls R@k."""
    ndcg: dict[int, float | None]
    """Gain 1 for a relevant picture, discount log2(rank + 1), over the best that the gallery allows."""

    @property
    def macro_map(self) -> float | None:
        """Mean over classes, each counted once however many queries it has."""
        return float(np.mean(list(self.map_by_class.values()))) if self.map_by_class else None

    def to_json(self, classes: Sequence[str]) -> dict[str, Any]:
        """Plain JSON with the names of the classes."""
        by_class = {classes[index]: value for index, value in self.map_by_class.items()}
        tables = {f"{name}_at_{k}": value for name, table in (("p", self.precision), ("r", self.recall), ("ndcg", self.ndcg))
                  for k, value in table.items()}  # fmt: skip
        return {"queries": self.queries, "unanswerable": self.unanswerable, "gallery": self.gallery, "map": self.map,
                "macro_map": self.macro_map, "map_by_class": by_class, **tables}  # fmt: skip


def score(query: ArrayLike, query_labels: ArrayLike, gallery: ArrayLike, gallery_labels: ArrayLike, ks: Sequence[int] = KS) -> ClassScores:  # fmt: skip
    """Rank a gallery [g, d] by inner product for every query [q, d], unit rows; labels [q] and [g] are class indices.

    A `k` beyond the gallery is cut to it. Raises ValueError for shapes that do not fit, values that are not finite, or k below 1.
    """
    q, g, ql, gl = _checked(query, query_labels, gallery, gallery_labels)
    if not ks or min(ks) < 1:
        raise ValueError("k is 1 or more")
    blocks = [_block(np.round(q[rows] @ g.T, _DECIMALS), ql[rows, None] == gl[None, :], ks) for rows in _rows(len(q), len(g))]
    table = np.concatenate(blocks) if blocks else np.zeros((0, 1 + 3 * len(ks)))
    answerable = np.isin(ql, gl)
    table = table[answerable]
    means = [float(v) for v in table.mean(axis=0)] if len(table) else [None] * (1 + 3 * len(ks))
    by_class = {int(c): float(table[ql[answerable] == c, 0].mean()) for c in np.unique(ql[answerable])}
    at = [dict(zip(ks, means[1 + part * len(ks) :], strict=False)) for part in range(3)]
    return ClassScores(len(q), int((~answerable).sum()), len(g), means[0], by_class, *at)


def chance(query_labels: ArrayLike, gallery_labels: ArrayLike, ks: Sequence[int] = KS) -> ClassScores:
    """What a random order scores on average, exactly: the figures of a gallery whose pictures are all alike."""
    ql, gl = np.asarray(query_labels), np.asarray(gallery_labels)
    return score(np.zeros((len(ql), 1)), ql, np.zeros((len(gl), 1)), gl, ks)


def _checked(query: ArrayLike, query_labels: ArrayLike, gallery: ArrayLike, gallery_labels: ArrayLike) -> tuple[Floats, Floats, Labels, Labels]:  # fmt: skip
    q, g = np.asarray(query), np.asarray(gallery)
    ql, gl = np.asarray(query_labels, dtype=np.intp), np.asarray(gallery_labels, dtype=np.intp)
    if q.ndim != 2 or g.ndim != 2 or q.shape[1] != g.shape[1] or ql.shape != (len(q),) or gl.shape != (len(g),):
        raise ValueError(f"queries {q.shape} with labels {ql.shape} do not fit a gallery {g.shape} with labels {gl.shape}")
    if not np.isfinite(q).all() or not np.isfinite(g).all():
        raise ValueError("vectors are finite numbers")
    return q, g, ql, gl


def _rows(queries: int, gallery: int) -> Iterator[slice]:
    step = max(1, _BLOCK_CELLS // max(gallery, 1))
    return (slice(at, at + step) for at in range(0, queries, step))


def _block(similarity: NDArray[np.floating], relevant: NDArray[np.bool_], ks: Sequence[int]) -> Floats:
    """Average precision, P@k, R@k and NDCG@k [q, 1 + 3·len(ks)] of similarities [q, g]; a row without relevant pictures is 0."""
    q, g = similarity.shape
    if not g:
        return np.zeros((q, 1 + 3 * len(ks)))
    order = np.argsort(-similarity, axis=1)
    ranked = np.take_along_axis(similarity, order, 1)
    hit = np.take_along_axis(relevant, order, 1)
    start, end = _ties(ranked)
    before = np.concatenate([np.zeros((q, 1)), np.cumsum(hit, axis=1)], axis=1)  # [q, g + 1]: relevant ones above a rank
    above, below = np.take_along_axis(before, start, 1), np.take_along_axis(before, end, 1)
    tied, tied_hits = end - start, below - above
    share = tied_hits / tied  # the chance that a rank holds a relevant picture
    place = np.arange(g)
    # Where the rank does, the other relevant pictures of its group lie evenly over the group's other ranks.
    others = (place - start) * (tied_hits - 1) / np.maximum(tied - 1, 1)
    total = before[:, -1:]
    average = (share * (above + 1 + others) / (place + 1)).sum(axis=1, keepdims=True) / np.maximum(total, 1)
    found, gain, best = np.cumsum(share, 1), np.cumsum(share / np.log2(place + 2), 1), np.cumsum(1 / np.log2(place + 2))
    cut = [min(k, g) for k in ks]
    precision = [found[:, k - 1 : k] / k for k in cut]
    recall = [found[:, k - 1 : k] / np.maximum(total, 1) for k in cut]
    ideal = [best[np.clip(total, 1, k).astype(int) - 1] for k in cut]
    ndcg = [gain[:, k - 1 : k] / top for k, top in zip(cut, ideal, strict=True)]
    return np.asarray(np.concatenate([average, *precision, *recall, *ndcg], axis=1), dtype=np.float64)


def _ties(ranked: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First rank and one past the last rank [q, g] of the group of equal values that each rank of sorted rows lies in."""
    q, g = ranked.shape
    place = np.arange(g)
    new = np.concatenate([np.ones((q, 1), dtype=bool), ranked[:, 1:] != ranked[:, :-1]], axis=1)
    last = np.concatenate([new[:, 1:], np.ones((q, 1), dtype=bool)], axis=1)
    start = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    end = np.minimum.accumulate(np.where(last, place + 1, g)[:, ::-1], axis=1)[:, ::-1]
    return start, end
