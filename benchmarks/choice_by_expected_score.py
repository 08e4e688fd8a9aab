"""What choosing by expected score gains over the densest cell and over the mean, and where it gains nothing.

    python benchmarks/choice_by_expected_score.py
    python benchmarks/choice_by_expected_score.py --flow flows/flow-0 --seed 0

Beliefs of three kinds: one clue of one kernel (a single peak; with the photo prior, towns in it), products of two clues of several
kernels each (several peaks), and, with `--flow`, a flow's densities of unseen photos of the shaped Earth (`evals/shaped_earth.py`), alone
and fused with a vague second clue. For products of kernels the scores are expectations under the belief itself, which is then right by
construction. For the flow they are means over places drawn from the Earth's exact distribution of what the picture leaves open, so that a
density that is wrong is not flattered.
Intervals are 95 % of a paired bootstrap over cases.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from evals.shaped_earth import ShapedEarth, ShapedSettings
from geo.belief import Belief, belief_from
from geo.evidence import Evidence, Kernels, near
from geo.gazetteer import gazetteer
from geo.score import Score, geoscore, hit
from geo.sphere import EARTH_RADIUS_KM, Floats, exp_map, haversine_km, lat_lon, unit_vectors
from models.flow.flow import Flow
from models.flow.tangent import projected

SCORES: dict[str, Score] = {"geoscore": geoscore, "hit@25": hit(25.0), "hit@200": hit(200.0), "hit@750": hit(750.0)}
WAYS = ("best", "densest", "mean")
_VAGUE_KM = 1500.0
_PLACES = 400

Places = tuple[Floats, Floats]
"""Latitudes and longitudes in degrees."""
Case = tuple[Belief, Places | None]
"""A belief, and places where the photo may truly have been taken, where they are known."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--flow", type=Path, help="a flow trained on the shaped Earth of the seed")
    own = parser.parse_args()
    groups: dict[str, Iterator[Case]] = {
        "one kernel, no prior": products(own.cases, own.seed, clues=1, kernels=1, prior=False),
        "one kernel over the photo prior": products(own.cases, own.seed, clues=1, kernels=1),
        "products of two clues": products(own.cases, own.seed, clues=2, kernels=4),
    }
    if own.flow:
        seen = list(densities(own.flow, own.cases, own.seed))
        groups |= {"flow": of_flow(seen), "flow and a vague clue": of_flow(seen, np.random.default_rng([own.seed, 9]))}
    print("| beliefs | score | best | densest cell | mean | best − densest | best − mean |\n|---|---|---|---|---|---|---|")
    for name, cases in groups.items():
        for score, found in gathered(cases).items():
            print(line(name, score, found), flush=True)


def gathered(cases: Iterator[Case]) -> dict[str, Floats]:
    """For each score what each way of choosing got: [cases, ways]."""
    found: dict[str, list[list[float]]] = {name: [] for name in SCORES}
    for belief, truth in cases:
        for name, score in SCORES.items():
            worth = value_at(belief, truth, score)
            found[name].append([worth(*chosen(belief, score)[way]) for way in WAYS])
    return {name: np.array(rows) for name, rows in found.items()}


def chosen(belief: Belief, score: Score) -> Mapping[str, tuple[float, float]]:
    """The point that each way of choosing gives, in degrees."""
    top = int(np.argmax(belief.density()))
    densest = float(belief.cells.lat[top]), float(belief.cells.lon[top])
    return {"best": belief.best(score), "densest": densest, "mean": belief.centre()}


def value_at(belief: Belief, truth: Places | None, score: Score) -> Callable[[float, float], float]:
    """The mean score of a guess over places where the photo may truly have been taken, or its expectation under the belief."""
    if truth is not None:
        return lambda lat, lon: float(np.mean(score(haversine_km(lat, lon, *truth))))
    return lambda lat, lon: float(belief.mass @ score(haversine_km(lat, lon, belief.cells.lat, belief.cells.lon)))


