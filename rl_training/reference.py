"""The policy that training began from, for the KL term: kept as its trained parameters alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from rl_training.checkpoints import trained
from rl_training.losses import score

if TYPE_CHECKING:
    from torch import Tensor


class Reference:
    """A copy of what is trained (an adapter, a projector, or everything), put into the model for a moment."""

    def __init__(self, model: Any) -> None:
        self._start = {name: p.detach().clone() for name, p in trained(model).items()}

    @contextlib.contextmanager
    def in_place(self, model: Any) -> Iterator[None]:
        """`model` is the policy that training began from, without gradients; afterwards it is what it was, bit by bit."""
        now = trained(model)
        kept = {name: p.detach().clone() for name, p in now.items()}
        with torch.no_grad():
            try:
                for name, p in now.items():
                    p.copy_(self._start[name])
                yield
            finally:
                for name, p in now.items():
                    p.copy_(kept[name])

    def logp(self, model: Any, batch: Mapping[str, Tensor], temperature: float) -> Tensor:
        """Log-probabilities of the written tokens [N] under it."""
        with self.in_place(model):
            return score(model, batch, temperature).logp_N
