"""What ranks candidates: the light ranker, and whatever may take its place, such as a value head over a vision-language model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats
from models.ranker.calibrate import log_softmax, within
from models.ranker.candidates import BeliefSummary, Candidate

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Seen:
    """What can be seen of the photo and of the candidates; all of it may be missing."""

    photo: Image.Image | None = None
    candidate_photos: Sequence[Image.Image | None] = ()
    """For each candidate a photo taken there, or None; empty where there are none at all."""
    places: Sequence[str] = ()
    """For each candidate what its source calls it, "" for nothing; empty where there are none at all. Text of the world, not cleaned."""


class CandidateScorer(Protocol):
    """Scores candidates; higher is nearer to the truth. Scores are comparable within one list alone.

    `models/ranker/ranker.py` reads numbers; `models/ranker/vlm_ranker.py` looks (GeoRanker: a value head on the last hidden state of "How
    far is this place from latitude …?") and reads `seen`. None may depend on the order of the candidates.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def looks(self) -> bool:
        """Whether it needs `seen`."""
        ...

    def scores(self, candidates: Sequence[Candidate], belief: BeliefSummary | None = None, seen: Seen | None = None) -> Floats:
        """[n]. Raises ModelError where it cannot score."""
        ...

    def rank(self, candidates: Sequence[Candidate], belief: BeliefSummary | None = None, seen: Seen | None = None) -> Ranking:
        """The same with calibrated probabilities. Raises ModelError for no candidates, and where it cannot score."""
        ...

    def lacking(self, candidates: Sequence[Candidate]) -> tuple[str, ...]:
        """Parts that it learned from and that no candidate has."""
        ...

    def learned_from(self, ids: Iterable[str]) -> int:
        """How many of these photos it learned from or was calibrated on."""
        ...


@dataclass(frozen=True, eq=False)
class Ranking:
    """Candidates [n] as a scorer ranks them."""

    scores: Floats
    nearest: Floats
    """Probability that a candidate is the nearest of its list to the truth; sums to 1."""
    within25: Floats
    """Probability that the truth lies within 25 km of a candidate."""

    @classmethod
    def of(cls, scores: Floats, curve: tuple[float, float]) -> Ranking:
        """Of calibrated scores [n]; `curve` is slope and intercept of `models.ranker.calibrate.within`."""
        log_p = log_softmax(scores)
        return cls(scores, np.exp(log_p), within(log_p, *curve))

    @property
    def order(self) -> NDArray[np.intp]:
        """Rows, the best first; equals in their order."""
        return np.argsort(-self.scores, kind="stable")

    @property
    def margin(self) -> float | None:
        """How far the best one lies ahead: log of its probability to be the nearest over that of the second. None with fewer than two."""
        if len(self.scores) < 2:
            return None
        first, second = np.sort(self.scores)[::-1][:2]
        return float(first - second)
