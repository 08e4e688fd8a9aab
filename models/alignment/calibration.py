"""How sharp an alignment may be and how far it is to be trusted, from photos that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geo.sphere import Floats, kappa_of_sigma, unit_vectors, vmf_log_density
from models.alignment.alignment import Alignment
from models.geolocator import ModelError
from models.reliability import covered_reliability
from models.training_data import TrainingData

TEMPERATURES = np.geomspace(0.25, 8.0, 21)
_PAIRS = 20_000_000
_MAX_ROWS, _MIN_ROWS = 1000, 100
_BLOCK = 32


@dataclass(frozen=True)
class Calibration:
    """What held-out photos say."""

    temperature: float
    reliability: float
    bits: float
    """Mean log2 of the factor by which the evidence raises the density at the truth over the prior of the part of the Earth that is covered."""
    rows: int


def calibrated(alignment: Alignment, data: TrainingData, seed: int = 0) -> tuple[Alignment, Calibration]:
    """The alignment with temperature and reliability that suit held-out photos best. Raises ModelError for vectors of another encoder.

    For photo i the evidence multiplies the density at the true place by r·q_i + 1 − r, q_i = L_i(truth) / ⟨L_i⟩, when ⟨L⟩ is the mean of the
    likelihood under the photo prior, as `Belief` takes it. Then r·q + 1 − r is a ratio of two densities that both integrate to 1, and the
    mean of its logarithm is a proper score, which neither boasting nor hedging can improve. L_i = Σ_j w_j K_j with the weights of
    `Alignment.evidence`, so that ⟨L_i⟩ = Σ_j w_j ⟨K_j⟩, and ⟨K_j⟩ is the prior under kernel j: no grid is needed. The reliability is that
    for photos from anywhere (`covered_reliability`). Of more than some hundred photos some are drawn at random.
    """
    if data.encoder_digest != alignment.encoder_digest:
        raise ModelError(f"the vectors come from {data.encoder}, but {alignment.name} reads those of {alignment.encoder}")
    if not len(data):
        raise ModelError("there are no held-out photos to calibrate with")
    most = int(np.clip(_PAIRS // len(alignment.candidates), _MIN_ROWS, _MAX_ROWS))
    rows = np.random.default_rng(seed).permutation(len(data))[:most]
    ratios = truth_ratios(alignment, data.pick(rows), TEMPERATURES)
    places = alignment.candidates.lat, alignment.candidates.lon
    fits = [
        (covered_reliability(column, *places), temperature) for temperature, column in zip(TEMPERATURES, ratios.T, strict=True)
    ]
    (reliability, score, _), temperature = max(fits, key=lambda fit: fit[0][1])
    found = Calibration(float(temperature), reliability, score / float(np.log(2.0)), len(rows))
    return replace(alignment, temperature=found.temperature, reliability=found.reliability, calibrated=True), found


def truth_ratios(alignment: Alignment, data: TrainingData, temperatures: Floats) -> Floats:
    """L(truth) / ⟨L⟩ [n, t] of photos at temperatures."""
    places = alignment.candidates
    at, kappa = unit_vectors(places.lat, places.lon), kappa_of_sigma(places.sigma_km)
    plain = replace(alignment, temperature=1.0)
    out = np.empty((len(data), len(temperatures)))
    for start in range(0, len(data), _BLOCK):
        some = range(start, min(start + _BLOCK, len(data)))
        logits = np.stack([plain.log_likelihoods(data.vectors[i]) for i in some])
        truth = unit_vectors(data.lat[start : some.stop], data.lon[start : some.stop])
        # Kernels per steradian over a uniform Earth's 1 / 4π.
        kernels = 4.0 * np.pi * np.exp(vmf_log_density(np.minimum(truth @ at.T, 1.0), kappa))
        for column, temperature in enumerate(temperatures):
            weight = np.exp(logits / temperature) * places.area
            out[start : some.stop, column] = (weight * kernels).sum(axis=1) / np.maximum(weight @ places.prior, 1e-300)
    return out
