"""Fitting the two heads of an encoder: its vectors are taken once, the matrices are learned by the same loss as the networks (torch)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.crossview.batches import batches, near_on_the_ground
from models.crossview.contrast import symmetric_info_nce
from models.crossview.fit import rate_at
from models.crossview.heads import encoded, seen_part, turned_ground
from models.crossview.pictures import PairPictures
from models.crossview.reader import Around
from models.crossview.samples import aim_of, drawn_look, metres_of
from models.crossview.settings import CrossViewSettings
from models.encoders.encoder import Encoder
from models.geolocator import ModelError
from models.training_data import Told

Arrays = dict[str, NDArray[Any]]


def fit_heads(pictures: PairPictures, encoder: Encoder, settings: CrossViewSettings, told: Told) -> Arrays:
    """`ground_mean`, `ground_head`, `aerial_mean`, `aerial_head`. The ground is turned to the photo's heading, give or take half a step;
    pairs of unknown heading cannot be learned from here. Raises ModelError."""
    import torch

    own, n = settings, len(pictures.pairs)
    if n < own.batch:
        raise ModelError(f"{n} pairs to learn from are fewer than one batch of {own.batch}")
    if any(pair.heading_deg is None for pair in pictures.pairs):
        raise ModelError("heads of an encoder are learned from pairs whose heading is known")
    drawn = [_vectors(pictures, encoder, own, draw, told) for draw in range(own.heads_draws)]
    ground, aerial = (np.stack([pair[side] for pair in drawn]) for side in (0, 1))
    means = ground.mean(axis=(0, 1)), aerial.mean(axis=(0, 1))
    sides = [torch.from_numpy(part - mean) for part, mean in zip((ground, aerial), means, strict=True)]
    heads = [torch.nn.Parameter(torch.from_numpy(_first(encoder.dim, own.dim, own.seed))) for _ in range(2)]
    scale = torch.nn.Parameter(torch.tensor(1 / 0.07).log())
    optimiser = torch.optim.AdamW(
        [{"params": heads, "weight_decay": own.weight_decay}, {"params": [scale], "weight_decay": 0.0}], lr=own.lr
    )
    _, place = np.unique([pair.place for pair in pictures.pairs], return_inverse=True)
    near = _near(pictures, place, own)
    for epoch in range(own.epochs):
        rng, losses = np.random.default_rng([own.seed, 8, epoch]), []
        for rows in batches(n, own.batch, near if epoch >= own.random_epochs else None, own.neighbours, rng):
            optimiser.param_groups[0]["lr"] = optimiser.param_groups[1]["lr"] = rate_at(epoch, own)
            draw = torch.from_numpy(rng.integers(0, own.heads_draws, len(rows)))
            at = torch.from_numpy(rows)
            a, b = (torch.nn.functional.normalize(side[draw, at] @ head, dim=1) for side, head in zip(sides, heads, strict=True))
            same = torch.from_numpy(place[rows][:, None] == place[rows][None, :])
            loss = symmetric_info_nce(scale.clamp(max=math.log(own.most_scale)).exp() * a @ b.T, same, own.label_smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        told({"epoch": epoch + 1, "of": own.epochs, "loss": float(np.mean(losses))})
    matrices = [head.detach().numpy().astype(np.float32) for head in heads]
    if not all(np.isfinite(matrix).all() for matrix in matrices):
        raise ModelError("training ran away to infinite weights: a lower lr may help")
    return {"ground_mean": means[0], "ground_head": matrices[0], "aerial_mean": means[1], "aerial_head": matrices[1]}


def _vectors(
    pictures: PairPictures, encoder: Encoder, own: CrossViewSettings, draw: int, told: Told
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One look at every pair: vectors [n, d] of both sides."""
    rng, ground, above = np.random.default_rng([own.seed, 9, draw]), [], []
    for i, pair in enumerate(pictures.pairs):
        aim, heading = aim_of(pair, drawn_look(rng), rng)
        ground.append(seen_part(pictures.query(i), aim))
        east, north = np.array(pair.reference.offset_m or (0.0, 0.0)) + rng.uniform(-own.jitter_m, own.jitter_m, 2)
        around = Around(
            pictures.reference(i), metres_of(pair.reference, pictures.reference(i), own.radius_m), float(east), float(north)
        )
        above.append(turned_ground(around, own.radius_m, (heading or 0.0) + float(rng.uniform(-11, 11))))
    told({"encoded": draw + 1, "of": own.heads_draws})
    return encoded(encoder, ground), encoded(encoder, above)


def _near(pictures: PairPictures, place: NDArray[np.intp], own: CrossViewSettings) -> NDArray[np.int32] | None:
    at = [pair.at for pair in pictures.pairs]
    if any(point is None for point in at) or own.neighbours == 0:
        return None
    lat, lon = (np.array([point[axis] for point in at if point]) for axis in (0, 1))
    return near_on_the_ground(lat, lon, place, own.neighbour_range, own.same_place_m)


def _first(rows: int, columns: int, seed: int) -> NDArray[np.float32]:
    """The same for both sides: an encoder that sees both alike starts where their vectors can be compared."""
    return (np.random.default_rng([seed, 10]).normal(size=(rows, columns)) / math.sqrt(rows)).astype(np.float32)
