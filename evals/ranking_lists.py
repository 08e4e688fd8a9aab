"""The candidates of finished investigations with the truth beside them: what a ranker of candidates learns from and is judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.record import Truth
from evals.run_folder import RunFolder
from models.geolocator import ModelError
from models.ranker.candidates import BeliefSummary, read_candidates
from models.ranker.lists import RankingData, RankingList


@dataclass(frozen=True, eq=False)
class RunLists:
    """The lists of a run, and what of it made none."""

    data: RankingData
    without: int
    """Photos whose place is known and that have no candidate (not run, failed, nothing found): every ranking misses them."""
    unplaced: int
    """Photos whose place is not known, or only as the middle of a city: no distance can be told."""


def lists_of_run(run: RunFolder) -> RunLists:
    """One list for each photo of a run, in its order. Raises RunError."""
    run.manifest()  # says in one line where there is no run
    trajectories = run.trajectories()
    lists: list[RankingList] = []
    without = unplaced = 0
    for record in run.records():
        truth = Truth.from_json(record["truth"])
        if truth.lat is None or truth.lon is None or "point" in truth.derived:
            unplaced += 1
            continue
        one = _list(str(record["id"]), truth.lat, truth.lon, trajectories.get(record["id"]))
        if len(one):
            lists.append(one)
        else:
            without += 1
    return RunLists(RankingData(lists, f"run {run.path.name[:60]} ({len(lists):,} photos)", 0, without), without, unplaced)


def joined(parts: Sequence[RankingData]) -> RankingData:
    """Lists of several sources as one. Raises ValueError for none at all."""
    lists = [one for part in parts for one in part.lists]
    if not lists:
        raise ValueError("there is no list of candidates: nothing was found for any photo whose place is known")
    source = "; ".join(part.source for part in parts)
    return RankingData(lists, source[:400], sum(part.damaged for part in parts), sum(part.left_out for part in parts))


def _list(photo: str, lat: float, lon: float, trajectory: Mapping[str, Any] | None) -> RankingList:
    """The candidates of one trajectory; none where it has none, or none that can be read."""
    trajectory = trajectory or {}
    try:
        candidates = tuple(read_candidates(trajectory.get("candidates") or []))
    except ModelError:
        candidates = ()
    return RankingList(photo, lat, lon, candidates, BeliefSummary.read(trajectory.get("belief"), trajectory.get("best_guess")))
