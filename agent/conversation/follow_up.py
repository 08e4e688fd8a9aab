"""A question about a photo after its investigation, asked in the same loop: the conversation goes on where it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

import prompts
from agent.case import Case, CaseState, last_reply
from agent.graph import Graph
from agent.limits import Limits
from agent.locate import run_case, trajectory_of
from agent.render import message_from_json
from tools.quote import clean_lines, quoted
from tools.toolbox import ToolSettings

MAX_TURNS, MAX_CALLS = 6, 8
"""Of one question."""


def resumed_state(trajectory: Mapping[str, Any], question: str) -> CaseState:
    """The state of a finished investigation with one more message of the user. Ids of calls go on counting."""
    messages = [message_from_json(message) for message in trajectory["messages"]]
    results = {step["id"]: step["data"] for step in trajectory["steps"]}
    for number, message in enumerate(messages):
        message.id = f"m{number}"
        if isinstance(message, ToolMessage):
            message.artifact = results.get(message.tool_call_id)
    ledger = [
        {key: value for key, value in entry.items() if key not in {"mean", "bits", "for_answer_bits"}}
        for entry in trajectory["ledger"]
    ]
    return {
        "messages": [*messages, HumanMessage(content=question, id=f"m{len(messages)}")],
        "views": dict(trajectory["views"]), "regions": dict(trajectory["regions"]), "sources": dict(trajectory["sources"]),
        "ledger": ledger, "steps": list(trajectory["steps"]),
        "turns": trajectory["turns"], "calls": trajectory["calls"], "silent": 0, "spent_s": 0.0, "verdict": None, "stop": "", "error": None,
    }  # fmt: skip


async def follow_up(
    trajectory: Mapping[str, Any],
    case: Case,
    graph: Graph,
    tools: ToolSettings,
    tell: Callable[[Mapping[str, Any]], None],
    *,
    judged: bool = True,
) -> tuple[dict[str, Any], str]:
    """Ask `case.asked`; the trajectory with what was found since, and the reply.

    A new answer of the policy takes the place of its earlier one. Without `judged` it is words alone: what a policy says that was told the user's
    statements would count them a second time. A run that fails leaves the trajectory as it was, with a reply that says why.
    """
    began = datetime.now(UTC)
    state = resumed_state(trajectory, case.asked)
    final = await run_case(case, graph, "follow-up", tell, start=state)
    if final["error"]:
        return dict(trajectory), f"I could not answer: {final['error']}"
    if final["verdict"]:
        added = len(state["ledger"])
        old = {
            row for row, entry in enumerate(final["ledger"]) if entry["call"] in {"answer", "votes"} and (row < added) == judged
        }
        final["ledger"] = [entry for row, entry in enumerate(final["ledger"]) if row not in old]
    made = trajectory_of(str(trajectory["photo"]), case, tools, final, began)
    kept = {key: trajectory[key] for key in ("started", "limits", "context", "policy", "prompts")}
    usage = {key: trajectory["usage"][key] + made["usage"][key] for key in made["usage"]}
    seconds = round(trajectory["seconds"] + made["seconds"], 2)
    return {**made, **kept, "usage": usage, "seconds": seconds, "stop": trajectory["stop"], "error": None}, _said(final)


def question_text(question: str, answer: str, case: str) -> str:
    """The message that a policy is sent."""
    return prompts.fill("follow_up", answer=answer, question=quoted(clean_lines(question, 1000), 1000), case=case)


def limits_after(trajectory: Mapping[str, Any], limits: Limits) -> Limits:
    """Room for one question after what the investigation has used."""
    return replace(limits, max_turns=trajectory["turns"] + MAX_TURNS, max_calls=trajectory["calls"] + MAX_CALLS, votes=0)


def _said(state: CaseState) -> str:
    reply = last_reply(state)
    said = clean_lines(str(reply.content), 3000) if isinstance(reply, AIMessage) else ""
    verdict = state["verdict"]
    return (
        said
        or (clean_lines(str(verdict.get("reason") or ""), 1000) if verdict else "")
        or "I looked again and have nothing to add."
    )
