"""Replies of every shape become text and well-formed calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from agent.reply import regular

SIZE = (1000, 500)


def calls(content: str, **options: object) -> list[tuple[str, dict[str, object]]]:
    reply = regular(AIMessage(content=content), 1, SIZE, **options)  # type: ignore[arg-type]
    return [(c["name"], c["args"]) for c in reply.tool_calls]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<tool_call>{"name": "zoom", "arguments": {"box": [0, 0, 1, 1]}}</tool_call>', [("zoom", {"box": [0, 0, 1, 1]})]),
        ('Look.\n<tool_call>\n{"name":"search_web","arguments":{"query":"x"}}\n</tool_call>', [("search_web", {"query": "x"})]),
        ("<tool_call>{'name': 'search_web', 'arguments': {'query': 'x',}}</tool_call>", [("search_web", {"query": "x"})]),
        ('<tool_call>{"name": "read_text", "arguments": {"view": "photo"}', [("read_text", {"view": "photo"})]),
        (
            '<tool_call>{"name": "search_web", "arguments": "{\\"query\\": \\"x\\"}"}</tool_call>',
            [("search_web", {"query": "x"})],
        ),
        ("<tool_call>zoom please</tool_call>", [("unreadable_call", {"unreadable": "zoom please"})]),
        ('<think><tool_call>{"name": "zoom"}</tool_call></think> nothing', []),
        ("no call at all", []),
    ],
)
def test_calls_are_found_in_text(text: str, expected: list[tuple[str, dict[str, object]]]) -> None:
    assert calls(text) == expected


def test_geovista_names_and_pixel_boxes_are_accepted() -> None:
    text = '<tool_call>{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [100, 50, 500, 250], "label": "sign"}}</tool_call>'
    assert calls(text) == [("zoom", {"box": [0.1, 0.1, 0.5, 0.5]})]
    assert calls(text, box_space="norm1000") == [("zoom", {"box": [0.1, 0.05, 0.5, 0.25]})]


def test_native_and_broken_native_calls_are_kept_with_ids_of_our_own() -> None:
    message = AIMessage(
        content="",
        tool_calls=[{"name": "zoom", "args": {"region": 3}, "id": "x", "type": "tool_call"}],
        invalid_tool_calls=[
            {"name": "find_place", "args": '{"name": "Porto"', "id": "y", "error": None, "type": "invalid_tool_call"}
        ],
    )
    reply = regular(message, 4, SIZE)
    assert [(c["id"], c["name"], c["args"]) for c in reply.tool_calls] == [
        ("t4c1", "zoom", {"region": 3}),
        ("t4c2", "find_place", {"name": "Porto"}),
    ]


@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    reply = regular(AIMessage(content=f"<tool_call>{text}</tool_call>{text}"), 1, SIZE)
    assert all(isinstance(c["name"], str) and c["name"] and isinstance(c["args"], dict) for c in reply.tool_calls)
