"""How a flow, or a baseline of it, is trained."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from models.geolocator import ModelError

OPTIMISERS = ("adamw", "lamb")
OBJECTIVES = ("riemannian", "space", "diffusion", "vmf", "mixture")


@dataclass(frozen=True)
class FlowSettings:
    """One sentence a field; the defaults suit some ten thousand photos on a CPU. Published values stand beside them where they differ."""

    objective: str = "riemannian"
    """`riemannian` (flow matching on the sphere), or a baseline: `space` (flow matching in space), `diffusion`, `vmf`, `mixture` (of vMF)."""
    dim: int = 128
    """Width of the trunk, a multiple of 8 (512; 256 for iNaturalist)."""
    depth: int = 6
    """Blocks of the trunk (12; 11 for von Mises-Fisher)."""
    expansion: int = 4
    """How much wider the middle of a block is."""
    components: int = 3
    """Parts of the mixture."""
    steps: int = 4000
    """Steps of training (1,000,000)."""
    batch: int = 512
    """Photos in one step (1,024)."""
    lr: float = 1e-3
    """Highest learning rate (8e-4)."""
    optimiser: str = "adamw"
    """`adamw`, or `lamb` as published, which is meant for batches of many thousands."""
    weight_decay: float = 0.05
    """Weight decay, of matrices alone."""
    warmup: int = 200
    """Steps in which the learning rate rises (500); then it falls along a cosine."""
    ema: float = 0.999
    """The weights that are used are a mean over steps with this decay; it is shorter at the beginning."""
    drop: float = 0.1
    """Share of photos whose picture is hidden in training, so that the model also learns where photos are: guidance needs it."""
    clip: float = 1.0
    """Longest gradient (0.05 for von Mises-Fisher)."""
    noise_km: float = 0.0
    """Standard deviation, along each axis, of noise on training places: against learning few places by heart."""
    schedule_start: float = -7.0
    """s of the sigmoid schedule."""
    schedule_end: float = 3.0
    """e of the sigmoid schedule."""
    clock: float = 10.0
    """What the head is told of γ: this times the schedule's time; 0 tells it 1000·γ as published, which needs many more steps in use."""
    guidance: float = 0.0
    """w of guidance in use; the paper takes 0 for a distribution and 2 for a point."""
    judged_every: int = 250
    """Steps between two looks at held-out photos, and between two checkpoints."""
    patience: int = 6
    """Training ends after this many looks without a lower held-out loss."""
    validation_share: float = 0.1
    """Share of the places that are held out, for stopping and for calibration."""
    divide_prior: bool = True
    """Whether the evidence divides out how dense the training photos lie."""
    seed: int = 0
    """Of the split, the first weights, the order of the photos and all noise."""

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ModelError(f"objective is one of {', '.join(OBJECTIVES)}, not {self.objective[:40]!r}")
        if self.optimiser not in OPTIMISERS:
            raise ModelError(f"optimiser is one of {', '.join(OPTIMISERS)}, not {self.optimiser[:40]!r}")
        for field in fields(self):
            value, whole = getattr(self, field.name), isinstance(field.default, int)
            if isinstance(field.default, bool | str):
                continue
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not math.isfinite(value):
                raise ModelError(f"{field.name} must be a {'whole number' if whole else 'number'}, not {value!r}")
            if value < 0 and field.name != "schedule_start":
                raise ModelError(f"{field.name} must not be negative")
        for name in ("dim", "depth", "expansion", "components", "steps", "batch", "lr", "clip", "judged_every", "patience"):
            if not getattr(self, name) > 0:
                raise ModelError(f"{name} must be above 0")
        if self.dim % 8:
            raise ModelError(f"dim must be a multiple of 8, not {self.dim}")
        if not (self.ema < 1.0 and self.drop < 1.0 and 0.0 < self.validation_share < 0.5):
            raise ModelError("ema and drop lie below 1, validation_share between 0 and 0.5")
        if not self.schedule_end > self.schedule_start:
            raise ModelError("the schedule must end after it starts")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the card."""
        return asdict(self)
