"""Keys and values of the rows of a batch in one block with room to grow: a step of the model writes its own and copies nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from agent.policies.key_values import Layers

ROOM = 64
"""Places that are made at a time."""


class BlockLayer(DynamicLayer):  # type: ignore[misc]
    """A layer's keys and values [rows, heads, length, width], which are views of larger tensors."""

    def __init__(self, rows: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """`rows`: keys and values [1, heads, length, width] of each, which may differ in length and end together."""
        super().__init__()
        self._length = max(keys.shape[2] for keys, _ in rows)
        self._keys, self._values = (_block([row[part] for row in rows], self._length) for part in (0, 1))
        self.dtype, self.device, self.is_initialized = self._keys.dtype, self._keys.device, True
        self._show()

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        start, self._length = self._length, self._length + key_states.shape[2]
        if self._length > self._keys.shape[2]:
            self._keys, self._values = (_larger(block, start, self._length) for block in (self._keys, self._values))
        self._keys[:, :, start : self._length] = key_states
        self._values[:, :, start : self._length] = value_states
        self._show()
        return self.keys, self.values

    def _show(self) -> None:
        self.keys, self.values = self._keys[:, :, : self._length], self._values[:, :, : self._length]


def block_cache(rows: Sequence[Layers]) -> DynamicCache:
    """The cache of a batch, padded on the left with zeros."""
    cache = DynamicCache()
    cache.layers = [BlockLayer(layers) for layers in zip(*rows, strict=True)]
    return cache


def row_of(cache: DynamicCache, row: int, length: int) -> Layers:
    """The last `length` keys and values of one row: views, which later steps leave as they are."""
    return [(layer.keys[row : row + 1, :, -length:], layer.values[row : row + 1, :, -length:]) for layer in cache.layers]


def _block(parts: Sequence[torch.Tensor], length: int) -> torch.Tensor:
    first = parts[0]
    block = first.new_zeros(len(parts), first.shape[1], length + ROOM, first.shape[3])
    for row, part in enumerate(parts):
        block[row, :, length - part.shape[2] : length] = part[0]
    return block


def _larger(block: torch.Tensor, used: int, needed: int) -> torch.Tensor:
    rows, heads, _, width = block.shape
    larger = block.new_zeros(rows, heads, needed + ROOM, width)
    larger[:, :, :used] = block[:, :, :used]
    return larger
