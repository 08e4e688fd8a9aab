"""A vision chat model that says what it is told: it answers the investigation at once and then votes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from PIL import Image
from pydantic import ConfigDict, Field, PrivateAttr

from agent.answer import ANSWER_TOOL
from tools.observation import Arguments, Observation, Tool, ToolContext

USAGE = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
Say = Callable[[int, str], AIMessage | str]
"""What vote number n, from 0, says to a prompt; it may raise."""


class Voter(BaseChatModel):
    """Without `temperature` among its fields it would be one that cannot be sampled: see `Steady`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    say: Any
    """A `Say`."""
    answer: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the `answer` call that ends the investigation."""
    temperature: float = 0.0
    delay_s: float = 0.0
    asked: list[str] = Field(default_factory=list)
    """The prompts of the votes."""
    heat: list[float] = Field(default_factory=list)
    """The temperature of each call, the investigation's included."""
    pictures: list[int] = Field(default_factory=list)
    """How many pictures each vote was shown."""
    most_at_once: list[int] = Field(default_factory=lambda: [0])
    _now: list[int] = PrivateAttr(default_factory=lambda: [0])
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "voter"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=list(tools))

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, tools: Any = None, **kwargs: Any
    ) -> ChatResult:
        with self._lock:
            self.heat.append(self.temperature)
            if tools is not None:
                call = {"name": ANSWER_TOOL, "args": self.answer, "id": "a", "type": "tool_call"}
                return _result(AIMessage(content="", tool_calls=[call]))
            number = len(self.asked)
            blocks: Sequence[Any] = messages[-1].content if isinstance(messages[-1].content, list) else []
            prompt = "".join(block["text"] for block in blocks if block["type"] == "text")
            self.asked.append(prompt)
            self.pictures.append(sum(block["type"] == "image_url" for block in blocks))
            self._now[0] += 1
            self.most_at_once[0] = max(self.most_at_once[0], self._now[0])
        try:
            time.sleep(self.delay_s)
            said = self.say(number, prompt)
        finally:
            with self._lock:
                self._now[0] -= 1
        return _result(said if isinstance(said, AIMessage) else AIMessage(content=said))


class Steady(BaseChatModel):
    """A model without a temperature: it votes for Lisbon and counts its calls."""

    calls: list[int] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "steady"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        self.calls.append(1)
        return _result(AIMessage(content="<answer>38.72230, -9.13930</answer>"))


def _result(message: AIMessage) -> ChatResult:
    with_usage = message.model_copy(update={"usage_metadata": message.usage_metadata or dict(USAGE)})
    return ChatResult(generations=[ChatGeneration(message=with_usage)])


class Similar(Tool):
    """A `find_similar` of fixed photos."""

    name = "find_similar"
    description = "similar photos"
    arguments = Arguments
    timeout_s = 5.0

    def __init__(self, photos: Sequence[dict[str, Any]], fails: bool = False) -> None:
        self.photos, self.fails = list(photos), fails
        self.asked: list[int] = []

    def run(self, arguments: Any, context: ToolContext) -> Observation:
        return Observation("similar photos", data={"hits": self.photos})

    def similar(self, context: ToolContext, k: int) -> list[dict[str, Any]]:
        self.asked.append(k)
        if self.fails:
            raise OSError("the gallery is gone")
        return self.photos[:k]


def hits(count: int, place: str = "Porto, PT") -> list[dict[str, Any]]:
    """Photos in and around Porto, the likest first."""
    return [
        {"id": f"p{n}", "lat": 41.15 + 0.01 * n, "lon": -8.61, "place": place, "similarity": 0.9 - 0.01 * n} for n in range(count)
    ]


def painted(path: Path) -> Path:
    """A small picture."""
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(path)
    return path
