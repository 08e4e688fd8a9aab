"""Scores by distance against their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geo.score import THRESHOLDS_KM, geoscore, hit, score_named


@pytest.mark.parametrize(("km", "points"), [(0, 5000), (1492.7, 5000 / math.e), (1492.7 * math.log(2), 2500), (20_015, 0.0075)])
def test_geoscore(km: float, points: float) -> None:
    assert geoscore(km) == pytest.approx(points, rel=2e-2 if km > 2e4 else 1e-12)


@pytest.mark.parametrize("radius", THRESHOLDS_KM)
def test_a_hit_is_strictly_nearer(radius: float) -> None:
    np.testing.assert_array_equal(hit(radius)([0.0, radius - 1e-9, radius, radius + 1, math.nan]), [1, 1, 0, 0, 0])


def test_scores_have_names() -> None:
    assert score_named("geoscore") is geoscore
    assert score_named("hit@25")([24.0, 26.0]).tolist() == [1.0, 0.0]
    assert score_named("hit@0.5")(0.4) == 1.0


@pytest.mark.parametrize("name", ["", "hit", "hit@", "hit@-1", "hit@nan", "hit@25km", "GEOSCORE", " geoscore"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no score is called"):
        score_named(name)
