"""Where the photo may have been taken, pooled from everything that suggested a place: the policy, retrieval, votes, the belief.

What ranks the pool is in `agent/verify.py`. Ranking can only find what the pool holds, so that every source counts (G3,
arXiv 2405.14702, pools what its prompts say with what its retrieval found).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.answer import PolicyAnswer, label_of
from geo.sphere import haversine_km, wrap_lon
from tools.quote import clean

POOL_RADIUS_KM = 25.0
"""Suggestions this near to each other are one candidate: the field's threshold for "the same city"."""

MAX_CANDIDATES = 64

MAX_HITS = 64
"""Similar photos that are taken into a pool, the likest first."""

RETRIEVAL_TOOL = "find_similar"


@dataclass(frozen=True)
class PooledCandidate:
    """A place with what suggested it.

    `support` has a key for each source (`policy`, `belief`, `retrieval:ID`, `vote:zero`, `vote:k=5`) and how far that source stands
    behind the place: a probability, a share of all votes, or one over the rank among the hits.
    """

    lat: float
    lon: float
    name: str
    support: Mapping[str, float]

    @property
    def weight(self) -> float:
        """The sum of its support: the order in which candidates are pooled, not a probability."""
        return math.fsum(self.support.values())

    @property
    def votes(self) -> float:
        """Share of all votes that went to it."""
        return math.fsum(share for source, share in self.support.items() if source.startswith("vote:"))


def pool(
    suggested: Iterable[PooledCandidate], radius_km: float = POOL_RADIUS_KM, most: int = MAX_CANDIDATES
) -> list[PooledCandidate]:
    """At most `most` candidates, the heaviest first, each more than `radius_km` away from every other.

    Greedy: the heaviest suggestion takes all that lie within the radius (great-circle distance), and so on with those that are left.
    A candidate has the coordinates of its heaviest member, the first name in that order, and the support of all of them. The order of
    what is given does not matter, and pooling a pool changes nothing. What is no point on the Earth is left out.
    """
    points = sorted(filter(_is_point, suggested), key=_order)
    lat, lon = (np.array([getattr(point, name) for point in points]) for name in ("lat", "lon"))
    free = np.ones(len(points), dtype=np.bool_)
    pooled: list[PooledCandidate] = []
    for first in range(len(points)):
        if free[first]:
            near = free & (haversine_km(lat[first], lon[first], lat, lon) <= radius_km)
            free &= ~near
            pooled.append(_merged([points[row] for row in np.flatnonzero(near)]))
    return sorted(pooled, key=_order)[:most]


def _is_point(candidate: PooledCandidate) -> bool:
    return math.isfinite(candidate.lon) and abs(candidate.lat) <= 90.0


def _order(candidate: PooledCandidate) -> tuple[Any, ...]:
    """Heaviest first; equals in an order of their own, so that the result is the same every time."""
    return (-candidate.weight, candidate.lat, candidate.lon, candidate.name, sorted(candidate.support))


def _merged(members: Sequence[PooledCandidate]) -> PooledCandidate:
    support: dict[str, float] = {}
    for member in members:
        for source, weight in member.support.items():
            support[source] = support.get(source, 0.0) + weight
    name = next((member.name for member in members if member.name), "")
    return PooledCandidate(members[0].lat, float(wrap_lon(members[0].lon)), name, support)


# -- what the sources suggest


def from_answer(answer: PolicyAnswer | None) -> Iterator[PooledCandidate]:
    """The places of a policy's answer, each with the probability that it gave."""
    for candidate in answer.candidates if answer else ():
        if candidate.lat is not None and candidate.lon is not None and candidate.probability > 0:
            yield PooledCandidate(candidate.lat, candidate.lon, candidate.place, {"policy": candidate.probability})


def from_retrieval(steps: Iterable[Mapping[str, Any]]) -> Iterator[PooledCandidate]:
    """The photos that calls of `find_similar` found (`step["data"]["hits"]`), the likest first, each once, and the modes of their densities."""
    steps = [step for step in steps if step["tool"].startswith(RETRIEVAL_TOOL)]
    yield from (PooledCandidate(*mode, "", {"retrieval:mode": 1.0}) for step in steps if (mode := _mode(step)))
    best: dict[tuple[str, str], tuple[float, float, float, str]] = {}
    for tool, hit in ((step["tool"], hit) for step in steps for hit in _hits(step)):
        try:
            lat, lon, similarity = (float(hit[key]) for key in ("lat", "lon", "similarity"))
            name = clean(str(hit.get("place") or ""), 120)
            key = tool, str(hit["id"])
        except (KeyError, TypeError, ValueError):
            continue  # a hit without a place suggests none
        if math.isfinite(similarity) and similarity > best.get(key, (-math.inf,))[0]:
            best[key] = (similarity, lat, lon, name)
    ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:MAX_HITS]
    for rank, (key, (_, lat, lon, name)) in enumerate(ranked, 1):
        yield PooledCandidate(lat, lon, name, {f"retrieval:{clean(key[1], 80)}": 1.0 / rank})


def _mode(step: Mapping[str, Any]) -> tuple[float, float] | None:
    data = step.get("data")
    try:
        lat, lon = (float(v) for v in data["mode"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return None
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _hits(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = step.get("data")
    hits = data.get("hits") if isinstance(data, Mapping) else None
    return [hit for hit in hits if isinstance(hit, Mapping)] if isinstance(hits, list) else []


def from_places(places: Iterable[Mapping[str, Any]]) -> Iterator[PooledCandidate]:
    """The peaks of a belief, as `NamedPlace.to_json` has them."""
    for place in places:
        yield PooledCandidate(float(place["lat"]), float(place["lon"]), label_of(place), {"belief": float(place["probability"])})
