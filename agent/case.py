"""One case: what is given (photo, policy, tools, limits) and what grows (the graph's state, plain data only)."""

from __future__ import annotations

import hashlib
import itertools
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypeVar

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

import prompts
from agent.beliefs import Beliefs
from agent.limits import Limits
from agent.policies import Policy
from agent.rank import CandidateRanker
from agent.render import view_block
from geo.area import Area
from geo.belief import Belief
from geo.evidence import Evidence
from tools.observation import Photo, Region, Source, Tool, ToolContext, View
from tools.quote import clean_lines, quoted

T = TypeVar("T")

_NORMALISER = "log_normaliser"


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


class _Fold(NamedTuple):
    """The evidence of one call in the ledger."""

    call: str
    start: int
    end: int
    """Its rows of the ledger."""
    entries: Sequence[Mapping[str, Any]]
    digest: str
    """Of the area and of the evidence up to there, whoever found it."""

    def heads(self, ledger: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the ledger has these very entries in these rows, and no further ones of this call behind them."""
        there, goes_on = ledger[self.start : self.end], len(ledger) > self.end and str(ledger[self.end]["call"]) == self.call
        return (
            not goes_on
            and len(there) == len(self.entries)
            and all(a is b or a == b for a, b in zip(there, self.entries, strict=True))
        )


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
    ranker: CandidateRanker | None = None
    """Orders the pooled candidates; None leaves them in the order of the belief."""
    asked: str = ""
    """A question that is asked after the investigation; a reply in words then ends the run."""
    drawn: Callable[[Belief], dict[str, Any]] | None = None
    """What the events of `weigh` show beside the belief's line, such as a map for a page."""
    beliefs: Beliefs = field(default_factory=Beliefs)
    """What ledgers came to; cases that share it do not work the same out again."""
    _folds: list[_Fold] = field(default_factory=list)

    def belief(self, ledger: Sequence[Mapping[str, Any]]) -> Belief:
        """The belief that the ledger gives; folding goes on from the longest prefix known, one call's evidence at a time."""
        folds = self._folded(ledger)
        done, belief = 0, None
        for done in range(len(folds), 0, -1):
            if (belief := self.beliefs.get(folds[done - 1].digest)) is not None:
                break
        if belief is None:
            done, belief = 0, Belief.start(area=self.area)
        for fold in folds[done:]:
            belief = belief.update(*(Evidence.from_json(entry) for entry in ledger[fold.start : fold.end]))
            self.beliefs.keep(fold.digest, belief)
            self.beliefs.result(fold.digest, _NORMALISER, belief.log_normaliser)
        return belief

    def read_off(self, ledger: Sequence[Mapping[str, Any]], what: str, work: Callable[[Belief], T]) -> T:
        """What `work` makes of the belief that the ledger gives. `what` names all that it depends on besides; the result is shared."""
        folds = self._folded(ledger)
        return self.beliefs.result(folds[-1].digest if folds else self._origin(), what, lambda: work(self.belief(ledger)))

    def normalisers(self, ledger: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
        """After each call that gave evidence: its id and the belief's `log_normaliser`."""
        return [(fold.call, self._normaliser(ledger, fold)) for fold in self._folded(ledger)]

    def _normaliser(self, ledger: Sequence[Mapping[str, Any]], fold: _Fold) -> float:
        return self.beliefs.result(fold.digest, _NORMALISER, lambda: self.belief(ledger[: fold.end]).log_normaliser())

    def _folded(self, ledger: Sequence[Mapping[str, Any]]) -> list[_Fold]:
        """The calls of the ledger that gave evidence; what was there before is not digested again."""
        known = next((row for row, fold in enumerate(self._folds) if not fold.heads(ledger)), len(self._folds))
        del self._folds[known:]  # a shorter ledger, or one whose later entries were exchanged
        end, digest = (self._folds[-1].end, self._folds[-1].digest) if self._folds else (0, self._origin())
        for call, found in itertools.groupby(ledger[end:], key=lambda entry: str(entry["call"])):
            entries = tuple(found)
            evidence = [{key: value for key, value in entry.items() if key != "call"} for entry in entries]
            digest = hashlib.sha256(f"{digest} {json.dumps(evidence, sort_keys=True)}".encode()).hexdigest()
            self._folds.append(_Fold(call, end, end := end + len(entries), entries, digest))
        return list(self._folds)

    def _origin(self) -> str:
        """Stands for the ledger without entries."""
        return self.area.to_text() if self.area else ""

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
