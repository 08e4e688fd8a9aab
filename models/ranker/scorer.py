"""What ranks candidates: the light ranker, and whatever may take its place, such as a value head over a vision-language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats
from models.ranker.candidates import BeliefSummary, Candidate


@dataclass(frozen=True)
class Seen:
    """What can be seen of the photo and of the candidates; all of it may be missing."""

    photo: Path | None = None
    candidate_photos: Sequence[Path | None] = ()
    """For each candidate a photo taken there, or None; empty where there are none at all."""


class CandidateScorer(Protocol):
    """Scores candidates; higher is nearer to the truth. Scores are comparable within one list alone.

    A scorer that looks (GeoRanker: a value head on the last hidden state of "How far is this place from latitude …?") reads `seen`; it is
    trained with `models.ranker.torch_losses.multi_order`. It may not depend on the order of the candidates.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def scores(self, candidates: Sequence[Candidate], belief: BeliefSummary, seen: Seen | None = None) -> Floats:
        """[n]. Raises ModelError where it cannot score."""
        ...


@dataclass(frozen=True, eq=False)
class Ranking:
    """Candidates [n] as a scorer ranks them."""

    scores: Floats
    nearest: Floats
    """Probability that a candidate is the nearest of its list to the truth; sums to 1."""
    within25: Floats
    """Probability that the truth lies within 25 km of a candidate."""

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
