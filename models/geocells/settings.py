"""How geocells are made and trained."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from models.geolocator import ModelError

_PUBLISHED_PHOTOS = 100_000
"""PIGEON's own size, for which it published cells of 30 to 60 photos."""


@dataclass(frozen=True)
class GeocellSettings:
    """One sentence a field; the defaults are PIGEON's (arXiv 2307.05845) where it published them."""

    min_points: int = 0
    """A cell with fewer photos is merged into another one of its country; 0 takes `cell_size` of the data."""
    max_points: int = 0
    """A cell with more photos is split; 0 takes twice `min_points`."""
    tau_km: float = 75.0
    """Width of the smoothed labels: a cell this much farther than the nearest one gets 1/e of its share."""
    normalised: bool = False
    """Whether the smoothed labels of a photo sum to 1; the published code leaves them as they are."""
    one_hot: bool = False
    """Whether the label is the photo's own cell alone, for comparison."""
    hidden: int = 0
    """Width of one hidden layer; 0 makes the head linear."""
    epochs: int = 40
    """Passes over the photos at most; the learning rate falls over them as half a cosine."""
    batch: int = 512
    """Photos in one step."""
    lr: float = 3e-3
    """Highest learning rate of AdamW."""
    weight_decay: float = 0.01
    """Weight decay of AdamW."""
    seed: int = 0
    """Of the split, the first weights and the order of the photos."""
    patience: int = 4
    """Training ends after this many epochs without a lower validation loss."""
    validation_share: float = 0.1
    """Share of the places that the head is judged and calibrated on, and does not learn from."""
    divide_prior: bool = True
    """Whether the evidence divides out how often the training photos lie in a cell."""
    refine: bool = True
    """Whether photo clusters inside the best cells sharpen the answer."""
    top_k: int = 5
    """How many of the best cells are refined; PIGEOTTO took 40."""
    max_km: float = 1000.0
    """Only cells within this distance of the best one are refined against each other; 0 sets no limit, as PIGEOTTO did."""
    exemplars: int = 0
    """Photos kept of each cluster, so that the answer is the place of the likest one; 0 answers with the cluster's mean."""

    def __post_init__(self) -> None:
        whole = ("min_points", "max_points", "hidden", "epochs", "batch", "seed", "patience", "top_k", "exemplars")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool):
                continue
            if not isinstance(value, int if field.name in whole else int | float) or not math.isfinite(value) or value < 0:
                raise ModelError(
                    f"{field.name} must be a {'whole number' if field.name in whole else 'number'} from 0, not {value!r}"
                )
        for name in ("tau_km", "epochs", "batch", "lr", "patience", "top_k"):
            if not getattr(self, name) > 0:
                raise ModelError(f"{name} must be above 0")
        if not 0.0 < self.validation_share < 0.5:
            raise ModelError(f"validation_share lies between 0 and 0.5, not at {self.validation_share}")
        if self.min_points and self.max_points and self.max_points < 2 * self.min_points:
            raise ModelError("max_points must be at least twice min_points, or what is split would be merged again")

    def cell_size(self, photos: int) -> tuple[int, int]:
        """Fewest and most photos of a cell, for data of a size.

        30 and 60 up to 100,000 photos, as PIGEON had them, and in proportion above, so that there are always about 2,000
        cells: for the 4.2 million photos of PIGEOTTO this gives 1,260 and 2,520, where it took 1,000 and 2,000.
        """
        least = self.min_points or max(30, round(30 * photos / _PUBLISHED_PHOTOS))
        if self.max_points and not self.min_points:
            least = min(least, max(1, self.max_points // 2))
        return least, self.max_points or 2 * least

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the card."""
        return asdict(self)
