"""What happens in a case, as it happens: server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from agent.conversation.store import NoCaseError
from agent.serve.serving import PROBLEMS, Here, Owner, Serving, limited
from agent.serve.shown import shown_event

routes = APIRouter(tags=["conversation"], responses=PROBLEMS)
HEARTBEAT_S = 15.0
MOST_WATCHING = 12
"""Open streams of one owner."""
_NAMES = {"error": "problem"}
"""A browser's EventSource takes an event called `error` for a broken connection."""


@routes.get("/cases/{case_id}/events", summary="What happens in the case, as server-sent events", response_class=StreamingResponse,
            dependencies=[limited("read")])  # fmt: skip
async def events(case_id: str, here: Here, owner: Owner) -> StreamingResponse:
    """First `hello`; then `photo`, `start`, `resumed`, `step`, `belief` (with its map), `silent`, `asked`, `reply`, `result`, `problem`, `stopped`,
    `finished`, and `deleted`, which ends the stream. The data of each is JSON. A comment comes every 15 s."""
    here.desk.store.load(case_id, owner)
    if here.watching[owner] >= MOST_WATCHING:
        raise HTTPException(429, "Too many pages watch; close one", {"Retry-After": "10"})
    return StreamingResponse(_stream(here, case_id, owner), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def frame(name: str, data: Mapping[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _stream(here: Serving, case_id: str, owner: str) -> AsyncIterator[str]:
    here.watching[owner] += 1
    watching = here.desk.hub.watch(case_id)
    closing = asyncio.create_task(here.closing.wait())
    upcoming = asyncio.create_task(_next(watching))
    try:
        await asyncio.sleep(0)  # watched from here on: what is read after `hello` misses nothing
        yield frame("hello", {"event": "hello"})
        while True:
            await asyncio.wait({upcoming, closing}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
            if upcoming.done():
                event = upcoming.result()
                if event is None:
                    return
                yield await _framed(here, case_id, owner, event)
                upcoming = asyncio.create_task(_next(watching))
            elif closing.done():
                return
            else:
                yield ": still here\n\n"
    finally:
        here.watching[owner] -= 1
        for task in (upcoming, closing):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await watching.aclose()  # type: ignore[attr-defined]


async def _next(watching: AsyncIterator[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return await anext(watching, None)


async def _framed(here: Serving, case_id: str, owner: str, event: Mapping[str, Any]) -> str:
    file = None
    if event["event"] == "result":
        with contextlib.suppress(NoCaseError):
            file = here.desk.store.load(case_id, owner)
    name = str(event["event"])
    return frame(_NAMES.get(name, name), shown_event(event, file))
