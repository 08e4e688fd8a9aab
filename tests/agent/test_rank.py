"""Candidates in a ranker's order: reordered with their scores, never changed otherwise, never lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from agent.rank import ranked
from models.geolocator import ModelError
from models.ranker.scorer import Ranking

RESULT = {"belief": {"entropy_bits": 12.0}, "best_guess": {"lat": 41.0, "lon": -8.0}}


class ByLatitude:
    name = "by latitude"

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def rank(self, candidates: Sequence[Any], belief: Any = None) -> Ranking:
        if self.fails:
            raise ModelError("no weights")
        assert belief.entropy_bits == 12.0
        scores = np.array([candidate.lat for candidate in candidates])
        return Ranking(scores, np.full(len(scores), 1 / len(scores)), np.full(len(scores), 0.25))


def candidates(*latitudes: float) -> list[dict[str, Any]]:
    return [
        {"lat": lat, "lon": 5.0, "name": "n", "provenance": ["belief"], "probability": 0.1, "parts": {"belief": -1.0}}
        for lat in latitudes
    ]


def test_the_order_is_the_rankers_and_scores_are_kept() -> None:
    given = candidates(10.0, 50.0, 30.0)
    found = ranked(given, RESULT, ByLatitude())
    assert [one["lat"] for one in found] == [50.0, 30.0, 10.0]
    assert found[0]["parts"] == {"belief": -1.0, "ranker": 50.0, "ranker_within25": 0.25}
    assert given[0]["parts"] == {"belief": -1.0}


@pytest.mark.parametrize(
    ("given", "ranker"),
    [([], ByLatitude()), (candidates(10.0, 50.0), ByLatitude(fails=True)), (candidates(95.0, 50.0), ByLatitude())],
)
def test_what_cannot_be_ranked_stays_as_it_is(given: list[dict[str, Any]], ranker: ByLatitude) -> None:
    assert ranked(given, RESULT, ranker) == given
