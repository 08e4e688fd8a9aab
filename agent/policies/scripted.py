"""A policy that says what it was told to: for tests, demonstrations and replays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from agent.policies import PolicyError


class Scripted(BaseChatModel):
    """Replies in order; after the last one it repeats it. The reply is chosen by the number of earlier replies, so it resumes."""

    replies: list[AIMessage]
    seen: list[list[BaseMessage]] = Field(default_factory=list)
    """What it was sent, for tests to look at."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        self.seen.append(messages)
        turn = sum(isinstance(m, AIMessage) for m in messages)
        reply = self.replies[min(turn, len(self.replies) - 1)]
        return ChatResult(generations=[ChatGeneration(message=reply.model_copy())])

    @classmethod
    def from_file(cls, path: str) -> Scripted:
        """A JSON list of replies: strings, or objects with `content` and `tool_calls` (`name`, `args`)."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(replies=[_reply(item, number) for number, item in enumerate(data)])
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise PolicyError(f"cannot read the script {path}: {error}") from error


def _reply(item: Any, number: int) -> AIMessage:
    if isinstance(item, str):
        return AIMessage(content=item)
    calls = [
        {"name": c["name"], "args": c["args"], "id": f"s{number}c{i}", "type": "tool_call"}
        for i, c in enumerate(item.get("tool_calls", []))
    ]
    return AIMessage(content=str(item.get("content", "")), tool_calls=calls)
