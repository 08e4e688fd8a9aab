"""Lists in which one part tells, noisily, how near a candidate is, one misleads, and one says nothing."""

from __future__ import annotations

import numpy as np

from geo.sphere import destination
from models.ranker.candidates import BeliefSummary, Candidate
from models.ranker.lists import RankingData, RankingList


def one_list(rng: np.random.Generator, number: int, n: int = 8) -> RankingList:
    lat, lon = float(rng.uniform(-60, 60)), float(rng.uniform(-180, 180))
    km = np.exp(rng.uniform(np.log(2.0), np.log(9000.0), n))
    lats, lons = destination(lat, lon, rng.uniform(0, 360, n), km)
    good = -0.5 * np.log(km) + rng.normal(0, 0.5, n)
    probability = rng.dirichlet(np.ones(n))
    candidates = tuple(
        Candidate(float(lats[i]), float(lons[i]), float(probability[i]),
                  {"belief": float(np.log(probability[i])), "learned": float(good[i]), "policy": float(rng.random()) if i % 2 else None})
        for i in range(n)
    )  # fmt: skip
    return RankingList(f"photo {number}", lat, lon, candidates, BeliefSummary(20.0, float(lats[0]), float(lons[0])))


def data(n: int = 300, seed: int = 0) -> RankingData:
    rng = np.random.default_rng(seed)
    return RankingData([one_list(rng, number, int(rng.integers(2, 9))) for number in range(n)], f"a world of {n} lists")
