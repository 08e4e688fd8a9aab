"""Whether looking on pays: measured in bits, told in words, and the end of a case that tells next to nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from agent.case import Case
from agent.graph import build_graph
from agent.limits import Limits
from agent.outlook import TYPICAL_BITS, Outlook, outlook
from agent.policies import Policy
from agent.policies.scripted import Scripted
from geo.belief import Belief, belief_from
from geo.evidence import Evidence, near
from geo.naming import belief_line
from tests.rl_training.reward_cases import StillPhoto
from tools.observation import Arguments, Observation, Tool, ToolContext, refusal

PORTO = Evidence(near(41.15, -8.61, 5.0), "a sign", "text", "look", 0.9)


class Looks(Tool):
    """Tells something on the turns that it is told to, else nothing."""

    name = "look"
    description = "look"
    arguments = Arguments

    def __init__(self, *told: bool) -> None:
        self.told, self.calls = told, 0

    def run(self, arguments: Arguments, context: ToolContext) -> Observation:
        self.calls += 1
        tells = self.calls <= len(self.told) and self.told[self.calls - 1]
        return Observation("a sign", evidence=(PORTO,)) if tells else refusal("nothing was found")


class Zooms(Looks):
    name = "zoom"


class Breaks(Looks):
    def run(self, arguments: Arguments, context: ToolContext) -> Observation:
        raise OSError("no network")


def call(name: str) -> AIMessage:
    return AIMessage(content="", tool_calls=[{"name": name, "args": {}, "id": "1", "type": "tool_call"}])


def investigated(tool: Looks, least: float, answers: bool = True, **limits: Any) -> tuple[dict[str, Any], Scripted]:
    """A case whose policy looks as long as it may."""
    sent: list[list[str]] = []

    class Stubborn(Scripted):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            sent.append([one["function"]["name"] for one in tools])
            only_answer = sent[-1] == ["answer"] and answers
            return self.model_copy(update={"replies": [call("answer")] if only_answer else self.replies})

    model = Stubborn(replies=[call(tool.name)])
    case = Case(StillPhoto(), Policy("stubborn", model), {tool.name: tool}, Limits(least_gain_bits=least, **limits))
    return asyncio.run(build_graph().ainvoke(case.start(), context=case, config={"recursion_limit": 200})), model


def results(state: dict[str, Any]) -> list[str]:
    return [str(m.content) for m in state["messages"] if isinstance(m, ToolMessage)]


def test_expected_gain_is_the_mean_with_one_typical_turn_and_never_more_than_is_left() -> None:
    assert Outlook((), 0.0, 25.0).expected_bits == TYPICAL_BITS
    assert Outlook((0.0,), 0.0, 25.0).expected_bits == TYPICAL_BITS / 2
    assert Outlook((8.0, 0.0), 8.0, 17.0).expected_bits == pytest.approx((TYPICAL_BITS + 8) / 3)
    assert Outlook((8.0,), 8.0, 0.5).expected_bits == 0.5


def test_the_first_turn_always_pays_and_without_a_limit_every_turn_does() -> None:
    assert Outlook((), 0.0, 0.0).pays(32.0)
    assert Outlook((0.0,) * 100, 0.0, 0.0).pays(0.0)
    assert not Outlook((0.0,) * 4, 0.0, 25.0).pays(1.0)
    assert Outlook((0.0,) * 3, 0.0, 25.0).pays(1.0)
    assert Outlook((8.0, *(0.0,) * 10), 8.0, 17.0).pays(1.0)


def test_a_photo_that_tells_nothing_is_given_up_after_four_turns() -> None:
    tool = Looks()
    state, _ = investigated(tool, 1.0)
    assert tool.calls == 4
    assert (state["turns"], state["stop"]) == (5, "answered" if state["result"]["answer"] else "cannot_tell")
    assert state["result"]["outlook"]["told_bits"] == [0.0] * 4
    assert state["result"]["outlook"]["expected_bits"] == pytest.approx(0.8)
    said = next(str(m.content) for m in state["messages"] if m.id == "last5")
    assert "looking on hardly pays: 4 turns told 0.0 bits, and another one is expected to tell 0.8" in said


def test_one_that_tells_a_lot_is_looked_at_to_the_end() -> None:
    tool = Looks(True)
    state, _ = investigated(tool, 1.0)
    assert tool.calls == 11
    assert state["turns"] == 12
    told = state["result"]["outlook"]["told_bits"]
    assert told[0] == pytest.approx(belief_from([PORTO]).gain_bits(), abs=1e-3)
    assert told[1:] == [0.0] * 10


def test_the_policy_reads_what_looking_told() -> None:
    state, _ = investigated(Looks(True), 1.0)
    belief = belief_from([PORTO])
    assert results(state)[0].endswith(
        f"{belief_line(belief)}; looking: {belief.gain_bits():.1f} bits told so far (one bit halves the places that are left);"
        f" another turn is expected to tell {(TYPICAL_BITS + belief.gain_bits()) / 2:.1f} bits, and below 1 you are asked for your answer"
    )


def test_without_the_limit_nothing_ends_and_nothing_is_said() -> None:
    tool = Looks()
    state, _ = investigated(tool, 0.0)
    assert tool.calls == 11
    assert not any("looking" in text for text in results(state))
    assert state["result"]["outlook"]["told_bits"] == [0.0] * 11, "it is measured all the same"


def test_who_gives_no_answer_when_asked_ends_so() -> None:
    state, _ = investigated(Looks(), 1.0, answers=False)
    assert (state["stop"], state["turns"]) == ("no_answer", 5)
    assert state["result"]["best_guess"]


@pytest.mark.parametrize("tool", [Zooms(), Breaks()])
def test_zooms_and_faults_of_the_world_are_no_empty_turns(tool: Looks) -> None:
    state, _ = investigated(tool, 1.0)
    assert state["turns"] == 12
    assert state["result"]["outlook"]["told_bits"] == []


def test_a_case_that_cannot_be_told_more_of_ends() -> None:
    """One street is known for certain: what is left is nothing."""
    certain = Outlook((15.0,), 25.0, 0.0)
    assert certain.expected_bits == 0.0
    assert not certain.pays(0.1)


def test_what_is_left_counts_from_a_street() -> None:
    case = Case(StillPhoto(), Policy("none", Scripted(replies=[call("look")])), {})
    ahead = outlook(case, case.start())
    assert ahead.told_bits == ()
    assert ahead.gain_bits == pytest.approx(0.0, abs=1e-9)
    assert ahead.left_bits == pytest.approx(Belief.start().entropy_bits() - 1.65, abs=0.01)


@pytest.mark.parametrize(
    "wrong",
    [{"least_gain_bits": -0.1}, {"least_gain_bits": float("nan")}, {"least_gain_bits": 33.0}, {"samples": -1}, {"samples": 501}],
)
def test_limits_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"bits|samples"):
        Limits(**wrong)


def test_limits_that_change_nothing_are_not_named() -> None:
    """Runs that were begun before there were such limits go on."""
    assert {"least_gain_bits", "samples"}.isdisjoint(Limits().to_json())
    assert Limits(least_gain_bits=1.0, samples=5).to_json().items() >= {"least_gain_bits": 1.0, "samples": 5}.items()
    assert Limits(max_calls=0).to_json()["max_calls"] == 0
