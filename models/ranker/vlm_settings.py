"""How a vision-language ranker is trained; what is published (GeoRanker, arXiv 2505.13731) is the default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from models.geolocator import ModelError
from models.ranker.losses import PUBLISHED_LAMBDA
from models.ranker.settings import OBJECTIVES
from models.settings_bounds import check_bounds

TRAIN = ("lora", "full")
_BOUNDS: dict[str, tuple[float, float]] = {
    "k": (1, 256), "group": (2, 256), "negatives": (0, 64), "lora_rank": (1, 256), "lora_alpha": (1, 4096), "lora_layers": (0, 1000),
    "max_pixels": (1024, 4_000_000), "epochs": (1, 1000), "batch": (1, 4096), "rows_at_once": (1, 4096), "save_every": (1, 10**9),
    "held_lists": (1, 10**6), "seed": (0, 2**32 - 1), "weight": (0.0, 1.0), "lora_dropout": (0.0, 0.9), "lr": (1e-8, 1.0),
    "weight_decay": (0.0, 10.0), "warmup": (0.0, 0.5), "validation_share": (0.01, 0.5),
}  # fmt: skip


@dataclass(frozen=True)
class VlmSettings:
    """One sentence a field."""

    objective: str = "orders"
    """`orders`: both Plackett–Luce orders; `nearest`: cross-entropy on the nearest; `distance`: regression of ln(1 + d/25 km)."""
    k: int = 1
    """How many of the nearest are ranked; 1 as published."""
    weight: float = PUBLISHED_LAMBDA
    """The published λ: share of the first order in the loss."""
    group: int = 7
    """Candidates of a list that one step compares, drawn anew each time; 7 as published."""
    negatives: int = 5
    """So many of the least promising candidates are named in words as negative examples; 5 as published."""
    train: str = "lora"
    """`lora`: an adapter on queries, keys and values of the language model; `full`: all weights that the base lets be trained."""
    lora_rank: int = 16
    """Rank of the adapter."""
    lora_alpha: int = 32
    """Its scale is alpha / rank."""
    lora_dropout: float = 0.05
    """Share of its inputs that are left out in training."""
    lora_layers: int = 0
    """The uppermost so many layers have an adapter; 0 means all. Fewer are faster: the backward pass ends below them."""
    projector: bool = False
    """Whether what stands between the eyes and the language model is trained, too, where the base has a known one."""
    max_pixels: int = 224 * 224
    """Of every picture, after scaling."""
    epochs: int = 1
    """Passes over the lists."""
    batch: int = 4
    """Lists in one step."""
    rows_at_once: int = 8
    """Candidates in one forward pass; what is larger costs memory, what is smaller than a group costs one more forward pass."""
    lr: float = 1e-4
    """Highest learning rate of AdamW; it falls to 0 in a straight line."""
    warmup: float = 0.0
    """Share of the steps in which the rate rises."""
    weight_decay: float = 0.01
    """Weight decay of AdamW."""
    checkpointing: bool = False
    """Whether activations are worked out again on the way back: less memory, a third more time."""
    save_every: int = 50
    """Steps between two points from which a training that was cut off goes on."""
    validation_share: float = 0.2
    """Share of the places that the ranker is judged and calibrated on, and does not learn from."""
    held_lists: int = 200
    """At most so many lists are held out; others of these places are left out."""
    seed: int = 0
    """Of the split, the first weights, the order of the lists and the groups."""

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ModelError(f"objective is one of {', '.join(OBJECTIVES)}, not {str(self.objective)[:40]!r}")
        if self.train not in TRAIN:
            raise ModelError(f"train is one of {', '.join(TRAIN)}, not {str(self.train)[:40]!r}")
        check_bounds(self, _BOUNDS)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the card."""
        return asdict(self)

    @classmethod
    def read(cls, data: Any) -> VlmSettings:
        """From `to_json`. Raises ModelError for anything else."""
        known = {field.name for field in fields(cls)}
        if not isinstance(data, Mapping) or data.keys() != known:
            raise ModelError("its settings are not those of this version")
        return cls(**data)
