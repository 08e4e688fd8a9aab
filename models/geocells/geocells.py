"""A trained classifier of geocells: a vector in, a density over the Earth out. Needs numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from geo.evidence import Evidence, Kernels
from geo.sphere import Floats
from models.geocells.head import Head
from models.geocells.mixture import Mixer, Mixture, Refinement
from models.geocells.partition import Partition
from models.geocells.refine import Clusters
from models.geocells.saved import KIND, arrays_of, clusters_from, head_from, integer, number, partition_from, text
from models.geolocator import ModelError, Vector
from models.model_folder import read_arrays, read_card, write_model

_CLAIMED = 3
"""Cells that a claim names."""


@dataclass(frozen=True)
class CellGuess:
    """One cell and how probable it is for a picture."""

    cell: int
    name: str
    lat: float
    lon: float
    """Mean of its training photos, in degrees."""
    probability: float


@dataclass(frozen=True, eq=False)
class Geocells:
    """Fits `models.geolocator.Geolocator`. Safe to use from several threads."""

    name: str
    encoder: str
    encoder_digest: str
    trained_on: str
    """In words: `gallery trips (41,000 photos)`."""
    partition: Partition
    head: Head
    clusters: Clusters | None
    refinement: Refinement
    top_k: int
    max_km: float
    least_count: int
    """Fewest photos that a cell counts as having when the training density is divided out."""
    divide_prior: bool
    reliability: float
    """Probability, on validation photos, that the evidence is right."""

    @classmethod
    def load(cls, folder: Path) -> Geocells:
        """The model kept in a folder, which gives it its name. Raises ModelError for anything that is not a whole one."""
        card, arrays = read_card(folder), read_arrays(folder)
        if card["kind"] != KIND:
            raise ModelError(f"{folder} holds a model of the kind {card['kind']!r}, not {KIND}")
        try:
            partition = partition_from(card, arrays)
            head = head_from(card, arrays, len(partition))
            return cls(
                folder.resolve().name, text(card, "encoder"), text(card, "encoder_digest"), text(card, "trained_on"),
                partition, head,
                clusters_from(arrays, len(partition), head.dim) if card.get("refined") is True else None,
                Refinement(number(card, "refine_temperature", 1e-6, 1e6), number(card, "refine_share", 0.0, 1.0),
                           number(card, "refine_floor_km", 1e-3, 2e4)),
                integer(card, "top_k", 1, 10_000), number(card, "max_km", 0.0, 1e6), integer(card, "least_count", 1, 10**9),
                card.get("divide_prior") is True, number(card, "reliability", 1e-3, 0.999),
            )  # fmt: skip
        except ValueError as error:
            raise ModelError(f"{folder} holds geocells that cannot be used: {error}") from error

    def save(self, folder: Path, **more: Any) -> None:
        """Keep the model; `more` is plain JSON that the card also says. Raises OSError."""
        own = self.partition
        card = {
            "kind": KIND, "encoder": self.encoder, "encoder_digest": self.encoder_digest, "trained_on": self.trained_on,
            "temperature": self.head.temperature, "reliability": self.reliability, "divide_prior": self.divide_prior,
            "refined": self.clusters is not None, "refine_temperature": self.refinement.temperature,
            "refine_share": self.refinement.share, "refine_floor_km": self.refinement.floor_km, "top_k": self.top_k,
            "max_km": self.max_km, "least_count": self.least_count, "cells": len(own), **more,
            "areas": [[*area, group] for area, group in own.areas.items()], "keys": [list(key) for key in own.key],
            "names": list(own.name),
        }  # fmt: skip
        write_model(folder, card, arrays_of(own, self.head, self.clusters))

    def rests_on(self) -> str:
        """`geocells of 212 cells, trained on gallery trips (41,000 photos)`."""
        return f"geocells of {len(self.partition):,} cells, trained on {self.trained_on}"

    def density(self, vector: Vector) -> Kernels:
        """P(place | picture): a kernel on each of the likely cells, and on the photo clusters of the likeliest ones."""
        return self._mixture(vector).kernels(likelihood=False)

    def evidence(self, vector: Vector) -> Evidence:
        """The likelihood for the belief: the density, with the training density divided out where `divide_prior` holds."""
        best = ", ".join(f"{_percent(guess.probability)} {guess.name}" for guess in self.top_cells(vector, _CLAIMED))
        return Evidence(
            likelihood=self._mixture(vector).kernels(self.divide_prior),
            claim=f"geocells {self.name}: {best}",
            source=f"picture:{self.name}",
            tool="estimate",
            reliability=self.reliability,
        )

    def score(self, vector: Vector, lat: Floats, lon: Floats) -> Floats:
        """log(r·L/⟨L⟩ + 1 − r) at points [n] in degrees: what this picture adds to a belief over geo's photo prior, in nats."""
        ratio = self.mixer.ratio(self._mixture(vector), lat, lon, self.divide_prior)
        return np.asarray(np.log(self.reliability * ratio + 1.0 - self.reliability))

    def top_cells(self, vector: Vector, k: int = 5) -> list[CellGuess]:
        """The `k` likeliest cells of a unit vector [d], by the classifier alone. Raises ModelError for another length."""
        probability, own = self._probabilities(vector), self.partition
        order = np.argsort(-probability, kind="stable")[:k].tolist()
        return [CellGuess(c, own.name[c], float(own.lat[c]), float(own.lon[c]), float(probability[c])) for c in order]

    def guess(self, vector: Vector) -> tuple[float, float]:
        """One point in degrees: the likest photo, or the mean, of the best cluster in the best cell after refinement.

        Without clusters the centre of the likeliest cell. (The point of highest expected score is the belief's to say.)
        """
        probability = self._probabilities(vector)
        if self.clusters is None:
            cell = int(np.argmax(probability))
            return float(self.partition.lat[cell]), float(self.partition.lon[cell])
        found = self.mixer.candidates(probability[None], np.asarray(vector)[None])
        mass = np.where(found.rival, found.refined(self.refinement.temperature)[0], -1.0)[0]
        best = int(np.argmax(mass))
        cluster = int(found.cluster[0, best, np.argmin(found.gap[0, best])])
        return self.clusters.nearest_photo(cluster, vector)

    @cached_property
    def mixer(self) -> Mixer:
        """Makes mixtures from cell probabilities."""
        return Mixer(self.partition, self.clusters, self.refinement, self.top_k, self.max_km, self.least_count)

    def _mixture(self, vector: Vector) -> Mixture:
        return self.mixer.mix(self._probabilities(vector), np.asarray(vector))

    def _probabilities(self, vector: Vector) -> Floats:
        """P(cell) [c]."""
        row = np.asarray(vector)
        if row.shape != (self.head.dim,) or not np.isfinite(row).all():
            raise ModelError(f"these geocells read vectors of {self.head.dim} finite numbers, not one of shape {row.shape}")
        return np.asarray(self.head.probabilities(row[None])[0])


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{100.0 * share:.0f} %"
