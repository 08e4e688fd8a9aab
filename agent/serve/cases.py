"""Routes of cases: open, list, see, delete, and what is known of the place."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from agent.conversation.export import KINDS
from agent.serve.errors import unusable
from agent.serve.serving import MOST_CASES, PROBLEMS, Here, Owner, limited
from agent.serve.shown import NO_RESULT, has_result, shown_case, shown_event

routes = APIRouter(tags=["cases"], responses=PROBLEMS)


class NewCase(BaseModel):
    """What is known beforehand."""

    model_config = ConfigDict(extra="forbid")
    area: str | None = Field(
        None,
        max_length=500,
        description="Where to search: country codes (FR,DE), a box (south,west,north,east), or both joined by ';'.",
    )
    context: str = Field("", max_length=2000, description="What is known about the photos, in words.")


class Opened(BaseModel):
    id: str = Field(description="Names the case in all other requests; it cannot be guessed.")


class Listed(BaseModel):
    id: str
    title: str = Field(description="The name of the first photo.")
    created: str = Field(description="UTC, ISO 8601.")
    updated: str = Field(description="UTC, ISO 8601.")


@routes.post("/cases", status_code=201, summary="Open a case", dependencies=[limited("case")])
async def open_case(here: Here, owner: Owner, new: NewCase | None = None) -> Opened:
    """A case holds photos of one place, what was found in them, and the conversation about it."""
    if len(here.desk.store.cases(owner)) >= MOST_CASES:
        raise HTTPException(409, f"There are {MOST_CASES} cases already; delete one first")
    new = new or NewCase()
    with unusable():
        return Opened(id=here.desk.open(owner, new.area, new.context).id)


@routes.get("/cases", summary="List your cases, the latest first", dependencies=[limited("read")])
async def list_cases(here: Here, owner: Owner) -> list[Listed]:
    return [Listed(**row) for row in here.desk.store.cases(owner)]


@routes.get("/cases/{case_id}", summary="Everything about a case", dependencies=[limited("read")])
async def see_case(case_id: str, here: Here, owner: Owner) -> dict[str, Any]:
    """Photos with their steps and boxes, result, map, evidence, statements, messages; `so_far` has the events of an investigation that is going on,
    `seq` the number of the latest event: those with larger ones are not in it."""
    file = here.desk.store.load(case_id, owner)
    busy, seq = here.work.is_busy(case_id), here.work.record.latest
    so_far = [shown_event(event, None) for event in here.work.record.so_far(case_id)]
    shown = await asyncio.to_thread(shown_case, here.desk, file, busy)
    return {**shown, "investigating": here.work.is_investigating(case_id), "so_far": so_far, "seq": seq}


@routes.delete("/cases/{case_id}", status_code=204, summary="Delete a case, its photos and all that was said")
async def delete_case(case_id: str, here: Here, owner: Owner) -> Response:
    """What is going on in the case is ended."""
    here.desk.delete(case_id, owner)
    return Response(status_code=204)


@routes.get("/cases/{case_id}/result", summary="Where it was taken", dependencies=[limited("read")])
async def result(case_id: str, here: Here, owner: Owner) -> dict[str, Any]:
    """`answer` is null where it cannot be told; `best_guess` is the likeliest place all the same. Before anything is known all are null."""
    file = here.desk.store.load(case_id, owner)
    return await asyncio.to_thread(here.desk.shown_result, file) if has_result(file) else NO_RESULT


@routes.get("/cases/{case_id}/export/{kind}", summary=f"The case as a file: {', '.join(KINDS)}", dependencies=[limited("export")])
async def export(case_id: str, kind: str, here: Here, owner: Owner) -> Response:
    file = here.desk.store.load(case_id, owner)
    if kind not in KINDS:
        raise HTTPException(404, f"There is no export called {kind}; there are {', '.join(KINDS)}")
    if not has_result(file):
        raise HTTPException(409, "There is nothing to export yet")
    data = await asyncio.to_thread(here.desk.export, case_id, kind, owner)
    name, media_type = KINDS[kind]
    # A file that is opened from the server must not act as a page of it.
    return Response(
        data,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": "sandbox"},
    )
