"""The classifier of cells: one or two linear layers on a unit vector, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats

Weights = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Head:
    """Linear (`weight` [c, d], `bias` [c]) or with a hidden layer before it that ReLU follows."""

    weight: Weights
    bias: Weights
    hidden_weight: Weights | None = None
    """[h, d]; `weight` is [c, h] then."""
    hidden_bias: Weights | None = None
    temperature: float = 1.0
    """Logits are divided by it, so that probabilities are calibrated."""

    @property
    def dim(self) -> int:
        """Length of the vectors that it reads."""
        return int((self.weight if self.hidden_weight is None else self.hidden_weight).shape[1])

    def logits(self, vectors: NDArray[np.floating]) -> Floats:
        """Logits [n, c] of vectors [n, d], before the temperature."""
        rows = np.asarray(vectors, dtype=np.float32)
        if self.hidden_weight is not None and self.hidden_bias is not None:
            rows = np.maximum(rows @ self.hidden_weight.T + self.hidden_bias, 0.0)
        return np.asarray(rows @ self.weight.T + self.bias, dtype=np.float64)

    def probabilities(self, vectors: NDArray[np.floating]) -> Floats:
        """P(cell) [n, c]."""
        return np.exp(log_softmax(self.logits(vectors) / self.temperature))


def log_softmax(logits: Floats) -> Floats:
    """Logarithm of the softmax over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
