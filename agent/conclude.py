"""The end of a case: the policy's judgement and its votes join the evidence, the belief gives the answer, and all candidates are verified."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from langchain_core.messages import AnyMessage, ToolMessage
from langgraph.runtime import Runtime

from agent.act import in_daemon
from agent.answer import PolicyAnswer, answer_from, evidence_of
from agent.candidates import PooledCandidate, from_answer, from_places, from_retrieval, pool
from agent.case import Case, CaseState, open_calls
from agent.diversify import summary_of
from agent.outlook import outlook
from agent.rank import CandidateRanker, ranked, seen_in
from agent.trajectory import StopReason
from agent.verify import verified
from agent.votes import evidence_of_votes, suggested_by
from geo.belief import Belief
from geo.sphere import Floats
from tools.estimate import Estimate
from tools.observation import ToolContext

T = TypeVar("T")

RANKER_SECONDS = 300.0
"""Time for a ranker to order the candidates of one photo; one that looks takes up to some seconds for each on a CPU."""


async def conclude(state: CaseState, runtime: Runtime[Case]) -> CaseState:
    """Make the answer; every call left open is answered, so that the conversation can go on later."""
    case, began = runtime.context, time.monotonic()
    verdict = PolicyAnswer.model_validate(state["verdict"]) if state["verdict"] else None
    added = [{**e.to_json(), "call": "answer"} for e in evidence_of(verdict)] if verdict else []
    votes = state.get("votes", [])
    added += [{**e.to_json(), "call": "votes"} for e in evidence_of_votes(votes)]
    ledger, unsure = [*state["ledger"], *added], bool(verdict and verdict.cannot_tell)
    result = dict(case.read_off(ledger, f"answer {unsure}", lambda belief: answer_from(belief, cannot_tell=unsure)))
    result["reason"] = verdict.reason if verdict else ""
    pooled = pool(
        [*from_answer(verdict), *suggested_by(votes), *from_retrieval(state["steps"]), *from_places(result["alternatives"])]
    )
    scores = await _scores(case, state, pooled)
    voted = any(record["points"] for record in votes)

    def judged(belief: Belief) -> list[dict[str, Any]]:
        return verified(pooled, belief, verdict, voted=voted, scores=scores)

    result["candidates"] = (
        judged(case.belief(ledger)) if scores else case.read_off(ledger, f"candidates {pooled} {verdict} {voted}", judged)
    )
    if case.ranker is not None:
        result |= {"candidates": await _ranked(case, case.ranker, state, result), "ranker": case.ranker.name}
    if voting := summary_of(state, case):
        result["votes"] = voting
    result["outlook"] = outlook(case, state).to_json()
    if case.limits.samples:
        result["samples"] = await _samples(case, state)
    stop = state["stop"] or _stop(verdict, result["answer"] is not None)
    stubs: list[AnyMessage] = [ToolMessage(content="not carried out: the case is closed", tool_call_id=c["id"], name=c["name"], id=f"result-{c['id']}")
             for c in open_calls(state)]  # fmt: skip
    return {"ledger": added, "result": result, "stop": stop, "messages": stubs, "spent_s": time.monotonic() - began}


async def _ranked(case: Case, ranker: CandidateRanker, state: CaseState, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The candidates in the ranker's order; as they were where it fails or takes too long."""
    candidates = result["candidates"]
    try:
        see = seen_in(case.photo, case.tools, state["steps"])
        work = in_daemon(lambda: ranked(candidates, result, ranker, see))
        return await asyncio.wait_for(asyncio.wrap_future(work), RANKER_SECONDS)
    except Exception:  # a fault of the world, as in `act`; the answer does not need the order
        return [dict(candidate) for candidate in candidates]


async def _scores(case: Case, state: CaseState, pooled: Sequence[PooledCandidate]) -> dict[str, Floats]:
    """What each learned model that is loaded says of the candidates' points; nothing where one fails or takes too long."""
    if not pooled:
        return {}
    lat, lon = (np.array([getattr(candidate, axis) for candidate in pooled]) for axis in ("lat", "lon"))
    return await _asked_of_models(case, state, lambda tool, context: tool.scores(context, lat, lon))


async def _samples(case: Case, state: CaseState) -> dict[str, Any]:
    """How many points maps show, and those that the models drew which were asked; points of the belief are drawn again from the ledger."""
    n = case.limits.samples
    asked = any(step["tool"] == Estimate.name and step["ok"] for step in state["steps"])
    drawn = await _asked_of_models(case, state, lambda tool, context: tool.samples(context, n)) if asked else {}
    points = {model: np.round(np.stack(places, axis=-1), 4) for model, places in drawn.items()}
    return {"n": n, "seed": 0, "models": {model: at[np.isfinite(at).all(axis=1)].tolist() for model, at in points.items()}}


async def _asked_of_models(case: Case, state: CaseState, ask: Callable[[Estimate, ToolContext], dict[str, T]]) -> dict[str, T]:
    """An answer by each learned model that is loaded; nothing where one fails or takes too long."""
    tool = case.tools.get(Estimate.name)
    if not isinstance(tool, Estimate) or not tool.models:
        return {}
    context = case.tool_context(state)
    try:
        return await asyncio.wait_for(asyncio.wrap_future(in_daemon(lambda: ask(tool, context))), tool.timeout_s)
    except Exception:  # a fault of the world, as in `act`; the answer does not need this
        return {}


def _stop(verdict: PolicyAnswer | None, told: bool) -> str:
    if verdict is None:
        return StopReason.MAX_TURNS.value
    return StopReason.ANSWERED.value if told else StopReason.CANNOT_TELL.value
