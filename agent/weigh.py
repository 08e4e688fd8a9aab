"""Fold what the calls found into the belief, and tell the policy."""

from __future__ import annotations

import time

from langchain_core.messages import AnyMessage, ToolMessage
from langgraph.runtime import Runtime

from agent.case import Case, CaseState, last_reply
from agent.outlook import outlook
from agent.render import view_block
from geo.naming import belief_line


async def weigh(state: CaseState, runtime: Runtime[Case]) -> CaseState:
    """Answer every call of the turn in order; the last answer ends with the belief in one line."""
    began = time.monotonic()
    by_id = {step["id"]: step for step in state["steps"]}
    steps = [by_id[call["id"]] for call in last_reply(state).tool_calls if call["id"] in by_id]
    ledger = state["ledger"]
    line = _line(runtime.context, state)
    messages: list[AnyMessage] = []
    for step in steps:
        text = step["text"] + (f"\n{line}" if step is steps[-1] and runtime.context.policy.belief_line else "")
        blocks = [{"type": "text", "text": text}, *(view_block(view) for view in step["views"])]
        messages.append(
            ToolMessage(
                content=blocks if step["views"] else text,  # type: ignore[arg-type]
                tool_call_id=step["id"],
                name=step["tool"],
                status="success" if step["ok"] else "error",
                artifact=step["data"],
                id=f"result-{step['id']}",
            )
        )
    case = runtime.context
    drawn = {"map": case.read_off(ledger, "drawn", case.drawn)} if case.drawn else {}
    runtime.stream_writer({"event": "belief", "turn": state["turns"], "line": line, **drawn})
    return {"messages": messages, "spent_s": time.monotonic() - began}


def _line(case: Case, state: CaseState) -> str:
    """The belief in one line, and where looking may end early what it told and is expected to tell."""
    ledger, least = state["ledger"], case.limits.least_gain_bits
    line = case.read_off(ledger, "line", belief_line) if ledger else "belief: no evidence so far"
    return f"{line}; {outlook(case, state).line(least)}" if least else line
