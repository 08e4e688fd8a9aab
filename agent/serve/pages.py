"""Routes of the page and of what is told before anybody is known: safety, settings, health, login."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from agent.conversation.export import KINDS
from agent.conversation.guard import POLICY
from agent.conversation.questions import COMMANDS
from agent.serve.access import SESSION, SESSION_S, set_cookie
from agent.serve.serving import Here

routes = APIRouter(tags=["server"])
_REPORTS = {"report.css": "page.css", "map.js": "map.js", "outlines.json": "outlines.json"}
"""Parts that the page shares with the HTML report, by the name under which they are served."""
_TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "json": "application/json",
          "svg": "image/svg+xml"}  # fmt: skip
STORAGE = (
    "Photos are kept without what their files say of place, time and camera. They stay on this server with the conversation until the case is "
    "deleted; then both are removed for good."
)


class Policy(BaseModel):
    policy: str = Field(description="What Geosleuth is not for.")
    storage: str = Field(description="What is kept, and for how long.")


class Given(BaseModel):
    token: str = Field(max_length=300)


@routes.get("/health", summary="Whether the server answers")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@routes.get("/policy", summary="What Geosleuth is not for, and what is kept")
async def policy(here: Here) -> Policy:
    kept = "Photos are kept as they are, with what their files say of place and time. " + STORAGE.partition(". ")[2]
    return Policy(policy=POLICY, storage=kept if here.desk.settings.keep_metadata else STORAGE)


@routes.get("/settings", summary="What this server offers to its page")
async def settings(here: Here, request: Request) -> dict[str, Any]:
    tiles = {"url": here.settings.tiles, "credit": here.settings.tiles_credit} if here.settings.tiles else None
    return {
        "login": here.access.by_tokens and not request.state.visitor.owner, "by_tokens": here.access.by_tokens,
        "urls": here.settings.allow_urls, "tiles": tiles, "commands": COMMANDS, "exports": list(KINDS),
    }  # fmt: skip


@routes.post("/login", status_code=204, summary="A token for a cookie")
async def login(given: Given, here: Here, request: Request) -> Response:
    """For the page; programs send the token with each request."""
    client = request.client.host if request.client else ""
    if here.rates.is_spent(client, "wrong token"):
        raise HTTPException(429, "Too many wrong tokens; wait a little", {"Retry-After": "60"})
    name = here.access.name_of(given.token)
    if name is None:
        here.rates.wait_s(client, "wrong token")
        raise HTTPException(401, "That is not a token of this server")
    cookie = set_cookie(SESSION, here.access.session(name), SESSION_S)
    return Response(status_code=204, headers={"Set-Cookie": cookie + ("; Secure" if request.url.scheme == "https" else "")})


@routes.post("/logout", status_code=204, summary="Forget the cookie")
async def logout() -> Response:
    return Response(status_code=204, headers={"Set-Cookie": set_cookie(SESSION, "", 0)})


@routes.get("/", include_in_schema=False)
async def index() -> Response:
    return await part("index.html")


@routes.get("/page/{name}", include_in_schema=False)
async def part(name: str) -> Response:
    found = _parts().get(name)
    if found is None:
        raise HTTPException(404, "There is nothing at this address")
    return Response(found, media_type=_TYPES[name.rpartition(".")[2]], headers={"Cache-Control": "no-cache"})


@cache
def _parts() -> dict[str, bytes]:
    """All that may be asked for, by name: nothing is ever looked up on the disk by what a request says."""
    own = files("agent.serve") / "page"
    parts = {item.name: item.read_bytes() for item in own.iterdir() if item.name.rpartition(".")[2] in _TYPES}
    return {**parts, **{name: (files("agent.report") / source).read_bytes() for name, source in _REPORTS.items()}}
