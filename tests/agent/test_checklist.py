"""The checklist: its order of tools is read from the conversation, so that it can be resumed at any turn."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from agent.place_names import place_names
from agent.policies.checklist import Checklist

TOOLS = ("read_text", "read_metadata", "zoom", "find_place", "search_web", "answer")


def lines(*texts: str, confidence: float = 0.95) -> list[dict[str, Any]]:
    return [{"number": n, "text": t, "confidence": confidence} for n, t in enumerate(texts, 1)]


def next_calls(messages: list[AnyMessage], tools: tuple[str, ...] = TOOLS) -> tuple[AIMessage, list[tuple[str, dict[str, Any]]]]:
    reply = Checklist().bind_tools([{"function": {"name": name}} for name in tools]).invoke(messages)
    assert isinstance(reply, AIMessage)
    return reply, [(c["name"], c["args"]) for c in reply.tool_calls]


def read(messages: list[AnyMessage], found: list[dict[str, Any]]) -> list[AnyMessage]:
    reply, calls = next_calls(messages)
    assert ("read_text", {"view": "photo"}) in calls
    return [*messages, reply, ToolMessage("text", tool_call_id="c", name="read_text", artifact={"lines": found})]


def test_metadata_is_asked_for_only_where_it_may_be_used() -> None:
    assert [n for n, _ in next_calls([HumanMessage("where?")])[1]] == ["read_metadata", "read_text"]
    assert [n for n, _ in next_calls([HumanMessage("where?")], ("read_text", "answer"))[1]] == ["read_text"]


def test_nothing_read_means_the_answer_at_once() -> None:
    assert next_calls(read([HumanMessage("where?")], []))[1] == [("answer", {})]


def test_what_was_unsure_is_looked_at_again() -> None:
    _, calls = next_calls(read([HumanMessage("where?")], lines("P0rt0 airp", confidence=0.6)))
    assert calls == [("zoom", {"region": 1, "contrast": True})]


def test_names_are_looked_up_and_the_rest_is_searched() -> None:
    messages = read([HumanMessage("where?")], lines("Welcome to Porto"))
    reply, calls = next_calls(messages)
    assert calls == [("find_place", {"name": "Porto", "seen_in_photo": True})]
    messages = read([HumanMessage("where?")], lines("Confeitaria Xyzzt Qwrty"))
    reply, calls = next_calls(messages)
    assert [name for name, _ in calls] == ["search_web"]
    done = [*messages, reply, ToolMessage("no results", tool_call_id="c", name="search_web", artifact={})]
    assert next_calls(done)[1] == [("answer", {})]


def test_on_the_last_turn_it_answers() -> None:
    assert next_calls([HumanMessage("where?")], ("answer",))[1] == [("answer", {})]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("PORTO", ["PORTO"]),
        ("Rua de Santa Catarina, Porto", ["Santa Catarina", "Porto"]),
        ("北京", ["北京"]),
        ("Αθήνα 12 km", ["Αθήνα"]),
        ("Bad Homburg vor der Höhe", ["Bad Homburg vor der Höhe"]),
        ("OPEN", []),
        ("Strada", []),
        ("EXIT PARKING HOTEL", []),
        ("ENGO. OBEL", []),
        ("lisbon style", []),
        ("12345 --- ???", []),
        ("", []),
    ],
)
def test_names_of_places_in_text(text: str, names: list[str]) -> None:
    found = [name.text for name in place_names(lines(text))]
    assert set(names) <= set(found) if names else found == []
