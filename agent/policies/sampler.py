"""Samples replies of a Qwen-VL-like model for many conversations at once: token in, token out.

Requests join the running batch as they come. What a conversation shares with an earlier one (its own last turn, the same photo, the same
rules) is not read again: keys and values of recent streams are kept and cut to the common beginning.
"""

from __future__ import annotations

import hashlib
import math
import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from agent.chatml import Stream
from agent.policies.key_values import Layers, Recent, as_cache, known_as, layers_of, pictures_before

_NEVER_WRITTEN = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_start|>")
_WAIT_S = 0.02


@dataclass(frozen=True)
class Sampled:
    """A reply: its tokens, the model's log-probabilities of them at the sampling temperature, and whether it ended by itself."""

    ids: list[int]
    logp: list[float]
    ended: bool


@dataclass(eq=False)
class _Row:
    """A conversation that is being continued."""

    stream: Stream
    known: Any
    """The stream as numbers that tell pictures apart."""
    temperature: float
    min_p: float
    most: int
    future: Future[Sampled]
    generator: Any
    number: int
    era: int
    """How often the weights had changed when it was asked for."""
    past: Layers = field(default_factory=list)
    next_position: int = 0
    ids: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)
    done: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more is to be sampled: the reply is there, or nobody waits for it any more."""
        return self.done or self.future.cancelled()

    def answer(self, reply: Sampled | Exception) -> None:
        """Hand the reply, or what went wrong, to whoever waits; nobody may."""
        if not self.future.set_running_or_notify_cancel():
            return
        if isinstance(reply, Sampled):
            self.future.set_result(reply)
        else:
            self.future.set_exception(reply)


class Sampler:
    """One model, one thread. `submit` may be called from any thread; the future holds the reply or what went wrong."""

    def __init__(self, model: Any, processor: Any, *, at_once: int = 16, kept: int = 32, seed: int = 0) -> None:
        self.model, self.processor = model, processor
        tokenizer = processor.tokenizer
        self.image_pad, self.end = tokenizer.convert_tokens_to_ids("<|image_pad|>"), tokenizer.convert_tokens_to_ids("<|im_end|>")
        vocabulary = tokenizer.get_vocab()
        self.never = [vocabulary[token] for token in _NEVER_WRITTEN if token in vocabulary]
        self.at_once, self.seed = at_once, seed
        self._waiting: queue.Queue[_Row | None] = queue.Queue()
        self._recent = Recent(kept)
        self._asked: Counter[bytes] = Counter()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        self._number = self._era = 0
        self._closing = False
        self.read_tokens = self.reused_tokens = self.written_tokens = 0

    def submit(
        self, stream: Stream, *, temperature: float = 0.0, min_p: float = 0.0, most: int = 1024, salt: int = 0
    ) -> Future[Sampled]:
        """Ask for the continuation of `stream`, of at most `most` tokens; a temperature of 0 takes the likeliest token. Tokens whose probability is
        below `min_p` of the likeliest one's are never drawn (min-p sampling, arXiv 2407.01082); log-probabilities are those of the whole vocabulary.

        What is sampled depends on the sampler's seed, `salt`, the stream with its pictures, and how often the same was asked before, whatever else is
        asked at the same time.
        """
        known = known_as(stream, self.image_pad)
        digest = hashlib.sha256(np.concatenate([np.asarray([self.seed, salt], dtype=np.int64), known]).tobytes()).digest()
        with self._start:
            self._asked[digest] += 1
            generator = torch.Generator(device="cpu").manual_seed((int.from_bytes(digest[:7], "big") << 7) + self._asked[digest])
            self._number += 1
            row = _Row(stream, known, temperature, min_p, most, Future(), generator, self._number, self._era)
            self._waiting.put(row)
            if self._thread is None or not self._thread.is_alive():
                self._closing = False
                self._thread = threading.Thread(target=self._work, daemon=True, name="sampler")
                self._thread.start()
        return row.future

    def forget(self) -> None:
        """Drop what was kept of earlier streams: the weights have changed."""
        self._era += 1
        self._recent.clear()
        self._asked.clear()

    def close(self) -> None:
        """End the thread once it has answered what it was asked."""
        with self._start:
            if self._thread is not None and self._thread.is_alive():
                self._waiting.put(None)
                self._thread.join()

    # -- the thread

    def _work(self) -> None:
        batch: _Batch | None = None
        while True:
            came = self._arrivals(len(batch.rows) if batch else 0)
            if self._closing and batch is None and not came:
                return
            joined = [row for row in came if self._guarded([row], partial(self._read, row))]
            if batch is not None and not self._guarded(batch.rows, partial(self._step, batch)):
                batch = None
            if joined or (batch is not None and any(row.over for row in batch.rows)):
                rows = [*(batch.rows_with_their_past() if batch else []), *joined]
                for row in rows:
                    if row.over:
                        self._finish(row)
                batch = self._batch_of([row for row in rows if not row.over])

    def _arrivals(self, running: int) -> list[_Row]:
        """Requests that came in, as many as there is room for; waits for one when there is nothing to do."""
        came: list[_Row] = []
        while len(came) + running < self.at_once and not self._closing:
            try:
                row = self._waiting.get_nowait() if running else self._waiting.get(timeout=_WAIT_S if came else None)
            except queue.Empty:
                break
            if row is None:
                self._closing = True
            elif not row.over:
                came.append(row)
        return came

    def _guarded(self, rows: Sequence[_Row], work: Callable[[], None]) -> bool:
        """Whether `work` went well; else its fault is given to whoever waits for these rows."""
        try:
            with torch.inference_mode():
                work()
        except Exception as error:
            for row in rows:
                row.answer(error)
            return False
        return True

    def _batch_of(self, rows: list[_Row]) -> _Batch | None:
        made: list[_Batch] = []
        return made[0] if rows and self._guarded(rows, lambda: made.append(_Batch(rows))) else None

    def _read(self, row: _Row) -> None:
        """Read what is new of a stream, and sample the first token."""
        stream, device = row.stream, self.model.device
        start, past = self._recent.longest(row.known)
        ids = torch.tensor([stream.ids], device=device)
        is_image = (ids == self.image_pad).int()
        before = pictures_before(stream, self.image_pad, start)
        pictures: dict[str, Any] = {}
        if stream.images:
            grid = self._grids(stream)
            positions, _ = _inner(self.model).model.get_rope_index(ids, is_image, image_grid_thw=grid.to(device))
            if new := stream.images[before:]:
                seen = self.processor.image_processor(images=new, return_tensors="pt")
                pictures = {
                    "pixel_values": seen["pixel_values"].to(device, self.model.dtype),
                    "image_grid_thw": seen["image_grid_thw"].to(device),
                }
        else:
            positions = torch.arange(ids.shape[1], device=device).view(1, 1, -1).expand(3, 1, -1)
        row.next_position = int(positions.max()) + 1
        output = self.model(input_ids=ids[:, start:], position_ids=positions[:, :, start:], past_key_values=as_cache(past), use_cache=True,
                            attention_mask=torch.ones_like(ids), logits_to_keep=1, **pictures)  # fmt: skip
        self.read_tokens += len(stream.ids) - start
        self.reused_tokens += start
        row.past = layers_of(output.past_key_values)
        self._keep(row, row.known)
        self._take(row, output.logits[0, -1])

    def _step(self, batch: _Batch) -> None:
        output = self.model(**batch.inputs(self.model.device), use_cache=True)
        for row, logits in zip(batch.rows, output.logits[:, -1], strict=True):
            row.next_position += 1
            self._take(row, logits)

    def _take(self, row: _Row, logits: Any) -> None:
        """Sample one token of a row."""
        scaled = logits.float().cpu() / (row.temperature or 1.0)
        whole = scaled.logsumexp(-1)
        scaled[self.never] = -math.inf
        if row.temperature <= 0:
            token = int(scaled.argmax())
        elif row.min_p > 0:
            likely = torch.nonzero(scaled >= scaled.max() + math.log(row.min_p))[:, 0]
            token = int(likely[torch.multinomial((scaled[likely] - whole).exp(), 1, generator=row.generator)])
        else:
            token = int(torch.multinomial((scaled - whole).exp(), 1, generator=row.generator))
        row.ids.append(token)
        row.logp.append(float(scaled[token] - whole))
        self.written_tokens += 1
        row.done = token == self.end or len(row.ids) >= row.most

    def _finish(self, row: _Row) -> None:
        """Hand the reply over; its keys and values stay for the next turn, without those of the last token, which was never read."""
        row.past = [(keys.clone(), values.clone()) for keys, values in row.past]  # the block goes with its batch
        self._keep(row, np.concatenate([row.known, np.asarray(row.ids[:-1], dtype=np.int64)]))
        row.answer(Sampled(row.ids, row.logp, row.ids[-1] == self.end))

    def _keep(self, row: _Row, known: Any) -> None:
        """Keep what the row has read, unless the weights have changed since."""
        if row.era == self._era:
            self._recent.keep(row.number, known, row.past)

    def _grids(self, stream: Stream) -> Any:
        merge, patch = self.processor.image_processor.merge_size, self.processor.image_processor.patch_size
        return torch.tensor([_grid(image, self.processor.image_processor, patch, merge) for image in stream.images])


def _inner(model: Any) -> Any:
    """The model itself, without the adapter that it may be wrapped in."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


