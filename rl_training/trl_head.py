"""The model's own vocabulary head under TRL's trainers.

TRL 1.16 multiplies hidden states by `lm_head.weight` itself: a head that does more (rows of new tokens that are trained apart) would be
passed over, and without Triton it does so at every position, wanted or not. Here the model's forward runs its head where a label is.
"""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

import torch
from trl.trainer.utils import FusedCausalLMOutput

from rl_training.batch import NO_LABEL
from rl_training.losses import LossError, chunked_logp

if TYPE_CHECKING:
    from torch import Tensor


def use_own_head(model: Any, temperature: float = 1.0) -> None:
    """Replace what TRL put in the place of `model.forward` (its trainers do on being made) by a forward through the model's head.

    `model(..., labels=labels, fused_lm_head=True)` gives `log_probs`, `entropy`, `is_top1` [B, L-1], 0 where there is no label.
    Without `fused_lm_head` nothing differs. Raises LossError where TRL did not replace it.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if base.__dict__.pop("forward", None) is None:
        raise LossError("TRL has not put its head on this model: another TRL than 1.16?")
    original = base.forward

    @functools.wraps(type(base).forward)
    def forward(self: Any, *args: Any, fused_lm_head: bool = False, labels: Tensor | None = None, **kwargs: Any) -> Any:
        if not fused_lm_head:
            return original(*args, **kwargs) if labels is None else original(*args, labels=labels, **kwargs)
        if labels is None:
            raise LossError("log-probabilities are of labels")
        kwargs.pop("num_items_in_batch", None)
        return _scored(original, args, {**kwargs, "use_cache": False}, labels, temperature)

    base.forward = types.MethodType(forward, base)


def _scored(original: Any, args: tuple[Any, ...], kwargs: dict[str, Any], labels: Tensor, temperature: float) -> Any:
    mask_BL = labels[:, 1:] != NO_LABEL
    keep_BL = torch.zeros_like(labels, dtype=torch.bool)
    keep_BL[:, :-1] = mask_BL
    empty = not bool(mask_BL.any())
    if empty:
        keep_BL[:, 0] = True
    logits_NV = original(*args, **kwargs, logits_to_keep=keep_BL).logits
    if empty:
        nothing_BL = logits_NV.float().sum() * 0 + torch.zeros(mask_BL.shape, device=labels.device)
        return _output(nothing_BL, nothing_BL.detach(), mask_BL, mask_BL)
    targets_N = labels[:, 1:][mask_BL]
    logp_N, entropy_N = chunked_logp(logits_NV, targets_N, temperature, entropy=True)
    right_N = logits_NV.detach().argmax(dim=-1) == targets_N
    return _output(_placed(logp_N, mask_BL), _placed(entropy_N, mask_BL), _placed(right_N, mask_BL), mask_BL)


def _placed(values_N: Tensor | None, mask_BL: Tensor) -> Any:
    """Values where the mask is set [B, L-1], 0 elsewhere."""
    return None if values_N is None else values_N.new_zeros(mask_BL.shape).masked_scatter(mask_BL, values_N)


def _output(logp_BL: Tensor, entropy_BL: Any, right_BL: Any, mask_BL: Tensor) -> Any:
    loss = -logp_BL.sum() / mask_BL.sum().clamp(min=1)
    return FusedCausalLMOutput(loss=loss, log_probs=logp_BL, entropy=entropy_BL, is_top1=right_BL, label_mask=mask_BL)
