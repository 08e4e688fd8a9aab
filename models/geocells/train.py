"""Training geocells: the partition, the classifier, the photo clusters, and what is calibrated on validation photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from geo.sphere import Floats, haversine_km
from models.geocells.calibrate import MOST_ROWS, fit_refinement, fit_temperature
from models.geocells.clusters import Labels
from models.geocells.fit import fit_head
from models.geocells.geocells import Geocells
from models.geocells.head import Head
from models.geocells.mixture import Refinement
from models.geocells.partition import Partition, build_partition
from models.geocells.refine import build_clusters
from models.geocells.settings import GeocellSettings
from models.geolocator import ModelError
from models.reliability import covered_reliability
from models.training_data import Told, TrainingData, check_data, silent

CHECKPOINT = "checkpoint.pt"


def train(data: TrainingData, settings: GeocellSettings, folder: Path, told: Told = silent) -> Geocells:
    """Train geocells and keep them in `folder`.

    About a tenth of the places are held out: cells, classifier and clusters come from the others; the epoch that is kept,
    the temperature, the refinement and the reliability from the held-out ones. A training that was killed goes on at its last
    whole epoch when it is started again with the same data and settings (`folder/checkpoint.pt`), to the very same result.
    `told` hears `{"cells": …}`, `{"resumed": epoch}`, `{"step": …, "of": …, "loss": …}`, `{"epoch": …, "validation": …}` and at
    last `{"reliability": …, "median_km": …}`, the latter on the held-out photos, which also chose the refinement. Raises
    ModelError for data that geocells cannot be learned from.
    """
    check_data(data)
    learn, held = data.split(settings.validation_share, settings.seed)
    if not len(learn) or not len(held):
        raise ModelError(
            f"{data.source} lies at too few places to hold some out; photos of at least some dozen places are needed"
        )
    least, most = settings.cell_size(len(learn))
    partition = build_partition(learn.lat, learn.lon, least, most, settings.seed)
    if len(partition) < 2:
        raise ModelError(f"{data.source} fills one cell alone; photos of more places, or a smaller min_points, are needed")
    told({"cells": len(partition)})
    cell = partition.assign(learn.lat, learn.lon)
    head = fit_head(learn, held, partition, cell, settings, folder / CHECKPOINT, told)
    model = _calibrated(_uncalibrated(learn, partition, cell, head, settings, folder.resolve().name), learn, held)
    model.save(folder, settings=settings.to_json(), photos=len(learn), validation_photos=len(held))
    (folder / CHECKPOINT).unlink(missing_ok=True)
    told({"reliability": model.reliability, "median_km": median_km(model, held)})
    return Geocells.load(folder)


def median_km(model: Geocells, data: TrainingData) -> float:
    """Median distance in km between guesses and the places of the data, of at most `MOST_ROWS` of them."""
    rows = _some(len(data))
    guesses = np.array([model.guess(data.vectors[row]) for row in rows])
    return float(np.median(haversine_km(guesses[:, 0], guesses[:, 1], data.lat[rows], data.lon[rows])))


def _uncalibrated(
    learn: TrainingData, partition: Partition, cell: Labels, head: Head, settings: GeocellSettings, name: str
) -> Geocells:
    """The model with its clusters, before anything is learned on held-out photos."""
    least, most = settings.cell_size(len(learn))
    clusters = None
    if settings.refine:
        clusters = build_clusters(
            learn.vectors, learn.lat, learn.lon, cell, len(partition), most, settings.exemplars, settings.seed
        )
    return Geocells(
        name=name, encoder=learn.encoder, encoder_digest=learn.encoder_digest, trained_on=learn.source, partition=partition,
        head=head, clusters=clusters, refinement=Refinement(), top_k=settings.top_k, max_km=settings.max_km, least_count=least,
        divide_prior=settings.divide_prior, reliability=0.5,
    )  # fmt: skip


def _calibrated(model: Geocells, learn: TrainingData, held: TrainingData) -> Geocells:
    """The model with its temperature, refinement and reliability from held-out photos."""
    held = held.pick(_some(len(held)))
    cell = model.partition.assign(held.lat, held.lon)
    model = replace(model, head=replace(model.head, temperature=fit_temperature(model.head.logits(held.vectors), cell)))
    probability = model.head.probabilities(held.vectors)
    if model.clusters is not None:
        refinement = fit_refinement(model.mixer, probability, held.vectors, held.lat, held.lon)
        model = replace(model, refinement=refinement)
    reliability, _, _ = covered_reliability(_ratios(model, probability, held), learn.lat, learn.lon)
    return replace(model, reliability=reliability)


def _ratios(model: Geocells, probability: Floats, held: TrainingData) -> Floats:
    """Likelihood at the place of each held-out photo over its mean under geo's photo prior."""
    found = [
        model.mixer.ratio(model.mixer.mix(p, vector), lat, lon, model.divide_prior)
        for p, vector, lat, lon in zip(probability, held.vectors, held.lat, held.lon, strict=True)
    ]
    return np.concatenate(found)


def _some(n: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """At most `MOST_ROWS` of `n` rows, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, MOST_ROWS)).astype(np.intp))
