"""The end of a case: the policy's judgement joins the evidence, and the belief gives the answer."""

from __future__ import annotations

import time

from langchain_core.messages import AnyMessage, ToolMessage
from langgraph.runtime import Runtime

from agent.answer import PolicyAnswer, answer_from, evidence_of
from agent.case import Case, CaseState, open_calls
from agent.trajectory import StopReason


async def conclude(state: CaseState, runtime: Runtime[Case]) -> CaseState:
    """Make the answer; every call left open is answered, so that the conversation can go on later."""
    case, began = runtime.context, time.monotonic()
    verdict = PolicyAnswer.model_validate(state["verdict"]) if state["verdict"] else None
    added = [{**e.to_json(), "call": "answer"} for e in evidence_of(verdict)] if verdict else []
    belief = case.belief([*state["ledger"], *added])
    result = answer_from(belief, cannot_tell=bool(verdict and verdict.cannot_tell))
    result["reason"] = verdict.reason if verdict else ""
    stop = state["stop"] or _stop(verdict, result["answer"] is not None)
    stubs: list[AnyMessage] = [ToolMessage(content="not carried out: the case is closed", tool_call_id=c["id"], name=c["name"], id=f"result-{c['id']}")
             for c in open_calls(state)]  # fmt: skip
    return {"ledger": added, "result": result, "stop": stop, "messages": stubs, "spent_s": time.monotonic() - began}


def _stop(verdict: PolicyAnswer | None, told: bool) -> str:
    if verdict is None:
        return StopReason.MAX_TURNS.value
    return StopReason.ANSWERED.value if told else StopReason.CANNOT_TELL.value
