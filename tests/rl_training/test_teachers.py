"""Teachers: what they are told is used only where a tool has shown it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agent.case import Case
from agent.graph import build_graph
from agent.locate import run_case
from agent.policies import Policy, PolicyError
from rl_training.config import WorldSettings
from rl_training.teachers import informed, knows, make_teacher
from rl_training.world import World
from tests.rl_training.traces_made import record

TOOLS = ("read_text", "estimate", "zoom", "find_place")
SIGN, PHONE, ADVERT, FAR = (0.1, 0.1, 0.3, 0.2), (0.6, 0.5, 0.8, 0.6), (0.4, 0.8, 0.6, 0.9), (0.8, 0.1, 0.9, 0.15)
CLUES = [
    {"kind": "city_name", "text": "Matosinhos", "box": SIGN, "decisive": True},
    {"kind": "area_code", "text": "22 205 00 00", "box": PHONE, "decisive": True},
    {"kind": "city_name", "text": "Lisboa", "box": ADVERT, "decisive": False},
    {"kind": "distance", "text": "Vila do Conde 12", "box": FAR, "decisive": True},
]


class Conversation:
    """What a teacher has asked for and been told so far."""

    def __init__(self, policy: Policy, tools: Sequence[str] = TOOLS) -> None:
        self.model = policy.model.bind_tools([{"type": "function", "function": {"name": name}} for name in (*tools, "answer")])
        self.messages: list[BaseMessage] = [SystemMessage("rules"), HumanMessage("where?")]
        self.turn = 0

    def asks(self) -> list[tuple[str, dict[str, Any]]]:
        reply = self.model.invoke(self.messages)
        self.turn += 1
        self.messages.append(
            AIMessage("", tool_calls=[{**c, "id": f"t{self.turn}c{i}"} for i, c in enumerate(reply.tool_calls, 1)])
        )
        return [(call["name"], call["args"]) for call in reply.tool_calls]

    def told(self, *artifacts: Mapping[str, Any] | None, belief: str = "24 % Portugal (PT), 9 % Spain (ES)") -> None:
        """The results of the last reply's calls, in order."""
        calls = self.messages[-1].tool_calls  # type: ignore[attr-defined]
        for call, artifact in zip(calls, artifacts, strict=True):
            last = f"\nbelief: {belief}; 3.1 bits" if call is calls[-1] else ""
            self.messages.append(
                ToolMessage(f"…{last}", tool_call_id=call["id"], name=call["name"], artifact=artifact, status="success")
            )


def line(number: int, text: str, box: Sequence[float], confidence: float = 0.95) -> dict[str, Any]:
    return {"number": number, "text": text, "box": list(box), "confidence": confidence}


def teacher(*clues: Mapping[str, Any]) -> Policy:
    return informed(record(clues=clues or tuple(CLUES)))


def test_it_begins_as_anyone_would() -> None:
    assert Conversation(teacher()).asks() == [("read_text", {}), ("estimate", {})]
    assert Conversation(teacher(), ("read_text", "zoom")).asks() == [("read_text", {})], "it calls nothing that is not offered"
    assert Conversation(teacher(), ("zoom",)).asks() == [("answer", {})]


def test_it_looks_closer_at_what_decides_and_was_not_read_well() -> None:
    talk = Conversation(teacher(CLUES[0], CLUES[2], CLUES[3]))
    talk.asks()
    read = {
        "lines": [line(1, "Mat0s1nh0s", SIGN, 0.4), line(2, "LISBOA", ADVERT, 0.3)],
        "unread": [{"number": 3, "box": list(FAR)}],
    }
    talk.told(read, {})
    assert talk.asks() == [("zoom", {"region": 1, "contrast": True}), ("zoom", {"region": 3, "contrast": True})], (
        "not at the advert"
    )
    talk.told({"view": {"id": "v1"}}, {"view": {"id": "v2"}})
    assert talk.asks() == [("read_text", {"view": "v1"}), ("read_text", {"view": "v2"})]
    talk.told({"lines": [line(4, "Matosinhos", SIGN)]}, {"lines": [line(5, "VILA DO CONDE  12 km", FAR)]})
    assert talk.asks() == [("find_place", {"region": 4}), ("find_place", {"region": 5})]
    talk.told({}, {})
    assert talk.asks() == [("answer", {})], "it asks for nothing twice"


