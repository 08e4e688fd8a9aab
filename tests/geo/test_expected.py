"""Choosing by expected score: never worse than the densest cell or the mean, better where a map has several peaks, equal where it has one."""

from __future__ import annotations

import numpy as np
import pytest

from geo.belief import Belief, belief_from
from geo.evidence import Evidence, near
from geo.score import Score, geoscore, hit
from geo.sphere import haversine_km

SCORES = {"geoscore": geoscore, "hit@25": hit(25.0), "hit@200": hit(200.0), "hit@750": hit(750.0)}


def clue(lat: list[float], lon: list[float], sigma_km: list[float], weight: list[float], source: str) -> Evidence:
    return Evidence(near(lat, lon, sigma_km, weight), source, source, "test", 0.95, ())


def product(seed: int) -> Belief:
    """Two clues whose kernels lie around the same three places, within some 1,500 km of each other."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-50.0, 55.0) + rng.normal(0.0, 7.0, 3), rng.uniform(-180.0, 180.0) + rng.normal(0.0, 9.0, 3)
    clues = []
    for number in range(2):
        sigma = np.exp(rng.uniform(np.log(20.0), np.log(500.0), 3))
        moved = rng.normal(0.0, sigma / 250.0)
        clues.append(
            clue((lat + moved).tolist(), (lon - moved).tolist(), sigma.tolist(), rng.dirichlet(np.ones(3)).tolist(), str(number))
        )
    return belief_from(clues, prior=False)


def expected(belief: Belief, point: tuple[float, float], score: Score) -> float:
    return float(belief.mass @ score(haversine_km(*point, belief.cells.lat, belief.cells.lon)))


def densest(belief: Belief) -> tuple[float, float]:
    top = int(np.argmax(belief.density()))
    return float(belief.cells.lat[top]), float(belief.cells.lon[top])


def gains(beliefs: list[Belief], score: Score) -> tuple[np.ndarray, np.ndarray]:
    """What the chosen point is expected to get beyond the densest cell and beyond the mean, for each belief."""
    best = np.array([expected(b, b.best(score), score) for b in beliefs])
    return (
        best - [expected(b, densest(b), score) for b in beliefs],
        best - [expected(b, b.centre(), score) for b in beliefs],
    )


@pytest.fixture(scope="module")
def several() -> list[Belief]:
    return [product(seed) for seed in range(8)]


@pytest.mark.parametrize(("name", "least"), [("geoscore", 0.002), ("hit@25", -0.002), ("hit@200", 0.002), ("hit@750", 0.002)])
def test_products_of_kernels_gain(several: list[Belief], name: str, least: float) -> None:
    """Within 25 km these clues leave nothing to choose: the densest cell is as good, to the coarseness of the search."""
    score = SCORES[name]
    whole = float(score(0.0))
    over_densest, over_mean = (gain / whole for gain in gains(several, score))
    assert min(over_densest.min(), over_mean.min()) > -0.01
    assert over_densest.mean() > least
    assert over_mean.mean() > 0.01


@pytest.mark.parametrize("name", SCORES)
def test_one_round_peak_gains_nothing(name: str) -> None:
    score = SCORES[name]
    beliefs = [
        belief_from([clue([lat], [lon], [90.0], [1.0], "one")], prior=False) for lat, lon in ((10.0, 20.0), (-40.0, 179.9))
    ]
    for gain in gains(beliefs, score):
        assert np.abs(gain).max() < 0.02 * float(score(0.0))


def test_a_needle_beside_a_hill_of_more_mass() -> None:
    """The densest cell is the needle; within 200 km of a guess the hill is worth more."""
    belief = belief_from([clue([40.0, 40.0], [0.0, 60.0], [2.0, 60.0], [0.25, 0.75], "both")], prior=False)
    assert haversine_km(*densest(belief), 40.0, 0.0) < 10.0
    assert haversine_km(*belief.best(hit(200.0)), 40.0, 60.0) < 60.0
    assert haversine_km(*belief.best(hit(1.0)), 40.0, 0.0) < 5.0
    assert expected(belief, belief.best(hit(200.0)), hit(200.0)) > 2.5 * expected(belief, densest(belief), hit(200.0))
