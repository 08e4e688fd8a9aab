"""What a learned geolocator is: a vector in, a density over the Earth out, and evidence for the belief."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geo.evidence import Evidence, Kernels
from geo.sphere import Floats

Vector = NDArray[np.float32]


class ModelError(ValueError):
    """A model that cannot be loaded or trained; one line that says why and what would help."""


class Geolocator(Protocol):
    """Learned from vectors of one encoder and their places."""

    @property
    def name(self) -> str:
        """What it is called: the name of its folder."""
        ...

    @property
    def encoder(self) -> str:
        """Spec of the encoder whose vectors it reads (`models.encoders.make_encoder`)."""
        ...

    @property
    def encoder_digest(self) -> str:
        """Digest of that encoder; vectors of another one are refused by the caller."""
        ...

    def rests_on(self) -> str:
        """One line for people: what it is and what it was trained on (`geocells of 212 cells, trained on 41,000 photos of GALLERY`)."""
        ...

    def density(self, vector: Vector) -> Kernels:
        """P(place | picture) over the sphere, prior of the training data included, for one unit vector [d]."""
        ...

    def evidence(self, vector: Vector) -> Evidence:
        """The likelihood for the belief: training density divided out where the model was told so, with its calibrated reliability."""
        ...

    def score(self, vector: Vector, lat: Floats, lon: Floats) -> Floats:
        """How well points [n] (degrees) fit one vector [d]: log of a relative likelihood, natural logarithm, comparable between points alone."""
        ...
