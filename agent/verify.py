"""Weigh the pooled candidates by what all evidence says of them (the place of G3's geo-verification, arXiv 2405.14702).

G3 scores a candidate by one learned similarity between photo and coordinates. Here everything that was found counts: the verdict on a
candidate is the belief's mass within `VERIFY_RADIUS_KM` of it. The belief has multiplied each piece of evidence in once, so the parts
that stand beside the verdict explain it and are never added to it: nothing is counted twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from agent.answer import PolicyAnswer, label_of
from agent.candidates import RETRIEVAL_TOOL, PooledCandidate
from geo.belief import Belief
from geo.density_at import cell_at
from geo.gazetteer import gazetteer
from geo.product import Clues
from geo.sphere import Floats

VERIFY_RADIUS_KM = 25.0

FLOOR_MASS = 1e-12
"""What stands for no mass at all (a candidate outside the search area) under the logarithm."""

LEARNED_TOOL = "estimate"


def verified(
    pooled: Sequence[PooledCandidate],
    belief: Belief,
    answer: PolicyAnswer | None,
    voted: bool,
    radius_km: float = VERIFY_RADIUS_KM,
    scores: Mapping[str, Floats] | None = None,
) -> list[dict[str, Any]]:
    """The candidates as plain data, the most probable first.

    Each has `lat`, `lon`, `label` (what lies there), `name` (what a source called it), `provenance` (its sources), `probability` (the
    belief's mass within `radius_km`; circles may overlap) and `parts`, where None means that the part has nothing to say:

    - `belief`: natural logarithm of that probability;
    - `neighbours`: natural logarithm of how much likelier the evidence of retrieval is at the point than on average;
    - `learned`: the same for the evidence of the learned geolocators;
    - `policy`: the probability that the policy's own answer gave to the candidate; 0 where it named other places alone;
    - `votes`: the share of the votes that went to it; None unless some were cast (`voted`);
    - `score:MODEL`: what a learned model says of the very point (G3's similarity of photo and coordinates), for each of the `scores`, each
      an array over `pooled`: natural logarithm of how likely it is against the likeliest candidate.
    """
    retrieval, learned = (_clues_of(belief, tool) for tool in (RETRIEVAL_TOOL, LEARNED_TOOL))
    judged = bool(answer and answer.candidates)
    rows = []
    for row, candidate in enumerate(pooled):
        mass = belief.mass_within(candidate.lat, candidate.lon, radius_km)
        parts = {
            "belief": math.log(max(mass, FLOOR_MASS)),
            "neighbours": log_ratio(retrieval, candidate.lat, candidate.lon),
            "learned": log_ratio(learned, candidate.lat, candidate.lon),
            "policy": candidate.support.get("policy", 0.0) if judged else None,
            "votes": candidate.votes if voted else None,
            **{f"score:{model}": float(values[row] - values.max()) for model, values in (scores or {}).items()},
        }
        rows.append((-mass, -candidate.weight, candidate.lat, candidate.lon, _described(candidate, mass, parts)))
    return [ranked[-1] for ranked in sorted(rows, key=lambda ranked: ranked[:-1])]


def log_ratio(clues: Clues | None, lat: float, lon: float) -> float | None:
    """Natural logarithm of how much likelier these clues are at a point (its cell of 0.4 km) than on average under the prior.

    Clues of one source are averaged and sources multiply, as in the belief. None without clues.
    """
    return float(clues.log_product(cell_at(lat, lon))[0]) if clues else None


def _clues_of(belief: Belief, tool: str) -> Clues | None:
    rows = [row for row, item in enumerate(belief.evidence) if item.tool == tool]
    return belief.clues.pick(rows) if rows else None


def _described(candidate: PooledCandidate, mass: float, parts: Mapping[str, float | None]) -> dict[str, Any]:
    here = gazetteer().reverse(candidate.lat, candidate.lon)
    return {
        "lat": round(candidate.lat, 5), "lon": round(candidate.lon, 5),
        "label": label_of({"city": here.city, "region": here.region, "country_name": here.country_name}),
        "name": candidate.name, "provenance": sorted(candidate.support), "probability": round(mass, 4),
        "parts": {name: None if value is None else round(value, 4) for name, value in parts.items()},
    }  # fmt: skip
