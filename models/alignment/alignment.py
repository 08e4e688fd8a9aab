"""An alignment: pictures and coordinates as vectors of one space, so that any point of the Earth can be asked how well it fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geo.evidence import Evidence, Kernels
from geo.sphere import Floats, destination, haversine_km
from models.alignment.condense import condensed
from models.alignment.gallery_embeddings import Candidates
from models.alignment.location_encoder import LocationEncoder
from models.alignment.perceptron import Perceptron
from models.alignment.text import clip_text_features, hashed_features
from models.alignment.wording import named_shares
from models.encoders.encoder import unit_rows
from models.geolocator import ModelError, Vector

_REFINE_POINTS = 61
_REFINE_ROUNDS = 24
_REFINE_SHRINK = 0.6
_REFINE_END_KM = 0.5
"""Fourier features of kilometres cannot tell nearer points apart."""


@dataclass(frozen=True, eq=False)
class TextSide:
    """The towers that bring pictures and place texts into one space."""

    image: Perceptron
    text: Perceptron
    log_scale: float
    features: str
    """`hashed`, or `clip:SOURCE`."""

    def score(self, vector: Vector, texts: Sequence[str]) -> Floats:
        """exp(log scale)·cosine [n] between one picture and texts."""
        rows = (
            hashed_features(texts, self.text.dim_in)
            if self.features == "hashed"
            else clip_text_features(self.features.partition(":")[2], texts)
        )
        mine = unit_rows(self.image(np.asarray(vector, dtype=np.float32)[None]))[0]
        return np.asarray(math.exp(self.log_scale) * (unit_rows(self.text(rows)) @ mine), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Alignment:
    """A geolocator of two or three towers (GeoCLIP, G3); numpy alone. Thread-safe."""

    name: str
    encoder: str
    encoder_digest: str
    image: Perceptron
    """From a picture's vector to the space of places; the identity where the encoder gives such vectors itself."""
    location: LocationEncoder
    candidates: Candidates
    """Where `density` and `evidence` look."""
    log_scale: float
    """Learned: cosines are multiplied by exp of it."""
    temperature: float = 1.0
    """Calibrated: logits are divided by it."""
    reliability: float = 0.6
    """Calibrated: how often the evidence is to be believed."""
    calibrated: bool = False
    """Whether temperature and reliability come from held-out photos."""
    trained_on: str = ""
    text: TextSide | None = None

    @classmethod
    def load(cls, folder: Path) -> Alignment:
        """The alignment that was kept in a folder. Raises ModelError."""
        from models.alignment.stored import load_alignment

        return load_alignment(folder)

    @property
    def scale(self) -> float:
        """What a cosine is multiplied by to be a log likelihood."""
        return math.exp(self.log_scale) / self.temperature

    def rests_on(self) -> str:
        """One line for people."""
        doubt = "" if self.calibrated else ", not calibrated"
        return f"picture–place alignment over {len(self.candidates):,} places, trained on {self.trained_on or 'photos it does not name'}{doubt}"

    def query(self, vector: Vector) -> Vector:
        """The picture in the space of places: a unit vector. Raises ModelError for a vector of another length or one that is not finite."""
        row = np.asarray(vector, dtype=np.float32)
        wanted = self.image.dim_in or self.location.dim
        if row.shape != (wanted,) or not np.isfinite(row).all():
            raise ModelError(f"{self.name} reads {wanted} finite numbers of {self.encoder}, not an array of shape {row.shape}")
        return np.asarray(unit_rows(self.image(row[None]))[0])

    def score(self, vector: Vector, lat: Floats, lon: Floats) -> Floats:
        """exp(log scale)·cosine over the temperature [n]: contrastive training makes it log P(picture | point) up to a constant."""
        return self.scale * (self.location(lat, lon) @ self.query(vector)).astype(np.float64)

    def text_score(self, vector: Vector, texts: Sequence[str]) -> Floats:
        """How well texts [n] fit, comparable between texts alone. Raises ModelError where the model has no text tower."""
        if self.text is None:
            raise ModelError(f"{self.name} has no text tower")
        return self.text.score(vector, texts)

    def log_likelihoods(self, vector: Vector) -> Floats:
        """`score` at the candidates, from their kept vectors, less its maximum."""
        logits = self.scale * self.candidates.cosines(self.query(vector))
        return np.asarray(logits - logits.max())

    def density(self, vector: Vector) -> Kernels:
        """P(place | picture): the softmax over the candidates, which lie as dense as training photos and so bring their prior along."""
        return self._kernels(np.exp(self.log_likelihoods(vector)))

    def evidence(self, vector: Vector) -> Evidence:
        """The likelihood alone. Each candidate counts for the area it stands for, which divides the candidates' own density out: GeoCLIP's
        gallery has four photos of ten in Europe."""
        kernels = self._kernels(np.exp(self.log_likelihoods(vector)) * self.candidates.area)
        claim = f"{self.name}: the picture fits {named_shares(kernels)}"
        return Evidence(kernels, claim, f"picture:{self.name}", "estimate", self.reliability, (self.rests_on(),))

    def refine(self, vector: Vector, lat: float, lon: float, radius_km: float) -> tuple[float, float, float]:
        """The best point found within `radius_km` of a point, and its score: a hill-climb on ever smaller grids, 1,464 points at most.

        Starts by looking over the whole circle. Raises ModelError for a radius that is not above 0.
        """
        if not 0.0 < radius_km < math.inf:
            raise ModelError(f"a radius lies above 0 km, not at {radius_km}")
        best = (float(lat), float(lon), float(self.score(vector, np.array([lat]), np.array([lon]))[0]))
        rank = np.arange(_REFINE_POINTS)
        share, bearing = np.sqrt((rank + 0.5) / _REFINE_POINTS), np.degrees(rank * math.pi * (3.0 - math.sqrt(5.0)))
        reach = float(radius_km)
        for _ in range(_REFINE_ROUNDS):
            points_lat, points_lon = destination(best[0], best[1], bearing, reach * share)
            inside = haversine_km(lat, lon, points_lat, points_lon) <= radius_km
            if inside.any():
                scores = self.score(vector, points_lat[inside], points_lon[inside])
                top = int(np.argmax(scores))
                if scores[top] > best[2]:
                    best = (float(points_lat[inside][top]), float(points_lon[inside][top]), float(scores[top]))
            reach *= _REFINE_SHRINK
            if reach < _REFINE_END_KM:
                break
        return best

    def _kernels(self, weight: Floats) -> Kernels:
        places = self.candidates
        return condensed(places.lat, places.lon, places.sigma_km, weight)
