"""Verifying: the parts against their closed forms, the verdict against the belief."""

from __future__ import annotations

import json
import math

import pytest

from agent.answer import Candidate, PolicyAnswer
from agent.candidates import PooledCandidate
from agent.verify import FLOOR_MASS, log_ratio, verified
from geo.area import parse_area
from geo.belief import Belief
from geo.evidence import Evidence, Regions, near
from geo.sphere import EARTH_AREA_KM2, EARTH_RADIUS_KM

PORTO, LISBON, TOKYO = (41.15, -8.61), (38.72, -9.14), (35.68, 139.7)
SIGMA_KM = 10.0


def clue(point: tuple[float, float], tool: str, reliability: float = 0.9, source: str = "picture") -> Evidence:
    return Evidence(near(*point, SIGMA_KM), "a clue", source, tool, reliability)


def at(point: tuple[float, float], **support: float) -> PooledCandidate:
    return PooledCandidate(*point, "", support or {"belief": 0.1})


def test_the_parts_of_one_clue_have_their_closed_forms() -> None:
    belief = Belief.start(prior=False).update(clue(PORTO, "find_similar"))
    porto, tokyo = verified([at(TOKYO), at(PORTO)], belief, None, voted=False)
    # A plane Gaussian holds 1 - exp(-r²/2σ²) within r; the rest of the trust is spread over the Earth.
    mass = 0.9 * (1.0 - math.exp(-0.5 * (25.0 / SIGMA_KM) ** 2)) + 0.1 * math.pi * 25.0**2 / EARTH_AREA_KM2
    assert porto["probability"] == pytest.approx(mass, rel=0.01)
    assert porto["parts"]["belief"] == pytest.approx(math.log(mass), abs=0.01)
    # The kernel's peak is kappa / 2π per steradian, its mean 1 / 4π.
    assert porto["parts"]["neighbours"] == pytest.approx(math.log(0.9 * 2.0 * (EARTH_RADIUS_KM / SIGMA_KM) ** 2 + 0.1), abs=0.01)
    assert tokyo["parts"]["neighbours"] == pytest.approx(math.log(0.1), abs=1e-3)
    assert [porto["parts"][name] for name in ("learned", "policy", "votes")] == [None, None, None]
    assert porto["label"] == "Porto, Portugal"
    assert tokyo["label"].endswith("Japan")


def test_clues_of_one_source_are_averaged_and_sources_multiply() -> None:
    two = (clue(PORTO, "find_similar"), clue(LISBON, "find_similar"))
    peak = 0.9 * 2.0 * (EARTH_RADIUS_KM / SIGMA_KM) ** 2 + 0.1
    for evidence, expected in (
        (two, math.log((peak + 0.1) / 2)),
        ((clue(PORTO, "estimate"), clue(PORTO, "estimate", source="other")), 2 * math.log(peak)),
    ):
        belief = Belief.start(prior=False).update(*evidence)
        assert log_ratio(belief.clues, *PORTO) == pytest.approx(expected, abs=0.02)
    assert log_ratio(None, *PORTO) is None


def test_the_belief_ranks_and_nothing_is_added_to_it() -> None:
    evidence = (clue(LISBON, "read_text", 0.95, "text"), clue(PORTO, "find_similar", 0.6), clue(PORTO, "estimate", 0.6))
    belief = Belief.start().update(*evidence)
    rows = verified(
        [at(PORTO, policy=0.9), at(LISBON), at(TOKYO)], belief, PolicyAnswer(candidates=[Candidate(lat=1, lon=1)]), voted=True
    )
    assert [row["lat"] for row in rows] == [LISBON[0], PORTO[0], TOKYO[0]]
    for row in rows:
        assert row["probability"] == pytest.approx(belief.mass_within(row["lat"], row["lon"], 25.0), abs=1e-4)
    assert rows[1]["parts"]["learned"] > 0 > rows[0]["parts"]["learned"]
    assert [row["parts"]["policy"] for row in rows] == [0.0, 0.9, 0.0]


def test_policy_and_votes_have_nothing_to_say_where_none_spoke() -> None:
    belief = Belief.start()
    pooled = [at(PORTO, **{"policy": 0.5, "vote:zero": 0.25, "vote:k=5": 0.125}), at(LISBON)]
    answered = PolicyAnswer(candidates=[Candidate(lat=PORTO[0], lon=PORTO[1], probability=0.5)])
    porto, lisbon = sorted(verified(pooled, belief, answered, voted=True), key=lambda row: -row["lat"])
    assert (porto["parts"]["policy"], porto["parts"]["votes"]) == (0.5, 0.375)
    assert (lisbon["parts"]["policy"], lisbon["parts"]["votes"]) == (0.0, 0.0)
    assert porto["provenance"] == ["policy", "vote:k=5", "vote:zero"]
    for row in verified(pooled, belief, PolicyAnswer(), voted=False):
        assert (row["parts"]["policy"], row["parts"]["votes"]) == (None, None)


def test_a_candidate_outside_the_search_area_has_a_finite_floor() -> None:
    belief = Belief.start(area=parse_area("PT")).update(Evidence(Regions({"PT": 1.0}), "Portugal", "text", "read_text", 0.9))
    porto, tokyo = verified([at(TOKYO), at(PORTO)], belief, None, voted=False)
    assert porto["lat"] == PORTO[0]
    assert (tokyo["probability"], tokyo["parts"]["belief"]) == (0.0, pytest.approx(math.log(FLOOR_MASS), abs=1e-4))
    json.dumps([porto, tokyo], allow_nan=False)