def test_what_no_tool_has_shown_is_not_used() -> None:
    talk = Conversation(teacher())
    talk.asks()
    talk.told({"lines": [line(1, "Café Central", (0.5, 0.1, 0.6, 0.2))], "unread": []}, {})
    assert talk.asks() == [("answer", {})], "neither is there anything to zoom into, nor a name to look up"


def test_the_line_in_the_clues_place_is_meant() -> None:
    talk = Conversation(teacher(CLUES[0]))
    talk.asks()
    talk.told({"lines": [line(1, "Matosinhos", ADVERT), line(2, "MATOSINHOS", SIGN)]}, {})
    assert talk.asks() == [("find_place", {"region": 2})]


@pytest.mark.parametrize(
    ("belief", "used"),
    [
        ("61 % Portugal (PT), 9 % Spain (ES)", True),
        ("61 % Portugal, 9 % Spain", True),
        ("40 % Spain (ES), 39 % Portugal (PT)", False),
        ("no evidence so far", False),
    ],
)
def test_a_country_is_supposed_only_once_the_belief_shows_it(belief: str, used: bool) -> None:
    talk = Conversation(teacher(CLUES[1]))
    talk.asks()
    talk.told({"lines": [line(7, "Tel. 22 205 00 00", PHONE)]}, {}, belief=belief)
    assert talk.asks() == ([("read_text", {"region": 7, "country": "Portugal"})] if used else [("answer", {})])
    if used:
        talk.told({"lines": [line(8, "Tel. 22 205 00 00", PHONE)]}, belief=belief)
        assert talk.asks() == [("answer", {})], "a line that was read again has another number, and is the same line"


# -- in the practice world


@pytest.fixture(scope="module")
def world() -> World:
    return World(WorldSettings(benches=("practice:medium:1:6:train",), reader="known", tools=TOOLS, max_turns=8, max_calls=16))


@pytest.mark.parametrize("name", ["informed", "novice"])
def test_whole_investigations_end_with_an_answer(name: str, world: World) -> None:
    make = make_teacher(name)
    for drawn in world.draw(0, 3):
        runs = []
        for _ in range(2):
            case = Case(world.open(drawn), make(drawn), world.tools, world.limits, beliefs=world.beliefs)
            runs.append(asyncio.run(run_case(case, build_graph(), drawn.id, lambda event: None)))
        state, again = runs
        assert state["stop"] in {"answered", "cannot_tell"}
        calls = [(step["tool"], step["args"]) for step in state["steps"]]
        assert calls == [(step["tool"], step["args"]) for step in again["steps"]], "it does the same each time"
        assert calls[0] == ("read_text", {})
        assert calls[-1] == ("answer", {}), "the belief is the answer"
        assert {tool for tool, _ in calls} <= {*TOOLS, "answer"}
        assert all(step["ok"] for step in state["steps"] if step["tool"] in {"zoom", "read_text"})
        assert not {key for _, args in calls for key in args} & {"lat", "lon", "place", "name"}, (
            "names come by the numbers of their lines"
        )


# -- by name


def test_teachers_have_names() -> None:
    assert make_teacher("informed")(record()).name == "informed"
    one = make_teacher("checklist")
    assert one(record()) is one(record())
    assert one(record()).name == "checklist"
    assert not teacher().sees
    with pytest.raises(PolicyError, match="no policy is called 'poet'"):
        make_teacher("poet")


def test_it_is_told_what_a_teacher_knows() -> None:
    assert "which signs decide" in knows("informed")
    assert knows("checklist") == knows("openai:x") == "nothing but the photo"
