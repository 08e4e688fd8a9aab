"""Pooled candidates in the order of a learned ranker (GeoRanker, arXiv 2505.13731), each with its scores.

The ranker reads what the belief has multiplied in already, so that its scores order candidates and are never evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from models.ranker.candidates import BeliefSummary, Candidate
    from models.ranker.scorer import Ranking


class CandidateRanker(Protocol):
    """`models.ranker.ranker.Ranker`, or what may take its place."""

    @property
    def name(self) -> str: ...

    def rank(self, candidates: Sequence[Candidate], belief: BeliefSummary | None = None) -> Ranking: ...


def ranked(candidates: Sequence[Mapping[str, Any]], result: Mapping[str, Any], ranker: CandidateRanker) -> list[dict[str, Any]]:
    """The candidates, the best first, with the parts `ranker` (log odds of being the nearest) and `ranker_within25` (probability).

    They stay as they are where one of them cannot be read or the ranker fails.
    """
    from models.geolocator import ModelError
    from models.ranker.candidates import BeliefSummary, read_candidates

    as_before = [dict(candidate) for candidate in candidates]
    try:
        seen = read_candidates(as_before)
        if not seen or len(seen) != len(as_before):
            return as_before
        ranking = ranker.rank(seen, BeliefSummary.read(result.get("belief"), result.get("best_guess")))
    except ModelError:
        return as_before
    for row, candidate in enumerate(as_before):
        own = {"ranker": round(float(ranking.scores[row]), 4), "ranker_within25": round(float(ranking.within25[row]), 4)}
        candidate["parts"] = {**candidate["parts"], **own}
    return [as_before[int(row)] for row in ranking.order]
