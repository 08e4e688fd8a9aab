"""Pictures that are shown again are not looked at again: the photo stands beside every candidate, and eyes that are never trained see the same."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

MOST_BYTES = 200_000_000


def remembering(model: Any, most_bytes: int = MOST_BYTES) -> None:
    """Make an embedded model remember the feature maps of pictures, the least recently seen forgotten first. Other models stay as they are.

    The numbers are the same to the last bit: the network looks at one picture at a time.
    """
    visual: Any = getattr(getattr(model, "model", None), "visual", None)
    if hasattr(visual, "features") and not any(weight.requires_grad for weight in visual.cnn.parameters()):
        visual.features = _Remembered(visual.features, most_bytes)


class _Remembered:
    """Stands for `EfficientNetVisual.features`."""

    def __init__(self, look: Callable[[Any, Any], list[Any]], most_bytes: int) -> None:
        self.look, self.most_bytes = look, most_bytes
        self.known: OrderedDict[bytes, Any] = OrderedDict()
        self.bytes = 0

    def __call__(self, pixel_values: Any, grid_thw: Any) -> list[Any]:
        maps = []
        for rows, grid in zip(pixel_values.split([int(grid.prod()) for grid in grid_thw]), grid_thw, strict=True):
            key = hashlib.sha256(rows.detach().cpu().numpy().tobytes() + str(grid.tolist()).encode()).digest()
            if key not in self.known:
                with torch.inference_mode(False):  # what is remembered may be trained with later
                    (self.known[key],) = self.look(rows.clone(), grid[None].clone())
                self.bytes += self.known[key].nbytes
                self._make_room()
            self.known.move_to_end(key)
            maps.append(self.known[key])
        return maps

    def _make_room(self) -> None:
        while self.bytes > self.most_bytes and len(self.known) > 1:
            self.bytes -= self.known.popitem(last=False)[1].nbytes
