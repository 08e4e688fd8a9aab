"""How a head is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.geolocator import ModelError

LOSSES = ("triplet", "multi_similarity", "softmax")


@dataclass(frozen=True)
class HeadSettings:
    """One sentence a field."""

    loss: str = "triplet"
    """`triplet`: batch-hard, across the views; `multi_similarity`, across the views; `softmax`: normalised softmax with a proxy a class."""
    dim: int = 64
    """Length of the new vectors."""
    steps: int = 300
    """Steps of Adam."""
    batch: int = 96
    """Pictures in a step, as many of each class and view as fit."""
    lr: float = 1e-2
    """Highest learning rate; it falls to 0 as half a cosine."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    dropout: float = 0.2
    """Share of the encoder's numbers that are left out in a step."""
    seed: int = 0
    """Of the first weights and the batches."""

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ModelError(f"loss is one of {', '.join(LOSSES)}, not {str(self.loss)[:40]!r}")
        for name, low, high in (("dim", 2, 4096), ("steps", 1, 1_000_000), ("batch", 4, 65_536), ("seed", 0, 2**32 - 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ModelError(f"{name} must be a whole number from {low} to {high}")
        for name, least, most in (("lr", 1e-8, 10.0), ("weight_decay", 0.0, 10.0), ("dropout", 0.0, 0.9)):
            number = getattr(self, name)
            if (
                isinstance(number, bool)
                or not isinstance(number, int | float)
                or not (math.isfinite(number) and least <= number <= most)
            ):
                raise ModelError(f"{name} must be a number from {least:g} to {most:g}")
