"""Keys and values of streams that were read: what is kept of recent ones, and how much of them a new one begins with."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from agent.chatml import Stream

Layers = list[tuple[Any, Any]]
"""Keys and values [rows, heads, length, width] of each layer."""


class Recent:
    """The latest streams with their keys and values, `most` of them, each under the number of the request that read it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._streams: OrderedDict[int, tuple[Any, Layers]] = OrderedDict()

    def keep(self, number: int, known: Any, past: Layers) -> None:
        """Keep `past` of the stream `known` [L], in place of what was kept under this number."""
        self._streams[number] = (known, past)
        self._streams.move_to_end(number)
        while len(self._streams) > self.most:
            self._streams.popitem(last=False)

    def clear(self) -> None:
        self._streams.clear()

    def longest(self, known: Any) -> tuple[int, Layers]:
        """The kept beginning of a stream: how long it is, and its keys and values. At least one token stays to be read, and no picture
        is cut in two."""
        best: tuple[int, Layers] = (0, [])
        for other, past in list(self._streams.values()):
            length = min(len(other), len(known) - 1)
            different = np.flatnonzero(other[:length] != known[:length])
            length = int(different[0]) if len(different) else length
            if length > best[0]:
                best = (length, past)
        length = _outside_pictures(known, best[0])
        return length, [(k[:, :, :length], v[:, :, :length]) for k, v in best[1]] if length else []


def known_as(stream: Stream, image_pad: int) -> Any:
    """The stream as int64 [L] in which the tokens of different pictures differ: negative numbers made of the picture's digest."""
    known = np.asarray(stream.ids, dtype=np.int64)
    if not stream.images:
        return known
    pads = known == image_pad
    keys = np.array([-int(key[:15], 16) - 1 for key in stream.keys], dtype=np.int64)
    return np.where(pads, keys[np.clip(np.cumsum(_firsts(pads)) - 1, 0, len(keys) - 1)], known)


def pictures_before(stream: Stream, image_pad: int, length: int) -> int:
    """How many pictures begin among the first `length` tokens."""
    return int(np.sum(_firsts(np.asarray(stream.ids[:length], dtype=np.int64) == image_pad)))


def _firsts(pads: Any) -> Any:
    """Which of the tokens of pictures is its picture's first."""
    return pads & ~np.concatenate([[False], pads[:-1]]) if len(pads) else pads


def _outside_pictures(known: Any, length: int) -> int:
    """`length` or less, so that the cut is not inside a picture."""
    while 0 < length < len(known) and known[length] < 0 and known[length - 1] == known[length]:
        length -= 1
    return length


def as_cache(layers: Layers) -> Any:
    """As transformers takes it."""
    from transformers import DynamicCache

    return DynamicCache(layers) if layers else DynamicCache()


def layers_of(cache: Any) -> Layers:
    """The inverse of `as_cache`."""
    return [(layer.keys, layer.values) for layer in cache.layers]
