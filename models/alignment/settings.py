"""How an alignment is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AlignmentSettings:
    """Sizes and schedule; the defaults suit some ten thousand photos on a CPU. Published values stand beside them where they differ."""

    dim: int = 128
    """Length of the vectors in which towers meet (512; 768 in G3)."""
    hidden: int = 256
    """Width of hidden layers (1024 in the location encoder, 768 in the heads)."""
    depth: int = 3
    """Hidden layers of each scale of the location encoder."""
    features: int = 128
    """Random Fourier features of each scale (256)."""
    widths_km: tuple[float, ...] = (3186.0, 199.0, 12.4)
    """Widths of the scales' bells: those of the published scales 1, 16 and 256."""
    image_layers: int = 2
    """Layers of the heads on the encoder's vectors and on texts: 1 is a linear map."""
    batch: int = 256
    """Photos of a step (G3: 256)."""
    queue: int = 4096
    """Coordinates of earlier batches that serve as more negatives (GeoCLIP: 4096; G3: 0); they are what a step spends most of its time on."""
    near_km: float = 1.0
    """Other photos this near are no negatives: they show the same place. 0 counts them as such, as published."""
    noise_km: float = 5.0
    """Standard deviation, along each axis, of the noise on training coordinates, drawn anew each time: without it the finest features learn
    the training coordinates by heart. A candidate stands for 5 km anyway. GeoCLIP adds some too, its released code says not how much."""
    both_ways: bool = True
    """Whether a place has to find its picture too (G3), or only a picture its place (GeoCLIP's released loop)."""
    text: str = "hashed"
    """What the text tower reads: `hashed`, `clip:SOURCE`, or empty for no text tower; it is left out where places have no names."""
    captions: bool = False
    """Whether texts are PIGEON's synthetic captions, drawn anew each epoch, instead of G3's template; with `clip:` texts the template stays."""
    text_weight: float = 1.0
    """Weight of the image–text loss beside the image–place loss (G3: 1)."""
    log_scale: float = 3.99
    """Where the learned logarithm of the scale starts (G3: 3.99, GeoCLIP: 2.66); it is kept at or below ln 100."""
    rate: float = 1e-3
    """Learning rate of AdamW at its highest (G3: 3e-5, from pretrained towers); it rises over the first epoch and falls along a cosine."""
    weight_decay: float = 1e-2
    """(G3: 1e-6.)"""
    epochs: int = 20
    patience: int = 4
    """Epochs without a better validation loss after which training ends."""
    validation_share: float = 0.1
    """Share of the places that are held out, for early stopping and calibration."""
    seed: int = 0

    def __post_init__(self) -> None:
        whole = (self.dim, self.hidden, self.depth, self.features, self.batch, self.epochs, self.patience)
        if min(whole) < 1 or self.image_layers not in (1, 2, 3) or not self.widths_km or min(self.widths_km) <= 0:
            raise ValueError("sizes of an alignment are at least 1, its heads have 1 to 3 layers, and widths are above 0 km")
        if self.queue < 0 or min(self.near_km, self.noise_km, self.text_weight, self.weight_decay) < 0 or not self.rate > 0:
            raise ValueError("queue, distances and weights of an alignment are not negative, and its learning rate is above 0")
        if not 0.0 < self.validation_share < 0.9:
            raise ValueError("the validation share of an alignment lies between 0 and 0.9")
        if self.text not in ("", "hashed") and not (self.text.startswith("clip:") and len(self.text) > 5):
            raise ValueError(f"text features are 'hashed', 'clip:SOURCE' or '', not {self.text[:60]!r}")
