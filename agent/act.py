"""Carry out one call of the policy. One call a step, so that resuming after a crash repeats none that finished."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from langgraph.runtime import Runtime
from pydantic import ValidationError

from agent.answer import ANSWER_TOOL, read_call
from agent.case import Case, CaseState, last_reply, open_calls
from tools.observation import Observation, Tool, ToolContext, refusal
from tools.quote import clean

T = TypeVar("T")


async def act(state: CaseState, runtime: Runtime[Case]) -> CaseState:
    """Run the next open call; an answer among the calls of a turn counts alone."""
    case, began = runtime.context, time.monotonic()
    calls = open_calls(state)
    call = next((c for c in calls if c["name"] == ANSWER_TOOL), calls[0])
    verdict: dict[str, Any] | None = None
    if call["name"] == ANSWER_TOOL:
        answer = read_call(call["args"])
        observation = refusal(answer) if isinstance(answer, str) else Observation("The answer is noted.")
        verdict = None if isinstance(answer, str) else answer.model_dump()
    elif any(step["id"] for step in state["steps"] if _same_turn_answer(step, state)):
        observation = refusal("not carried out: the same reply gave an answer")
    elif state["calls"] >= case.limits.max_calls:
        observation = refusal(f"not carried out: all {case.limits.max_calls} tool calls are used; give your answer")
    else:
        observation = await _run(case.tools, call, case.tool_context(state))
    seconds = time.monotonic() - began
    step = _step(state["turns"], call, observation, seconds)
    runtime.stream_writer({
        "event": "step", **{key: step[key] for key in ("turn", "tool", "args", "text", "ok", "seconds")},
        "views": [view.to_json() for view in observation.views], "regions": [region.to_json() for region in observation.regions],
    })  # fmt: skip
    return {
        "steps": [step],
        "views": {view.id: view.to_json() for view in observation.views},
        "regions": {str(region.number): region.to_json() for region in observation.regions},
        "sources": {source.id: source.to_json() for source in observation.sources},
        "ledger": [{**evidence.to_json(), "call": call["id"]} for evidence in observation.evidence],
        "calls": int(call["name"] != ANSWER_TOOL),
        "spent_s": seconds,
        **({"verdict": verdict} if verdict is not None else {}),
    }


def _same_turn_answer(step: Mapping[str, Any], state: CaseState) -> bool:
    return step["tool"] == ANSWER_TOOL and step["id"] in {c["id"] for c in last_reply(state).tool_calls}


async def _run(tools: Mapping[str, Tool], call: Mapping[str, Any], context: ToolContext) -> Observation:
    """The tool's observation, or one plain sentence about what went wrong."""
    tool = tools.get(call["name"])
    if tool is None:
        return refusal(f"there is no tool called {clean(call['name'], 40)!r}; there are {', '.join([*tools, ANSWER_TOOL])}")
    try:
        arguments = tool.arguments.model_validate(call["args"])
    except ValidationError as error:
        return refusal(f"{tool.name} was not called: {_first_problem(error)}")
    try:
        return await asyncio.wait_for(asyncio.wrap_future(in_daemon(lambda: tool.run(arguments, context))), tool.timeout_s)
    except TimeoutError:
        return Observation(
            f"{tool.name} took longer than {tool.timeout_s:.0f} s and was given up", ok=False, data={"error": "timeout"}
        )
    except Exception as error:  # a fault of the world ends the call; the run goes on
        text = f"{tool.name} failed: {clean(str(error) or type(error).__name__, 200)}"
        return Observation(text, ok=False, data={"error": type(error).__name__})


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "arguments"
    return f"{where}: {clean(first['msg'], 160)}"


def in_daemon(work: Callable[[], T]) -> Future[T]:
    """Run `work` in a thread of its own that never keeps the process from ending. What comes after nobody waits any more is dropped."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # one who stops waiting cannot cancel it, and the thread may set its result all the same

    def target() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=target, daemon=True).start()
    return future


def _step(turn: int, call: Mapping[str, Any], observation: Observation, seconds: float) -> dict[str, Any]:
    return {
        "id": call["id"], "turn": turn, "tool": call["name"], "args": _bounded(call["args"]), "ok": observation.ok,
        "text": observation.text, "seconds": round(seconds, 3), "data": dict(observation.data), "views": [v.id for v in observation.views],
        "claims": [evidence.claim for evidence in observation.evidence],
    }  # fmt: skip


def _bounded(args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they are when small, else their beginning: a policy may write anything."""
    text = json.dumps(args, ensure_ascii=False, default=str)
    return json.loads(text) if len(text) <= 4000 else {"cut": text[:4000]}
