"""Samples replies of a Qwen-VL-like model for many conversations at once: token in, token out.

Requests join the running batch as they come. What a conversation shares with an earlier one (its own last turn, the same photo, the same
rules) is not read again: keys and values of recent streams are kept and cut to the common beginning.
"""

from __future__ import annotations

import hashlib
import math
import queue
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from agent.chatml import Stream

Layers = list[tuple[Any, Any]]
"""Keys and values [1, heads, length, width] of each layer."""

_NEVER_WRITTEN = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_start|>")
_WAIT_S = 0.02


@dataclass(frozen=True)
class Sampled:
    """A reply: its tokens, their log-probabilities at the sampling temperature, and whether it ended by itself."""

    ids: list[int]
    logp: list[float]
    ended: bool


@dataclass(eq=False)
class _Row:
    """A conversation that is being continued."""

    stream: Stream
    temperature: float
    most: int
    future: Future[Sampled]
    generator: Any
    past: Layers = field(default_factory=list)
    next_position: int = 0
    ids: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)
    done: bool = False
    known: Any = None
    """The stream as numbers that tell pictures apart."""


class Sampler:
    """One model, one thread. `submit` may be called from any thread; the future holds the reply or what went wrong."""

    def __init__(self, model: Any, processor: Any, *, at_once: int = 16, kept: int = 32, seed: int = 0) -> None:
        self.model, self.processor = model, processor
        tokenizer = processor.tokenizer
        self.image_pad, self.end = tokenizer.convert_tokens_to_ids("<|image_pad|>"), tokenizer.convert_tokens_to_ids("<|im_end|>")
        vocabulary = tokenizer.get_vocab()
        self.never = [vocabulary[token] for token in _NEVER_WRITTEN if token in vocabulary]
        self.at_once, self.kept, self.seed = at_once, kept, seed
        self._waiting: queue.Queue[_Row | None] = queue.Queue()
        self._recent: OrderedDict[int, tuple[Any, Layers]] = OrderedDict()
        self._asked: Counter[bytes] = Counter()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        self.read_tokens = self.reused_tokens = self.written_tokens = 0

    def submit(self, stream: Stream, *, temperature: float = 0.0, most: int = 1024, salt: int = 0) -> Future[Sampled]:
        """Ask for the continuation of `stream`, of at most `most` tokens; a temperature of 0 takes the likeliest token.

        What is sampled depends on the sampler's seed, `salt`, the stream, and how often the same was asked before, whatever else is
        asked at the same time.
        """
        digest = hashlib.sha256(np.asarray([self.seed, salt, *stream.ids], dtype=np.int64).tobytes()).digest()
        with self._start:
            self._asked[digest] += 1
            generator = torch.Generator(device="cpu").manual_seed((int.from_bytes(digest[:7], "big") << 7) + self._asked[digest])
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, daemon=True, name="sampler")
                self._thread.start()
        row = _Row(stream, temperature, most, Future(), generator)
        self._waiting.put(row)
        return row.future

    def forget(self) -> None:
        """Drop what was kept of earlier streams: the weights have changed."""
        self._recent.clear()
        self._asked.clear()

    def close(self) -> None:
        """End the thread once it has answered what it was asked."""
        if self._thread is not None and self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    # -- the thread

    def _work(self) -> None:
        rows: list[_Row] = []
        batch: _Batch | None = None
        while True:
            came = self._arrivals(idle=not rows)
            if came is None:
                return
            joined = [row for row in came if self._guarded([row], self._read)]
            if joined:
                rows = (batch.rows_with_their_past() if batch else []) + joined
                batch = _Batch(rows)
            if batch is not None and rows:
                if not self._guarded(rows, lambda current=batch: self._step(current)):
                    rows, batch = [], None
                    continue
                if any(row.done for row in rows):
                    batch.rows_with_their_past()
                    for row in rows:
                        if row.done:
                            self._finish(row)
                    rows = [row for row in rows if not row.done]
                    batch = _Batch(rows) if rows else None

    def _arrivals(self, idle: bool) -> list[_Row] | None:
        """Requests that came in; waits for one when there is nothing to do. None: the thread is to end."""
        came: list[_Row] = []
        while len(came) < self.at_once:
            try:
                row = self._waiting.get(timeout=_WAIT_S if came else None) if idle else self._waiting.get_nowait()
            except queue.Empty:
                break
            if row is None:
                return None
            came.append(row)
        return came

    def _guarded(self, rows: Sequence[_Row], work: Callable[..., None]) -> bool:
        """Whether `work` went well; else its fault is given to whoever waits for these rows."""
        try:
            with torch.inference_mode():
                work(*rows) if work == self._read else work()
        except Exception as error:
            for row in rows:
                row.future.set_exception(error)
            return False
        return True

    def _read(self, row: _Row) -> None:
        """Read what is new of a stream, and sample the first token."""
        stream, device = row.stream, self.model.device
        row.known = known_as(stream, self.image_pad)
        start, past = self._longest_known(row.known)
        ids = torch.tensor([stream.ids], device=device)
        is_image = (ids == self.image_pad).int()
        before = _pictures_before(stream, self.image_pad, start)
        pictures: dict[str, Any] = {}
        if stream.images:
            grid = self._grids(stream)
            positions, _ = self.model.model.get_rope_index(ids, is_image, image_grid_thw=grid.to(device))
            if new := stream.images[before:]:
                seen = self.processor.image_processor(images=new, return_tensors="pt")
                pictures = {
                    "pixel_values": seen["pixel_values"].to(device, self.model.dtype),
                    "image_grid_thw": seen["image_grid_thw"].to(device),
                }
        else:
            positions = torch.arange(ids.shape[1], device=device).view(1, 1, -1).expand(3, 1, -1)
        row.next_position = int(positions.max()) + 1
        cache = _cache(past)
        output = self.model(input_ids=ids[:, start:], position_ids=positions[:, :, start:], past_key_values=cache, use_cache=True,
                            attention_mask=torch.ones_like(ids), logits_to_keep=1, **pictures)  # fmt: skip
        self.read_tokens += len(stream.ids) - start
        self.reused_tokens += start
        row.past = _layers(output.past_key_values)
        self._keep(row.known, row.past)
        self._take(row, output.logits[0, -1])

    def _step(self, batch: _Batch) -> None:
        output = self.model(**batch.inputs(self.model.device), use_cache=True)
        batch.grow(output.past_key_values)
        for row, logits in zip(batch.rows, output.logits[:, -1], strict=True):
            row.next_position += 1
            self._take(row, logits)

    def _take(self, row: _Row, logits: Any) -> None:
        """Sample one token of a row."""
        logits = logits.float().cpu()
        logits[self.never] = -math.inf
        scaled = torch.log_softmax(logits / (row.temperature or 1.0), -1)
        token = int(torch.multinomial(scaled.exp(), 1, generator=row.generator)) if row.temperature > 0 else int(scaled.argmax())
        row.ids.append(token)
        row.logp.append(float(scaled[token]))
        self.written_tokens += 1
        row.done = token == self.end or len(row.ids) >= row.most

    def _finish(self, row: _Row) -> None:
        """Hand the reply over; its keys and values stay for the next turn, without those of the last token, which was never read."""
        self._keep(np.concatenate([row.known, np.asarray(row.ids[:-1], dtype=np.int64)]), row.past)
        row.future.set_result(Sampled(row.ids, row.logp, row.ids[-1] == self.end))

    # -- what is known already

    def _keep(self, known: Any, past: Layers) -> None:
        self._recent[id(past)] = (known, past)
        while len(self._recent) > self.kept:
            self._recent.popitem(last=False)

    def _longest_known(self, known: Any) -> tuple[int, Layers]:
        """The kept beginning of the stream: how long it is, and its keys and values. At least one token stays to be read."""
        best, past = 0, None
        for other, layers in self._recent.values():
            length = min(len(other), len(known) - 1)
            different = np.flatnonzero(other[:length] != known[:length])
            length = int(different[0]) if len(different) else length
            if length > best:
                best, past = length, layers
        best = _outside_pictures(known, best)
        return (best, [(k[:, :, :best], v[:, :, :best]) for k, v in past]) if past is not None and best else (0, [])

    def _grids(self, stream: Stream) -> Any:
        merge, patch = self.processor.image_processor.merge_size, self.processor.image_processor.patch_size
        return torch.tensor([_grid(image, self.processor.image_processor, patch, merge) for image in stream.images])


