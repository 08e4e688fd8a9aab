"""What a case knows of its ledger: the belief of the very entries that it is given, in whatever order ledgers come."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from agent.case import Case
from agent.policies import Policy
from agent.policies.scripted import Scripted
from geo.belief import Belief
from geo.evidence import Evidence, near
from tests.rl_training.reward_cases import StillPhoto


def entry(call: str, lat: float, lon: float) -> dict[str, Any]:
    return {**Evidence(near(lat, lon, 50.0), f"{lat}", f"{call} {lat}", "find_place", 0.9).to_json(), "call": call}


PORTO, VIENNA, LISBON = entry("c1", 41.15, -8.61), entry("answer", 48.21, 16.37), entry("answer", 38.72, -9.14)


@pytest.mark.parametrize("ledger", [[PORTO], [PORTO, LISBON], [LISBON, PORTO], [PORTO, VIENNA, LISBON], []])
def test_a_ledger_means_the_same_whatever_was_asked_before(ledger: list[dict[str, Any]]) -> None:
    def case() -> Case:
        return Case(StillPhoto(), Policy("none", Scripted(replies=[AIMessage("")])), {})

    def bits(one: Case, entries: list[dict[str, Any]]) -> float:
        return one.read_off(entries, "bits", Belief.gain_bits)

    before = case()
    for earlier in ([PORTO, VIENNA], [PORTO], [PORTO, VIENNA], [PORTO, VIENNA, LISBON], [VIENNA]):
        bits(before, earlier)
        assert bits(before, ledger) == bits(case(), ledger)
    assert before.normalisers([PORTO, dict(LISBON)]) == case().normalisers([PORTO, LISBON])
    assert bits(before, [PORTO, VIENNA]) != bits(before, [PORTO, LISBON])
