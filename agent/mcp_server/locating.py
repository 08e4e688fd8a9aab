"""`locate`: the whole investigation of an open photo by the server's policy."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from agent.answer import label_of
from agent.case import Case
from agent.graph import build_graph
from agent.locate import Settings, run_case, state_folder, trajectory_of
from agent.mcp_server.settings import ServerSettings
from agent.trajectory import file_name, save, summary
from tools.quote import clean

Report = Callable[[int, str], Awaitable[None]]
"""Told the number of an event, from 1, and one line about it."""


async def locate(name: str, case: Case, settings: ServerSettings, report: Report) -> dict[str, Any]:
    """The summary of the finished trajectory, with its `label` and where it was saved (`trajectory`, None where it could not be)."""
    began = datetime.now(UTC)
    events: asyncio.Queue[str | None] = asyncio.Queue()

    def tell(event: Mapping[str, Any]) -> None:
        if line := _line(event):
            events.put_nowait(line)

    reporter = asyncio.create_task(_report_all(events, report))
    try:
        state = await run_case(case, build_graph(), secrets.token_hex(8), tell)
    finally:
        events.put_nowait(None)
        await reporter
    trajectory = trajectory_of(name, case, settings.tools, state, began)
    how = Settings(case.limits, case.area, case.context, case.metadata_allowed, settings.tools)
    key = how.key(case.policy.name, case.photo.sha256, case.tools.values())
    path = (settings.save_to or state_folder()) / file_name(name, key)
    where: str | None = str(path)
    try:
        await asyncio.to_thread(save, trajectory, path)
    except OSError:
        where = None
    told = summary(trajectory)
    evidence = [{**entry, "claim": clean(str(entry["claim"]), 300)} for entry in told["evidence"]]
    error = clean(str(told["error"]), 300) if told["error"] else None
    return {**told, "evidence": evidence, "error": error, "label": label_of(trajectory["best_guess"]), "trajectory": where}


async def _report_all(events: asyncio.Queue[str | None], report: Report) -> None:
    """Report in order; a client that hears nothing any more does not end the investigation."""
    number = 0
    while (line := await events.get()) is not None:
        number += 1
        with contextlib.suppress(Exception):
            await report(number, line)


def _line(event: Mapping[str, Any]) -> str:
    if event["event"] == "step":
        return f"turn {event['turn']}, {event['tool']}: {clean(str(event['text']), 160)}"
    return clean(str(event["line"]), 200) if event["event"] == "belief" else ""


def in_words(found: Mapping[str, Any]) -> str:
    """The summary as a few lines of text."""
    lines = [answer_line(found)]
    others = [f"{label_of(place)} {100 * place['probability']:.0f} %" for place in found["alternatives"][1:4]]
    if others:
        lines.append("Alternatives: " + "; ".join(others) + ".")
    lines += [f"- {e['claim']} ({e['tool']}, {e['bits']:.1f} bits)" for e in found["evidence"]]
    if found.get("error"):
        lines.insert(0, f"The policy failed: {found['error']}. What evidence there was still counts.")
    return "\n".join(lines)


def answer_line(found: Mapping[str, Any]) -> str:
    """The place in one line: the answer, or that one cannot tell, with the best guess."""
    guess = found["best_guess"]
    where = (f"{label_of(guess)} ({guess['lat']:.4f}, {guess['lon']:.4f}); 50 % within {guess['radius50_km']:,.0f} km, "
             f"90 % within {guess['radius90_km']:,.0f} km")  # fmt: skip
    return f"Answer: {where}." if found["answer"] is not None else f"The evidence does not tell. Best guess: {where}."
