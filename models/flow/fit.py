"""Fitting with torch: AdamW or LAMB, a warm-up and a cosine, averaged weights, the best look at held-out photos, exact resumption."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import EARTH_RADIUS_KM, Floats, exp_map, unit_vectors
from models.flow.lamb import lamb
from models.flow.losses import drawn, field_loss, vmf_loss
from models.flow.network import network
from models.flow.settings import FlowSettings
from models.flow.tangent import projected
from models.geolocator import ModelError
from models.model_folder import replaced
from models.training_data import Told, TrainingData

_JUDGED_ROWS, _JUDGED_DRAWS = 2048, 4
Arrays = dict[str, NDArray[Any]]


def fit(learn: TrainingData, held: TrainingData, settings: FlowSettings, checkpoint: Path | None, told: Told) -> Arrays:
    """The averaged weights with the lowest loss on `held`, by their published names, with `middle` and `scale` of the vectors.

    `told` hears `{"resumed": step}`, `{"step": …, "of": …, "loss": …}` and `{"judged": step, "validation": …}`. Raises ModelError where
    training runs away.
    """
    run = _Run(learn, held, settings)
    digest = _digest(learn, held, settings)
    if checkpoint and run.resume(checkpoint, digest):
        told({"resumed": run.step})
    while run.step < settings.steps and run.waited < settings.patience:
        run.train(told)
        run.judge()
        told({"judged": run.step, "of_steps": settings.steps, "validation": run.judged})
        if checkpoint:
            run.keep(checkpoint, digest)
    return run.arrays()


class _Run:
    """One training: the network, its average, its optimiser, and the best state so far."""

    def __init__(self, learn: TrainingData, held: TrainingData, settings: FlowSettings) -> None:
        import torch

        self.torch, self.settings = torch, settings
        self.middle, self.scale = _middle_and_scale(learn)
        self.learn, self.held = (self._prepared(data) for data in (learn, held))
        self.net = network(settings, learn.vectors.shape[1])
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimiser = (
            lamb(groups, settings.lr) if settings.optimiser == "lamb" else torch.optim.AdamW(groups, settings.lr, fused=True)
        )
        self.average = self._state()
        self.live = self.net.state_dict()
        self.best, self.best_loss, self.judged = self._state(), math.inf, math.inf
        self.step, self.waited = 0, 0

    def train(self, told: Told) -> None:
        """Steps to the next look; what they draw depends on seed and step alone."""
        own, until = self.settings, min(self.step + self.settings.judged_every, self.settings.steps)
        while self.step < until:
            rng = np.random.default_rng([own.seed, 3, self.step])
            for group in self.optimiser.param_groups:
                group["lr"] = rate_at(self.step, own)
            loss = self._loss(self.learn, rng.integers(0, len(self.learn[1]), own.batch), rng, own.drop)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.torch.nn.utils.clip_grad_norm_(self.net.parameters(), own.clip)
            self.optimiser.step()
            self._averaged()
            self.step += 1
            if self.step % 50 == 0 or self.step == own.steps:
                told({"step": self.step, "of": own.steps, "loss": float(loss.detach())})
        if not all(bool(self.torch.isfinite(p).all()) for p in self.net.parameters()):
            raise ModelError("training ran away to infinite weights: a lower lr may help")

    def judge(self) -> None:
        """The loss of the averaged weights on held-out photos, with the same noise each time; the state with the lowest one is kept."""
        rng = np.random.default_rng([self.settings.seed, 4])
        rows = np.sort(rng.permutation(len(self.held[1]))[:_JUDGED_ROWS])
        now = self._state()
        self.net.load_state_dict(self.average)
        with self.torch.no_grad():
            losses = [float(self._loss(self.held, rows, rng, 0.0)) for _ in range(_JUDGED_DRAWS)]
        self.net.load_state_dict(now)
        self.judged, self.waited = float(np.mean(losses)), self.waited + 1
        if self.judged < self.best_loss:
            self.best, self.best_loss, self.waited = {k: v.clone() for k, v in self.average.items()}, self.judged, 0

    def keep(self, path: Path, digest: str) -> None:
        """Write the checkpoint, whole or not at all. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {"digest": digest, "step": self.step, "net": self._state(), "average": self.average, "best": self.best,
                 "best_loss": self.best_loss, "waited": self.waited, "optimiser": self.optimiser.state_dict()}  # fmt: skip
        with replaced(path) as temporary:
            self.torch.save(state, temporary)

    def resume(self, path: Path, digest: str) -> bool:
        """Whether there was a checkpoint of these data and settings; all then stands where it stood."""
        saved: Any = None
        # Whatever is wrong with a file that torch is told to load without code: training starts anew.
        with contextlib.suppress(Exception):
            saved = self.torch.load(path, weights_only=True) if path.is_file() else None
        if not isinstance(saved, dict) or saved.get("digest") != digest:
            return False
        self.net.load_state_dict(saved["net"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.average, self.best, self.best_loss = saved["average"], saved["best"], float(saved["best_loss"])
        self.step, self.waited = int(saved["step"]), int(saved["waited"])
        return True

    def arrays(self) -> Arrays:
        """The best state for numpy."""
        found = {name: np.ascontiguousarray(value.numpy(), dtype=np.float32) for name, value in self.best.items()}
        return {**found, "middle": self.middle, "scale": np.asarray(self.scale, dtype=np.float32)}

    def _loss(self, data: tuple[Any, Floats], rows: NDArray[np.intp], rng: np.random.Generator, drop: float) -> Any:
        vectors, places = data
        condition = self.torch.from_numpy(vectors[rows])
        if drop > 0:
            hidden = rng.random(len(rows)) < drop
            condition[self.torch.from_numpy(hidden)] = 0.0
        points = _moved(places[rows], self.settings.noise_km, rng)
        if self.settings.objective in ("vmf", "mixture"):
            return vmf_loss(self.net, np.ascontiguousarray(points, dtype=np.float32), condition)
        return field_loss(self.net, drawn(points, self.settings, rng), condition)

    def _averaged(self) -> None:
        decay = min(self.settings.ema, (1.0 + self.step) / (10.0 + self.step))
        with self.torch.no_grad():
            for name, value in self.live.items():
                self.average[name].lerp_(value, 1.0 - decay)

    def _prepared(self, data: TrainingData) -> tuple[NDArray[np.float32], Floats]:
        vectors = (data.vectors.astype(np.float32) - self.middle) / np.float32(self.scale)
        return vectors, unit_vectors(data.lat, data.lon)

    def _state(self) -> dict[str, Any]:
        return {name: value.detach().clone() for name, value in self.net.state_dict().items()}


def rate_at(step: int, settings: FlowSettings) -> float:
    """Learning rate: it rises over the warm-up and falls to 0 along a cosine over all steps."""
    rise = min(1.0, (step + 1) / max(settings.warmup, 1))
    return settings.lr * rise * 0.5 * (1.0 + math.cos(math.pi * step / settings.steps))


def _moved(places: Floats, noise_km: float, rng: np.random.Generator) -> Floats:
    """Places [n, 3] with noise along the sphere."""
    if noise_km <= 0:
        return places
    return exp_map(places, projected(places, rng.normal(0.0, noise_km / EARTH_RADIUS_KM, places.shape)))


def _middle_and_scale(data: TrainingData) -> tuple[NDArray[np.float32], float]:
    """The mean vector, and the root mean square of what is left."""
    middle = data.vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    power = float(np.mean(np.square(data.vectors - middle, dtype=np.float64)))
    return middle, math.sqrt(max(power, 1e-12))


def _digest(learn: TrainingData, held: TrainingData, settings: FlowSettings) -> str:
    """What a checkpoint belongs to: all that a training depends on."""
    whole = hashlib.sha256(json.dumps([settings.to_json(), learn.encoder_digest], sort_keys=True).encode())
    for data in (learn, held):
        for part in (data.vectors, data.lat, data.lon):
            whole.update(np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()
