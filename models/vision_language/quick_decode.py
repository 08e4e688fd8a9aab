"""Faster writing on CPUs: one token at a time waits for the weights to come from memory, and int8 weights are a quarter of float32's.

Weights alone are rounded, each row by its own scale s = max|w| / 127, so that w ≈ s·q; what is multiplied with them is rounded to
bfloat16. What is read (many rows at once) goes through the float32 weights as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from models.vision_language.embedded import EmbeddedVL

MOST_ROWS = 8
"""Up to so many tokens at once the int8 weights are the faster ones."""


class QuickLinear(nn.Module):  # type: ignore[misc]
    """A linear map in inference with its weights in float32, for many rows, and in int8, for few."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        scale = (linear.weight.detach().abs().amax(1) / 127).clamp(min=1e-12)
        self.register_buffer("rounded", (linear.weight.detach() / scale[:, None]).round().to(torch.int8), persistent=False)
        self.register_buffer("scale", scale.to(torch.bfloat16), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., out] of [..., in], as `torch.nn.Linear`."""
        rows = x.reshape(-1, self.in_features)
        if rows.shape[0] > MOST_ROWS:
            return functional.linear(x, self.weight, self.bias)
        y = torch.ops.aten._weight_int8pack_mm(rows.to(torch.bfloat16), self.rounded, self.scale).to(x.dtype)
        return (y if self.bias is None else y + self.bias).view(*x.shape[:-1], self.out_features)


def quickened(model: EmbeddedVL) -> EmbeddedVL:
    """The model with int8 weights beside those of its language model and head (a quarter more memory), for inference on a CPU alone.

    What it writes is nearly, not always, what it would write in float32. Take a `merged` model.
    """
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and not name.startswith("model.visual"):
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, QuickLinear(module))
    return model.requires_grad_(False).eval()  # type: ignore[no-any-return]
