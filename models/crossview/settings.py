"""How a cross-view model is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from models.settings_bounds import check_bounds

_BOUNDS: dict[str, tuple[float, float]] = {
    "dim": (4, 4096), "width": (3, 384), "epochs": (1, 10_000), "batch": (4, 65_536), "neighbours": (0, 4096), "neighbour_range": (1, 4096),
    "random_epochs": (0, 10_000), "mine_from": (0, 10_000), "mine_every": (1, 10_000), "heads_draws": (1, 64), "seed": (0, 2**32 - 1),
    "radius_m": (5.0, 2000.0), "lr": (1e-8, 10.0), "weight_decay": (0.0, 10.0), "clip": (1e-6, 1e6), "label_smoothing": (0.0, 0.9),
    "most_scale": (1.0, 1e4), "same_place_m": (0.0, 1e6), "jitter_m": (0.0, 1e4), "validation_share": (0.01, 0.5),
}  # fmt: skip


@dataclass(frozen=True)
class CrossViewSettings:
    """One sentence a field; the defaults suit some thousand pairs on a CPU. Sample4Geo's values stand beside them where they differ."""

    encoder: str = ""
    """Empty trains the embedded networks from random; a spec of `models.encoders` (`embedded`, `clip:…`) trains heads on its vectors."""
    dim: int = 24
    """Length of a column's vector; of the one vector of a picture with an encoder (1,024)."""
    width: int = 16
    """Channels of the first layer; the next ones have 2 and 8/3 times as many."""
    radius_m: float = 56.0
    """How far around its middle a picture from above is read."""
    epochs: int = 16
    """Passes over the pairs (40)."""
    batch: int = 64
    """Pairs in one step (128)."""
    lr: float = 3e-3
    """Highest learning rate of AdamW (1e-3), after a warm-up of one epoch; then it falls along a cosine."""
    weight_decay: float = 0.01
    """Weight decay of AdamW, of matrices alone."""
    clip: float = 5.0
    """Longest gradient."""
    label_smoothing: float = 0.1
    """Share of the target that is spread over the batch, as published."""
    most_scale: float = 100.0
    """The learned scale of the logits (1 / temperature, from 1 / 0.07) does not grow beyond this."""
    same_place_m: float = 25.0
    """Pairs closer than this, or of one place, are not each other's negatives."""
    jitter_m: float = 8.0
    """The middle of a picture from above lies off the camera by up to this along each axis: tiles of an index are never centred on it."""
    neighbours: int = 32
    """How many near pairs a seed pair brings into its batch (64): half of them the nearest, half drawn from `neighbour_range`."""
    neighbour_range: int = 64
    """How many nearest pairs are known of each (128)."""
    random_epochs: int = 1
    """Epochs with batches at random, before any with neighbours."""
    mine_from: int = 5
    """From this epoch on neighbours are those that look alike; before, those that lie near (GPS)."""
    mine_every: int = 4
    """Epochs between two looks at what looks alike (4)."""
    validation_share: float = 0.15
    """Share of the places that is held out where the pairs do not say which are; for the calibration."""
    heads_draws: int = 4
    """With an encoder: how many looks of each pair are encoded."""
    seed: int = 0
    """Of the first weights, the order, and all that is drawn."""

    def __post_init__(self) -> None:
        check_bounds(self, _BOUNDS)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the card."""
        return asdict(self)
