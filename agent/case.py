"""One case: what is given (photo, policy, tools, limits) and what grows (the graph's state, plain data only)."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

import prompts
from agent.limits import Limits
from agent.policies import Policy
from agent.render import view_block
from geo.area import Area
from geo.belief import Belief
from geo.evidence import Evidence
from tools.observation import Photo, Region, Source, Tool, ToolContext, View
from tools.quote import clean_lines, quoted


class CaseState(TypedDict, total=False):
    """The graph's state: plain data, so that a checkpoint is small and readable. Pixels are never in it."""

    messages: Annotated[list[AnyMessage], add_messages]
    views: Annotated[dict[str, dict[str, Any]], operator.or_]
    regions: Annotated[dict[str, dict[str, Any]], operator.or_]
    sources: Annotated[dict[str, dict[str, Any]], operator.or_]
    ledger: Annotated[list[dict[str, Any]], operator.add]
    """Evidence in the order it was found, each with the id of the call that found it."""
    steps: Annotated[list[dict[str, Any]], operator.add]
    """What each call did."""
    examples: list[dict[str, Any]]
    """Similar photos that the votes are shown; absent until they were looked for."""
    votes: Annotated[list[dict[str, Any]], operator.add]
    """What each vote said (`agent/diversify.py`)."""
    turns: Annotated[int, operator.add]
    calls: Annotated[int, operator.add]
    silent: int
    """Replies in a row without a call or an answer."""
    spent_s: Annotated[float, operator.add]
    verdict: dict[str, Any] | None
    """The policy's answer, once it has given one."""
    stop: str
    error: str | None
    result: dict[str, Any]
    """The answer, alternatives and numbers that `conclude` made."""


@dataclass(eq=False)
class Case:
    """What the nodes are given besides the state; nothing of it is saved in a checkpoint."""

    photo: Photo
    policy: Policy
    tools: Mapping[str, Tool]
    limits: Limits = field(default_factory=Limits)
    area: Area | None = None
    metadata_allowed: bool = False
    context: str = ""
    """What the user says they know; quoted to the policy."""
    _belief: Belief | None = None
    _normalisers: list[tuple[str, float]] = field(default_factory=list)

    def belief(self, ledger: Sequence[Mapping[str, Any]]) -> Belief:
        """The belief that the ledger gives; folding goes on from the longest prefix known, one call's evidence at a time."""
        if self._belief is None or len(self._belief.evidence) > len(ledger):
            self._belief, self._normalisers = Belief.start(area=self.area), []
        for call, entries in itertools.groupby(ledger[len(self._belief.evidence) :], key=lambda entry: str(entry["call"])):
            self._belief = self._belief.update(*(Evidence.from_json(entry) for entry in entries))
            self._normalisers.append((call, self._belief.log_normaliser()))
        return self._belief

    def normalisers(self) -> list[tuple[str, float]]:
        """After each call that gave evidence: its id and the belief's `log_normaliser`, for the ledger last asked about."""
        return list(self._normalisers)

    def tool_context(self, state: CaseState) -> ToolContext:
        """The snapshot of the case that a tool may see."""
        return ToolContext(
            photo=self.photo,
            views={key: View.from_json(value) for key, value in state["views"].items()},
            regions={int(key): _region(value) for key, value in state.get("regions", {}).items()},
            sources={key: Source(**value) for key, value in state.get("sources", {}).items()},
            area=self.area,
            metadata_allowed=self.metadata_allowed,
        )

    def given(self) -> str:
        """What the user says and where to search, in words for the policy; "" where neither is given."""
        said = f"The user says: {quoted(clean_lines(self.context, 2000), 2000)}" if self.context.strip() else ""
        return said + (f"\nSearch only in this area: {self.area.to_text()}." if self.area is not None else "")

    def start(self) -> CaseState:
        """The state before the first turn: rules, photo, what the user knows."""
        width, height = self.photo.size
        rules = prompts.fill(self.policy.prompt, max_turns=str(self.limits.max_turns), max_calls=str(self.limits.max_calls))
        question = prompts.fill("photo", width=str(width), height=str(height), context=self.given())
        photo = View("photo")
        return {
            "messages": [
                SystemMessage(content=rules, id="rules"),
                HumanMessage(content=[view_block("photo"), {"type": "text", "text": question}], id="question"),
            ],
            "views": {"photo": photo.to_json()},
            "regions": {}, "sources": {}, "ledger": [], "steps": [],
            "turns": 0, "calls": 0, "silent": 0, "spent_s": 0.0, "verdict": None, "stop": "", "error": None,
        }  # fmt: skip


def _region(data: Mapping[str, Any]) -> Region:
    left, top, right, bottom = (float(v) for v in data["box"])
    return Region(int(data["number"]), (left, top, right, bottom), str(data["label"]))


def last_reply(state: CaseState) -> AIMessage:
    """The policy's latest reply; an empty one before the first."""
    return next((m for m in reversed(state["messages"]) if isinstance(m, AIMessage)), AIMessage(content=""))


def open_calls(state: CaseState) -> list[Any]:
    """The calls of the latest reply that have not been carried out."""
    done = {step["id"] for step in state.get("steps", [])}
    return [call for call in last_reply(state).tool_calls if call["id"] not in done]
