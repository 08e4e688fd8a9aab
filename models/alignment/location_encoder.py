"""From coordinates to vectors: random Fourier features at several scales, a perceptron behind each, summed (GeoCLIP, arXiv 2309.16020).

γ(v) = [cos 2πBv, sin 2πBv] with B ~ N(0, s²) makes points comparable by a Gaussian of the distance: the expected product of the
features of two points a distance Δ apart is exp(−2π² s² Δ²), a bell of standard deviation 1 / (2π s). On the published
maps one unit is 180° of longitude, π·R on the equator, so that the bell of scale s is R / (2 s) km wide: 3,186, 199 and 12.4 km for
s = 1, 16 and 256. On the unit sphere one unit is R, so the same width needs s / π.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.sphere import EARTH_RADIUS_KM, Floats
from models.alignment.perceptron import Arrays, Matrix, Perceptron, numbers, trainable
from models.alignment.projections import PROJECTIONS
from models.encoders.encoder import Vectors, unit_rows
from models.geolocator import ModelError

BATCH = 4096
"""Points that are encoded at once; larger batches are slower, since their layers leave the processor's cache."""
_MAX_CAPSULES = 16


@dataclass(frozen=True)
class LocationShape:
    """The sizes of a location encoder."""

    projection: str
    """`equal_earth`, `mercator` or `unit_sphere`."""
    scales: tuple[float, ...]
    """Standard deviation s of each capsule's B, per unit of the projection."""
    features: int
    """Rows of B; the perceptron reads twice as many numbers."""
    hidden: int
    depth: int
    """Hidden layers."""
    dim: int
    """Length of the vectors."""


GEOCLIP = LocationShape("equal_earth", (1.0, 16.0, 256.0), 256, 1024, 3, 512)


def sphere_scale(width_km: float) -> float:
    """The scale on the unit sphere whose bell has this standard deviation: R / (2π·width)."""
    return EARTH_RADIUS_KM / (2.0 * math.pi * width_km)


