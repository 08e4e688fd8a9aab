"""Fitting the classifier with torch: AdamW on smoothed labels, a checkpoint after each epoch, exact resumption."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.geocells.clusters import Labels
from models.geocells.head import Head
from models.geocells.labels import label_loss, one_hot_labels, smooth_labels
from models.geocells.partition import Partition
from models.geocells.settings import GeocellSettings
from models.training_data import Told, TrainingData

if TYPE_CHECKING:
    import torch

_CACHED = 200_000_000
"""Labels are computed once where they are at most this many numbers (800 MB), else for every step anew."""
_JUDGED = 4096
Rows = NDArray[np.intp]
Shares = Callable[[Rows], NDArray[np.float32]]


def fit_head(
    learn: TrainingData, held: TrainingData, partition: Partition, cell: Labels, settings: GeocellSettings,
    checkpoint: Path, told: Told,
) -> Head:  # fmt: skip
    """The classifier of the epoch with the lowest loss on `held`, learned from `learn` whose photos lie in the cells `cell` [n].

    The first bias is the log share of photos in each cell and the last weights are 0, so that training starts from the
    training density. Vectors are centred and scaled by one number; both are folded into the weights at the end.
    """
    run = _Run(learn, partition, cell, settings)
    digest = _digest(learn, held, settings)
    resumed = run.resume(checkpoint, digest)
    if resumed:
        told({"resumed": resumed})
    shares = _shares(held, partition, partition.assign(held.lat, held.lon), settings)
    for epoch in range(resumed, settings.epochs):
        if run.waited >= settings.patience:
            break
        run.train_epoch(epoch, told)
        run.judge(held, shares)
        told({"epoch": epoch + 1, "of_epochs": settings.epochs, "validation": run.judged})
        run.keep(checkpoint, epoch + 1, digest)
    return run.head()


class _Run:
    """One training: the network, its optimiser, and the best state so far."""

    def __init__(self, learn: TrainingData, partition: Partition, cell: Labels, settings: GeocellSettings) -> None:
        import torch

        self.torch, self.learn, self.settings = torch, learn, settings
        self.shares = _shares(learn, partition, cell, settings)
        self.middle = learn.vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        power = float((learn.vectors**2).sum(axis=1, dtype=np.float64).mean() - (self.middle.astype(np.float64) ** 2).sum())
        self.scale = math.sqrt(max(power / learn.vectors.shape[1], 1e-12))
        self.net = _network(learn.vectors.shape[1], settings.hidden, partition.count, settings.seed)
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        plain = [p for p in self.net.parameters() if p.ndim == 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}], lr=settings.lr
        )
        self.best, self.best_loss, self.judged, self.waited = self._state(), math.inf, math.inf, 0

    def train_epoch(self, epoch: int, told: Told) -> None:
        """One pass over the photos, in an order that depends on seed and epoch alone."""
        order = np.random.default_rng([self.settings.seed, 3, epoch]).permutation(len(self.learn))
        steps = -(-len(order) // self.settings.batch)
        for step in range(steps):
            done = (epoch * steps + step) / (self.settings.epochs * steps)
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * 0.5 * (1.0 + math.cos(math.pi * done))
            rows = order[step * self.settings.batch : (step + 1) * self.settings.batch]
            loss = label_loss(self.net(self._inputs(self.learn, rows)), self.torch.from_numpy(self.shares(rows)))
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            if step % 50 == 0 or step == steps - 1:
                told({"step": epoch * steps + step + 1, "of": self.settings.epochs * steps, "loss": float(loss.detach())})

    def judge(self, held: TrainingData, shares: Shares) -> None:
        """The loss on held-out photos; the state with the lowest one is kept."""
        total = 0.0
        with self.torch.no_grad():
            for start in range(0, len(held), _JUDGED):
                rows = np.arange(start, min(start + _JUDGED, len(held)))
                loss = label_loss(self.net(self._inputs(held, rows)), self.torch.from_numpy(shares(rows)))
                total += float(loss) * len(rows)
        self.judged, self.waited = total / len(held), self.waited + 1
        if self.judged < self.best_loss:
            self.best, self.best_loss, self.waited = self._state(), self.judged, 0

    def keep(self, path: Path, epoch: int, digest: str) -> None:
        """Write the checkpoint, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        self.torch.save({"digest": digest, "epoch": epoch, "net": self._state(), "optimiser": self.optimiser.state_dict(),
                         "best": self.best, "best_loss": self.best_loss, "waited": self.waited}, temporary)  # fmt: skip
        temporary.replace(path)

    def resume(self, path: Path, digest: str) -> int:
        """The epoch to go on from: that of the checkpoint, or 0 where there is none of these data and settings."""
        saved: Any = None
        # Whatever is wrong with a file that torch is told to load without code: training starts anew.
        with contextlib.suppress(Exception):
            saved = self.torch.load(path, weights_only=True) if path.is_file() else None
        if not isinstance(saved, dict) or saved.get("digest") != digest:
            return 0
        self.net.load_state_dict(saved["net"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.best, self.best_loss, self.waited = saved["best"], float(saved["best_loss"]), int(saved["waited"])
        return int(saved["epoch"])

    def head(self) -> Head:
        """The best state for numpy, with centring and scaling folded into the first layer."""
        layers = [self.best[name].numpy().astype(np.float64) for name in sorted(self.best)]  # 0.bias, 0.weight, 2.bias, …
        layers[1] = layers[1] / self.scale
        layers[0] = layers[0] - layers[1] @ self.middle.astype(np.float64)
        bias, weight, *last = (np.ascontiguousarray(part, dtype=np.float32) for part in layers)
        return Head(last[1], last[0], weight, bias) if last else Head(weight, bias)

    def _inputs(self, data: TrainingData, rows: Rows) -> torch.Tensor:
        return self.torch.from_numpy((data.vectors[rows].astype(np.float32) - self.middle) / np.float32(self.scale))

    def _state(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.net.state_dict().items()}


def _network(dim: int, hidden: int, count: Labels, seed: int) -> torch.nn.Sequential:
    """Linear, or Linear-ReLU-Linear, with the last layer at the training density; global random state stays as it is."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        last = torch.nn.Linear(hidden or dim, len(count))
        layers = [torch.nn.Linear(dim, hidden), torch.nn.ReLU(), last] if hidden else [last]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.from_numpy(np.log(np.maximum(count, 1) / count.sum())))
    return torch.nn.Sequential(*layers)


def _shares(data: TrainingData, partition: Partition, cell: Labels, settings: GeocellSettings) -> Shares:
    """Gives the labels [b, c] of rows."""

    def of(rows: Rows) -> NDArray[np.float32]:
        if settings.one_hot:
            return one_hot_labels(cell[rows], len(partition))
        lat, lon = data.lat[rows], data.lon[rows]
        return smooth_labels(lat, lon, partition.lat, partition.lon, settings.tau_km, settings.normalised)

    if len(data) * len(partition) > _CACHED:
        return of
    whole = np.concatenate([of(np.arange(i, min(i + _JUDGED, len(data)))) for i in range(0, len(data), _JUDGED)])
    return lambda rows: whole[rows]


def _digest(learn: TrainingData, held: TrainingData, settings: GeocellSettings) -> str:
    """What a checkpoint belongs to: all that a training depends on."""
    whole = hashlib.sha256(json.dumps([settings.to_json(), learn.encoder_digest], sort_keys=True).encode())
    for data in (learn, held):
        for part in (data.vectors, data.lat, data.lon):
            whole.update(np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()
