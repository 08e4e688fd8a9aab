"""What the routes share: the desk, the settings, who asks, and how often."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from agent.conversation.desk import Desk
from agent.serve.access import Access, Visitor
from agent.serve.rates import Rates
from agent.serve.settings import ServeSettings
from agent.serve.work import Work

MOST_CASES = 40
"""Of one owner at a time."""


@dataclass
class Serving:
    """One running server."""

    desk: Desk
    settings: ServeSettings
    access: Access
    rates: Rates
    work: Work
    watching: Counter[str] = field(default_factory=Counter)
    """Open event streams of each owner."""
    uploading: Counter[str] = field(default_factory=Counter)
    """Uploads of each owner that are coming in."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server ends, so that streams do."""


class Problem(BaseModel):
    """What went wrong."""

    error: str = Field(description="One plain sentence.")


PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such case, or it is somebody else's."},
    409: {"model": Problem, "description": "The case is being worked on, or is full."},
    422: {"model": Problem, "description": "What was sent cannot be used."},
    429: {"model": Problem, "description": "Asked too often; see Retry-After."},
}


def _serving(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


def _visitor(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


def _owner(request: Request) -> str:
    return _visitor(request).owner


Here = Annotated[Serving, Depends(_serving)]
Owner = Annotated[str, Depends(_owner)]


def limited(kind: str) -> Any:
    """A dependency: 429 where an owner asks for this kind of thing too often."""

    async def check(here: Here, owner: Owner) -> None:
        if wait_s := here.rates.wait_s(owner, kind):
            raise HTTPException(429, f"That was too often; wait {wait_s} s", {"Retry-After": str(wait_s)})

    return Depends(check)
