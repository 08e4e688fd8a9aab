"""Looks at one part of a photo again: zoom, read, look up the names that stand there. What the user asks for; no language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from agent.place_names import place_names
from agent.policies.checklist import MAX_NAMES, lines_of
from tools.observation import UnitBox


class SecondLook(BaseChatModel):
    """One stage a turn after the user's latest message; which comes next is read from the conversation."""

    box: UnitBox
    bound: tuple[str, ...] = ()

    @property
    def _llm_type(self) -> str:
        return "second-look"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.model_copy(update={"bound": tuple(tool["function"]["name"] for tool in tools)})

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        start = max(row for row, message in enumerate(messages) if isinstance(message, HumanMessage))
        done = [m for m in messages[start:] if isinstance(m, ToolMessage)]
        turn = sum(isinstance(m, AIMessage) for m in messages[start:])
        stages = (self._zoom, self._read, self._look_up)
        calls = [call for stage in stages[turn : turn + 1] for call in stage(done) if call[0] in self.bound]
        if not calls:
            return ChatResult(generations=[ChatGeneration(message=AIMessage(content=_told(done)))])
        asked = [ToolCall(name=name, args=args, id=f"look{turn}{i}", type="tool_call") for i, (name, args) in enumerate(calls)]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content="", tool_calls=asked))])

    def _zoom(self, done: Sequence[ToolMessage]) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "zoom", {"box": list(self.box), "contrast": True}

    def _read(self, done: Sequence[ToolMessage]) -> Iterator[tuple[str, dict[str, Any]]]:
        for message in done:
            if message.name == "zoom" and isinstance(message.artifact, dict) and "view" in message.artifact:
                yield "read_text", {"view": message.artifact["view"]["id"]}

    def _look_up(self, done: Sequence[ToolMessage]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in place_names(lines_of(done))[:MAX_NAMES]:
            yield "find_place", {"name": name.text, "seen_in_photo": True}


def _told(done: Sequence[ToolMessage]) -> str:
    """What was read, in one line."""
    lines = lines_of(done)
    if not lines:
        return "I looked again and read nothing there."
    return "I looked again and read: " + "; ".join(f"“{line['text']}”" for line in lines[:12])
