"""The towers in torch while they are trained, and what they are afterwards."""

from __future__ import annotations

from typing import Any

from models.alignment.alignment import TextSide
from models.alignment.contrastive import MAX_LOG_SCALE
from models.alignment.location_encoder import (
    LocationEncoder,
    LocationShape,
    arrays_of,
    location_features,
    location_module,
    sphere_scale,
)
from models.alignment.perceptron import Perceptron, trainable
from models.alignment.settings import AlignmentSettings

PROJECTION = "unit_sphere"


class Towers:
    """Image and location towers, and those of the texts where there are any (`text_dim` above 0)."""

    def __init__(self, settings: AlignmentSettings, image_dim: int, text_dim: int) -> None:
        import torch
        from torch import nn

        shape = LocationShape(PROJECTION, tuple(sphere_scale(width) for width in settings.widths_km), settings.features, settings.hidden,
                              settings.depth, settings.dim)  # fmt: skip
        inner = [settings.hidden] * (settings.image_layers - 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            parts = {"image": trainable([image_dim, *inner, settings.dim]), "location": location_module(shape)}
            if text_dim:
                parts["text_image"] = trainable([image_dim, *inner, settings.dim])
                parts["text"] = trainable([text_dim, *inner, settings.dim])
        scales = {name: nn.Parameter(torch.tensor(settings.log_scale)) for name in ("place", *(["text"] if text_dim else []))}
        self.module = nn.ModuleDict({**parts, "scales": nn.ParameterDict(scales)})
        self.has_text = text_dim > 0

    def optimizer(self, settings: AlignmentSettings) -> Any:
        """AdamW; the scales do not decay."""
        from torch.optim import AdamW

        named = [(name, p) for name, p in self.module.named_parameters() if p.requires_grad]
        decaying = {"params": [p for name, p in named if not name.startswith("scales")], "weight_decay": settings.weight_decay}
        free = {"params": [p for name, p in named if name.startswith("scales")], "weight_decay": 0.0}
        return AdamW([decaying, free], lr=settings.rate)

    def scale(self, name: str) -> Any:
        """exp of the learned log scale of `place` or `text`, at most 100."""
        return self.module["scales"][name].clamp(max=MAX_LOG_SCALE).exp()

    def vectors(self, tower: str, rows: Any) -> Any:
        """Unit vectors [n, dim] of rows [n, d] by `image`, `text_image` or `text`."""
        from torch.nn.functional import normalize

        return normalize(self.module[tower](rows), dim=1)

    def places(self, points: Any) -> Any:
        """Unit vectors [n, dim] of points [n, 2] (lat, lon) in degrees."""
        from torch.nn.functional import normalize

        return normalize(location_features(self.module["location"], PROJECTION, points), dim=1)

    def trained(self, features: str) -> tuple[Perceptron, LocationEncoder, float, TextSide | None]:
        """The image tower, the location tower, the log scale and the text side, in numpy."""
        arrays = arrays_of(self.module)
        logs = {name: min(float(arrays[f"scales.{name}"]), MAX_LOG_SCALE) for name in self.module["scales"]}
        image, location = Perceptron.of_sequence(arrays, "image."), LocationEncoder.of(PROJECTION, arrays, "location.")
        if not self.has_text:
            return image, location, logs["place"], None
        side = TextSide(
            Perceptron.of_sequence(arrays, "text_image."), Perceptron.of_sequence(arrays, "text."), logs["text"], features
        )
        return image, location, logs["place"], side
