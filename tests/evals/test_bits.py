"""Bits at the truth: saved numbers, the belief built again, and the belief itself say the same."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from evals.bits import truth_bits
from geo.belief import Belief
from geo.evidence import Evidence, Regions, near

LISBON = (38.7223, -9.1393)
EARTH_KM2 = 4 * np.pi * 6371.0088**2
CALLS = (
    ("c1", Evidence(Regions({"PT": 1.0}), "a phone number", "text:1", "read_text", 0.9)),
    ("c1", Evidence(near(*LISBON, 20.0), "a name", "text:2", "read_text", 0.6)),
    ("c2", Evidence(near(48.85, 2.35, 10.0), "a poster", "text:3", "find_place", 0.5)),
)


def trajectory(saved: bool) -> dict[str, Any]:
    """As `agent.locate` saves it; without `saved` as versions before the means did."""
    belief, normalisers = Belief.start(), []
    for call in ("c1", "c2"):
        belief = belief.update(*(e for name, e in CALLS if name == call))
        normalisers.append([call, belief.log_normaliser()])
    ledger = [{**e.to_json(), "call": c, "mean": m} for (c, e), m in zip(CALLS, belief.clues.means, strict=True)]
    found = {"best_guess": {}, "belief": {}, "area": None, "ledger": ledger, "normalisers": normalisers}
    if not saved:
        del found["normalisers"]
        for entry in ledger:
            del entry["mean"]
    data: dict[str, Any] = json.loads(json.dumps(found))
    return data


@pytest.mark.parametrize("saved", [True, False])
def test_as_the_belief_says(saved: bool) -> None:
    bits = truth_bits(trajectory(saved), *LISBON)
    assert bits is not None
    belief = Belief.start().update(*(e for _, e in CALLS))
    row = int(belief.cells.rows_at([LISBON[0]], [LISBON[1]])[0])
    assert bits.uniform == pytest.approx(float(np.log2(belief.density()[row] * EARTH_KM2)), abs=0.4)
    assert bits.prior == pytest.approx(sum(bits.of_calls.values()))
    assert bits.of_calls["c1"] > 5
    assert bits.of_calls["c2"] == pytest.approx(0.0, abs=0.05), (
        "a belief that is sure of Lisbon loses nothing to a poster of Paris"
    )


def test_without_evidence_there_are_no_bits_over_the_prior() -> None:
    bits = truth_bits({"best_guess": {}, "belief": {}, "area": None, "ledger": [], "normalisers": []}, *LISBON)
    assert bits is not None
    assert (bits.prior, bits.of_calls) == (0.0, {})
    assert bits.uniform > 3


@pytest.mark.parametrize("damage", [
    {"best_guess": None}, {"ledger": [{"call": "x"}]}, {"ledger": None}, {"area": "nowhere"}, {"ledger": [{"call": "c", "likelihood": 3}]},
])  # fmt: skip
def test_damaged_runs_have_no_bits(damage: dict[str, Any]) -> None:
    assert truth_bits({**trajectory(True), **damage}, *LISBON) is None


def test_numbers_that_are_not_finite_are_computed_again() -> None:
    damaged = trajectory(True)
    damaged["ledger"][0]["mean"] = float("inf")
    whole = truth_bits(trajectory(True), *LISBON)
    assert whole is not None
    assert truth_bits(damaged, *LISBON) == whole


def test_a_clue_for_elsewhere_costs_what_its_reliability_says() -> None:
    alone = CALLS[2][1]
    belief = Belief.start().update(alone)
    found = {"best_guess": {}, "belief": {}, "area": None, "normalisers": [["c", belief.log_normaliser()]],
             "ledger": [{**alone.to_json(), "call": "c", "mean": belief.clues.means[0]}]}  # fmt: skip
    bits = truth_bits(found, *LISBON)
    assert bits is not None
    assert bits.of_calls["c"] == pytest.approx(-1.0, abs=0.05), "log2 of 1 - 0.5"
