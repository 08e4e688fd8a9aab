"""Ask the policy about the same photo several times, in different ways, before the answer is made (G3's geo-diversification).

G3 (arXiv 2405.14702) asks with four prompts, several replies each: the photo alone, and the photo with 5, 10 and 15 similar
photos whose place is known. Here the examples have place names besides coordinates, every reply that can be read counts, and one that
cannot is no vote (`agent/votes.py`). Nothing is asked unless `Limits.votes` says so, and only of a policy that sees pictures.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime
from langgraph.types import Send
from typing_extensions import TypedDict

import prompts
from agent.act import in_daemon
from agent.candidates import RETRIEVAL_TOOL
from agent.case import Case, CaseState
from agent.render import image_block
from agent.trajectory import StopReason
from agent.votes import Vote, agreement, counts_of, record_of
from tools.observation import ToolContext, View
from tools.quote import clean, quoted

EXAMPLES = (5, 10, 15)
"""How many similar photos the prompts with examples show (G3)."""

_LEAST_SECONDS = 1.0


class FindsSimilar(Protocol):
    """What is asked of the tool `find_similar`."""

    timeout_s: float

    def similar(self, context: ToolContext, k: int) -> Sequence[Mapping[str, Any]]:
        """The `k` photos most similar to the case's, the likest first, each with `lat`, `lon`, `place` and `similarity`."""
        ...


@dataclass(frozen=True)
class Example:
    """A similar photo as the prompt shows it."""

    lat: float
    lon: float
    place: str
    similarity: float

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Example | None:
        """From what the tool gave; None where that has no point on the Earth."""
        try:
            lat, lon, similarity = (float(data[key]) for key in ("lat", "lon", "similarity"))
        except (KeyError, TypeError, ValueError):
            return None
        good = abs(lon) <= 180.0 and abs(lat) <= 90.0 and math.isfinite(similarity)
        return cls(lat, lon, clean(str(data.get("place") or ""), 120), similarity) if good else None

    def line(self) -> str:
        return f"- {self.lat:.4f}, {self.lon:.4f}: {quoted(self.place or 'no name', 120)} (similarity {self.similarity:.2f})"


class VoteCall(TypedDict):
    """What one `vote` is asked for."""

    number: int
    wave: int
    shown: list[dict[str, Any]]
    """The examples in its prompt."""
    timeout_s: float


# -- the nodes


async def diversify(state: CaseState, runtime: Runtime[Case]) -> CaseState:
    """Before the first vote: look for examples. After each wave of votes: count its time, which is that of its slowest vote."""
    case, began = runtime.context, time.monotonic()
    if not _wanted(state, case):
        return {}
    if state.get("examples") is None:
        found = await _examples(case.tools.get(RETRIEVAL_TOOL), case.tool_context(state), _left_s(state, case))
        return {"examples": [asdict(example) for example in found], "spent_s": time.monotonic() - began}
    return {"spent_s": max((vote["seconds"] for vote in _last_wave(state)), default=0.0)}


def after_diversify(state: CaseState, runtime: Runtime[Case]) -> list[Send] | Literal["conclude"]:
    """The next wave of votes, one branch each, so that resuming after a crash repeats none that finished; or the end."""
    return [Send("vote", call) for call in next_votes(state, runtime.context)] or "conclude"


async def vote(state: VoteCall, runtime: Runtime[Case]) -> CaseState:
    """One reply. A fault of the model or its server ends this vote and nothing else."""
    case, began = runtime.context, time.monotonic()
    reply, error = AIMessage(content=""), None
    try:
        async with asyncio.timeout(state["timeout_s"]):
            given = await _sampling(case.policy.model, case.limits.vote_temperature).ainvoke([_question(case, state)])
        if not isinstance(given, AIMessage):
            raise TypeError(f"the policy gave a {type(given).__name__} and not a reply")
        reply = given
    except TimeoutError:
        error = "the policy did not reply in time"
    except Exception as problem:
        error = clean(f"{type(problem).__name__}: {problem}", 300)
    record = record_of(reply, error, number=state["number"], wave=state["wave"], examples=len(state["shown"]),
                       seconds=time.monotonic() - began)  # fmt: skip
    runtime.stream_writer({"event": "step", "turn": record["number"], "tool": "vote", "args": {"examples": record["examples"]},
                           "text": _in_words(record), "ok": record["outcome"] == "point", "seconds": record["seconds"]})  # fmt: skip
    return {"votes": [record]}


