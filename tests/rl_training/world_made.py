"""A practice world with tools made by hand, and a sampler that says what it is told: rollouts without a trained model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from agent.chatml import ChatML, Stream
from agent.photo import open_photo
from agent.policies.policy_card import PolicyCard
from evals.record import Record, Truth
from rl_training.config import WorldSettings
from rl_training.world import World
from tests.rl_training import made
from tools.observation import Arguments, Observation, Tool, ToolContext, View

CARD = PolicyCard(prompt="system_brief", tools_as="names", max_pixels=3000, max_new_tokens=200)
ANSWER = '<tool_call>\n{"name": "answer", "arguments": {"candidates": [{"lat": 38.72, "lon": -9.14, "radius_km": 5, "probability": 0.9}]}}\n</tool_call>'
Reply = str | tuple[str, bool] | Exception
"""Words; words that were cut; a fault."""


def call(name: str, arguments: str = "{}") -> str:
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'


class NoArguments(Arguments):
    pass


class Look(Tool):
    """Shows another part of the photo each time."""

    name, description, arguments = "look", "Looks closer.", NoArguments

    def run(self, arguments: Any, context: ToolContext) -> Observation:
        number = len(context.views)
        return Observation(f"v{number} shows a part.", views=(View(f"v{number}", (0.0, 0.0, 1.0 / (1 + number), 0.9)),))


class Does(Tool):
    """Does what it is told."""

    description, arguments = "Does something.", NoArguments

    def __init__(self, name: str, what: Callable[[], str], timeout_s: float = 60.0) -> None:
        self.name, self.what, self.timeout_s = name, what, timeout_s  # type: ignore[misc]

    def run(self, arguments: Any, context: ToolContext) -> Observation:
        return Observation(self.what())


def hangs() -> str:
    threading.Event().wait(20)
    return ""


def slow(seconds: float) -> Callable[[], str]:
    def wait() -> str:
        time.sleep(seconds)
        return "done"

    return wait


def breaks(text: str) -> Callable[[], str]:
    def fail() -> str:
        raise RuntimeError(text)

    return fail


class Script:
    """A sampler that says what comes next in a script, by the number of replies there are; it remembers what it was asked."""

    def __init__(self, chatml: ChatML, replies: Sequence[Reply]) -> None:
        self.chatml, self.replies = chatml, list(replies)
        self.asked: list[Stream] = []
        self.said: list[list[int]] = []

    def submit(self, stream: Stream, *, most: int = 1024, **how: Any) -> Future[Any]:
        from agent.policies.sampler import Sampled

        self.asked.append(stream)
        begin = self.chatml.vocabulary["<|im_start|>"]
        turn = sum(1 for i, token in enumerate(stream.ids) if token == begin and self._is_reply(stream.ids[i + 1 :])) - 1
        reply = self.replies[min(turn, len(self.replies) - 1)]
        future: Future[Any] = Future()
        if isinstance(reply, Exception):
            future.set_exception(reply)
            return future
        words, ended = reply if isinstance(reply, tuple) else (reply, True)
        ids = [*self.chatml.text(words), *([self.chatml.end] if ended else [])]
        ended, ids = ended and len(ids) <= most, ids[:most]
        self.said.append(ids)
        future.set_result(Sampled(ids, [-0.5] * len(ids), ended))
        return future

    def _is_reply(self, ids: Sequence[int]) -> bool:
        words = self.chatml.text("assistant\n")
        return list(ids[: len(words)]) == words


def world(tools: Sequence[Tool], **settings: Any) -> World:
    """A world without benchmarks, in which there are these tools."""
    made_world = World(WorldSettings(benches=(), **settings))
    made_world.tools = {tool.name: tool for tool in tools}
    return made_world


def record(folder: Path, number: int = 0) -> Record:
    """A picture of its own in Lisbon."""
    path = folder / f"{number}.png"
    if not path.exists():
        made.picture(np.random.default_rng(number), 90, 60).resize((90, 60), Image.Resampling.NEAREST).save(path)
    truth = Truth(38.7169, -9.1399, "PT", names={"country": "Portugal"})
    return Record(f"r{number}", truth, partial(open_photo, path))


def messages_of(trajectory: Mapping[str, Any], role: str) -> list[Mapping[str, Any]]:
    return [m for m in trajectory["messages"] if m["role"] == role]
