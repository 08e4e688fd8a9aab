"""A flow, or a baseline of it, as a geolocator: samples, exact likelihood, evidence for the belief. Needs numpy alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geo.evidence import Evidence, Kernels
from geo.prior import photo_density
from geo.score import geoscore
from geo.sphere import Floats, haversine_km, lat_lon, unit_vectors
from models.alignment.condense import condensed
from models.alignment.wording import named_shares
from models.flow.distribution import Distribution
from models.flow.likelihood import LOG_UNIFORM, bits_over_uniform
from models.flow.mesh import CellDensity, cell_density
from models.geolocator import ModelError, Vector

SAMPLES = 512
"""Samples that find where a picture's mass is."""
_PRIOR_SAMPLES = 32
_CELL_KM = 25.0
"""Cells in which the photo prior is asked."""
_PRIOR_SHARE = 0.02
"""Share of the photo prior in the density that is divided out, so that no place is divided by next to nothing."""
_KERNEL_SIDES = 0.5
"""Standard deviation of a cell's kernel, in sides of the cell: neighbours then add up to a smooth density."""


@dataclass(frozen=True, eq=False)
class Flow:
    """Fits `models.geolocator.Geolocator`. Thread-safe."""

    name: str
    encoder: str
    encoder_digest: str
    trained_on: str
    objective: str
    distribution: Distribution
    divide_prior: bool
    """Whether the evidence divides out how dense the training photos lie, as the model itself learned it without pictures."""
    reliability: float
    calibrated: bool = True

    @classmethod
    def load(cls, folder: Path) -> Flow:
        """The model kept in a folder, which gives it its name. Raises ModelError for anything that is not a whole one."""
        from models.flow.saved import load_flow

        return load_flow(folder)

    def rests_on(self) -> str:
        """`flow on the sphere, trained on gallery trips (41,000 photos)`."""
        return f"{_WORDS[self.objective]}, trained on {self.trained_on}{'' if self.calibrated else ', not calibrated'}"

    def sample(self, vector: Vector, n: int = SAMPLES, seed: int = 0) -> tuple[Floats, Floats]:
        """`n` places where the photo may have been taken: latitudes and longitudes [n] in degrees."""
        return lat_lon(self.distribution.sample(self._rows(vector), n, np.random.default_rng(seed))[0])

    def log_density(self, vector: Vector, lat: Floats, lon: Floats) -> Floats:
        """log P(place | picture) per steradian [n] at points in degrees, natural logarithm; a uniform Earth has −2.531."""
        points = unit_vectors(lat, lon).reshape(1, -1, 3)
        return np.asarray(self.distribution.log_density(self._rows(vector), points)[0])

    def cells(self, vector: Vector) -> CellDensity:
        """The density on cells that are small where the mass is."""
        rows, rough = self._rows(vector), self.distribution.rough()
        samples = rough.sample(rows, SAMPLES, np.random.default_rng(0))[0]
        return cell_density(lambda points: rough.log_density(rows, points[None])[0], samples)

    def density(self, vector: Vector) -> Kernels:
        """P(place | picture): a kernel on each cell that matters."""
        return self._kernels(self.cells(vector), divide=False)

    def evidence(self, vector: Vector) -> Evidence:
        """The likelihood for the belief: the density over that of the training photos, where the model was told so."""
        found = self.cells(vector)
        kernels = self._kernels(found, divide=True)
        claim = f"flow {self.name}: {named_shares(kernels)} ({found.gain_bits():.1f} bits over a uniform Earth)"
        return Evidence(kernels, claim, f"picture:{self.name}", "estimate", self.reliability, (self.rests_on(),))

    def score(self, vector: Vector, lat: Floats, lon: Floats) -> Floats:
        """log(r·L/⟨L⟩ + 1 − r) at points [n] in degrees: what this picture adds to a belief over geo's photo prior, in nats.

        L is exact; ⟨L⟩, its mean under the photo prior, is estimated from samples.
        """
        rows = self._rows(vector)
        ratio = truth_ratios(self, rows, np.asarray(lat, dtype=np.float64)[None], np.asarray(lon, dtype=np.float64)[None])[0]
        return np.asarray(np.log(self.reliability * ratio + 1.0 - self.reliability))

    def localizability_bits(self, vector: Vector, n: int = SAMPLES, seed: int = 0) -> float:
        """What the picture tells beyond a uniform Earth, in bits: the mean of log2(4π·p) over samples, which estimates the divergence."""
        return float(bits_over_uniform(self.log_density(vector, *self.sample(vector, n, seed))).mean())

    def guess(self, vector: Vector) -> tuple[float, float]:
        """The sample of highest expected geoscore, in degrees. (With a prior and other evidence, the belief says it.)"""
        lat, lon = self.sample(vector)
        expected = geoscore(haversine_km(lat[:, None], lon[:, None], lat, lon)).mean(axis=1)
        best = int(np.argmax(expected))
        return float(lat[best]), float(lon[best])

    def own_relative(self, lat: Floats, lon: Floats) -> Floats:
        """Density [n] of the training photos over that of a uniform Earth; 1 where it is not divided out.

        It comes from the same model, so that what leaks from land to sea leaks in both: counted photos would make every coast a likely sea.
        """
        if not self.divide_prior:
            return np.ones(len(lat))
        learned = np.exp(self.distribution.rough().log_density(None, unit_vectors(lat, lon)[None])[0] - LOG_UNIFORM)
        return np.asarray((1.0 - _PRIOR_SHARE) * learned + _PRIOR_SHARE * photo_density(lat, lon, _CELL_KM))

    def _kernels(self, found: CellDensity, divide: bool) -> Kernels:
        cells, weight = found.cells, found.mass
        held = np.flatnonzero(weight > 1e-6)
        lat, lon, weight = cells.lat[held], cells.lon[held], weight[held]
        if divide:
            weight = weight / self.own_relative(lat, lon)
        return condensed(lat, lon, _KERNEL_SIDES * cells.side_km[held], weight)

    def _rows(self, vector: Vector) -> Vector:
        """The vector as one row. Raises ModelError for one of another length or that is not finite."""
        row, wanted = np.asarray(vector, dtype=np.float32), self.distribution.dim
        if row.ndim != 1 or (wanted and len(row) != wanted) or not np.isfinite(row).all():
            raise ModelError(
                f"{self.name} reads {wanted or 'any'} finite numbers of {self.encoder}, not an array of shape {row.shape}"
            )
        return row[None]


