"""Losses of a step: log-probabilities at the written positions alone, and the policy-gradient losses made of them.

Tokens are flat: [N] is every written token of a micro-batch, row by row, and `row_N` says whose it is. `pg` losses follow GRPO
(arXiv 2402.03300), Dr. GRPO (2503.20783), DAPO (2503.14476) and GSPO (2507.18071), with the constants of TRL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from rl_training.batch import model_inputs

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("dapo", "dr_grpo", "grpo", "gspo")


class LossError(ValueError):
    """A loss that does not exist, or a model that cannot give log-probabilities at chosen positions."""


@dataclass(frozen=True)
class Scores:
    """The written tokens of a micro-batch under a model."""

    logp_N: Tensor
    """Log-probability of each, nats."""
    entropy_N: Tensor | None
    """Entropy of the distribution each was drawn from, nats, without gradient; None when not asked for."""
    sampled_N: Tensor
    """Log-probability when it was sampled."""
    row_N: Tensor
    """Row of the batch each belongs to."""


@dataclass(frozen=True)
class StepSize:
    """What a whole step (all micro-batches of all processes) is divided by."""

    tokens: int
    """Written tokens that count."""
    rows: int
    """Rollouts of the step, those that are left out of the loss included."""
    max_length: int
    """Tokens an episode may have: Dr. GRPO's constant."""


@dataclass(frozen=True)
class PolicyLoss:
    """Sums over a micro-batch that add up to the step's."""

    loss: Tensor
    """Its share of the step's loss: the shares of all micro-batches add up to the loss."""
    clipped: float
    """Tokens whose ratio was beyond the clip on the side that matters (rows, with `gspo`)."""
    kl: float
    """Sum over tokens of the estimated KL to the reference, nats."""


def score(model: Any, batch: Mapping[str, Tensor], temperature: float = 1.0, entropy: bool = False, chunk: int = 1024) -> Scores:
    """The written tokens of `batch` (see `to_batch` and `to_shared_batch`) under `model`.

    The vocabulary head runs at the written positions alone; `chunk` of them are turned to float32 at a time and again in the
    backward pass, so that memory is one [N, V] in the model's own precision. A batch without a written token gives N = 0.
    """
    wanted = _wanted(batch)
    logits_UV = model(**model_inputs(batch), logits_to_keep=wanted.keep_BL, use_cache=False).logits
    if logits_UV.dim() != 2:
        raise LossError(f"{type(model).__name__} does not take a mask as logits_to_keep")
    if wanted.targets_N.numel() == 0:  # the graph must still reach every weight: other processes wait for its gradient
        nothing_N = logits_UV.float().sum()[None][:0] + logits_UV.float().sum() * 0
        return Scores(nothing_N, nothing_N.detach() if entropy else None, wanted.sampled_N, wanted.row_N)
    logits_NV = logits_UV if wanted.pick_N is None else logits_UV[wanted.pick_N]
    logp_N, entropy_N = chunked_logp(logits_NV, wanted.targets_N, temperature, entropy, chunk)
    return Scores(logp_N, entropy_N, wanted.sampled_N, wanted.row_N)


class _Wanted(NamedTuple):
    """The written tokens [N] of a batch, and the positions whose logits predict them."""

    keep_BL: Tensor
    pick_N: Tensor | None
    """Which of the kept positions predicts each; None where they are one for one."""
    targets_N: Tensor
    sampled_N: Tensor
    row_N: Tensor


def _wanted(batch: Mapping[str, Tensor]) -> _Wanted:
    if "keep" in batch:
        return _Wanted(batch["keep"], batch["pick_N"], batch["targets_N"], batch["logp_N"], batch["row_N"])
    written_BL = batch["loss_mask"]
    keep_BL = torch.zeros_like(written_BL)
    keep_BL[:, :-1] = written_BL[:, 1:]  # the logits that predict a token stand one position before it
    if not written_BL.any():
        keep_BL[:, 0] = True
    return _Wanted(keep_BL, None, batch["input_ids"][written_BL], batch["logp"][written_BL], written_BL.nonzero()[:, 0])


