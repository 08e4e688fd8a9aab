"""Keys and values of a batch in one block: what transformers' own cache holds, without its copies."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from agent.policies.block_cache import ROOM, block_cache, row_of  # noqa: E402  (needs torch)

HEADS, WIDTH = 2, 4


def layers(length: int, seed: int) -> list[tuple[Any, Any]]:
    """Keys and values of one row in three layers."""
    generator = torch.Generator().manual_seed(seed)
    return [tuple(torch.randn(1, HEADS, length, WIDTH, generator=generator) for _ in range(2)) for _ in range(3)]


@pytest.mark.parametrize("steps", [1, ROOM - 1, ROOM, ROOM + 1, 2 * ROOM + 3])
def test_it_holds_what_a_growing_cache_holds(steps: int) -> None:
    past = layers(5, 0)
    ours, theirs = block_cache([past]), transformers.DynamicCache(past)
    for step in range(steps):
        for layer, new in enumerate(layers(1, 100 + step)):
            (keys, values), (k, v) = ours.update(*new, layer), theirs.update(*new, layer)
            assert torch.equal(keys, k)
            assert torch.equal(values, v)
    assert ours.get_seq_length() == theirs.get_seq_length() == 5 + steps


def test_rows_of_different_lengths_end_together_and_come_back_whole() -> None:
    rows = [layers(length, length) for length in (3, 7, 1)]
    cache = block_cache(rows)
    assert cache.get_seq_length() == 7
    assert not cache.layers[0].keys[0, :, :4].any(), "padded with zeros on the left"
    for number, (row, length) in enumerate(zip(rows, (3, 7, 1), strict=True)):
        for (keys, values), (k, v) in zip(row_of(cache, number, length), row, strict=True):
            assert torch.equal(keys, k)
            assert torch.equal(values, v)


def test_what_was_taken_out_is_not_changed_by_later_steps() -> None:
    cache = block_cache([layers(2, 1), layers(2, 2)])
    taken = [(k.clone(), v.clone()) for k, v in row_of(cache, 1, 2)]
    views = row_of(cache, 1, 2)
    for layer in range(3):
        cache.update(torch.ones(2, HEADS, 3, WIDTH), torch.ones(2, HEADS, 3, WIDTH), layer)
    assert all(torch.equal(a, b) for view, kept in zip(views, taken, strict=True) for a, b in zip(view, kept, strict=True))
