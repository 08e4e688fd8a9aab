"""What is learned on validation photos after training: temperatures, widths, and how far the evidence can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats, kappa_of_sigma, unit_vectors, vmf_log_density
from models.geocells.clusters import Labels
from models.geocells.head import log_softmax
from models.geocells.mixture import Mixer, Refinement

MOST_ROWS = 2000
"""Validation photos that are looked at; the numbers learned are few."""
_TEMPERATURES = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1.0, 10.0)
_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)
_FLOORS_KM = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def fit_temperature(logits: Floats, cell: Labels) -> float:
    """The temperature between 1/20 and 20 at which −log p(cell) of validation photos is least (Guo et al. 2017)."""
    rows = np.arange(len(cell))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / math.exp(log_temperature))[rows, cell].mean())

    return math.exp(_lowest(loss, -math.log(20.0), math.log(20.0)))


def fit_refinement(mixer: Mixer, probability: Floats, vectors: NDArray[np.floating], lat: Floats, lon: Floats) -> Refinement:
    """The refinement, of a grid, under which validation photos [n] are likeliest: highest mean log density at their places.

    A `share` of 0 is in the grid, so that clusters which say nothing do no harm.
    """
    assert mixer.clusters is not None
    found = mixer.candidates(probability, vectors)
    truth = unit_vectors(lat, lon)
    cells = unit_vectors(mixer.partition.lat, mixer.partition.lon)
    n = len(cells)
    on_cells = np.exp(vmf_log_density(truth @ cells.T, kappa_of_sigma(mixer.sigma_km[:n])))
    at_clusters = unit_vectors(mixer.clusters.lat, mixer.clusters.lon)[found.cluster]
    cosine = np.einsum("nd,nkmd->nkm", truth, at_clusters)  # a cluster of -1 has no share below
    of_cells = np.take_along_axis(on_cells, found.cell, axis=1)
    rest = (probability * on_cells).sum(axis=1) - (found.mass * of_cells).sum(axis=1)
    best, best_score = mixer.refinement, -np.inf
    moved = [(t, *found.refined(t)) for t in _TEMPERATURES]
    for floor_km in _FLOORS_KM:
        wider = replace(mixer, refinement=replace(mixer.refinement, floor_km=floor_km))
        on_clusters = np.exp(vmf_log_density(cosine, kappa_of_sigma(wider.sigma_km[n:][found.cluster])))
        for temperature, mass, inside in moved:
            sharp = (mass * (inside * on_clusters).sum(axis=2)).sum(axis=1)
            blunt = (mass * of_cells).sum(axis=1)
            for share in _SHARES:
                density = share * sharp + (1.0 - share) * blunt + np.maximum(rest, 0.0)
                score = float(np.log(np.maximum(density, 1e-300)).mean())
                if score > best_score:
                    best, best_score = Refinement(temperature, share, floor_km), score
    return best


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum is least between two points, to 1e-4 of their distance (golden section)."""
    width = high - low
    a, b = high - _GOLDEN * width, low + _GOLDEN * width
    at_a, at_b = function(a), function(b)
    while high - low > 1e-4 * width:
        if at_a <= at_b:
            high, b, at_b = b, a, at_a
            a = high - _GOLDEN * (high - low)
            at_a = function(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + _GOLDEN * (high - low)
            at_b = function(b)
    return (low + high) / 2.0
