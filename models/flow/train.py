"""Training a flow or a baseline: the weights, and what is calibrated on held-out photos."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geo.sphere import unit_vectors
from models.flow.euclidean import SpaceFlow
from models.flow.fit import Arrays, fit
from models.flow.flow import Flow, truth_ratios
from models.flow.likelihood import bits_over_uniform, published_bits
from models.flow.saved import distribution_of, save_flow
from models.flow.settings import FlowSettings
from models.geolocator import ModelError
from models.reliability import covered_reliability
from models.training_data import Told, TrainingData, check_data, silent

CHECKPOINT = "checkpoint.pt"
_LEAST_ROWS = 32
_CALIBRATED_ROWS = 128


def train(data: TrainingData, settings: FlowSettings | None = None, folder: Path | None = None, told: Told = silent) -> Flow:
    """Train on `data` and keep the model in `folder`, whose name it takes.

    About a tenth of the places are held out: they choose among the looks, and calibrate. A training that was killed goes on at its last
    look when it is started again with the same data and settings (`folder/checkpoint.pt`), to the very same result. `told` hears what `fit`
    tells and at last `{"reliability": …, "nll_nats": …}`. Needs torch. Raises ModelError for too few photos or places, OSError where the
    folder cannot be written.
    """
    settings = settings or FlowSettings()
    check_data(data)
    learn, held = data.split(settings.validation_share, settings.seed)
    if len(learn) < _LEAST_ROWS or not len(held):
        raise ModelError(
            f"{data.source} lies at too few places: {_LEAST_ROWS} photos to learn from and some to hold out are needed"
        )
    arrays = fit(learn, held, settings, folder / CHECKPOINT if folder else None, told)
    name = folder.resolve().name if folder else "flow"
    model, figures = calibrated(_uncalibrated(learn, arrays, settings, name), learn, held)
    told(figures)
    if folder:
        card = {"settings": settings.to_json(), "photos": len(learn), "validation_photos": len(held), "held_out": figures}
        save_flow(model, arrays, folder, **card)
        (folder / CHECKPOINT).unlink(missing_ok=True)
        return Flow.load(folder)
    return model


def calibrated(model: Flow, learn: TrainingData, held: TrainingData) -> tuple[Flow, dict[str, Any]]:
    """The model with its reliability (and the kernel width of a baseline in space) from held-out photos, and figures on them.

    `nll_nats` is −log p per steradian at the true places, `nll_bits` the same in bits, `bits_over_uniform` its gain over a uniform Earth and
    `published_bits` what the paper's tables hold. Reliability is that for photos from anywhere (`covered_reliability`).
    """
    rows = np.unique(np.linspace(0, len(held) - 1, min(len(held), _CALIBRATED_ROWS)).astype(np.intp))
    held = held.pick(rows)
    truth = unit_vectors(held.lat, held.lon)
    if isinstance(model.distribution, SpaceFlow):
        model = replace(model, distribution=model.distribution.fitted(held.vectors, truth))
    log_density = model.distribution.log_density(held.vectors, truth[:, None])[:, 0]
    ratios = truth_ratios(model, held.vectors, held.lat[:, None], held.lon[:, None])[:, 0]
    reliability, _, _ = covered_reliability(ratios, learn.lat, learn.lon)
    figures = {
        "reliability": reliability,
        "nll_nats": -float(log_density.mean()),
        "nll_bits": -float(log_density.mean()) / math.log(2.0),
        "published_bits": float(published_bits(log_density).mean()),
        "bits_over_uniform": float(bits_over_uniform(log_density).mean()),
    }
    return replace(model, reliability=min(reliability, 0.999), calibrated=True), figures


def _uncalibrated(learn: TrainingData, arrays: Arrays, settings: FlowSettings, name: str) -> Flow:
    """The model before anything is learned on held-out photos."""
    card = {**settings.to_json(), "width_km": 200.0}
    return Flow(name, learn.encoder, learn.encoder_digest, learn.source, settings.objective, distribution_of(card, arrays), settings.divide_prior,
                reliability=0.5, calibrated=False)  # fmt: skip
