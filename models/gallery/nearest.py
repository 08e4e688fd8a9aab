"""Exact nearest neighbours over vectors in half precision, block by block.

A block of halves is turned into float32 by moving bits, about six times as fast as numpy's own conversion: the sign and the 15 other bits of
a half, moved to where a float32 has them, are the number times 2^-112 (the difference of the two exponents' biases), subnormal numbers too;
the query makes up for it by 2^112.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from models.encoders.encoder import Vectors
from models.gallery.gallery import GalleryError
from models.gallery.where import Rows

Halves = NDArray[np.float16]
Take = Callable[[Rows | range], Halves]
"""Vectors [n, dim] of some rows; of a range without a copy."""

Found = tuple[Rows, NDArray[np.float64]]
"""Rows [k] and their similarities, likest first."""

BLOCK_NUMBERS = 1 << 21
"""Numbers of a block: 8 MB of float32, which stay in the cache between their conversion and their product."""

_QUERIES = 64
_BIAS = np.float32(2.0**112)


def nearest(queries: Vectors, k: int, blocks: Sequence[Rows | range], take: Take, threads: int = 1) -> list[Found]:
    """The `k` rows of highest inner product with each query [q, dim]; rows of the same one in their order.

    Exact for the vectors as they are kept: whatever comes within the rounding error of the k-th in float32 is compared again in float64.
    """
    found: list[Found] = []
    for start in range(0, len(queries), _QUERIES):
        some = queries[start : start + _QUERIES]
        parts = [blocks[part::threads] for part in range(threads) if blocks[part::threads]]
        one_pass = functools.partial(_pass, some, k, take)
        if len(parts) > 1:
            with ThreadPoolExecutor(len(parts)) as pool:
                passed = list(pool.map(one_pass, parts))
        else:
            passed = [one_pass(part) for part in parts]
        for index, query in enumerate(some):
            rows = np.concatenate([candidates[index] for candidates in passed] or [np.zeros(0, np.intp)])
            found.append(_compared(query, k, np.sort(rows), take))
    return found


def blocks_of(rows: Rows | range, dim: int, bounds: Sequence[int]) -> list[Rows | range]:
    """Rows (ascending) in blocks.

    Those that follow each other within `bounds` (ascending, 0 first) become ranges, which are taken without a copy.
    """
    size = max(1, BLOCK_NUMBERS // dim)
    whole: list[Rows | range] = []
    if isinstance(rows, range) or 2 * len(rows) > bounds[-1]:
        ranges = [
            range(first, min(first + size, stop))
            for begin, stop in itertools.pairwise(bounds)
            for first in range(begin, stop, size)
        ]
        if isinstance(rows, range):
            return list(ranges)
        edges = np.searchsorted(rows, [[block.start, block.stop] for block in ranges])
        whole = [block for block, (first, last) in zip(ranges, edges.tolist(), strict=True) if last - first == len(block)]
        apart = [
            rows[first:last] for block, (first, last) in zip(ranges, edges.tolist(), strict=True) if last - first < len(block)
        ]
        rows = np.concatenate(apart) if apart else rows[:0]
    return whole + [rows[first : first + size] for first in range(0, len(rows), size)]


def _pass(queries: Vectors, k: int, take: Take, blocks: Sequence[Rows | range]) -> list[Rows]:
    """For each query the rows that may be among its `k` likest."""
    # A sum of d products in float32, whose absolute values sum to at most 1, is off by at most d units of rounding (Higham 2002, 3.1);
    # two such sums are compared.
    slack = np.float32(2 * queries.shape[1] * 2.0**-24)
    scaled = queries * _BIAS
    rows: list[Rows] = [np.zeros(0, np.intp) for _ in queries]
    scores: list[Vectors] = [np.zeros(0, np.float32) for _ in queries]
    least = np.full(len(queries), -np.inf, dtype=np.float32)
    room = np.empty(0, dtype=np.int32)
    for block in blocks:
        halves = take(block)
        if room.size < halves.size:
            room = np.empty(halves.size, dtype=np.int32)
        singles = _widened(halves, room[: halves.size].reshape(halves.shape))
        product = (singles @ scaled[0])[None] if len(queries) == 1 else scaled @ singles.T
        names = np.arange(block.start, block.stop) if isinstance(block, range) else block
        above = product >= least[:, None]
        for query in np.flatnonzero(above.any(axis=1)).tolist():
            rows[query], scores[query], least[query] = _likest(
                np.concatenate([rows[query], names[above[query]]]),
                np.concatenate([scores[query], product[query, above[query]]]),
                k,
                slack,
            )
    return rows


def _widened(halves: Halves, room: NDArray[np.int32]) -> Vectors:
    """Halves as float32 times 2^-112, written into `room`."""
    np.copyto(room, halves.view(np.int16))
    np.left_shift(room, 13, out=room)
    # The sign was moved through bits 28 to 31; it stays in the last alone.
    np.bitwise_and(room, np.int32(0x8FFFE000 - (1 << 32)), out=room)
    return room.view(np.float32)


def _likest(rows: Rows, scores: Vectors, k: int, slack: np.float32) -> tuple[Rows, Vectors, np.float32]:
    """Those that may still be among the `k` likest, and the score below which nothing can be."""
    if len(scores) <= k:
        return rows, scores, np.float32(-np.inf)
    least = np.float32(np.partition(scores, len(scores) - k)[len(scores) - k] - slack)
    may = scores >= least
    return rows[may], scores[may], least


def undamaged(halves: Halves) -> Halves:
    """The same. Raises GalleryError where numbers are not finite: none such are ever put in."""
    if not np.isfinite(halves).all():
        raise GalleryError("vectors of the gallery are damaged: they hold numbers that are not finite")
    return halves


def _compared(query: Vectors, k: int, rows: Rows, take: Take) -> Found:
    """The `k` likest of few rows, in float64. Rows that are the same have the same similarity: each is summed up by itself."""
    similarity = np.empty(len(rows))
    for first in range(0, len(rows), 4096):
        some = undamaged(take(rows[first : first + 4096])).astype(np.float64)
        similarity[first : first + 4096] = (some * query.astype(np.float64)).sum(axis=1)
    order = np.lexsort((rows, -similarity))[:k]
    return rows[order], np.minimum(1.0, similarity[order])
