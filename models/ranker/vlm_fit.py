"""Training of a value network on lists: groups of candidates, their losses, and steps that can be cut off and gone on from."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.geolocator import ModelError
from models.ranker.lists import RankingList
from models.ranker.losses import SCALE_KM
from models.ranker.torch_losses import first_order, multi_order
from models.ranker.vlm_checkpoint import Checkpoints
from models.ranker.vlm_network import ValueNetwork, rows_of
from models.ranker.vlm_rows import Pair, Rows
from models.ranker.vlm_settings import VlmSettings
from models.training_data import Told

_NORM = 1.0
"""Gradients longer than this are cut to it."""


@dataclass(eq=False)
class Fit:
    """One training. `level` is the mean of what a regression aims at: a score has no level, and no step is spent on it."""

    network: ValueNetwork
    rows: Rows
    settings: VlmSettings
    level: float = 0.0

    def run(self, lists: Sequence[RankingList], checkpoints: Checkpoints, told: Told) -> list[float]:
        """Train, going on from the newest checkpoint; the loss of each step. `told` hears `{"step", "of", "loss", "seconds"}`."""
        own, began = self.settings, time.monotonic()
        steps = own.epochs * -(-len(lists) // own.batch)
        parameters = self.network.trained()
        optimizer = torch.optim.AdamW(parameters.values(), lr=own.lr, weight_decay=own.weight_decay)
        first, losses = checkpoints.read(parameters, optimizer)
        self.network.train()
        for step in range(first, steps):
            for group in optimizer.param_groups:
                group["lr"] = own.lr * rate_at(step, steps, own.warmup)
            optimizer.zero_grad(set_to_none=True)
            of_step = [self.learn(one, (step, number)) for number, one in enumerate(_at(lists, step, own))]
            torch.nn.utils.clip_grad_norm_(parameters.values(), _NORM)
            optimizer.step()
            losses.append(float(np.mean(of_step)))
            told({"step": step + 1, "of": steps, "loss": losses[-1], "seconds": time.monotonic() - began})
            if (step + 1) % own.save_every == 0 and step + 1 < steps:
                checkpoints.write(step + 1, losses, parameters, optimizer)
        self.network.train(False)
        return losses

    def learn(self, one: RankingList, place: tuple[int, int]) -> float:
        """Add the gradient of one list's loss, a share of its step's; the loss. `place` (step, list) decides what is drawn."""
        seed = np.random.SeedSequence([self.settings.seed, 3, *place])
        picked = drawn(one, self.settings.group, np.random.default_rng(seed))
        pairs = self.pairs_of(one, picked)
        far = torch.as_tensor(one.distance_km[picked])
        chunks = rows_of(len(pairs), self.settings.rows_at_once)
        seeds = [int(number) for number in seed.generate_state(len(chunks))]
        batches = [self.rows.batch(pairs[chunk]) for chunk in chunks]
        if len(chunks) == 1:
            scores = self._scores(batches[0], seeds[0])
            loss = self.loss(scores, far)
            (loss / self.settings.batch).backward()
            return self._finite(loss)
        # Too many rows for one graph: the scores first, then the graph of each chunk with the gradient that the loss has by its scores.
        with torch.no_grad():
            known = torch.cat([self._scores(batch, own) for batch, own in zip(batches, seeds, strict=True)])
        leaf = known.detach().requires_grad_()
        loss = self.loss(leaf, far)
        (wanted,) = torch.autograd.grad(loss / self.settings.batch, leaf)
        for chunk, batch, own in zip(chunks, batches, seeds, strict=True):
            (self._scores(batch, own) * wanted[chunk]).sum().backward()
        return self._finite(loss)

    def pairs_of(self, one: RankingList, picked: NDArray[np.intp]) -> list[Pair]:
        """What is shown of some candidates of a list; negative examples are those of the whole list."""
        chosen = picked.tolist()
        return self.rows.pairs(one.candidates, one.sights.open(self.rows.max_pixels, chosen), chosen)

    def loss(self, scores: Any, distance_km: Any) -> Any:
        """What is made small: the objective, of scores [g] and distances [g]."""
        own, far = self.settings, distance_km.to(scores.device)
        if own.objective == "distance":
            return ((scores + torch.log1p(far / SCALE_KM).to(scores.dtype) + self.level) ** 2).mean()
        every = torch.ones((1, len(scores)), dtype=torch.bool, device=scores.device)
        if own.objective == "nearest":
            return first_order(scores[None], far[None], every, 1)[0]
        return multi_order(scores[None], far[None], every, own.k, own.weight)[0]

    def _scores(self, batch: Mapping[str, Any], seed: int) -> Any:
        """With the same dropout each time for one `seed`."""
        with torch.random.fork_rng(devices=[self.network.device] if self.network.device.type == "cuda" else []):
            torch.manual_seed(seed)
            return self.network(batch)

    def _finite(self, loss: Any) -> float:
        value = float(loss.detach())
        if not np.isfinite(value):
            raise ModelError("the loss is no number any more: take a lower rate (--set lr=…)")
        return value


def drawn(one: RankingList, group: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of at most `group` candidates, in their order, that are not all equally far."""
    n = len(one)
    if n <= group:
        return np.arange(n)
    picked: NDArray[np.intp] = np.sort(rng.choice(n, group, replace=False))
    if np.ptp(one.distance_km[picked]) == 0.0:  # nothing could be learned from these: exchange one
        others = np.flatnonzero(one.distance_km != one.distance_km[picked[0]])
        picked[rng.integers(group)] = rng.choice(others)
        picked = np.sort(picked)
    return picked


def rate_at(step: int, steps: int, warmup: float) -> float:
    """Share of the highest rate: up in the first `warmup` of the steps, then down to 0 in a straight line."""
    rising = warmup * steps
    return (step + 1) / rising if step + 1 <= rising else (steps - step) / max(steps - rising, 1.0)


def _at(lists: Sequence[RankingList], step: int, settings: VlmSettings) -> list[RankingList]:
    """The lists of a step, each once an epoch."""
    per_epoch = -(-len(lists) // settings.batch)
    epoch, number = divmod(step, per_epoch)
    order = np.random.default_rng([settings.seed, 2, epoch]).permutation(len(lists))
    return [lists[row] for row in order[number * settings.batch : (number + 1) * settings.batch]]
