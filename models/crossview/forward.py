"""The trained networks run with numpy alone: batch normalisation folded into the convolutions, a convolution as one matrix product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.crossview.network import AERIAL, GROUND

Floats32 = NDArray[np.float32]
Layer = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Side:
    """One network: weights [out, in, rows, columns] and biases of its convolutions, of the mixing layer and of the last one."""

    layers: tuple[Layer, ...]
    weights: tuple[Floats32, ...]
    biases: tuple[Floats32, ...]

    def __call__(self, x: Floats32, circle: bool) -> Floats32:
        """[n, 4, rows, pixels] to [n, columns, out]."""
        plans = (*self.layers, ((1, 3), (1, 1), (0, 1)), ((1, 1), (1, 1), (0, 0)))
        for i, (kernel, stride, padding) in enumerate(plans):
            if i == len(self.layers):
                x = x.reshape(len(x), -1, 1, x.shape[3])
            x = _convolved(x, self.weights[i], self.biases[i], kernel, stride, padding, circle)
            if i < len(plans) - 1:
                np.maximum(x, 0.0, out=x)
        return np.ascontiguousarray(x[:, :, 0].transpose(0, 2, 1))


def _convolved(x: Floats32, weight: Floats32, bias: Floats32, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], circle: bool) -> Floats32:  # fmt: skip
    if padding[1]:
        x = np.pad(x, ((0, 0), (0, 0), (0, 0), (padding[1],) * 2), mode="wrap" if circle else "constant")
    if padding[0]:
        x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    n, _, rows, columns = seen.shape[:4]
    flat = seen.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, -1)
    out = flat @ weight.reshape(len(weight), -1).T + bias
    return np.ascontiguousarray(out.reshape(n, rows, columns, -1).transpose(0, 3, 1, 2))


def side_of(arrays: Mapping[str, NDArray[np.generic]], name: str) -> Side:
    """A side (`ground`, `aerial`) from the state of the torch module. Raises KeyError or ValueError for arrays that do not fit."""
    layers = GROUND if name == "ground" else AERIAL
    weights, biases = [], []
    for i in range(len(layers)):
        norm = f"{name}.norms.{i}"
        scale = _of(arrays, f"{norm}.weight") / np.sqrt(_of(arrays, f"{norm}.running_var") + 1e-5)
        weights.append(_of(arrays, f"{name}.convs.{i}.weight") * scale[:, None, None, None])
        biases.append(_of(arrays, f"{norm}.bias") - _of(arrays, f"{norm}.running_mean") * scale)
    for part in ("mix", "out"):
        weights.append(_of(arrays, f"{name}.{part}.weight"))
        biases.append(_of(arrays, f"{name}.{part}.bias"))
    for i, (weight, (kernel, _, _)) in enumerate(zip(weights, (*layers, ((1, 3), 0, 0), ((1, 1), 0, 0)), strict=True)):
        before = 4 if i == 0 else len(weights[i - 1])
        deep = weight.shape[1] % before == 0 if i == len(layers) else weight.shape[1] == before
        if weight.ndim != 4 or weight.shape[2:] != kernel or not deep or biases[i].shape != weight.shape[:1]:
            raise ValueError(f"the layers of {name} do not fit together")
    return Side(layers, tuple(weights), tuple(biases))


def _of(arrays: Mapping[str, NDArray[np.generic]], name: str) -> Floats32:
    array = arrays[name]
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"{name} holds no numbers")
    return array.astype(np.float32)
