"""What is sent to a policy: pictures in the right place, every call answered, nothing provider-shaped stored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from PIL import Image

from agent.render import image_block, message_from_json, message_to_json, to_chat, view_block

PICTURE = image_block(Image.new("RGB", (8, 8), "red"))


def conversation(rounds: int, calls: int) -> list[AnyMessage]:
    messages: list[AnyMessage] = [SystemMessage("rules"), HumanMessage([view_block("photo"), {"type": "text", "text": "where?"}])]
    for turn in range(rounds):
        ids = [f"t{turn}c{i}" for i in range(calls)]
        messages.append(AIMessage("", tool_calls=[{"name": "zoom", "args": {}, "id": i, "type": "tool_call"} for i in ids]))
        messages += [ToolMessage([{"type": "text", "text": i}, view_block(f"v{i}")], tool_call_id=i) for i in ids]
    return messages


@given(st.integers(0, 4), st.integers(1, 3), st.integers(1, 6), st.sampled_from(["user", "tool"]))
def test_pictures_follow_the_whole_block_of_results(rounds: int, calls: int, keep: int, images_in: str) -> None:
    stored = conversation(rounds, calls)
    before = [message_to_json(m) for m in stored]
    chat = to_chat(stored, lambda view: PICTURE, images_in, keep)  # type: ignore[arg-type]
    assert [message_to_json(m) for m in stored] == before, "what is stored never changes"
    pictures = [
        b for m in chat if isinstance(m.content, list) for b in m.content if isinstance(b, dict) and b["type"] == "image_url"
    ]
    assert len(pictures) == min(keep, 1 + rounds * calls)
    assert not any(isinstance(b, dict) and b["type"] == "view" for m in chat if isinstance(m.content, list) for b in m.content)
    if images_in == "user":
        assert all(isinstance(m.content, str) for m in chat if isinstance(m, ToolMessage))
    asked = [c["id"] for m in chat if isinstance(m, AIMessage) for c in m.tool_calls]
    assert asked == [m.tool_call_id for m in chat if isinstance(m, ToolMessage)]


def test_messages_survive_the_trajectory() -> None:
    for message in conversation(2, 2):
        again = message_from_json(message_to_json(message))
        assert message_to_json(again) == message_to_json(message)
