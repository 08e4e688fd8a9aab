"""Routes of what is done with a case: investigate, ask, take back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from agent.conversation.case_file import DONE
from agent.conversation.desk import LONGEST_MESSAGE
from agent.serve.errors import unusable
from agent.serve.serving import PROBLEMS, Here, Owner, limited

routes = APIRouter(tags=["conversation"], responses=PROBLEMS)


class Started(BaseModel):
    photos: list[int] = Field(description="Numbers of the photos that are investigated.")


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field(
        min_length=1, max_length=LONGEST_MESSAGE, description="A question, something you know, or a command such as /help."
    )


class TakenBack(BaseModel):
    model_config = ConfigDict(extra="forbid")
    statement: str = Field(min_length=1, max_length=10, description="Its number: s2 or 2.")


class Replied(BaseModel):
    text: str = Field(description="Plain lines; one that begins with '- ' is an item of a list.")
    data: dict[str, Any] = Field(description="What the words were made from.")


@routes.post("/cases/{case_id}/start", status_code=202, summary="Investigate the photos", dependencies=[limited("start")])
async def start(case_id: str, here: Here, owner: Owner) -> Started:
    """Returns at once; what happens comes as events. Photos that were investigated are not again; one that was cut goes on where it was."""
    file = here.desk.store.load(case_id, owner)
    waiting = [photo.number for photo in file.photos if photo.state != DONE]
    if not waiting:
        raise HTTPException(409, "All photos are investigated" if file.photos else "Add a photo first")
    here.work.start(case_id, owner)
    return Started(photos=waiting)


@routes.post("/cases/{case_id}/stop", status_code=204, summary="Cut the investigation short", dependencies=[limited("start")])
async def stop(case_id: str, here: Here, owner: Owner) -> Response:
    """What was found so far is kept; start goes on from there."""
    here.desk.store.load(case_id, owner)
    if not here.work.stop(case_id):
        raise HTTPException(409, "Nothing is being investigated in this case")
    return Response(status_code=204)


@routes.post("/cases/{case_id}/ask", summary="Ask, or state what you know", dependencies=[limited("ask")])
async def ask(case_id: str, message: Message, here: Here, owner: Owner) -> Replied:
    """The reply is an event, too. What is stated becomes evidence and can be taken back."""
    with unusable():
        reply = await here.work.say(case_id, message.text, owner)
    return Replied(text=reply.text, data=dict(reply.data))


@routes.post("/cases/{case_id}/retract", summary="Take a statement back", dependencies=[limited("ask")])
async def retract(case_id: str, taken: TakenBack, here: Here, owner: Owner) -> Replied:
    with unusable():
        reply = await here.work.retract(case_id, taken.statement, owner)
    return Replied(text=reply.text, data=dict(reply.data))
