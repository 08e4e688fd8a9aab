"""Attention of rows that share a beginning and stand in one sequence (`shared_prefix`), piece by piece.

A mask over the whole sequence [T, T] makes every token's query meet every key, though a row sees the beginning and itself alone. Here the beginning
attends to itself, and each row to the beginning and itself: with p shared tokens and rests of n the work is p²/2 + Σ n (p + n) for T².
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "geosleuth_rows"
_PLAIN = "sdpa"


def attend_by_rows(model: Any) -> None:
    """Let the language part of `model` use this attention where it used PyTorch's; without `row_bounds` it is the same."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    text = inner.config.get_text_config()
    if text._attn_implementation == _PLAIN and "text_config" in inner.config.sub_configs:
        AttentionInterface.register(NAME, rows_attention)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        inner.set_attn_implementation({"text_config": NAME})


def attends_by_rows(model: Any) -> bool:
    """Whether `row_bounds` mean something to `model`."""
    config = getattr(model, "config", None)
    return config is not None and bool(config.get_text_config()._attn_implementation == NAME)


def rows_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    row_bounds: Sequence[int] | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers' `sdpa_attention_forward`: query [1, heads, T, width] to [1, T, heads, width].

    `row_bounds`: 0, the end of the beginning, and the end of each row; they stand for `attention_mask`, which then is not used.
    """
    if row_bounds is None:
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return plain
    key, value = (repeat_kv(heads, query.shape[1] // heads.shape[1]) for heads in (key, value))
    shared = row_bounds[1]
    start_k, start_v = key[:, :, :shared], value[:, :, :shared]
    parts = []
    if shared:
        parts.append(
            scaled_dot_product_attention(query[:, :, :shared], start_k, start_v, dropout_p=dropout, scale=scaling, is_causal=True)
        )
    for start, end in pairwise(row_bounds[1:]):
        seen = torch.ones(end - start, shared + end - start, dtype=torch.bool, device=query.device).tril(shared)
        keys, values = torch.cat([start_k, key[:, :, start:end]], 2), torch.cat([start_v, value[:, :, start:end]], 2)
        parts.append(
            scaled_dot_product_attention(query[:, :, start:end], keys, values, attn_mask=seen, dropout_p=dropout, scale=scaling)
        )
    return torch.cat(parts, 2).transpose(1, 2).contiguous(), None
