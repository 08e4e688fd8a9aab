"""LoRA folded into the weights: W + (alpha / rank)·B·A in place of W, for as long as nothing is learned, and out again to the last bit.

Rollouts then cost what they cost without an adapter. So does the update: the gradients of A and B (Hu et al. 2021, arXiv:2106.09685) follow from
what went in and what comes back, dA = s·(g B)ᵀ x and dB = s·gᵀ (x Aᵀ), with no second path beside every map.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.nn.functional import linear


@contextmanager
def folded(model: Any) -> Iterator[None]:
    """Until the block ends, every plain linear map of `model` with one active LoRA has it in its weights; gradients reach the adapter as ever.

    The adapter must not change inside of the block, unless nothing is computed afterwards. A copy of these weights is in memory meanwhile. Maps of
    other kinds (quantised ones, several adapters, dropout, DoRA) keep their LoRA beside them.
    """
    layers = [layer for layer in model.modules() if _is_plain(layer)]
    try:
        for layer in layers:
            layer.forward = partial(_forward, layer, _folded_weight(layer))
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def _is_plain(layer: Any) -> bool:
    """Whether it is a linear map with LoRA and nothing else."""
    from peft.tuners.lora import Linear

    if (
        not isinstance(layer, Linear)
        or type(layer.get_base_layer()) is not torch.nn.Linear
        or layer.merged
        or layer.disable_adapters
    ):
        return False
    (name, *others) = layer.active_adapters or [""]
    plain = (
        name in layer.lora_A and not others and not layer.lora_variant and not layer.fan_in_fan_out and not layer.lora_bias[name]
    )
    return plain and isinstance(layer.lora_dropout[name], torch.nn.Identity)


def _folded_weight(layer: Any) -> torch.Tensor:
    base: torch.Tensor = layer.get_base_layer().weight.detach()
    with torch.no_grad():
        return (base.float() + layer.get_delta_weight(layer.active_adapters[0]).float()).to(base.dtype)


def _forward(layer: Any, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    (name,) = layer.active_adapters
    bias = layer.get_base_layer().bias
    if not torch.is_grad_enabled():
        return linear(x, weight, bias)
    mapped: torch.Tensor = _Folded.apply(
        x, weight, bias, layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name]
    )
    return mapped


class _Folded(torch.autograd.Function):  # type: ignore[misc]
    """y [..., out] = x [..., in] W'ᵀ + bias, of which x, A [rank, in] and B [out, rank] learn."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, a: torch.Tensor, b: torch.Tensor, scale: float
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight, a, b)
        ctx.scale = scale
        return linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, a, b = ctx.saved_tensors
        rows_x, rows_g = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
        grad_x = g @ weight if ctx.needs_input_grad[0] else None
        grad_a = ((rows_g @ b.to(g.dtype)).T @ rows_x).to(a.dtype) * ctx.scale
        grad_b = (rows_g.T @ (rows_x @ a.to(x.dtype).T)).to(b.dtype) * ctx.scale
        return grad_x, None, None, grad_a, grad_b, None
