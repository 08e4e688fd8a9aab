"""What one step of the loop costs beside the tool that it runs, with and without checkpoints.

    python benchmarks/loop_overhead.py

A scripted policy calls `reverse_geocode` again and again, so that everything else is the loop's own: choosing, checking the
call, running it in a thread, folding evidence, writing the state.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from PIL import Image

from agent.case import Case
from agent.graph import build_graph
from agent.limits import Limits
from agent.photo import open_photo
from agent.policies import Policy
from agent.policies.scripted import Scripted
from tools.observation import ToolContext, View
from tools.toolbox import ToolSettings, make_tools

STEPS = 100


def call(number: int) -> AIMessage:
    args = {"lat": 40.0 + number / 100, "lon": 8.0}
    return AIMessage("", tool_calls=[{"name": "reverse_geocode", "args": args, "id": f"c{number}", "type": "tool_call"}])


async def run(case: Case, folder: Path | None) -> float:
    """Seconds for `STEPS` turns of one call each."""
    config: Any = {"configurable": {"thread_id": "t"}, "recursion_limit": 10_000}
    if folder is None:
        began = time.perf_counter()
        await build_graph().ainvoke(case.start(), config, context=case)
        return time.perf_counter() - began
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with AsyncSqliteSaver.from_conn_string(str(folder / "c.sqlite")) as saver:
        began = time.perf_counter()
        await build_graph(saver).ainvoke(case.start(), config, context=case, durability="sync")
        return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.new("RGB", (640, 480)).save(folder / "p.png")
        photo = open_photo(folder / "p.png")
        tools = make_tools(ToolSettings(offline=True))
        policy = Policy("scripted", Scripted(replies=[call(n) for n in range(STEPS + 1)]), sees=False)
        case = Case(photo, policy, tools, Limits(max_turns=STEPS + 1, max_calls=STEPS + 1, max_seconds=1e6))

        tool = tools["reverse_geocode"]
        context = ToolContext(photo, {"photo": View("photo")})
        arguments = [tool.arguments.model_validate(call(n).tool_calls[0]["args"]) for n in range(STEPS)]
        tool.run(arguments[0], context)
        began = time.perf_counter()
        for one in arguments:
            tool.run(one, context)
        alone = time.perf_counter() - began

        asyncio.run(run(case, None))
        plain = asyncio.run(run(case, None))
        saved = asyncio.run(run(case, folder))
    print(f"{STEPS} steps; the tool alone: {1000 * alone / STEPS:.2f} ms a call (the reference)")
    for title, seconds in (("the loop", plain), ("the loop, every step saved to SQLite", saved)):
        own = (seconds - alone) / STEPS
        print(f"{title}: {1000 * own:.2f} ms a step beside the tool, {seconds / alone:.2f} times the tool alone")


if __name__ == "__main__":
    main()
