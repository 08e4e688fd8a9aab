"""The trunk that all heads share: residual MLP blocks steered by the picture (AdaLN), in numpy, with the published layout of weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.alignment.perceptron import numbers
from models.flow.blocks import Matrix, gelu, layer_norm, linear, silu
from models.geolocator import ModelError

Arrays = Mapping[str, NDArray[Any]]

_ROWS = 128
"""Points that go through the blocks together, so that the numbers stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Modulation:
    """What pictures [b] (at one γ, where there is one) make of the trunk; every array is [b, 1, d]."""

    blocks: tuple[tuple[Matrix, Matrix, Matrix], ...]
    """1 + γ, μ, σ of each block."""
    last: tuple[Matrix, Matrix]
    """1 + γ and μ before the last layer."""

    def rows(self, some: slice) -> Modulation:
        """Of some of the pictures."""
        return Modulation(tuple((a[some], b[some], c[some]) for a, b, c in self.blocks), (self.last[0][some], self.last[1][some]))


@dataclass(frozen=True, eq=False)
class Trunk:
    """x ← x + σ·MLP((1 + γ)·LN(x) + μ) for each block, then (1 + γ)·LN(x) + μ."""

    layers: tuple[tuple[Matrix, Matrix, Matrix, Matrix], ...]
    """Weight and bias of both layers of each block's MLP."""
    ada_weight: Matrix
    """[(3·depth + 2)·d, d]: the maps of all blocks and the last one, so that one product gives all modulations."""
    ada_bias: Matrix

    @classmethod
    def of(cls, arrays: Arrays) -> Trunk:
        """From arrays with the published names. Raises ModelError where they do not fit together."""
        last = numbers(arrays, "final_adaln.1.weight", 2)
        dim = last.shape[1]
        weights, biases = [], []
        layers: list[tuple[Matrix, Matrix, Matrix, Matrix]] = []
        while f"blocks.{len(layers)}.mlp.0.weight" in arrays:
            name = f"blocks.{len(layers)}"
            first, second = (numbers(arrays, f"{name}.mlp.{i}.weight", 2) for i in (0, 3))
            one, two = (numbers(arrays, f"{name}.mlp.{i}.bias", 1) for i in (0, 3))
            if first.shape[::-1] != second.shape or second.shape[0] != dim or (len(one), len(two)) != second.shape[::-1]:
                raise ModelError(f"the layers of {name} do not fit together")
            layers.append((first, one, second, two))
            weights.append(_of_shape(arrays, f"{name}.ada_map.1.weight", 3 * dim, dim))
            biases.append(_of_shape(arrays, f"{name}.ada_map.1.bias", 3 * dim))
        weights.append(_of_shape(arrays, "final_adaln.1.weight", 2 * dim, dim))
        biases.append(_of_shape(arrays, "final_adaln.1.bias", 2 * dim))
        return cls(tuple(layers), np.concatenate(weights), np.concatenate(biases))

    @property
    def dim(self) -> int:
        """Width d."""
        return int(self.ada_weight.shape[1])

    def modulation(self, condition: Matrix) -> Modulation:
        """From conditions [b, d]."""
        flat = silu(condition) @ self.ada_weight.T + self.ada_bias
        parts = flat.reshape(len(condition), 1, -1, self.dim)
        blocks = [
            (parts[:, :, 3 * i] + np.float32(1.0), parts[:, :, 3 * i + 1], parts[:, :, 3 * i + 2])
            for i in range(len(self.layers))
        ]
        return Modulation(tuple(blocks), (parts[:, :, -2] + np.float32(1.0), parts[:, :, -1]))

    def run(self, stack: Matrix, modulation: Modulation) -> Matrix:
        """A stack [1 + k, b, m, d] through all blocks and the last norm; `stack` is overwritten."""
        for (scale, shift, gate), (first, one, second, two) in zip(modulation.blocks, self.layers, strict=True):
            inner = layer_norm(stack)
            inner *= scale
            inner[0] += shift
            inner = linear(gelu(linear(inner, first, one)), second, two)
            inner *= gate
            stack += inner
        out = layer_norm(stack)
        out *= modulation.last[0]
        out[0] += modulation.last[1]
        return out


def chunks(pictures: int, points: int) -> Iterator[tuple[slice, slice]]:
    """Slices of pictures and of points that have some hundred rows each."""
    together = max(1, _ROWS // max(points, 1))
    for picture in range(0, pictures, together):
        for point in range(0, points, _ROWS):
            yield slice(picture, picture + together), slice(point, point + _ROWS)


def _of_shape(arrays: Arrays, name: str, *shape: int) -> Matrix:
    array = numbers(arrays, name, len(shape))
    if array.shape != shape:
        raise ModelError(f"the weights {name} have the shape {array.shape}, not {shape}")
    return array
