"""Fields that points move along, and their divergence on the sphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from geo.sphere import Floats
from models.flow.tangent import frame, projected


class Field(Protocol):
    """A vector for each point at each γ."""

    def __call__(self, points: Floats, gamma: float, directions: Floats | None = None) -> tuple[Floats, Floats]:
        """Values [b, m, 3] at points [b, m, 3], and derivatives [k, b, m, 3] along directions of that shape."""
        ...


@dataclass(frozen=True, eq=False)
class Guided:
    """Classifier-free guidance: (1 + w)·v(picture) − w·v(no picture). With w = 0 it is v(picture), at no extra cost."""

    pictures: Field
    nothing: Field
    weight: float

    def __call__(self, points: Floats, gamma: float, directions: Floats | None = None) -> tuple[Floats, Floats]:
        value, slope = self.pictures(points, gamma, directions)
        if self.weight == 0.0:
            return value, slope
        plain, plain_slope = self.nothing(points, gamma, directions)
        w = self.weight
        return (1.0 + w) * value - w * plain, (1.0 + w) * slope - w * plain_slope


def tangent_value(field: Field, points: Floats, gamma: float) -> Floats:
    """The field's tangent part at unit vectors [b, m, 3]."""
    return projected(points, field(points, gamma)[0])


def tangent_and_divergence(field: Field, points: Floats, gamma: float) -> tuple[Floats, Floats]:
    """The tangent part w = v − ⟨x, v⟩x [b, m, 3] and its divergence on the sphere [b, m].

    With an orthonormal frame e₁, e₂ of the tangent plane: div w = Σᵢ ⟨D_{eᵢ} w, eᵢ⟩ = Σᵢ ⟨D_{eᵢ} v, eᵢ⟩ − 2⟨x, v⟩. Two derivatives do, where
    the ambient trace needs three and also counts what the field does off the sphere.
    """
    directions = np.stack(frame(points))
    value, slope = field(points, gamma, directions)
    outward = np.sum(points * value, axis=-1)
    divergence = np.einsum("kbmi,kbmi->bm", directions, slope) - 2.0 * outward
    return value - outward[..., None] * points, divergence
