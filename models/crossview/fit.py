"""Fitting the embedded networks with torch: warm-up and cosine, hard negatives, exact resumption after each epoch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.crossview.batches import batches, most_alike, near_on_the_ground
from models.crossview.contrast import headings_likeness, pair_logits, symmetric_info_nce
from models.crossview.network import twin
from models.crossview.pictures import PairPictures
from models.crossview.samples import Look, drawn_look, plain_sample, sample, stacked
from models.crossview.settings import CrossViewSettings
from models.crossview.shape import COLUMN_DEG, COLUMNS, window
from models.geolocator import ModelError
from models.model_folder import replaced
from models.torch_file import read_torch
from models.training_data import Told

Arrays = dict[str, NDArray[Any]]


def fit(pictures: PairPictures, settings: CrossViewSettings, checkpoint: Path | None, told: Told) -> Arrays:
    """The state of the trained twin. `told` hears `{"resumed": epoch}`, `{"mined": epoch, "by": …}`, `{"epoch": …, "of": …, "loss": …}`.

    Raises ModelError where training runs away or a picture cannot be read.
    """
    run = _Run(pictures, settings)
    digest = digest_of(pictures, settings)
    if checkpoint and run.resume(checkpoint, digest):
        told({"resumed": run.epoch})
    while run.epoch < settings.epochs:
        run.mine(told)
        loss, right = run.train()
        run.epoch += 1
        told(
            {
                "epoch": run.epoch,
                "of": settings.epochs,
                "loss": loss,
                "right_in_batch": right,
                "scale": math.exp(float(run.net.scale.detach())),
            }
        )
        if checkpoint:
            run.keep(checkpoint, digest)
    return {name: np.ascontiguousarray(value.numpy()) for name, value in run.net.state_dict().items()}


class _Run:
    def __init__(self, pictures: PairPictures, settings: CrossViewSettings) -> None:
        import torch

        self.torch, self.pictures, self.settings = torch, pictures, settings
        self.n = len(pictures.pairs)
        if self.n < settings.batch:
            raise ModelError(f"{self.n} pairs to learn from are fewer than one batch of {settings.batch}")
        self.net = twin(settings.dim, settings.width, settings.seed)
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.lr)
        _, self.place = np.unique([pair.place for pair in pictures.pairs], return_inverse=True)
        at = [pair.at for pair in pictures.pairs]
        self.located = all(point is not None for point in at)
        self.lat, self.lon = (np.array([point[axis] if point else 0.0 for point in at]) for axis in (0, 1))
        self.epoch, self.by = 0, ""
        self.neighbours: NDArray[np.int32] | None = None

    def mine(self, told: Told) -> None:
        """Who is near or alike, where this epoch asks for it."""
        own, epoch = self.settings, self.epoch
        if epoch < own.random_epochs or own.neighbours == 0:
            return
        if epoch < own.mine_from:
            if self.neighbours is None and self.located:
                self.neighbours = near_on_the_ground(self.lat, self.lon, self.place, own.neighbour_range, own.same_place_m)
                told({"mined": epoch, "by": "distance"})
            return
        if self.by != "likeness" or (epoch - own.mine_from) % own.mine_every == 0:
            self.neighbours, self.by = self._alike(), "likeness"
            told({"mined": epoch, "by": "likeness"})

    def train(self) -> tuple[float, float]:
        """One epoch: mean loss, and the share of pairs whose own picture from above is the likest of the batch."""
        own = self.settings
        rng = np.random.default_rng([own.seed, 5, self.epoch])
        steps = self.n // own.batch
        losses, right = [], []
        self.net.train()
        for step, rows in enumerate(batches(self.n, own.batch, self.neighbours, own.neighbours, rng)):
            for group in self.optimiser.param_groups:
                group["lr"] = rate_at(self.epoch + step / max(steps, 1), own)
            loss, best = self._loss(rows, drawn_look(rng, (self.epoch + step / max(steps, 1)) / own.epochs), rng)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.torch.nn.utils.clip_grad_norm_(self.net.parameters(), own.clip)
            self.optimiser.step()
            losses.append(float(loss.detach()))
            right.append(best)
        if not all(bool(self.torch.isfinite(p).all()) for p in self.net.parameters()):
            raise ModelError("training ran away to infinite weights: a lower lr may help")
        return float(np.mean(losses)), float(np.mean(right))

    def _loss(self, rows: NDArray[np.intp], look: Look, rng: np.random.Generator) -> tuple[Any, float]:
        own, torch = self.settings, self.torch
        samples = [sample(self.pictures, int(i), look, own.radius_m, own.jitter_m, rng) for i in rows]
        ground, weights = self.ground(stacked([s.strip for s in samples]))
        aerial = self.aerial(stacked([s.polar for s in samples]))
        likeness = headings_likeness(ground, weights, aerial, window(look.fov_deg)[1])
        near, true = _headings([s.heading_deg for s in samples], look.error_deg)
        scale = self.net.scale.clamp(max=math.log(own.most_scale)).exp()
        logits = scale * pair_logits(likeness, torch.from_numpy(near), torch.from_numpy(true))
        same = self.place[rows][:, None] == self.place[rows][None, :]
        if self.located:
            same |= _metres_apart(self.lat[rows], self.lon[rows]) < own.same_place_m
        loss = symmetric_info_nce(logits, torch.from_numpy(same), own.label_smoothing)
        return loss, float((logits.argmax(dim=1) == torch.arange(len(rows))).float().mean())

    def ground(self, strips: NDArray[np.float32]) -> tuple[Any, Any]:
        """Unit columns [n, w, d] and their weights [n, w]."""
        x = self.torch.from_numpy(strips)
        out = self.net.ground(x, strips.shape[3] == COLUMNS * 8)
        shown = x[:, 3].reshape(len(x), x.shape[2], -1, 8).mean(dim=(1, 3))
        weights = out[..., -1].clamp(-8, 8).exp() * shown.clamp(min=1e-4)
        return self.torch.nn.functional.normalize(out[..., :-1], dim=-1), weights / weights.sum(dim=1, keepdim=True)

    def aerial(self, polars: NDArray[np.float32]) -> Any:
        return self.torch.nn.functional.normalize(self.net.aerial(self.torch.from_numpy(polars), True), dim=-1)

    def _alike(self) -> NDArray[np.int32]:
        """For each pair the pairs whose pictures from above are likest to its query, seen at the right heading where that is known."""
        own, torch = self.settings, self.torch
        rng = np.random.default_rng([own.seed, 6, self.epoch])
        self.net.eval()
        look, queries, codes = Look(90.0, 0.0), [], []
        with torch.no_grad():
            for start in range(0, self.n, 128):
                some = range(start, min(start + 128, self.n))
                part = [plain_sample(self.pictures, i, look, own.radius_m, 0.0, rng) for i in some]
                aerial = self.aerial(stacked([s.polar for s in part])).numpy()
                ground, weights = (v.numpy() for v in self.ground(stacked([s.strip for s in part])))
                codes.append(aerial.reshape(len(part), -1))
                queries.append(_at_heading(ground * weights[..., None], aerial, [s.heading_deg for s in part]))
        flat, asked = np.concatenate(codes), np.concatenate(queries)
        found = []
        for start in range(0, self.n, 512):
            rows = np.arange(start, min(start + 512, self.n))
            same = self.place[rows][:, None] == self.place[None, :]
            if self.located:
                same |= _metres_apart(self.lat, self.lon, rows) < own.same_place_m
            found.append(most_alike(asked[rows] @ flat.T, same, own.neighbour_range, start))
        return np.concatenate(found)

    def keep(self, path: Path, digest: str) -> None:
        """Write the checkpoint, whole or not at all. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        near = None if self.neighbours is None else self.torch.from_numpy(self.neighbours)
        state = {"digest": digest, "epoch": self.epoch, "net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(),
                 "neighbours": near, "by": self.by}  # fmt: skip
        with replaced(path) as temporary:
            self.torch.save(state, temporary)

    def resume(self, path: Path, digest: str) -> bool:
        """Whether there was a checkpoint of these pairs and settings; all then stands where it stood."""
        saved: Any = None
        # A checkpoint that cannot be read, or is none, costs time and nothing else: training starts anew.
        with contextlib.suppress(OSError, ModelError):
            saved = read_torch(path.read_bytes(), path.name) if path.is_file() else None
        if not isinstance(saved, dict) or saved.get("digest") != digest:
            return False
        self.net.load_state_dict(saved["net"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.epoch, self.by = int(saved["epoch"]), str(saved["by"])
        self.neighbours = None if saved["neighbours"] is None else saved["neighbours"].numpy()
        return True


def rate_at(epoch: float, settings: CrossViewSettings) -> float:
    """Learning rate: it rises over the first epoch and falls to 0 along a cosine."""
    return settings.lr * min(1.0, epoch + 0.02) * 0.5 * (1.0 + math.cos(math.pi * min(epoch / settings.epochs, 1.0)))


def _headings(headings: Sequence[float | None], error_deg: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which headings [b, k] a step may take a picture to have, and which are about right."""
    steps = np.arange(COLUMNS) * COLUMN_DEG
    known = np.array([heading is not None for heading in headings])[:, None]
    at = np.array([heading or 0.0 for heading in headings])[:, None]
    away = np.abs((steps - at + 180.0) % 360.0 - 180.0)
    true = ~known | (away <= 1.5 * COLUMN_DEG)
    return ~known | (away <= error_deg + 1.5 * COLUMN_DEG), true


def _at_heading(
    columns: NDArray[np.float32], aerial: NDArray[np.float32], headings: Sequence[float | None]
) -> NDArray[np.float32]:
    """Windows [n, w, d] laid on the circle at their headings, [n, COLUMNS · d]; where unknown, the picture from above itself."""
    out = np.zeros_like(aerial)
    middle = columns.shape[1] // 2
    for i, heading in enumerate(headings):
        if heading is None:
            out[i] = aerial[i]
            continue
        at = (np.arange(columns.shape[1]) - middle + round(heading / COLUMN_DEG)) % COLUMNS
        np.add.at(out[i], at, columns[i])
    return out.reshape(len(out), -1)


def _metres_apart(
    lat: NDArray[np.float64], lon: NDArray[np.float64], rows: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    from geo.sphere import haversine_km

    some = slice(None) if rows is None else rows
    return np.asarray(haversine_km(lat[some, None], lon[some, None], lat[None, :], lon[None, :])) * 1000.0


def digest_of(pictures: PairPictures, settings: CrossViewSettings) -> str:
    """What a checkpoint belongs to: the settings and the pairs."""
    whole = hashlib.sha256(json.dumps(settings.to_json(), sort_keys=True).encode())
    for pair in pictures.pairs:
        whole.update(
            repr((pair.id, pair.place, str(pair.query), str(pair.reference.path), pair.heading_deg, pair.fov_deg)).encode()
        )
    return whole.hexdigest()
