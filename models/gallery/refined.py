"""Hits of a store whose own filter may hold a little more than `Where` means are looked at again."""

from __future__ import annotations

from collections.abc import Callable

from models.gallery.gallery import Hit, Where
from models.gallery.where import columns_of, mask


def refined(fetch: Callable[[int], list[list[Hit]]], k: int, where: Where | None) -> list[list[Hit]]:
    """The `k` likest hits of each query that `where` holds; `fetch(n)` gives the `n` likest of what the store's filter holds.

    More are fetched until every query has `k`, or the store has no more.
    """
    wanted = k
    while True:
        found = fetch(wanted)
        if where is None or where.circle is None:
            return found
        held = [_held(hits, where) for hits in found]
        if all(len(own) >= k or len(hits) < wanted for own, hits in zip(held, found, strict=True)):
            return [own[:k] for own in held]
        wanted *= 4


def _held(hits: list[Hit], where: Where) -> list[Hit]:
    if not hits:
        return []
    return [hit for hit, fits in zip(hits, mask(where, columns_of([hit.row for hit in hits])).tolist(), strict=True) if fits]
