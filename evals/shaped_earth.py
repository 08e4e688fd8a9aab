"""An Earth whose pictures leave open places of real shapes (`evals/shapes.py`), with the exact distribution that each of them leaves.

A photo is of one kind, and shows a value of the place where it was taken: its latitude, the language of its signs, the number of its road,
or the place itself, blurred. Its vector is a smooth random function of kind and value, with looks that tell nothing and noise, mixed by a
fixed rotation. What is left open is known in closed form, a mixture of kernels on the points of the shape: no model of the vectors can be
better on average. Nothing here was drawn from real photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evals.shapes import Shape, shapes
from geo.sphere import Floats, kappa_of_sigma, lat_lon, unit_vectors, vmf_log_density
from models.encoders.encoder import unit_rows
from models.flow.tangent import unit
from models.training_data import TrainingData

_BLOCK = 32
"""Pictures that are asked of the exact distribution together."""
_PAIRS = 128
"""Pairs of a picture and a point that are asked together, each of up to 34,000 points of a shape: 35 MB."""


@dataclass(frozen=True)
class ShapedSettings:
    """How hard the Earth is."""

    seed: int = 0
    dim: int = 128
    features: int = 48
    """Random functions of the value for each scale."""
    looks: int = 12
    """Directions that tell nothing."""
    looks_strength: float = 0.6
    """Their standard deviation together, the shown value's being about 1."""
    noise: float = 0.25
    """Standard deviation of the noise together."""
    spread_km: float = 40.0
    """Standard deviation, along each axis, of photos around a town or a point of a road."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What photos [n] show."""

    kind: NDArray[np.int64]
    """Number of the shape."""
    value: tuple[Floats, ...]
    """The value [v] of each."""


class ShapedEarth:
    """One Earth: the same for every draw of photos."""

    def __init__(self, settings: ShapedSettings | None = None) -> None:
        self.settings = settings or ShapedSettings()

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The kinds of pictures, each as frequent as the others."""
        return shapes(self.settings.seed)

    def photos(self, n: int, seed: int) -> TrainingData:
        """`n` photos [n, dim] drawn by `seed`; two draws of different seeds share the Earth and no photo."""
        return self.draw(n, seed)[0]

    def draw(self, n: int, seed: int) -> tuple[TrainingData, Shown]:
        """`n` photos and what they show."""
        own, rng = self.settings, np.random.default_rng([self.settings.seed, 7, seed])
        kind = rng.integers(0, len(self.shapes), n)
        places, vectors = np.empty((n, 3)), np.empty((n, own.dim))
        value: list[Floats] = [np.empty(0)] * n
        for number, shape in enumerate(self.shapes):
            rows = np.flatnonzero(kind == number)
            at = rng.choice(len(shape.weight), len(rows), p=shape.weight)
            seen = shape.shown(at, rng)
            places[rows] = self._around(unit_vectors(shape.lat[at], shape.lon[at]), rng)
            vectors[rows] = self._looks(number, seen, rng)
            for row, one in zip(rows, seen, strict=True):
                value[row] = one
        source = f"shaped Earth {own.seed} ({n:,} photos)"
        data = TrainingData(unit_rows(vectors), *lat_lon(places), f"shaped:{own.seed}", f"{own.seed:016x}", source)
        return data, Shown(kind, tuple(value))

    def exact_log_density(self, shown: Shown, points: Floats) -> Floats:
        """Log density per steradian [n, m], at points [n, m, 3], of where photos may have been taken that show this."""
        out, kappa, m = np.empty(points.shape[:2]), kappa_of_sigma(self.settings.spread_km), points.shape[1]
        for shape, rows, log_weight in self._blocks(shown):
            anchors, few = unit_vectors(shape.lat, shape.lon).T, max(1, _PAIRS // len(rows))
            for part in (slice(first, first + few) for first in range(0, m, few)):
                each = vmf_log_density(np.minimum(points[rows, part] @ anchors, 1.0), kappa) + log_weight[:, None]
                most = each.max(axis=-1)
                out[rows, part] = most + np.log(np.exp(each - most[..., None]).sum(axis=-1))
        return out

    def exact_sample(self, shown: Shown, n: int, rng: np.random.Generator) -> Floats:
        """`n` places [n_photos, n, 3] where each photo may have been taken."""
        out = np.empty((len(shown.kind), n, 3))
        for shape, rows, log_weight in self._blocks(shown):
            cumulated = np.cumsum(np.exp(log_weight), axis=1)
            for row, share in zip(rows, cumulated, strict=True):
                at = np.minimum(np.searchsorted(share, rng.random(n) * share[-1]), len(share) - 1)
                out[row] = self._around(unit_vectors(shape.lat[at], shape.lon[at]), rng)
        return out

    def _blocks(self, shown: Shown) -> list[tuple[Shape, NDArray[np.intp], Floats]]:
        """Some photos of one kind at a time, with the log weights [rows, a] of its points."""
        found = []
        for number, shape in enumerate(self.shapes):
            rows = np.flatnonzero(shown.kind == number)
            for first in range(0, len(rows), _BLOCK):
                part = rows[first : first + _BLOCK]
                found.append((shape, part, shape.log_weight(np.stack([shown.value[row] for row in part]))))
        return found

    def _around(self, middle: Floats, rng: np.random.Generator) -> Floats:
        """One place near each of the unit vectors [n, 3], drawn from a von Mises-Fisher kernel by inversion."""
        kappa, n = float(kappa_of_sigma(self.settings.spread_km)), len(middle)
        height = 1.0 + np.log1p(-rng.random(n)) / kappa  # exp(-2 kappa) is nothing
        sideways = rng.normal(size=(n, 3))
        sideways = unit(sideways - np.sum(sideways * middle, axis=1, keepdims=True) * middle)
        return np.asarray(height[:, None] * middle + np.sqrt(np.maximum(0.0, 1.0 - height**2))[:, None] * sideways)

    def _looks(self, number: int, value: Floats, rng: np.random.Generator) -> Floats:
        """Vectors [n, dim] of pictures of a kind that show values [n, v]."""
        own, n = self.settings, len(value)
        waves, kind, mixing, looks = self._functions[number]
        seen = np.concatenate([np.cos(value @ b + phase) for b, phase in waves], axis=1) * np.sqrt(
            2.0 / (own.features * len(waves))
        )
        other = rng.normal(0.0, own.looks_strength / np.sqrt(own.looks), (n, own.looks))
        noise = rng.normal(0.0, own.noise / np.sqrt(own.dim), (n, own.dim))
        return np.asarray(seen @ mixing + kind + other @ looks + noise)

    @cached_property
    def _functions(self) -> list[tuple[list[tuple[Floats, Floats]], Floats, Floats, Floats]]:
        """Of each kind: waves of its values, its own vector of length about 1, what mixes the waves in; and the looks that tell nothing."""
        own, rng = self.settings, np.random.default_rng([self.settings.seed, 5])
        looks, f, found = np.linalg.qr(rng.normal(size=(own.dim, own.looks)))[0].T, own.features, []
        for shape in self.shapes:
            v = shape.value.shape[1]
            waves = [(rng.normal(0.0, 1.0 / scale, (v, f)), rng.uniform(0.0, 2.0 * np.pi, f)) for scale in shape.scales]
            kind, mixing = (rng.normal(0.0, own.dim**-0.5, size) for size in (own.dim, (f * len(waves), own.dim)))
            found.append((waves, kind, mixing, looks))
        return found


def of_photos(shown: Shown, rows: NDArray[np.intp]) -> Shown:
    """What some of the photos show."""
    return Shown(shown.kind[rows], tuple(shown.value[row] for row in rows))
