"""Numbers that describe each candidate within its list; they do not depend on the order of the list, nor on any text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from geo.sphere import Floats, haversine_km
from models.ranker.candidates import PARTS, SOURCES, BeliefSummary, Candidate

RADII_KM = (25.0, 200.0, 750.0)
_LARGEST = 50.0
_FLOOR = 1e-6

FEATURES: tuple[str, ...] = (
    *(f"{part}:{what}" for part in PARTS for what in ("known", "value", "below best", "1/rank")),
    *(f"source:{kind}" for kind in SOURCES),
    "log probability", "probability 1/rank",
    *(f"{what} within {km:g} km" for km in RADII_KM for what in ("candidates", "share", "probability")),
    "belief guess known", "log km to belief guess", "entropy known", "entropy", "log candidates",
)  # fmt: skip
"""Names of the columns, in their order. Where a part is missing, its numbers are 0 and `known` is 0."""


def features(candidates: Sequence[Candidate], belief: BeliefSummary | None = None) -> Floats:
    """[n, len(FEATURES)], row i for candidate i; the same candidates in another order give the same rows, to the last bit."""
    order = sorted(range(len(candidates)), key=lambda i: _key(candidates[i]))
    table = np.zeros((len(candidates), len(FEATURES)))
    if order:
        table[order] = _in_order([candidates[i] for i in order], belief or BeliefSummary())
    return table


def _in_order(candidates: Sequence[Candidate], belief: BeliefSummary) -> Floats:
    columns = [column for part in PARTS for column in _of_part([candidate.part(part) for candidate in candidates])]
    columns += [np.log1p([candidate.sources[kind] for candidate in candidates]) for kind in range(len(SOURCES))]
    probability = np.array([candidate.probability for candidate in candidates])
    columns += [np.log(np.maximum(probability, _FLOOR)), 1.0 / _ranks(probability)]
    columns += _around(candidates, probability)
    columns += _of_belief(candidates, belief)
    return np.clip(np.stack(columns, axis=1), -_LARGEST, _LARGEST)


def _of_part(values: Sequence[float | None]) -> list[Floats]:
    """Known, value, value below the best of the list, and one over the rank: equals share the best rank among them."""
    known = np.array([value is not None for value in values])
    value = np.array([0.0 if value is None else value for value in values])
    if not known.any():
        return [np.zeros(len(values))] * 4
    below = np.where(known, value - value[known].max(), 0.0)
    return [known.astype(np.float64), value, below, np.where(known, 1.0 / _ranks(np.where(known, value, -np.inf)), 0.0)]


def _ranks(values: Floats) -> Floats:
    """One plus how many are greater [n]."""
    return np.asarray(1.0 + (values[None, :] > values[:, None]).sum(axis=1))


def _around(candidates: Sequence[Candidate], probability: Floats) -> list[Floats]:
    """Other candidates within each radius: how many, which share of them, and what probability they have together."""
    lat, lon = (np.array([getattr(candidate, axis) for candidate in candidates]) for axis in ("lat", "lon"))
    distance = haversine_km(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
    others = ~np.eye(len(candidates), dtype=np.bool_)
    columns: list[Floats] = []
    for km in RADII_KM:
        near = (distance <= km) & others
        count = near.sum(axis=1).astype(np.float64)
        together = np.array([math.fsum(probability[row].tolist()) for row in near])
        columns += [np.log1p(count), count / max(1, len(candidates) - 1), together]
    return columns


def _of_belief(candidates: Sequence[Candidate], belief: BeliefSummary) -> list[Floats]:
    n = len(candidates)
    guessed = belief.lat is not None and belief.lon is not None
    far = np.zeros(n)
    if belief.lat is not None and belief.lon is not None:
        km = [float(haversine_km(belief.lat, belief.lon, candidate.lat, candidate.lon)) for candidate in candidates]
        far = np.log1p(np.array(km) / RADII_KM[0])
    entropy = belief.entropy_bits
    alike = (float(guessed), None, float(entropy is not None), (entropy or 0.0) / 10.0, math.log(n))
    return [far if value is None else np.full(n, value) for value in alike]


def _key(candidate: Candidate) -> tuple[float, ...]:
    parts = [math.inf if (value := candidate.part(name)) is None else value for name in PARTS]
    return (candidate.lat, candidate.lon, candidate.probability, *parts, *candidate.sources)