def chunked_logp(
    logits_NV: Tensor, targets_N: Tensor, temperature: float = 1.0, entropy: bool = False, chunk: int = 1024
) -> tuple[Tensor, Tensor | None]:
    """log softmax(logits / temperature) at the targets [N], and the entropies [N] when asked for, in float32."""
    from torch.utils.checkpoint import checkpoint

    parts = []
    for start in range(0, targets_N.numel(), chunk):
        piece = (logits_NV[start : start + chunk], targets_N[start : start + chunk], temperature, entropy)
        whole = targets_N.numel() <= chunk or not logits_NV.requires_grad
        parts.append(_logp(*piece) if whole else checkpoint(_logp, *piece, use_reentrant=False))
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts]) if entropy else None


def _logp(logits_NV: Tensor, targets_N: Tensor, temperature: float, entropy: bool) -> tuple[Tensor, Tensor]:
    logp_NV = (logits_NV.float() / temperature).log_softmax(dim=-1)
    taken_N = logp_NV.gather(1, targets_N[:, None]).squeeze(1)
    with torch.no_grad():
        spread_N = -(logp_NV.exp() * logp_NV).sum(dim=-1) if entropy else torch.zeros_like(taken_N)
    return taken_N, spread_N


def sft_loss(logp_N: Tensor, tokens: int) -> Tensor:
    """Cross-entropy: a micro-batch's share of the mean over the `tokens` written tokens of a whole step."""
    return -logp_N.sum() / max(tokens, 1)


def policy_loss(
    logp_N: Tensor, old_N: Tensor, row_N: Tensor, advantage_B: Tensor, size: StepSize, kind: str, epsilon: float = 0.2,
    epsilon_high: float | None = None, beta: float = 0.0, reference_N: Tensor | None = None,
) -> PolicyLoss:  # fmt: skip
    """The clipped surrogate -min(r A, clip(r, 1-ε, 1+ε_high) A) + β KL, averaged as `kind` says.

    r is the ratio of a token's probability to `old_N`'s; with `gspo` the geometric mean of a row's ratios. Averages: `dapo` over the
    step's tokens, `dr_grpo` over rows times the longest episode allowed, `grpo` and `gspo` over each row's tokens, then over rows.
    KL is estimated by exp(d) - d - 1, d = reference - logp (k3, Schulman 2020), at the tokens the policy wrote.
    """
    if kind not in KINDS:
        raise LossError(f"no loss named {kind!r}: there are {', '.join(KINDS)}")
    length_B = torch.zeros_like(advantage_B).index_add(0, row_N, torch.ones_like(logp_N)).clamp(min=1)
    log_ratio_N = logp_N - old_N
    if kind == "gspo":
        log_ratio_N = (torch.zeros_like(advantage_B).index_add(0, row_N, log_ratio_N) / length_B)[row_N]
    ratio_N, advantage_N = log_ratio_N.exp(), advantage_B[row_N]
    high = 1 + (epsilon if epsilon_high is None else epsilon_high)
    per_token_N = -torch.min(ratio_N * advantage_N, ratio_N.clamp(1 - epsilon, high) * advantage_N)
    kl_N = torch.zeros_like(logp_N)
    if beta and reference_N is not None:
        apart_N = reference_N - logp_N
        kl_N = apart_N.exp() - apart_N - 1
        per_token_N = per_token_N + beta * kl_N
    beyond_N = ((ratio_N < 1 - epsilon) & (advantage_N < 0)) | ((ratio_N > high) & (advantage_N > 0))
    loss = (per_token_N * _weights(kind, size, length_B)[row_N]).sum()
    return PolicyLoss(loss, float(beyond_N.sum()), float(kl_N.detach().sum()))


def _weights(kind: str, size: StepSize, length_B: Tensor) -> Tensor:
    """What a token of each row [B] weighs in the step's loss."""
    if kind == "dapo":
        return torch.full_like(length_B, 1 / max(size.tokens, 1))
    if kind == "dr_grpo":
        return torch.full_like(length_B, 1 / (max(size.rows, 1) * size.max_length))
    return 1 / (length_B * max(size.rows, 1))
