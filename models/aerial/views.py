"""Pairs of pictures of one place for training: another season, light, altitude and heading.

With several layers (the same area on several dates) the two views come from two of them; with one alone, one view is recoloured, which is
less than a season is. The places of a batch come in neighbourhoods, so that what overlaps must be told apart too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.area import Box
from models.aerial.calibrate import recoloured
from models.aerial.descriptors import Seen
from models.aerial.ground import Ground, image_at
from models.aerial.web_mercator import Floats, metres_per_degree, moved


@dataclass(frozen=True)
class Jitter:
    """How far the two views of a place lie apart: what is left when a search has tried its shifts, headings and scales."""

    shift: float = 0.08
    """Of a patch's width, along each axis."""
    turn_deg: float = 6.0
    scale: float = 0.06
    recolour: float = 0.5
    """Share of views whose colours are changed as well."""


USUAL = Jitter()


@dataclass(frozen=True)
class Pairs:
    """Two views of each place, and where the places lie."""

    one: list[Seen]
    other: list[Seen]
    east_north_m: Floats
    """[n, 2] from the middle of the area."""


def draw_pairs(layers: Sequence[Ground], box: Box, metres: float, pixels: int, count: int, rng: np.random.Generator,
               jitter: Jitter = USUAL) -> Pairs:  # fmt: skip
    """`count` places and two views of each. Raises ValueError where the layers show too little of the area."""
    where = _places(box, metres, count, rng)
    one: list[Seen] = []
    other: list[Seen] = []
    kept: list[NDArray[np.float64]] = []
    for place in where:
        pair = _pair(layers, box, metres, pixels, place, rng, jitter)
        if pair is not None:
            one.append(pair[0])
            other.append(pair[1])
            kept.append(place)
    if len(kept) < max(count // 4, 2):
        raise ValueError("the tiles show too little of this area to train on")
    return Pairs(one, other, np.stack(kept))


def _places(box: Box, metres: float, count: int, rng: np.random.Generator) -> Floats:
    """Metres [count, 2] from the middle: a quarter at random, each with three neighbours a third of a patch to one and a half away."""
    half = _half_m(box)
    seeds = rng.uniform(-half, half, (-(-count // 4), 2))
    turn, away = rng.uniform(0, 2 * np.pi, (3, len(seeds))), rng.uniform(0.3, 1.5, (3, len(seeds))) * metres
    near = seeds + np.stack([np.sin(turn) * away, np.cos(turn) * away], axis=-1)
    places = np.clip(np.concatenate([seeds[None], near]).transpose(1, 0, 2).reshape(-1, 2), -half, half)
    return np.asarray(places[:count])


def _half_m(box: Box) -> Floats:
    east, north = (float(v) for v in metres_per_degree((box.south + box.north) / 2))
    return np.array([((box.east - box.west) % 360.0) * east, (box.north - box.south) * north]) / 2


def _pair(layers: Sequence[Ground], box: Box, metres: float, pixels: int, place: NDArray[np.float64], rng: np.random.Generator,
          jitter: Jitter) -> tuple[Seen, Seen] | None:  # fmt: skip
    both = rng.choice(len(layers), 2, replace=len(layers) == 1)
    views: list[Seen] = []
    for n, layer in enumerate(both.tolist()):
        east, north = place + rng.uniform(-0.5, 0.5, 2) * jitter.shift * metres
        lat, lon = moved((box.south + box.north) / 2, box.west + ((box.east - box.west) % 360.0) / 2, east, north)
        size = metres * float(np.exp(rng.uniform(-0.5, 0.5) * jitter.scale))
        patch = image_at(layers[layer], float(lat), float(lon), size, pixels, float(rng.uniform(-0.5, 0.5) * jitter.turn_deg))
        if patch.known.mean() < 0.9:
            return None
        change = (len(layers) == 1 and n == 1) or rng.random() < jitter.recolour
        views.append((recoloured(patch.rgb, rng) if change else patch.rgb, patch.known))
    return views[0], views[1]