def products(cases: int, seed: int, clues: int, kernels: int, prior: bool = True) -> Iterator[Case]:
    """Beliefs, over the photo prior or without it. The kernels of all clues lie around the same few towns, so that their product keeps several peaks."""
    known, rng = gazetteer(), np.random.default_rng([seed, clues, kernels])
    weight = np.sqrt(np.maximum(known.population.astype(np.float64), 200.0))
    for _ in range(cases):
        row = rng.choice(len(weight), kernels, p=weight / weight.sum())
        evidence = []
        for number in range(clues):
            sigma = np.exp(rng.uniform(np.log(20.0), np.log(600.0), kernels))
            lat, lon = scattered(known.place_lat[row], known.place_lon[row], sigma / 2.0, rng)
            evidence.append(clue(near(lat, lon, sigma, rng.dirichlet(np.ones(kernels))), f"clue {number}"))
        yield belief_from(evidence, prior=prior), None


Seen = tuple[Kernels, tuple[float, float], Places]
"""What a flow says of a photo, the place of the photo, and all places where such a photo may have been taken."""


def densities(folder: Path, cases: int, seed: int) -> Iterator[Seen]:
    """Of photos of the Earth that a flow was trained on, which it has not seen."""
    model, earth = Flow.load(folder), ShapedEarth(ShapedSettings(seed=seed))
    photos, shown = earth.draw(cases, 2)
    open_places = earth.exact_sample(shown, _PLACES, np.random.default_rng(seed))
    for vector, lat, lon, places in zip(photos.vectors, photos.lat, photos.lon, open_places, strict=True):
        yield model.density(vector), (float(lat), float(lon)), lat_lon(places)


def of_flow(seen: Sequence[Seen], vague: np.random.Generator | None = None) -> Iterator[Case]:
    """A flow's densities, which hold their own prior, alone or fused with a second clue that says little.

    A second clue that rests on the place of the photo shifts what is truly left open by its own likelihood, so that places are drawn anew.
    """
    for kernels, (lat, lon), places in seen:
        evidence = [clue(kernels, "flow", 0.99)]
        if vague is not None:
            at = scattered(np.array([lat]), np.array([lon]), np.array([_VAGUE_KM]), vague)
            evidence.append(clue(near(*at, _VAGUE_KM), "vague"))
            log_weight = -0.5 * np.square(haversine_km(*places, *at) / _VAGUE_KM)
            weight = np.exp(log_weight - log_weight.max())
            rows = vague.choice(len(weight), len(weight), p=weight / weight.sum())
            places = places[0][rows], places[1][rows]
        yield belief_from(evidence, prior=False), places


def clue(kernels: Kernels, source: str, reliability: float = 0.95) -> Evidence:
    return Evidence(kernels, source, source, "benchmark", reliability, ())


def scattered(lat: Floats, lon: Floats, sigma_km: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Points [n] moved at random, with a standard deviation along each axis."""
    points = unit_vectors(lat, lon)
    step = rng.normal(size=points.shape) * sigma_km[:, None] / EARTH_RADIUS_KM
    return lat_lon(exp_map(points, projected(points, step)))


def line(name: str, score: str, found: Floats) -> str:
    """A row of the table: means, and differences with their intervals."""
    best, densest, mean = found.T
    digits = 0 if score == "geoscore" else 3
    means = " | ".join(f"{column.mean():.{digits}f}" for column in (best, densest, mean))
    apart = " | ".join(interval(best - other, digits) for other in (densest, mean))
    return f"| {name} | {score} | {means} | {apart} |"


def interval(difference: Floats, digits: int) -> str:
    """Mean of paired differences [n] and the 95 % interval of a bootstrap over cases."""
    rng = np.random.default_rng(0)
    means = difference[rng.integers(0, len(difference), (2000, len(difference)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{difference.mean():+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


if __name__ == "__main__":
    main()
