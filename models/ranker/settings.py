"""How a ranker is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from models.geolocator import ModelError
from models.ranker.losses import PUBLISHED_LAMBDA
from models.settings_bounds import check_bounds

OBJECTIVES = ("orders", "nearest", "distance")
_BOUNDS: dict[str, tuple[float, float]] = {
    "k": (1, 256), "hidden": (0, 1024), "epochs": (1, 10_000), "batch": (1, 65_536), "patience": (1, 10_000), "seed": (0, 2**32 - 1),
    "weight": (0.0, 1.0), "lr": (1e-8, 10.0), "weight_decay": (0.0, 10.0), "validation_share": (0.01, 0.5),
}  # fmt: skip


@dataclass(frozen=True)
class RankerSettings:
    """One sentence a field."""

    objective: str = "orders"
    """`orders`: both Plackett–Luce orders (GeoRanker); `nearest`: cross-entropy on the nearest; `distance`: regression of ln(1 + d/25 km)."""
    k: int = 1
    """How many of the nearest are ranked; 1 as published."""
    weight: float = PUBLISHED_LAMBDA
    """The published λ: share of the first order in the loss."""
    hidden: int = 32
    """Width of the one hidden layer; 0 makes the ranker linear."""
    epochs: int = 60
    """Passes over the lists at most."""
    batch: int = 64
    """Lists in one step."""
    lr: float = 3e-3
    """Highest learning rate of AdamW; it falls over the epochs as half a cosine."""
    weight_decay: float = 0.01
    """Weight decay of AdamW, as published."""
    patience: int = 8
    """Training ends after this many epochs without a lower loss on held-out lists."""
    validation_share: float = 0.2
    """Share of the places that the ranker is judged and calibrated on, and does not learn from."""
    seed: int = 0
    """Of the split, the first weights and the order of the lists."""

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ModelError(f"objective is one of {', '.join(OBJECTIVES)}, not {str(self.objective)[:40]!r}")
        check_bounds(self, _BOUNDS)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the card."""
        return asdict(self)
