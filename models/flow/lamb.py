"""LAMB (You et al. 2020, Large batch optimization for deep learning, algorithm 2), the published optimiser of these heads.

    m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  u = m̂/(√v̂ + ε) + λw;  w ← w − lr·(‖w‖/‖u‖)·u

with m̂, v̂ freed of their bias. Each tensor is a layer. As in PLONK's code, tensors without weight decay keep the ratio 1 (they then follow
Adam), and so does a tensor whose ‖w‖ or ‖u‖ is 0: layers that start at 0 could never leave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BETAS, EPS = (0.9, 0.999), 1e-8


def lamb(groups: Sequence[dict[str, Any]], lr: float) -> Any:
    """A torch optimiser for groups of parameters, each with its `weight_decay`."""
    import torch

    class Lamb(torch.optim.Optimizer):  # type: ignore[misc]
        @torch.no_grad()  # type: ignore[untyped-decorator]
        def step(self, closure: None = None) -> None:
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is not None:
                        self._move(weight, group["lr"], group["weight_decay"])

        def _move(self, weight: Any, rate: float, decay: float) -> None:
            state = self.state[weight]
            if not state:
                state["step"] = 0
                state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
            state["step"] += 1
            state["mean"].lerp_(weight.grad, 1.0 - BETAS[0])
            state["square"].mul_(BETAS[1]).addcmul_(weight.grad, weight.grad, value=1.0 - BETAS[1])
            mean, square = (
                state[name] / (1.0 - beta ** state["step"]) for name, beta in zip(("mean", "square"), BETAS, strict=True)
            )
            way = mean / (square.sqrt() + EPS) + decay * weight
            ratio = 1.0
            if decay > 0:
                long, far = float(weight.norm()), float(way.norm())
                ratio = long / far if long > 0 and far > 0 else 1.0
            weight.add_(way, alpha=-rate * ratio)

    return Lamb(list(groups), {"lr": lr, "weight_decay": 0.0})
