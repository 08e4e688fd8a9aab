"""Linear layers with ReLU between them: computed by numpy, trained by torch, kept under the names that `nn.Sequential` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.geolocator import ModelError

Arrays = Mapping[str, NDArray[Any]]
Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Perceptron:
    """`x → W x + b`, a ReLU between two layers. Without layers it is the identity."""

    layers: tuple[tuple[Matrix, Matrix], ...] = ()
    """Weights [out, in] and biases [out] of each layer."""

    @property
    def dim_in(self) -> int:
        """Length of what it reads; 0 for the identity, which reads anything."""
        return self.layers[0][0].shape[1] if self.layers else 0

    @property
    def dim_out(self) -> int:
        return self.layers[-1][0].shape[0] if self.layers else 0

    def __call__(self, rows: NDArray[np.floating]) -> Matrix:
        """Rows [n, dim_in] as [n, dim_out], float32."""
        out = np.asarray(rows, dtype=np.float32)
        for number, (weight, bias) in enumerate(self.layers):
            out = out @ weight.T
            out += bias
            if number + 1 < len(self.layers):
                np.maximum(out, 0.0, out=out)
        return out

    @classmethod
    def of(cls, arrays: Arrays, names: Sequence[str]) -> Perceptron:
        """From arrays `NAME.weight` and `NAME.bias` of each layer. Raises ModelError where they are missing, do not fit together or are not finite."""
        layers: list[tuple[Matrix, Matrix]] = []
        for name in names:
            weight, bias = numbers(arrays, f"{name}.weight", 2), numbers(arrays, f"{name}.bias", 1)
            if len(weight) != len(bias) or (layers and weight.shape[1] != len(layers[-1][0])) or not weight.size:
                raise ModelError(f"the layer {name} does not fit the one before it")
            layers.append((weight, bias))
        return cls(tuple(layers))

    @classmethod
    def of_sequence(cls, arrays: Arrays, prefix: str) -> Perceptron:
        """From the arrays that an `nn.Sequential(Linear, ReLU, Linear, …)` keeps under `prefix`; the identity where there are none."""
        numbers_of = [
            name[len(prefix) :].split(".")[0] for name in arrays if name.startswith(prefix) and name.endswith(".weight")
        ]
        return cls.of(arrays, [f"{prefix}{number}" for number in sorted(numbers_of, key=lambda text: (len(text), text))])

    def arrays(self, prefix: str) -> dict[str, Matrix]:
        """The inverse of `of_sequence`."""
        kept: dict[str, Matrix] = {}
        for number, (weight, bias) in enumerate(self.layers):
            kept |= {f"{prefix}{2 * number}.weight": weight, f"{prefix}{2 * number}.bias": bias}
        return kept


def numbers(arrays: Arrays, name: str, ndim: int) -> Matrix:
    """The array of a name as float32. Raises ModelError where it is missing, has another number of axes or holds what is not finite."""
    if name not in arrays:
        raise ModelError(f"the weights {name} are missing")
    array = np.asarray(arrays[name])
    if array.ndim != ndim or array.dtype.kind != "f":
        raise ModelError(f"the weights {name} have the shape {array.shape} of {array.dtype}: floats with {ndim} axes are needed")
    if not np.isfinite(array).all():
        raise ModelError(f"the weights {name} hold numbers that are not finite")
    return np.asarray(array, dtype=np.float32, order="C")


def trainable(dims: Sequence[int]) -> Any:
    """An `nn.Sequential(Linear, ReLU, …, Linear)` through these widths."""
    from torch import nn

    layers: list[Any] = []
    for dim_in, dim_out in pairwise(dims):
        layers += [nn.Linear(dim_in, dim_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
