"""The published head (GeoAdaLNMLP) in numpy: a point, a γ and a picture in, a vector of three numbers out, and its derivatives.

    x → Linear(3, d);  c = Linear(vector) + TimeMLP(cos, sin of clock(γ)·f);  AdaLN blocks;  Linear(d, 3)

What depends on picture and γ alone is computed once for all points.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from geo.sphere import Floats
from models.alignment.perceptron import numbers
from models.encoders.encoder import Vectors
from models.flow.blocks import Matrix, linear, silu
from models.flow.field import Field, Guided
from models.flow.schedule import Clock
from models.flow.trunk import Arrays, Modulation, Trunk, chunks
from models.geolocator import ModelError

_MOST_CACHED = 1 << 22
"""Modulations are kept up to this many numbers (16 MB)."""


@dataclass(frozen=True, eq=False)
class Condition:
    """How vectors [b, c] of pictures steer: (v − middle)/scale through one layer. The null condition is 0 in place of that quotient."""

    weight: Matrix
    bias: Matrix
    middle: Matrix
    scale: float

    @classmethod
    def of(cls, arrays: Arrays) -> Condition:
        """Raises ModelError."""
        weight, bias = numbers(arrays, "cond_mapper.weight", 2), numbers(arrays, "cond_mapper.bias", 1)
        middle = numbers(arrays, "middle", 1) if "middle" in arrays else np.zeros(weight.shape[1], dtype=np.float32)
        scale = float(numbers(arrays, "scale", 0)) if "scale" in arrays else 1.0
        if len(weight) != len(bias) or weight.shape[1] != len(middle) or not scale > 0:
            raise ModelError("the layer that reads the picture does not fit together")
        return cls(weight, bias, middle, scale)

    @property
    def dim(self) -> int:
        """Length c of a vector."""
        return int(self.weight.shape[1])

    def __call__(self, vectors: Vectors) -> Matrix:
        """[b, d]. Raises ModelError for vectors of another length or that are not finite."""
        rows = np.asarray(vectors, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dim or not np.isfinite(rows).all():
            raise ModelError(f"this model reads vectors of {self.dim} finite numbers, not an array of shape {rows.shape[1:]}")
        return np.asarray(((rows - self.middle) / np.float32(self.scale)) @ self.weight.T + self.bias, dtype=np.float32)

    def null(self) -> Matrix:
        """[1, d]: no picture."""
        return self.bias[None]


@dataclass(frozen=True, eq=False)
class Head:
    """The weights, with the published names."""

    trunk: Trunk
    condition: Condition
    frequencies: Matrix
    time: tuple[Matrix, Matrix, Matrix, Matrix]
    first: tuple[Matrix, Matrix]
    last: tuple[Matrix, Matrix]
    clock: Clock

    @classmethod
    def of(cls, arrays: Arrays, clock: Clock) -> Head:
        """From arrays by name. Raises ModelError with one line where some are missing or do not fit together."""
        trunk, condition = Trunk.of(arrays), Condition.of(arrays)
        pair = {name: (numbers(arrays, f"{name}.weight", 2), numbers(arrays, f"{name}.bias", 1)) for name in _LAYERS}
        one, two = pair["time_embedder.map_time.0"], pair["time_embedder.map_time.2"]
        first, last = pair["initial_mapper"], pair["final_linear"]
        fits = first[0].shape == (trunk.dim, 3) and last[0].shape == (3, trunk.dim) and len(condition.bias) == trunk.dim
        fits &= len(two[0]) == trunk.dim and one[0].shape[0] == two[0].shape[1] and one[0].shape[1] % 2 == 0
        if not fits or any(len(weight) != len(bias) for weight, bias in pair.values()):
            raise ModelError("the layers of the head do not fit together")
        half = one[0].shape[1] // 2
        frequencies = (1e-4 ** (np.arange(half) / half)).astype(np.float32)
        return cls(trunk, condition, frequencies, (*one, *two), first, last, clock)

    def of_pictures(self, vectors: Vectors | None) -> PictureField:
        """The field of pictures [b, c], or without a picture (b = 1)."""
        return PictureField(self, self.condition.null() if vectors is None else self.condition(vectors))

    def guided(self, vectors: Vectors | None, weight: float) -> Field:
        """The field of pictures [b, c] under guidance, or without a picture. Not to be shared between threads."""
        if vectors is None:
            return self.of_pictures(None)
        return Guided(self.of_pictures(vectors), self.of_pictures(None), weight)

    def time_embedding(self, gamma: float) -> Matrix:
        """[d]: the standardised cosines and sines of clock·f through a small MLP."""
        angle = np.float32(self.clock(gamma)) * self.frequencies
        wave = np.concatenate([np.cos(angle), np.sin(angle)])
        wave = (wave - wave.mean()) / wave.std(ddof=1)
        w1, b1, w2, b2 = self.time
        return np.asarray(w2 @ silu(w1 @ wave + b1) + b2, dtype=np.float32)

    def run(self, points: Floats, directions: Floats | None, modulation: Modulation) -> tuple[Floats, Floats]:
        """Values [b, m, 3] at points [b, m, 3] and derivatives [k, b, m, 3] along directions of that shape."""
        given = points[None] if directions is None else np.concatenate([points[None], directions])
        given = given.astype(np.float32)
        out = np.empty(given.shape)
        for picture, point in chunks(*points.shape[:2]):
            stack = linear(np.ascontiguousarray(given[:, picture, point]), *self.first)
            stack = self.trunk.run(stack, modulation if len(modulation.last[0]) == 1 else modulation.rows(picture))
            out[:, picture, point] = linear(stack, *self.last)
        return out[0], out[1:]


_LAYERS = ("time_embedder.map_time.0", "time_embedder.map_time.2", "initial_mapper", "final_linear")


@dataclass(eq=False)
class PictureField:
    """The field of some pictures; their modulations are kept by γ. Not to be shared between threads."""

    head: Head
    condition: Matrix
    """[b, d]; one row serves any number of pictures."""
    _kept: dict[float, Modulation] = field(default_factory=dict)

    def at(self, gamma: float) -> Modulation:
        """What the pictures make of the trunk at a γ."""
        found = self._kept.get(gamma)
        if found is None:
            found = self.head.trunk.modulation(self.condition + self.head.time_embedding(gamma))
            size = len(self.condition) * len(self.head.trunk.ada_bias)
            if (len(self._kept) + 1) * size > _MOST_CACHED:
                self._kept.clear()
            self._kept[gamma] = found
        return found

    def __call__(self, points: Floats, gamma: float, directions: Floats | None = None) -> tuple[Floats, Floats]:
        """Values and derivatives, as `Head.run`."""
        return self.head.run(points, directions, self.at(gamma))