def next_votes(state: CaseState, case: Case) -> list[VoteCall]:
    """The next wave; none when all are asked, the time is used, or a whole wave failed."""
    examples, asked, wave = state.get("examples"), len(state.get("votes", [])), _last_wave(state)
    if not _wanted(state, case) or examples is None:
        return []
    left_s = _left_s(state, case)
    if left_s < _LEAST_SECONDS or (wave and all(record["outcome"] == "error" for record in wave)):
        return []
    shown = [0, *sorted({min(k, len(examples)) for k in EXAMPLES if examples})]
    last = min(_how_many(case, len(shown)), asked + max(1, case.policy.at_once))
    number, timeout_s = (wave[0]["wave"] + 1 if wave else 1), min(case.limits.think_seconds, left_s)
    return [
        VoteCall(number=n + 1, wave=number, shown=examples[: shown[n % len(shown)]], timeout_s=timeout_s)
        for n in range(asked, last)
    ]


def summary_of(state: CaseState, case: Case) -> dict[str, Any] | None:
    """The votes for the trajectory: how many were wanted and asked for and how they ended, how far they agree, what they were shown, and
    each of them. None when no votes were wanted."""
    if not _wanted(state, case):
        return None
    votes = sorted(state.get("votes", []), key=lambda record: int(record["number"]))
    agreed = agreement(votes)
    return {"wanted": case.limits.votes, "asked": len(votes), **counts_of(votes), "agreement": round(agreed[0], 4) if agreed else None,
            "examples": state.get("examples") or [], "replies": votes}  # fmt: skip


# -- how much is asked


def _wanted(state: CaseState, case: Case) -> bool:
    return case.limits.votes > 0 and case.policy.sees and state["stop"] != StopReason.POLICY_ERROR.value


def _how_many(case: Case, prompts_there_are: int) -> int:
    """A model without a temperature says the same each time: it is asked with each prompt once."""
    return case.limits.votes if _samples(case.policy.model) else min(case.limits.votes, prompts_there_are)


def _left_s(state: CaseState, case: Case) -> float:
    return case.limits.max_seconds - state["spent_s"]


def _last_wave(state: CaseState) -> list[Vote]:
    votes = state.get("votes", [])
    latest = max((record["wave"] for record in votes), default=0)
    return [record for record in votes if record["wave"] == latest]


def _samples(model: BaseChatModel) -> bool:
    return "temperature" in type(model).model_fields


def _sampling(model: BaseChatModel, temperature: float) -> BaseChatModel:
    return model.model_copy(update={"temperature": temperature}) if _samples(model) else model


# -- what is asked


async def _examples(tool: Any, context: ToolContext, left_s: float) -> list[Example]:
    """What `find_similar` finds for the whole photo; nothing where there is no such tool, or it fails or takes too long."""
    if not hasattr(tool, "similar"):
        return []
    finder: FindsSimilar = tool
    work = in_daemon(lambda: list(finder.similar(context, max(EXAMPLES))))
    try:
        found = await asyncio.wait_for(asyncio.wrap_future(work), max(min(finder.timeout_s, left_s), 0.0))
    except Exception:  # the world's fault: the votes go on without examples, and the trajectory shows that there were none
        return []
    return [example for data in found[: max(EXAMPLES)] if (example := Example.read(data))]


def _question(case: Case, call: VoteCall) -> HumanMessage:
    """The photo and one of the prompts."""
    lines = [Example(**data).line() for data in call["shown"]]
    if lines:
        text = prompts.fill("diversify_examples", context=case.given(), count=str(len(lines)), examples="\n".join(lines))
    else:
        text = prompts.fill("diversify_zero", context=case.given())
    picture = image_block(case.photo.render(View("photo"), case.policy.max_pixels))
    return HumanMessage(content=[picture, {"type": "text", "text": text}])


def _in_words(record: Vote) -> str:
    if record["points"]:
        return "; ".join(f"{p['lat']:.4f}, {p['lon']:.4f}" + (f" {p['place']}" if p["place"] else "") for p in record["points"])
    return str(record["error"] or record["outcome"]).replace("_", " ")
