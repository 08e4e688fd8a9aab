"""One open photo with what was found out about it; or none, for tools that need no photo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime
from PIL import Image

from agent.act import act, in_daemon
from agent.answer import answer_from
from agent.case import Case, CaseState
from agent.mcp_server.settings import Refused
from geo.belief import Belief
from geo.naming import belief_line
from tools.observation import View
from tools.quote import clean

T = TypeVar("T")

_GROWING = ("views", "regions", "sources")


@dataclass(frozen=True)
class Found:
    """What one call gave, as plain data."""

    ok: bool
    text: str
    views: tuple[View, ...] = ()
    regions: tuple[dict[str, Any], ...] = ()
    sources: tuple[dict[str, Any], ...] = ()
    evidence: tuple[dict[str, Any], ...] = ()
    line: str = ""
    """The belief in one line, where the call added evidence."""


@dataclass
class NoPhoto:
    """Stands where tools are called that look at no photo."""

    path: Path = Path()
    sha256: str = ""
    size: tuple[int, int] = (1, 1)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def render(self, view: View, max_pixels: int | None = None) -> Image.Image:
        raise ValueError("no photo was given")


class Investigation:
    """Carries calls out one after the other, as the agent's loop does, and keeps views, regions, sources and evidence."""

    def __init__(self, case: Case, most_calls: int, name: str = "") -> None:
        """`name` is what the client called the photo."""
        self.case, self.name = case, name
        self._most_calls, self._calls = most_calls, 0
        self._one_at_a_time = asyncio.Lock()
        views = {} if isinstance(case.photo, NoPhoto) else {"photo": View("photo").to_json()}
        self._state: CaseState = {"views": views, "regions": {}, "sources": {}, "ledger": []}

    @property
    def used_up(self) -> bool:
        """Whether no more calls are carried out."""
        return self._calls >= self._most_calls

    async def call(self, tool: str, arguments: dict[str, Any]) -> Found:
        """Carry one call out. Raises Refused when there were too many."""
        async with self._one_at_a_time:
            if self.used_up:
                raise Refused(f"All {self._most_calls} calls for this photo are used; open it again to start anew.")
            self._calls += 1
            call = {"name": tool, "args": arguments, "id": f"c{self._calls}", "type": "tool_call"}
            asked = AIMessage(content="", tool_calls=[call])
            state: CaseState = {**self._state, "messages": [asked], "steps": [], "turns": 0, "calls": 0}
            update = await act(state, Runtime(context=self.case))
            for key in _GROWING:
                self._state[key] = {**self._state[key], **update[key]}  # type: ignore[literal-required]
            self._state["ledger"] = [*self._state["ledger"], *update["ledger"]]
            line = await self.line() if update["ledger"] else ""
        step = update["steps"][0]
        return Found(step["ok"], step["text"], tuple(View.from_json(view) for view in update["views"].values()),
                     tuple(update["regions"].values()), tuple(update["sources"].values()), tuple(update["ledger"]), line)  # fmt: skip

    async def line(self) -> str:
        """The belief in one line."""
        ledger = self._state["ledger"]
        return (
            await in_thread(lambda: self.case.read_off(ledger, "line", belief_line)) if ledger else "belief: no evidence so far"
        )

    async def belief(self) -> dict[str, Any]:
        """What all evidence so far says: places, radii, and the bits of every claim."""
        async with self._one_at_a_time:
            ledger = self._state["ledger"]
            line = await self.line()
            return {"line": line, **await in_thread(lambda: self._weighed(ledger))}

    def _weighed(self, ledger: list[dict[str, Any]]) -> dict[str, Any]:
        result = dict(self.case.read_off(ledger, "answer False", lambda belief: answer_from(belief)))
        guess = result["best_guess"]

        def told(belief: Belief) -> list[tuple[float, float]]:
            rows = range(len(ledger))
            return [(belief.bits_of(i), belief.support_bits(i, guess["lat"], guess["lon"])) for i in rows]

        bits = self.case.read_off(ledger, f"told {guess['lat']} {guess['lon']}", told)
        return {**result, "evidence": [{**claim_of(entry), "bits": round(own, 2), "for_best_guess_bits": round(support, 2)}
                                       for entry, (own, support) in zip(ledger, bits, strict=True)]}  # fmt: skip


def claim_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A piece of evidence without its likelihood, which may be a map of the Earth."""
    return {
        "claim": clean(str(entry["claim"]), 300),
        "tool": entry["tool"],
        "reliability": round(float(entry["reliability"]), 3),
        "citations": [clean(str(citation), 500) for citation in entry["citations"]][:12],
    }


async def in_thread(work: Callable[[], T]) -> T:
    """Wait for `work` in a thread that never keeps the process from ending."""
    return await asyncio.wrap_future(in_daemon(work))