class _Batch:
    """Rows whose keys and values stand in one block, padded on the left."""

    def __init__(self, rows: list[_Row]) -> None:
        self.rows = rows
        self.lengths = [int(row.past[0][0].shape[2]) for row in rows]
        longest = max(self.lengths)
        self.mask = torch.tensor([[0] * (longest - length) + [1] * length for length in self.lengths])
        self.past: Layers = []
        for layer in range(len(rows[0].past)):
            keys, values = (
                torch.cat([torch.nn.functional.pad(row.past[layer][part], (0, 0, longest - length, 0))
                           for row, length in zip(rows, self.lengths, strict=True)])
                for part in (0, 1)
            )  # fmt: skip
            self.past.append((keys, values))

    def inputs(self, device: Any) -> dict[str, Any]:
        """The last token of every row, after everything before it."""
        self.mask = torch.cat([self.mask, torch.ones(len(self.rows), 1, dtype=self.mask.dtype)], 1)
        positions = torch.tensor([row.next_position for row in self.rows], device=device).view(1, -1, 1).expand(3, -1, -1)
        return {"input_ids": torch.tensor([[row.ids[-1]] for row in self.rows], device=device), "position_ids": positions,
                "attention_mask": self.mask.to(device), "past_key_values": _cache(self.past)}  # fmt: skip

    def grow(self, cache: Any) -> None:
        self.past = _layers(cache)
        self.lengths = [length + 1 for length in self.lengths]

    def rows_with_their_past(self) -> list[_Row]:
        """The rows, each with its own keys and values again."""
        for number, (row, length) in enumerate(zip(self.rows, self.lengths, strict=True)):
            row.past = [
                (k[number : number + 1, :, -length:].clone(), v[number : number + 1, :, -length:].clone()) for k, v in self.past
            ]
        return self.rows


