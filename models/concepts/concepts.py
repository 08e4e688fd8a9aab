"""What an ImageNet classifier is sure of, as weak evidence about place.

A photo shows a concept 1 + (L - 1)·w(x) times as often at x as where the weight w is 0 (`models/concepts/table.py`: w and the
lift L). Divided by its mean under the photo prior, with <w> the mean weight, that is

    (1 + (L - 1)·w) / (1 + (L - 1)·<w>)  =  r·w/<w> + (1 - r),        r = (L - 1)·<w> / (1 + (L - 1)·<w>),

which is the form of `geo.evidence.Evidence` for the clue w with the reliability r. The classifier is right with a probability
p (its softmax); when it is wrong, it says nothing, so that the reliability becomes p·r. The belief averages k clues of one source:
each carries k·p·r, and their mean is the mixture of all readings and of none. A belief that starts from another prior, or within
a search area, takes its own <w>; the lift that the same reliability stands for is then another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from geo.clues.clue import names
from geo.evidence import Evidence, Regions
from geo.sphere import Floats
from models.concepts.table import CLASSES, prior_share, regional_classes
from models.geolocator import ModelError

SOURCE = "picture:concepts"
"""All readings of one picture are one observation."""
TEMPERATURE = 0.9
"""Softmax temperature of EfficientNet-Lite2 on pictures as `models.encoders.efficientnet_lite` gives them, fitted on 131 photos
whose likeliest class was checked by eye (`README.md`)."""
SURE = 0.2
"""A class less likely than this is not spoken of: four times in five the picture would not show it."""
MOST = 3
"""So many concepts of one picture at most."""
MOST_RELIABLE = 0.6
"""No table of judgements is trusted further, however sure the classifier is."""
LEAST_RELIABLE = 0.01
"""A clue that says less is left out."""


@dataclass(frozen=True, eq=False)
class Concept:
    """A regional class that a picture seems to show."""

    index: int
    """Of the ImageNet class, 0 to 999."""
    name: str
    """`yurt`."""
    shown: str
    """`a yurt`."""
    probability: float
    """That the picture shows it."""
    weights: Mapping[str, float]
    """How common it is by country and region, in (0, 1]."""
    lift: float
    """How many times likelier a photo shows it where the weight is 1 than where it is 0."""
    source: str
    """The article that gives its range."""

    @property
    def regional(self) -> float:
        """r of the module's formula: the reliability of the clue when the picture does show the concept."""
        odds = (self.lift - 1.0) * prior_share(self.index)
        return odds / (1.0 + odds)


def probabilities(logits: ArrayLike) -> Floats:
    """Calibrated probabilities [1000] of the ImageNet classes. Raises ModelError unless `logits` are 1000 finite numbers."""
    values = np.asarray(logits, dtype=np.float64)
    if values.shape != (CLASSES,):
        raise ModelError(f"a picture has logits of {CLASSES} classes, not an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ModelError("the logits of a picture are finite numbers")
    with np.errstate(over="ignore"):  # differences beyond the largest number count as infinite: a share of 0
        scaled = np.exp((values - values.max()) / TEMPERATURE)
    return np.asarray(scaled / scaled.sum())


def concepts_of(logits: ArrayLike, sure: float = SURE, most: int = MOST) -> list[Concept]:
    """The regional classes (at most `most`) that logits [1000] are `sure` of, the likeliest first. Raises ModelError."""
    share = probabilities(logits)
    rows = sorted(regional_classes().values(), key=lambda row: (-share[row.index], row.index))[:most]
    return [Concept(row.index, row.name, row.shown, float(share[row.index]), row.weights, row.lift, row.source)
            for row in rows if share[row.index] >= sure]  # fmt: skip


def evidence_of(logits: ArrayLike, view: str = "photo") -> tuple[Evidence, ...]:
    """Evidence of the concepts that logits [1000] of a view are sure of, none where those are not regional. Raises ModelError."""
    return evidence_for(concepts_of(logits), view)


def evidence_for(concepts: Sequence[Concept], view: str = "photo") -> tuple[Evidence, ...]:
    """One piece of evidence for each concept that says anything, all of one source: the belief averages them."""
    telling = [(c, c.probability * c.regional) for c in concepts if c.probability * c.regional >= LEAST_RELIABLE]
    return tuple(_evidence(concept, min(len(telling) * share, MOST_RELIABLE), view) for concept, share in telling)


def _evidence(concept: Concept, reliability: float, view: str) -> Evidence:
    claim = f"the picture shows {concept.shown} ({100 * concept.probability:.0f} %): {_countries(concept.weights)}"
    citations = ("ImageNet classifier", concept.source, view)
    return Evidence(Regions(concept.weights), claim, SOURCE, "estimate", reliability, citations)


def _countries(weights: Mapping[str, float]) -> str:
    """Where a concept is common, in words: `Kazakhstan, Kyrgyzstan, Mongolia and parts of China, Russia`."""
    whole = {key: weight for key, weight in weights.items() if "." not in key}
    parts = {key: weight for key, weight in weights.items() if "." in key and key.partition(".")[0] not in whole}
    said = [names(whole)] * bool(whole) + [f"parts of {names(parts, most=3)}"] * bool(parts)
    return " and ".join(said)