_WORDS = {
    "riemannian": "flow on the sphere", "space": "flow in space", "diffusion": "diffusion in space",
    "vmf": "von Mises-Fisher distribution", "mixture": "mixture of von Mises-Fisher distributions", "uniform": "uniform Earth",
}  # fmt: skip


def truth_ratios(model: Flow, vectors: Vector, lat: Floats, lon: Floats) -> Floats:
    """L/⟨L⟩ [b, m] at points [b, m] in degrees for pictures [b, c]: the likelihood over its mean under geo's photo prior.

    With the density p and the training photos' density f, L = p/f and ⟨L⟩ = ∫ prior·p/f, the mean of prior/f over samples of p.
    """
    rng = np.random.default_rng(0)
    points = unit_vectors(lat, lon)
    density = np.exp(np.minimum(model.distribution.log_density(vectors, points) - LOG_UNIFORM, 600.0))
    seen = model.distribution.sample(vectors, _PRIOR_SAMPLES, rng)
    at_lat, at_lon = lat_lon(seen.reshape(-1, 3))
    prior = photo_density(at_lat, at_lon, _CELL_KM) / model.own_relative(at_lat, at_lon)
    mean = prior.reshape(len(seen), -1).mean(axis=1)
    own = model.own_relative(lat.ravel(), lon.ravel()).reshape(lat.shape)
    return np.asarray(density / own / np.maximum(mean, 1e-6)[:, None])


def published_localizability(log_density: Floats) -> float:
    """The published code's number from log densities of samples, in nats: their mean over 4π·ln 2. `Flow.localizability_bits` has a unit."""
    return float(np.mean(log_density) / (4.0 * math.pi * math.log(2.0)))