@dataclass(frozen=True, eq=False)
class LocationEncoder:
    """The trained encoder, in numpy. Phases are computed in 64 bits: at the finest published scale 32 bits lose three digits."""

    projection: str
    capsules: tuple[tuple[Floats, Perceptron], ...]
    """B [features, 2 or 3] and the layers behind it, of each scale."""

    @property
    def dim(self) -> int:
        return self.capsules[0][1].dim_out

    def __call__(self, lat: ArrayLike, lon: ArrayLike) -> Vectors:
        """Unit vectors [n, dim], float32, of points [n] in degrees."""
        points = np.stack([np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in (lat, lon)], axis=1)
        parts = [self._sum(points[start : start + BATCH]) for start in range(0, len(points), BATCH)]
        return unit_rows(np.concatenate(parts)) if parts else np.zeros((0, self.dim), dtype=np.float32)

    def _sum(self, points: Floats) -> Matrix:
        turned = 2.0 * math.pi * PROJECTIONS[self.projection][0](points)
        total = np.zeros((len(points), self.dim), dtype=np.float32)
        for b, layers in self.capsules:
            phase = turned @ b.T
            total += layers(np.concatenate([np.cos(phase), np.sin(phase)], axis=1))
        return total

    @classmethod
    def of(cls, projection: str, arrays: Arrays, prefix: str = "") -> LocationEncoder:
        """From arrays under GeoCLIP's names: `LocEnc0.capsule.0.b`, `LocEnc0.capsule.1.weight`, …, `LocEnc0.head.0.bias`.

        Raises ModelError where any is missing, left over, of a shape that does not fit, or not finite.
        """
        if projection not in PROJECTIONS:
            raise ModelError(f"no projection is called {projection!r} ({', '.join(PROJECTIONS)})")
        own = {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
        count = len({name.split(".")[0] for name in own})
        if not 1 <= count <= _MAX_CAPSULES:
            raise ModelError(f"the weights hold {count} scales of a location encoder: 1 to {_MAX_CAPSULES} are needed")
        capsules = tuple(_capsule(own, f"LocEnc{i}.", PROJECTIONS[projection][1]) for i in range(count))
        made = cls(projection, capsules)
        if {layers.dim_out for _, layers in capsules} != {made.dim}:
            raise ModelError("the scales of the location encoder give vectors of different lengths")
        if surplus := own.keys() - made.arrays().keys():
            raise ModelError(f"the weights {min(surplus)} belong to no location encoder")
        return made

    def arrays(self, prefix: str = "") -> dict[str, Matrix]:
        """The inverse of `of`."""
        kept: dict[str, Matrix] = {}
        for number, (b, layers) in enumerate(self.capsules):
            names = _layer_names(f"{prefix}LocEnc{number}.", len(layers.layers) - 1)
            kept[f"{prefix}LocEnc{number}.capsule.0.b"] = b.astype(np.float32)
            for name, (weight, bias) in zip(names, layers.layers, strict=True):
                kept |= {f"{name}.weight": weight, f"{name}.bias": bias}
        return kept

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits of the projection and all weights."""
        total = hashlib.sha256(self.projection.encode())
        for name, array in sorted(self.arrays().items()):
            total.update(f"{name}{array.shape}".encode() + array.tobytes())
        return total.hexdigest()[:16]


def _capsule(arrays: Arrays, prefix: str, width: int) -> tuple[Floats, Perceptron]:
    b = numbers(arrays, f"{prefix}capsule.0.b", 2)
    numbered = [re.fullmatch(r"capsule\.(\d{1,3})\.weight", name[len(prefix) :]) for name in arrays if name.startswith(prefix)]
    layers = Perceptron.of(arrays, _layer_names(prefix, sum(found is not None for found in numbered)))
    if b.shape[1] != width or layers.dim_in != 2 * len(b):
        raise ModelError(f"the weights {prefix}capsule.0.b have the shape {b.shape}, which does not fit")
    return b.astype(np.float64), layers


def _layer_names(prefix: str, depth: int) -> list[str]:
    """Names of the hidden layers, 1, 3, 5 … of the capsule, and of the head."""
    return [*(f"{prefix}capsule.{2 * number + 1}" for number in range(depth)), f"{prefix}head.0"]


def location_module(shape: LocationShape) -> Any:
    """A torch module of this shape whose state dict has GeoCLIP's names; `location_features` runs it. B is drawn and never trained."""
    import torch
    from torch import nn

    _, width = PROJECTIONS[shape.projection]
    module = nn.ModuleDict()
    for number, scale in enumerate(shape.scales):
        b = nn.ParameterDict({"b": nn.Parameter(torch.randn(shape.features, width) * scale, requires_grad=False)})
        hidden = trainable([2 * shape.features, *[shape.hidden] * shape.depth])
        capsule = nn.Sequential(b, *hidden, nn.ReLU())
        head = nn.Sequential(nn.Linear(shape.hidden, shape.dim))
        module[f"LocEnc{number}"] = nn.ModuleDict({"capsule": capsule, "head": head})
    return module


def location_features(module: Any, projection: str, points: Any) -> Any:
    """Features [k, dim], not of length 1, of points [k, 2] (lat, lon) in degrees, by a module of `location_module`.

    Phases have the precision of `points`; with 32 bits the result is GeoCLIP's own.
    """
    import torch

    turned = 2 * math.pi * PROJECTIONS[projection][0](points)
    total = 0.0
    for part in module.values():
        capsule = part["capsule"]
        phase = turned @ capsule[0]["b"].to(turned.dtype).T
        features = torch.cat((torch.cos(phase), torch.sin(phase)), dim=-1).to(capsule[1].weight.dtype)
        total = total + part["head"](capsule[1:](features))
    return total


def arrays_of(module: Any) -> dict[str, NDArray[Any]]:
    """The state of a torch module as numpy arrays of their own."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in module.state_dict().items()}
