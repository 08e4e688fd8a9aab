"""The policy without a language model: a fixed order of tools, and the belief as the answer.

It is the baseline that every other policy is compared with. It reads the photo, asks the learned models and the galleries, takes a second
look at what was hard to read, asks the gazetteer for what looks like names of places, searches for the rest, and answers from the belief.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from agent.answer import ANSWER_TOOL
from agent.place_names import PlaceName, place_names

MAX_SECOND_LOOKS = 3
MAX_NAMES = 8
MAX_SEARCHES = 2
_UNSURE = 0.8

Call = tuple[str, dict[str, Any]]


class Checklist(BaseChatModel):
    """One stage after another; which stage comes next is read from the conversation, so that a run can be resumed."""

    names: Callable[[Sequence[dict[str, Any]]], list[PlaceName]] = Field(default=place_names, exclude=True)
    bound: tuple[str, ...] = ()
    """Names of the tools that may be called; on the last turn it is the answer alone."""

    @property
    def _llm_type(self) -> str:
        return "checklist"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.model_copy(update={"bound": tuple(tool["function"]["name"] for tool in tools)})

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        results = [m for m in messages if isinstance(m, ToolMessage)]
        done = [m.content for m in messages if isinstance(m, AIMessage)]
        after = 1 + max((row for row, (title, _) in enumerate(_STAGES) if title in done), default=-1)
        for title, stage in _STAGES[after:]:
            if calls := [call for call in stage(self, results) if call[0] in self.bound]:
                return _reply(title, calls)
        return _reply("answer from the belief", [(ANSWER_TOOL, {})])

    # -- the stages

    def _read(self, results: Sequence[ToolMessage]) -> Iterator[Call]:
        yield "read_metadata", {}
        yield "read_text", {"view": "photo"}
        yield "estimate", {}
        yield from ((name, {}) for name in self.bound if name.startswith("find_similar"))

    def _zoom_into_what_was_unsure(self, results: Sequence[ToolMessage]) -> Iterator[Call]:
        unsure = [line for line in lines_of(results) if line["confidence"] < _UNSURE and len(line["text"].strip()) >= 3]
        for line in sorted(unsure, key=lambda line: -len(line["text"]))[:MAX_SECOND_LOOKS]:
            yield "zoom", {"region": line["number"], "contrast": True}

    def _read_again(self, results: Sequence[ToolMessage]) -> Iterator[Call]:
        views = [
            m.artifact["view"]["id"]
            for m in results
            if m.name == "zoom" and isinstance(m.artifact, dict) and "view" in m.artifact
        ]
        for view in views[:MAX_SECOND_LOOKS]:
            yield "read_text", {"view": view}

    def _look_up_names(self, results: Sequence[ToolMessage]) -> Iterator[Call]:
        lines = lines_of(results)
        for name in self.names(lines)[:MAX_NAMES]:
            line = next((line for line in lines if _holds_only(line["text"], name.text)), None)
            # By its number, the line's distance (`Porto 34 km`) counts, too.
            yield "find_place", {"name": name.text, "seen_in_photo": True} if line is None else {"region": line["number"]}

    def _search_for_what_is_left(self, results: Sequence[ToolMessage]) -> Iterator[Call]:
        if any(m.name == "find_place" and m.status == "success" for m in results):
            return
        worth = [
            line["text"]
            for line in lines_of(results)
            if line["confidence"] >= _UNSURE and sum(c.isalpha() for c in line["text"]) >= 6
        ]
        for text in sorted(dict.fromkeys(worth), key=len, reverse=True)[:MAX_SEARCHES]:
            yield "search_web", {"query": text[:120], "seen_in_photo": True}


_STAGES: tuple[tuple[str, Callable[[Checklist, Sequence[ToolMessage]], Iterator[Call]]], ...] = (
    ("read the photo", Checklist._read),
    ("zoom into what was hard to read", Checklist._zoom_into_what_was_unsure),
    ("read again", Checklist._read_again),
    ("look up names of places", Checklist._look_up_names),
    ("search for the rest", Checklist._search_for_what_is_left),
)


def _reply(title: str, calls: Sequence[Call]) -> ChatResult:
    tool_calls = [ToolCall(name=name, args=args, id=f"c{i}", type="tool_call") for i, (name, args) in enumerate(calls)]
    return ChatResult(generations=[ChatGeneration(message=AIMessage(content=title, tool_calls=tool_calls))])


def _holds_only(line: str, name: str) -> bool:
    """Whether a line is a name, but for numbers, units and punctuation."""
    rest = line.replace(name, "", 1)
    return name in line and sum(c.isalpha() for c in rest) <= 2


def lines_of(results: Sequence[ToolMessage]) -> list[dict[str, Any]]:
    """Every line of text that was read so far, the latest reading first."""
    found: list[dict[str, Any]] = []
    for message in reversed(results):
        if message.name == "read_text" and isinstance(message.artifact, dict):
            found += message.artifact.get("lines", [])
    return found
