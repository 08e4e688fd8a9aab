"""How often the first candidate is near, beside how often any is: what ranking loses (oracle against achieved)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geo.sphere import Floats
from models.ranker.lists import RankingList

RADII_KM = (25.0, 200.0, 750.0)
Chooser = Callable[[RankingList], Floats]
"""The share [n] of the choice that each candidate of a list gets; sums to 1."""


def by_belief(one: RankingList) -> Floats:
    """The candidate with the most of the belief's mass around it; equals share.

    The part `belief` is its logarithm, which tells small ones apart where trajectories round the probability to 0.
    """
    logs = [candidate.part("belief") for candidate in one.candidates]
    known = [value for value in logs if value is not None]
    return _first(np.array(known if len(known) == len(logs) else [candidate.probability for candidate in one.candidates]))


def at_random(one: RankingList) -> Floats:
    """Any candidate, so that figures are exact expectations."""
    return np.full(len(one), 1.0 / len(one))


def oracle(one: RankingList) -> Floats:
    """The nearest one: no ranking can do better."""
    return _first(-one.distance_km)


def by_scores(scores: Callable[[RankingList], Floats]) -> Chooser:
    """The candidate of the highest score; equals share."""
    return lambda one: _first(scores(one))


def accuracy(lists: Sequence[RankingList], choose: Chooser, without: int = 0) -> dict[str, Any]:
    """Shares of all photos with the chosen candidate within each radius (`<`), and the mean distance of what was chosen.

    `without` photos have no candidate: they count as misses, and have no distance. None where there is nothing to count.
    """
    photos = len(lists) + without
    chosen = [(choose(one), one.distance_km) for one in lists]
    figures: dict[str, Any] = {"photos": photos, "with candidates": len(lists)}
    for km in RADII_KM:
        hits = float(sum(float(share[far < km].sum()) for share, far in chosen))
        figures[f"accuracy@{km:g}"] = hits / photos if photos else None
    figures["mean_km"] = float(np.mean([float(share @ far) for share, far in chosen])) if chosen else None
    return figures


def gain(lists: Sequence[RankingList], choose: Chooser, over: Chooser, km: float = 200.0) -> tuple[float, float | None]:
    """How much more often the choice lies within `km` than that of another chooser, list by list: mean and one standard error.

    The standard error is None for fewer than two lists. Raises ValueError for none.
    """
    if not lists:
        raise ValueError("no lists to compare on")
    more = np.array([float((choose(one) - over(one))[one.distance_km < km].sum()) for one in lists])
    return float(more.mean()), float(more.std(ddof=1) / np.sqrt(len(more))) if len(more) > 1 else None


def _first(values: Floats) -> Floats:
    best = (values == values.max()).astype(np.float64)
    return np.asarray(best / best.sum())
