"""Training of an alignment on vectors of a frozen encoder and their places."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from geo.sphere import Floats
from models.alignment.alignment import Alignment
from models.alignment.calibration import Calibration, calibrated
from models.alignment.checkpoint import Progress, drop_checkpoint, key_of, read_checkpoint, write_checkpoint
from models.alignment.contrastive import GpsQueue, info_nce, near_pairs, noised, one_way, symmetric_info_nce
from models.alignment.gallery_embeddings import candidates_of, drop_other_candidates
from models.alignment.settings import AlignmentSettings
from models.alignment.stored import save_alignment
from models.alignment.text_rows import TextRows
from models.alignment.towers import Towers
from models.geolocator import ModelError
from models.training_data import Told, TrainingData, silent

_LEAST_ROWS = 32
_VALIDATION_ROWS = 4096
_VALIDATION_BLOCK = 256
_MAX_CANDIDATES = 100_000


def train(
    data: TrainingData, settings: AlignmentSettings | None = None, folder: Path | None = None, told: Told = silent
) -> Alignment:
    """Train on `data`, hold some places out to stop early and to calibrate, and keep the result in `folder`, whose name it takes.

    L = InfoNCE(picture, place) + weight · InfoNCE(picture, text), the two terms of G3 (arXiv 2405.14702), with GeoCLIP's queue of
    earlier coordinates as more negatives. A run that was cut off goes on from its last epoch and ends with the same numbers. Needs
    torch. Raises ModelError for too few photos or places, and OSError where the folder cannot be written.
    """
    settings = settings or AlignmentSettings()
    training, validation = data.split(settings.validation_share, settings.seed)
    if len(training) < _LEAST_ROWS or not len(validation):
        raise ModelError(
            f"{len(data)} photos at too few places: {_LEAST_ROWS} to train on and some places to hold out are needed"
        )
    towers = _fit(training, validation, settings, folder, told)
    image, location, log_scale, side = towers.trained(settings.text)
    places = candidate_places(training, settings.seed)
    name = folder.name if folder else "alignment"
    made = Alignment(
        name=name, encoder=data.encoder, encoder_digest=data.encoder_digest, image=image, location=location,
        candidates=candidates_of(location, *places, folder, told), log_scale=log_scale, trained_on=data.source, text=side,
    )  # fmt: skip
    made, found = calibrated(made, validation, settings.seed)
    told({"what": "calibration", "temperature": found.temperature, "reliability": found.reliability, "bits": found.bits})
    if folder:
        save_alignment(made, folder, _card(settings, training, found))
        drop_other_candidates(location, *places, folder)
        drop_checkpoint(folder)
    return made


def candidate_places(data: TrainingData, seed: int) -> tuple[Floats, Floats]:
    """The distinct places of training photos, to a millionth of a degree; 100,000 of them drawn at random where there are more."""
    distinct = np.unique(np.round(np.stack([data.lat, data.lon], axis=1), 6), axis=0)
    if len(distinct) > _MAX_CANDIDATES:
        distinct = distinct[np.sort(np.random.default_rng(seed).permutation(len(distinct))[:_MAX_CANDIDATES])]
    return np.ascontiguousarray(distinct[:, 0]), np.ascontiguousarray(distinct[:, 1])


def _fit(
    training: TrainingData, validation: TrainingData, settings: AlignmentSettings, folder: Path | None, told: Told
) -> Towers:
    """The towers with the weights of the best epoch."""
    texts = TextRows(training, settings)
    towers = Towers(settings, training.vectors.shape[1], texts.dim)
    optimizer = towers.optimizer(settings)
    progress = Progress(queue=GpsQueue(settings.queue))
    key = key_of(training, settings)
    if folder:
        read_checkpoint(folder, key, towers, optimizer, progress)
    while progress.epoch < settings.epochs and progress.epoch - progress.best_epoch <= settings.patience:
        _epoch(training, texts, settings, towers, optimizer, progress, told)
        loss = validation_loss(towers, validation, training, settings)
        if loss < progress.best:
            state = {name: tensor.detach().clone() for name, tensor in towers.module.state_dict().items()}
            progress.best, progress.best_epoch, progress.best_state = loss, progress.epoch, state
        progress.epoch += 1
        if folder:
            write_checkpoint(folder, key, towers, optimizer, progress)
        told({"epoch": progress.epoch, "of": settings.epochs, "validation": loss, "scale": float(towers.scale("place").detach())})
    if not progress.best_state:
        raise ModelError("training gave no finite loss: a lower learning rate may help")
    towers.module.load_state_dict(progress.best_state)
    return towers


def _epoch(
    data: TrainingData,
    texts: TextRows,
    settings: AlignmentSettings,
    towers: Towers,
    optimizer: Any,
    progress: Progress,
    told: Told,
) -> None:
    """One pass in an order that depends on seed and epoch alone. A last batch of one photo is left out: it has no negatives."""
    import torch

    rng = np.random.default_rng([settings.seed, progress.epoch])
    order = rng.permutation(len(data))
    starts = [start for start in range(0, len(data), settings.batch) if len(data) - start > 1]
    for step, start in enumerate(starts):
        rows = order[start : start + settings.batch]
        for group in optimizer.param_groups:
            group["lr"] = rate_at(progress.epoch * len(starts) + step, len(starts), settings)
        loss = _place_loss(data, rows, settings, towers, progress.queue, rng)
        if towers.has_text:
            loss = loss + settings.text_weight * _text_loss(data, texts, rows, towers, rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step % 10 == 0 or step + 1 == len(starts):
            told({"step": step + 1, "of": len(starts), "loss": float(loss.detach())})
    if not all(bool(torch.isfinite(p).all()) for p in towers.module.parameters()):
        raise ModelError("training ran away to infinite weights: a lower learning rate may help")


def rate_at(step: int, steps_per_epoch: int, settings: AlignmentSettings) -> float:
    """Learning rate: it rises over the first epoch and falls to 0 along a cosine over all of them."""
    total = settings.epochs * steps_per_epoch
    rise = min(1.0, (step + 1) / steps_per_epoch) if settings.epochs > 1 else 1.0
    return settings.rate * rise * 0.5 * (1.0 + math.cos(math.pi * step / total))


def _place_loss(
    data: TrainingData, rows: Any, settings: AlignmentSettings, towers: Towers, queue: GpsQueue, rng: np.random.Generator
) -> Any:
    import torch

    points = noised(np.stack([data.lat[rows], data.lon[rows]], axis=1), settings.noise_km, rng)
    more = noised(queue.points, settings.noise_km, rng)
    images = towers.vectors("image", torch.from_numpy(np.ascontiguousarray(data.vectors[rows])))
    encoded = towers.places(torch.from_numpy(np.concatenate([points, more]).astype(np.float32)))
    places, others = encoded[: len(rows)], encoded[len(rows) :]
    skip, skip_more = (torch.from_numpy(near_pairs(points, other, settings.near_km)) for other in (points, more))
    queue.add(points)
    loss = symmetric_info_nce if settings.both_ways else one_way
    return loss(images, places, towers.scale("place"), others, skip, skip_more)


def _text_loss(data: TrainingData, texts: TextRows, rows: Any, towers: Towers, rng: np.random.Generator) -> Any:
    """Photos with the same text are no negatives of each other; photos without one are left out."""
    import torch

    words = texts.texts(rows, rng)
    named = np.array([i for i, text in enumerate(words) if text], dtype=np.intp)
    if len(named) < 2:
        return 0.0
    rows, words = rows[named], [words[i] for i in named]
    _, kind = np.unique(np.array(words), return_inverse=True)
    images = towers.vectors("text_image", torch.from_numpy(np.ascontiguousarray(data.vectors[rows])))
    written = towers.vectors("text", torch.from_numpy(np.ascontiguousarray(texts.features(rows, words))))
    return symmetric_info_nce(written, images, towers.scale("text"), skip=torch.from_numpy(kind[:, None] == kind[None, :]))


def validation_loss(towers: Towers, validation: TrainingData, training: TrainingData, settings: AlignmentSettings) -> float:
    """InfoNCE of held-out photos, each against its own place and the same 4,096 training places, drawn once; in nats."""
    import torch

    rng = np.random.default_rng(settings.seed)
    own = rng.permutation(len(validation))[:_VALIDATION_ROWS]
    other = rng.permutation(len(training))[:_VALIDATION_ROWS]
    points = np.stack([training.lat[other], training.lon[other]], axis=1)
    total = 0.0
    with torch.no_grad():
        negatives, scale = towers.places(torch.from_numpy(points.astype(np.float32))), towers.scale("place")
        for start in range(0, len(own), _VALIDATION_BLOCK):
            rows = own[start : start + _VALIDATION_BLOCK]
            truth = np.stack([validation.lat[rows], validation.lon[rows]], axis=1)
            images = towers.vectors("image", torch.from_numpy(np.ascontiguousarray(validation.vectors[rows])))
            places = towers.places(torch.from_numpy(truth.astype(np.float32)))
            skip = np.concatenate([~np.eye(len(rows), dtype=np.bool_), near_pairs(truth, points, settings.near_km)], axis=1)
            total += len(rows) * float(info_nce(images, torch.cat((places, negatives)), scale, torch.from_numpy(skip)))
    return total / len(own)


def _card(settings: AlignmentSettings, training: TrainingData, found: Calibration) -> dict[str, Any]:
    return {"settings": asdict(settings), "photos": len(training), "calibration": asdict(found)}