class _Batch:
    """Rows whose keys and values stand in one block, padded on the left."""

    def __init__(self, rows: list[_Row]) -> None:
        from agent.policies.block_cache import block_cache

        self.rows = rows
        self.lengths = [int(row.past[0][0].shape[2]) for row in rows]
        longest = max(self.lengths)
        self.mask = torch.tensor([[0] * (longest - length) + [1] * length for length in self.lengths])
        self.cache = block_cache([row.past for row in rows])

    def inputs(self, device: Any) -> dict[str, Any]:
        """The last token of every row, after everything before it."""
        self.mask = torch.cat([self.mask, torch.ones(len(self.rows), 1, dtype=self.mask.dtype)], 1)
        self.lengths = [length + 1 for length in self.lengths]
        positions = torch.tensor([row.next_position for row in self.rows], device=device).view(1, -1, 1).expand(3, -1, -1)
        return {"input_ids": torch.tensor([[row.ids[-1]] for row in self.rows], device=device), "position_ids": positions,
                "attention_mask": self.mask.to(device), "past_key_values": self.cache}  # fmt: skip

    def rows_with_their_past(self) -> list[_Row]:
        """The rows, each with its own keys and values again."""
        from agent.policies.block_cache import row_of

        for number, (row, length) in enumerate(zip(self.rows, self.lengths, strict=True)):
            row.past = row_of(self.cache, number, length)
        return self.rows


def _grid(image: Any, image_processor: Any, patch: int, merge: int) -> list[int]:
    """Time, rows and columns of a picture's patches."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    size = image_processor.size
    height, width = smart_resize(
        image.height, image.width, patch * merge, min_pixels=size["shortest_edge"], max_pixels=size["longest_edge"]
    )
    return [1, height // patch, width // patch]