def known_as(stream: Stream, image_pad: int) -> Any:
    """The stream as int64 [L] in which the tokens of different pictures differ: negative numbers made of the picture's digest."""
    known = np.asarray(stream.ids, dtype=np.int64)
    pads = known == image_pad
    if stream.images:
        number = np.cumsum(pads & ~np.concatenate([[False], pads[:-1]])) - 1
        keys = np.array([-int(key[:15], 16) - 1 for key in stream.keys], dtype=np.int64)
        known = np.where(pads, keys[np.clip(number, 0, len(keys) - 1)], known)
    return known


def _outside_pictures(known: Any, length: int) -> int:
    """`length` or less, so that the cut is not inside a picture."""
    while 0 < length < len(known) and known[length] < 0 and known[length - 1] == known[length]:
        length -= 1
    return length


def _pictures_before(stream: Stream, image_pad: int, start: int) -> int:
    ids = np.asarray(stream.ids[:start])
    pads = ids == image_pad
    return int(np.sum(pads & ~np.concatenate([[False], pads[:-1]]))) if len(ids) else 0


def _grid(image: Any, image_processor: Any, patch: int, merge: int) -> list[int]:
    """Time, rows and columns of a picture's patches."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    size = image_processor.size
    height, width = smart_resize(
        image.height, image.width, patch * merge, min_pixels=size["shortest_edge"], max_pixels=size["longest_edge"]
    )
    return [1, height // patch, width // patch]


def _cache(layers: Layers) -> Any:
    from transformers import DynamicCache

    return DynamicCache(layers) if layers else DynamicCache()


def _layers(cache: Any) -> Layers:
    return [(layer.keys, layer.values) for layer in cache.layers]
