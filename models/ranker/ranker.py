"""The light ranker: a small network over numbers that describe candidates. No picture is looked at and no text is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats
from models.geolocator import ModelError
from models.model_folder import read_arrays, read_card, write_model
from models.ranker.candidates import PARTS, BeliefSummary, Candidate
from models.ranker.features import FEATURES, features
from models.ranker.lists import known_among
from models.ranker.network import Scaling, Weights, scores_of
from models.ranker.scorer import Ranking, Seen

KIND = "ranker"
LARGEST = 1e6
"""Of a number in a card."""


@dataclass(frozen=True, eq=False)
class Ranker:
    """A trained ranker, with its calibration."""

    name: str
    trained_on: str
    weights: Weights
    scaling: Scaling
    temperature: float
    within: tuple[float, float]
    """Slope and intercept of `models.ranker.calibrate.within`."""
    trained_ids: NDArray[np.uint64]
    """Digests of the ids of the photos that it learned from (`models.ranker.lists.digest_of`), sorted."""
    looks = False

    def raw_scores(self, table: Floats) -> Floats:
        """Scores [n] of features [n, len(FEATURES)], before calibration. The score of a row depends on that row alone."""
        return scores_of(self.weights, self.scaling(table))

    def scores(self, candidates: Sequence[Candidate], belief: BeliefSummary | None = None, seen: Seen | None = None) -> Floats:
        """[n], higher is nearer to the truth; differences are log odds of being the nearest. `seen` is not looked at."""
        return self.raw_scores(features(candidates, belief)) / self.temperature

    def rank(self, candidates: Sequence[Candidate], belief: BeliefSummary | None = None, seen: Seen | None = None) -> Ranking:
        """Scores and calibrated probabilities; `seen` is not looked at. Raises ModelError for no candidates."""
        if not candidates:
            raise ModelError("there is no candidate to rank")
        return Ranking.of(self.scores(candidates, belief), self.within)

    def lacking(self, candidates: Sequence[Candidate]) -> tuple[str, ...]:
        """Parts that it learned from and that no candidate has: its scores and probabilities are less good then."""
        learned = [part for part in PARTS if self.scaling.per_spread[FEATURES.index(f"{part}:value")] > 0]
        return tuple(part for part in learned if all(candidate.part(part) is None for candidate in candidates))

    def learned_from(self, ids: Iterable[str]) -> int:
        """How many of these photos it learned from or was calibrated on."""
        return known_among(ids, self.trained_ids)

    def rests_on(self) -> str:
        """One line for people."""
        return f"ranker of candidates, trained on {self.trained_on}"

    def save(self, folder: Path, **more: Any) -> None:
        """Keep it; `more` goes into the card. Raises OSError."""
        arrays: dict[str, NDArray[Any]] = {f"weight_{name}": part for name, part in self.weights.items()}
        arrays |= {"mean": self.scaling.mean, "per_spread": self.scaling.per_spread, "trained_ids": self.trained_ids}
        card = {"kind": KIND, "encoder": "candidates", "encoder_digest": "", "trained_on": self.trained_on,
                "features": list(FEATURES), "temperature": self.temperature, "within": list(self.within)}  # fmt: skip
        write_model(folder, {**card, **more}, arrays)

    @classmethod
    def load(cls, folder: Path) -> Ranker:
        """Raises ModelError with one line for anything that `save` did not write."""
        card, arrays = read_card(folder), read_arrays(folder)
        try:
            return cls._of(folder.resolve().name, card, arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder} holds no ranker that can be used: {' '.join(str(error).split())[:160]}") from error

    @classmethod
    def _of(cls, name: str, card: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Ranker:
        if card["kind"] != KIND:
            raise ValueError(f"it is of kind {str(card['kind'])[:40]!r}")
        if card["features"] != list(FEATURES):
            raise ValueError("it reads other features than this version makes; train it again")
        n, weights = len(FEATURES), {}
        shapes: dict[str, tuple[int, ...]] = {"out": (n,), "level": (1,)}
        if "weight_in" in arrays:
            h = len(arrays["weight_bias"])
            shapes |= {"in": (n, h), "bias": (h,), "out": (h,)}
        for part, shape in shapes.items():
            weights[part] = _floats(arrays, f"weight_{part}", shape)
        scaling = Scaling(_floats(arrays, "mean", (n,)), _floats(arrays, "per_spread", (n,)))
        temperature, curve, ids = read_calibration(card, arrays)
        return cls(name, str(card["trained_on"])[:400], weights, scaling, temperature, curve, ids)


def read_calibration(
    card: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> tuple[float, tuple[float, float], NDArray[np.uint64]]:
    """Temperature, slope and intercept of `within`, and digests of the photos learned from. Raises ValueError, KeyError or TypeError."""
    slope, intercept = (_number(value, -LARGEST, LARGEST) for value in card["within"])
    ids = arrays["trained_ids"]
    if ids.dtype != np.uint64 or ids.ndim != 1:
        raise ValueError("trained_ids is no list of digests")
    return _number(card["temperature"], 1e-3, 1e3), (slope, intercept), ids


def _floats(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> Floats:
    array = arrays[name]
    if array.dtype.kind != "f" or array.shape != shape or not (np.abs(array) <= LARGEST).all():
        raise ValueError(f"{name} holds no numbers of the right shape")
    return array.astype(np.float64)


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and low <= value <= high):
        raise ValueError("a number of its calibration is none")
    return float(value)
