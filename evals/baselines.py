"""Answers that look at no photo, or look at it without thinking: what a policy has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from evals.levels import levels_of_points
from evals.row import Guess, Row
from geo.belief import Belief
from geo.density_at import prior_bits
from geo.gazetteer import gazetteer
from geo.score import geoscore
from geo.sphere import Floats, haversine_km, unit_vectors

CONSTANT = "constant (in hindsight)"
POPULATION = "population prior"
PHOTO_PRIOR = "photo prior"
_CANDIDATES = 4000
_CITIES = 6000


def blind_baselines(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of the baselines that need no photo, over the same records; none where no truth has coordinates."""
    points = np.array([(r.truth.lat, r.truth.lon) for r in rows if r.truth.lat is not None], dtype=np.float64).reshape(-1, 2)
    if not len(points):
        return {}
    prior = _photo_prior()
    with_bits = [
        replace(row, bits_prior=0.0, bits_uniform=round(prior_bits(row.truth.lat, row.truth.lon), 4))
        if row.truth.lat is not None and row.truth.lon is not None
        else row
        for row in _answered(rows, prior)
    ]
    return {
        CONSTANT: _answered(rows, _named(*best_constant(points[:, 0], points[:, 1]))),
        POPULATION: _answered(rows, _population_prior()),
        PHOTO_PRIOR: with_bits,
    }


def best_constant(lat: Floats, lon: Floats) -> tuple[float, float]:
    """The one point of these [n] whose mean geoscore over all of them is highest: chosen in hindsight, so a bound for every
    constant answer among them. Of more than 4,000 points an even choice stands for candidates."""
    chosen = np.unique(np.linspace(0, len(lat) - 1, min(len(lat), _CANDIDATES)).astype(np.intp))
    best = _highest(lat[chosen], lon[chosen], lat, lon, np.ones(len(lat)))
    return float(lat[chosen[best]]), float(lon[chosen[best]])


def _highest(lat: Floats, lon: Floats, of_lat: Floats, of_lon: Floats, weight: Floats) -> int:
    """The candidate with the highest weighted geoscore over points, in chunks."""
    vectors, totals = unit_vectors(of_lat, of_lon), []
    for start in range(0, len(lat), 500):
        part = slice(start, start + 500)
        cosine = np.clip(unit_vectors(lat[part], lon[part]) @ vectors.T, -1.0, 1.0)
        totals.append(geoscore(np.arccos(cosine) * 6371.0088) @ weight)
    return int(np.argmax(np.concatenate(totals)))


@cache
def _population_prior() -> Guess:
    """The city with the highest expected geoscore when everybody alive is as likely to be the photographer."""
    known = gazetteer()
    large = np.argsort(-known.population.astype(np.int64))[:_CITIES]
    lat, lon, people = known.place_lat[large], known.place_lon[large], known.population[large].astype(np.float64)
    best = _highest(lat[:1500], lon[:1500], lat, lon, people)
    distance = haversine_km(lat[best], lon[best], lat, lon)
    return replace(_named(float(lat[best]), float(lon[best])), probability=_share(distance, people, 50.0),
                   radius50_km=_quantile(distance, people, 0.5), radius90_km=_quantile(distance, people, 0.9))  # fmt: skip


@cache
def _photo_prior() -> Guess:
    """The best point of the belief before any evidence, with its radii."""
    belief = Belief.start()
    lat, lon = belief.best()
    return replace(_named(lat, lon), probability=round(belief.mass_within(lat, lon, 50.0), 6),
                   radius50_km=round(belief.radius_km(lat, lon, 0.5), 2), radius90_km=round(belief.radius_km(lat, lon, 0.9), 2))  # fmt: skip


def _share(distance: Floats, weight: Floats, radius_km: float) -> float:
    return round(float(weight[distance < radius_km].sum() / weight.sum()), 6)


def _quantile(distance: Floats, weight: Floats, share: float) -> float:
    """The distance within which a share of the weight lies."""
    order = np.argsort(distance)
    total = np.cumsum(weight[order])
    return round(float(distance[order][np.searchsorted(total, share * total[-1])]), 2)


def _named(lat: float, lon: float) -> Guess:
    here = gazetteer().reverse(lat, lon)
    label = ", ".join(dict.fromkeys(part for part in (here.city, here.region, here.country_name) if part)) or "at sea"
    return Guess(round(lat, 5), round(lon, 5), label, here.country, here.region, here.city)


def _answered(rows: Sequence[Row], guess: Guess) -> list[Row]:
    """Every record answered with one guess."""
    n = len(rows)
    verdicts = levels_of_points([row.truth for row in rows], np.full(n, guess.lat), np.full(n, guess.lon))
    return [
        Row(row.id, row.kind, row.truth, row.columns, guess, _km(row, guess), levels, stop="answered")
        for row, levels in zip(rows, verdicts, strict=True)
    ]  # fmt: skip


def _km(row: Row, guess: Guess) -> float | None:
    if row.truth.lat is None or row.truth.lon is None:
        return None
    return round(float(haversine_km(row.truth.lat, row.truth.lon, guess.lat, guess.lon)), 4)
