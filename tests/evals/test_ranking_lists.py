"""Lists from runs: what counts, what is missed, and what cannot be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.answer import Candidate, PolicyAnswer
from agent.candidates import PooledCandidate
from agent.verify import verified
from evals.ranking_lists import joined, lists_of_run
from evals.record import Record, Truth
from evals.run_folder import RunError, RunFolder
from geo.belief import Belief
from models.ranker.candidates import PARTS, read_candidates

LISBON = Truth(38.7223, -9.1393, "PT", "Lisbon", "Lisbon")


def candidate(lat: float, lon: float, probability: float, **parts: float | None) -> dict[str, Any]:
    return {
        "lat": lat,
        "lon": lon,
        "label": "x",
        "name": "y",
        "provenance": ["belief"],
        "probability": probability,
        "parts": parts,
    }


def trajectory(key: str, candidates: Any) -> dict[str, Any]:
    return {"version": 1, "photo": key, "stop": "answered", "belief": {"entropy_bits": 14.0}, "best_guess": {"lat": 38.7, "lon": -9.1},
            "candidates": candidates}  # fmt: skip


def run(folder: Path, truths: list[Truth], *lines: dict[str, Any]) -> RunFolder:
    def never() -> Any:
        raise AssertionError("no photo is opened")

    found = RunFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found.begin(
        {"benchmark": "some", "policy": "test", "settings": {}}, [Record(f"r{i}", t, never) for i, t in enumerate(truths)]
    )
    for line in lines:
        found.append(line)
    return found


def test_every_photo_of_a_run_is_accounted_for(tmp_path: Path) -> None:
    derived = Truth(38.7, -9.1, "PT", None, "Lisbon", derived=("point",))
    folder = run(
        tmp_path / "r", [LISBON, LISBON, LISBON, derived, Truth(country="PT"), LISBON],
        trajectory("r0", [candidate(38.7, -9.1, 0.2, belief=-1.6), candidate(40.4, -3.7, 0.7, belief=-0.4), candidate(99.0, 0.0, 0.1)]),
        trajectory("r1", []), trajectory("r2", "damaged"), trajectory("r3", [candidate(1.0, 1.0, 1.0)]), trajectory("r4", []),
    )  # fmt: skip
    found = lists_of_run(folder)
    assert (len(found.data), found.without, found.unplaced) == (1, 3, 2)
    one = found.data.lists[0]
    assert one.distance_km == pytest.approx([4.2, 502.0], abs=2.0)
    assert one.belief.entropy_bits == 14.0
    assert one.belief.lat == 38.7
    assert found.data.source == "run r (1 photos)"


def test_sources_are_joined(tmp_path: Path) -> None:
    folder = run(tmp_path, [LISBON], trajectory("r0", [candidate(38.7, -9.1, 0.2)]))
    part = lists_of_run(folder).data
    assert len(joined([part, part])) == 2
    with pytest.raises(ValueError, match="no list"):
        joined([])
    with pytest.raises(RunError):
        lists_of_run(RunFolder(tmp_path / "none"))


def test_what_verification_gives_is_what_the_ranker_reads() -> None:
    pooled = [
        PooledCandidate(38.7, -9.1, "Lisbon", {"policy": 0.6, "retrieval:a": 0.5}),
        PooledCandidate(41.1, -8.6, "", {"belief": 0.2}),
    ]
    answer = PolicyAnswer(candidates=[Candidate(lat=38.7, lon=-9.1, probability=0.6)])
    found = verified(pooled, Belief.start(), answer, voted=True, scores={"m": np.array([-1.0, -2.0])})
    parts = {"models" if name.startswith("score:") else name for row in found for name in row["parts"]}
    assert parts <= set(PARTS), "a part that the ranker would not look at"
    read = {candidate.lat: candidate for candidate in read_candidates(found)}
    assert read[38.7].sources == (1, 0, 1, 0)
    assert read[38.7].part("policy") == 0.6
    assert read[41.1].part("models") == -1.0
    assert read[41.1].part("votes") == 0.0
    assert read[41.1].part("learned") is None
