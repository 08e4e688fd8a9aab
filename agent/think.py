"""The policy's turn: it sees the conversation and replies with calls or an answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

import prompts
from agent.answer import ANSWER_TOOL, answer_schema, read_text
from agent.case import Case, CaseState
from agent.outlook import outlook
from agent.render import image_block, to_chat
from agent.reply import regular
from agent.trajectory import StopReason
from tools.quote import clean

MAX_SILENT = 3
"""After so many replies in a row without a call or an answer the run ends."""


async def think(state: CaseState, runtime: Runtime[Case]) -> CaseState:
    """Ask the policy once. Whatever it does, the run goes on or ends with a reason."""
    case, began = runtime.context, time.monotonic()
    turn = state["turns"] + 1
    request = _request(state, case)
    ends = last_turn(state, case)
    try:
        async with asyncio.timeout(min(case.limits.think_seconds, max(1.0, case.limits.max_seconds * 1.1 - state["spent_s"]))):
            reply = await _ask(state, case, request, only_answer=ends is not None)
    except Exception as error:  # any fault of a model or its server ends the run with a reason, never with a traceback
        return {"stop": StopReason.POLICY_ERROR.value, "error": _why(error), "spent_s": time.monotonic() - began, "turns": 1}
    reply = regular(reply, turn, _shown_size(case), case.policy.box_space)
    reply.id = f"turn{turn}"
    change: CaseState = {"messages": [*request, reply], "turns": 1, "spent_s": time.monotonic() - began}
    if reply.tool_calls:
        asked_to_end = ends is not None and all(call["name"] != ANSWER_TOOL for call in reply.tool_calls)
        return {**change, "silent": 0, **({"stop": ends[0].value} if ends and asked_to_end else {})}
    spoken = read_text(str(reply.content), final=ends is not None and not case.asked)
    if spoken is not None:
        return {**change, "verdict": spoken.model_dump(), "silent": 0}
    if case.asked and str(reply.content).strip():
        return {**change, "stop": StopReason.ANSWERED.value, "silent": 0}
    silent = state["silent"] + 1
    runtime.stream_writer({"event": "silent", "turn": turn, "text": clean(str(reply.content), 200)})
    return {**change, "silent": silent, **_end_of_silence(silent, ends)}


def last_turn(state: CaseState, case: Case) -> tuple[StopReason, str] | None:
    """Why this turn is the last one: the reason that the run ends with if no answer comes, and in words."""
    if state["turns"] + 1 >= case.limits.max_turns:
        return StopReason.MAX_TURNS, f"{case.limits.max_turns} turns are used"
    if state["calls"] >= case.limits.max_calls:
        return StopReason.MAX_CALLS, f"{case.limits.max_calls} tool calls are used"
    if state["spent_s"] > 0.8 * case.limits.max_seconds:
        return StopReason.MAX_SECONDS, "the time is nearly used"
    least = case.limits.least_gain_bits
    if least and state["steps"] and not (ahead := outlook(case, state)).pays(least):
        return StopReason.NO_ANSWER, ahead.reason()
    return None


def _end_of_silence(silent: int, ends: tuple[StopReason, str] | None) -> CaseState:
    if ends is not None:
        return {"stop": ends[0].value}
    return {"stop": StopReason.NO_ANSWER.value} if silent >= MAX_SILENT else {}


def _request(state: CaseState, case: Case) -> list[HumanMessage]:
    """What is said to the policy before this turn: a nudge after silence, the call for an answer on the last turn."""
    turn = state["turns"] + 1
    if ends := last_turn(state, case):
        return [HumanMessage(content=prompts.fill("last_turn", reason=ends[1]), id=f"last{turn}")]
    if state["silent"] and not case.asked:
        return [HumanMessage(content=prompts.fill("nudge"), id=f"nudge{turn}")]
    return []


async def _ask(state: CaseState, case: Case, request: list[HumanMessage], only_answer: bool) -> AIMessage:
    reply = await case.policy.model.bind_tools(offered_tools(case, only_answer)).ainvoke(sent_messages(case, state, request))
    if not isinstance(reply, AIMessage):
        raise TypeError(f"the policy gave a {type(reply).__name__} and not a reply")
    return reply


def offered_tools(case: Case, only_answer: bool = False) -> list[dict[str, Any]]:
    """What the policy may call, in the OpenAI function-calling form; the answer comes last."""
    names = case.policy.offered or tuple(case.tools)
    tools = (
        [] if only_answer and not case.policy.same_tools else [case.tools[name].schema() for name in names if name in case.tools]
    )
    return [*tools, answer_schema()]


def sent_messages(case: Case, state: CaseState, request: Sequence[HumanMessage] = ()) -> list[BaseMessage]:
    """The conversation as the policy is sent it, pictures and all."""
    policy, messages = case.policy, [*state["messages"], *request]
    if not policy.sees:
        return _merged_system(list(messages))
    return _merged_system(
        to_chat(
            messages, lambda view: _picture(case, state, view), policy.images_in, case.limits.max_views_shown, policy.result_chars
        )
    )


def _picture(case: Case, state: CaseState, view: str) -> dict[str, Any]:
    from agent.photo import fit
    from tools.observation import View
    from tools.sheets import open_sheet

    shown = View.from_json(state["views"][view])
    if not shown.sheet:
        return image_block(case.photo.render(shown, case.policy.max_pixels))
    sheet = open_sheet(shown.sheet)
    if sheet:
        sheet.thumbnail(fit(sheet.size, case.policy.max_pixels))
    return image_block(sheet) if sheet else {"type": "text", "text": f"(the pictures of {view} are no longer there)"}


def _merged_system(chat: list[Any]) -> list[Any]:
    """Consecutive user messages joined, since several chat templates demand that roles alternate."""
    joined: list[Any] = []
    for message in chat:
        before = joined[-1] if joined else None
        if isinstance(message, HumanMessage) and isinstance(before, HumanMessage):
            joined[-1] = HumanMessage(content=[*_as_blocks(before), *_as_blocks(message)])
        else:
            joined.append(message)
    assert not joined or isinstance(joined[0], SystemMessage)
    return joined


def _as_blocks(message: HumanMessage) -> list[Any]:
    return message.content if isinstance(message.content, list) else [{"type": "text", "text": message.content}]


def _shown_size(case: Case) -> tuple[int, int]:
    """The photo's size in pixels as the policy saw it."""
    width, height = case.photo.size
    scale = min(1.0, math.sqrt(case.policy.max_pixels / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the policy did not reply in time"
    return clean(f"{type(error).__name__}: {error}", 300)
