"""What geolocators learn from: vectors of one encoder with their places."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.cells import keys_at
from geo.sphere import Floats
from models.encoders.encoder import Vectors
from models.geolocator import ModelError
from models.model_folder import is_text

Told = Callable[[Mapping[str, Any]], None]
"""Called with what training reports: `{"step": …, "of": …, "loss": …}`, `{"epoch": …, "validation": …}`."""

_BLOCK_ORDER = 9
"""Photos in one HEALPix cell of this order (13 km) go to the same side of a split, so that near copies do not."""


def silent(event: Mapping[str, Any]) -> None:
    """Nothing is shown."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Rows [n]; all arrays have their length."""

    vectors: Vectors
    """Unit vectors [n, d]."""
    lat: Floats
    lon: Floats
    """Degrees."""
    encoder: str
    """Spec of the encoder."""
    encoder_digest: str
    source: str
    """In words, for the model's card: `gallery trips (41,000 photos)`."""
    country: Sequence[str] = ()
    """ISO codes [n], or empty."""
    region: Sequence[str] = ()
    city: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.vectors)

    def pick(self, rows: NDArray[np.intp]) -> TrainingData:
        """Some of the rows."""
        names = [[column[i] for i in rows] if len(column) else () for column in (self.country, self.region, self.city)]
        return TrainingData(
            self.vectors[rows], self.lat[rows], self.lon[rows], self.encoder, self.encoder_digest, self.source, *names
        )

    def split(self, share: float = 0.1, seed: int = 0) -> tuple[TrainingData, TrainingData]:
        """Training and validation rows; about `share` of the places (cells of 13 km, not single photos) go to validation."""
        block = keys_at(self.lat, self.lon) >> (2 * (29 - _BLOCK_ORDER))
        blocks, of = np.unique(block, return_inverse=True)
        held = np.random.default_rng(seed).random(len(blocks)) < share
        return self.pick(np.flatnonzero(~held[of])), self.pick(np.flatnonzero(held[of]))


def check_data(data: TrainingData) -> None:
    """Raises ModelError for data that cannot be trained on."""
    if not all(map(is_text, (data.source, data.encoder, data.encoder_digest))):
        raise ModelError("the names of the training data and of their encoder must be one short line each")
    if data.vectors.ndim != 2 or not len(data) or not (len(data.lat) == len(data.lon) == len(data)):
        raise ModelError(f"{data.source} holds no vectors, or not as many as places")
    if not all(math.isfinite(float(part.sum())) for part in (data.vectors, data.lat, data.lon)):
        raise ModelError(f"{data.source} holds vectors or places that are not finite")
    if (np.abs(data.lat) > 90.0).any():
        raise ModelError(f"{data.source} holds latitudes beyond 90 degrees")
