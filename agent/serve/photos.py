"""Routes of photos: add one, see one."""

from __future__ import annotations

import asyncio
import io
import math
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from agent.conversation.keep_photo import MAX_BYTES
from agent.decode import looks_like_photo
from agent.photo import open_photo
from agent.serve.serving import PROBLEMS, Here, Owner, Problem, Serving, limited
from agent.serve.upload import read_upload
from tools.observation import View
from tools.web.fetch import Fetcher, FetchError, fetch_photo

routes = APIRouter(tags=["photos"], responses=PROBLEMS)
MOST_UPLOADS, MOST_UPLOADS_OF_ALL = 2, 16
"""At the same time: of one owner, of all. Each is held in memory until it is checked."""
_FETCHER = Fetcher(media_types=("image/",), most_bytes=MAX_BYTES, timeout_s=30.0)
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photo"],
                    "properties": {"photo": {"type": "string", "format": "binary"}},
                }
            },
            "application/json": {"schema": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}},
        },
    }
}


class Added(BaseModel):
    number: int = Field(description="From 1 within the case.")
    name: str
    size: tuple[int, int] = Field(description="Width and height in pixels, upright.")


class _Address(BaseModel):
    url: str = Field(max_length=2000)


@routes.post("/cases/{case_id}/photos", status_code=201, summary="Add a photo", dependencies=[limited("photo")],
             openapi_extra=_FORM, responses={413: {"model": Problem}, 415: {"model": Problem}})  # fmt: skip
async def add_photo(case_id: str, request: Request, here: Here, owner: Owner) -> Added:
    """As the file of a form, up to 30 MB; or by address as `{"url": …}` where the server was started with --allow-urls.

    What the file says of place, time and camera is removed unless the server was started with --keep-metadata.
    """
    here.desk.store.load(case_id, owner)  # an upload to nowhere is not read
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    async with _one_more(here, owner):
        if kind == "multipart/form-data":
            data, name = await read_upload(request)
        elif kind == "application/json":
            data, name = await _fetched(request, here)
        else:
            raise HTTPException(415, "Send the photo as the file of a form (multipart/form-data)")
        if not looks_like_photo(data[:64]):
            raise HTTPException(415, "This is not a picture that can be read (JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC, AVIF)")
        photo = await here.desk.add_photo(case_id, data, name, owner)
    return Added(number=photo.number, name=photo.name, size=photo.size)


@asynccontextmanager
async def _one_more(here: Serving, owner: str) -> AsyncIterator[None]:
    if here.uploading[owner] >= MOST_UPLOADS:
        raise HTTPException(429, "Two photos are coming in already; wait for them", {"Retry-After": "2"})
    if here.uploading.total() >= MOST_UPLOADS_OF_ALL:
        raise HTTPException(503, "Too many photos are coming in; try again", {"Retry-After": "5"})
    here.uploading[owner] += 1
    try:
        yield
    finally:
        here.uploading[owner] -= 1
        here.uploading += type(here.uploading)()  # drops those at 0


async def _fetched(request: Request, here: Serving) -> tuple[bytes, str]:
    """The photo behind an address. The fetch goes to public addresses alone, whatever their names resolve to."""
    if not here.settings.allow_urls:
        raise HTTPException(403, "This server does not fetch photos from addresses; upload the file")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > 8000:
            raise HTTPException(413, "The request is too long")
    try:
        url = _Address.model_validate_json(bytes(body)).url
    except ValidationError:
        raise HTTPException(422, 'Send {"url": "https://…"}') from None
    return await asyncio.to_thread(_fetch, url)


def _fetch(url: str) -> tuple[bytes, str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            data = fetch_photo(url, Path(folder), _FETCHER).read_bytes()
        except FetchError as error:
            raise HTTPException(422, str(error)) from error
    return data, url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]


Size = Annotated[int, Query(ge=32, le=2400, description="Pixels of the longer side, at most.")]
Box = Annotated[str | None, Query(max_length=80, description="A part, as left,top,right,bottom in shares of width and height.")]


@routes.get("/cases/{case_id}/photos/{number}/picture", summary="The photo, or a part of it, as a JPEG", response_class=Response,
            dependencies=[limited("picture")])  # fmt: skip
async def picture(case_id: str, number: int, here: Here, owner: Owner, size: Size = 1400, box: Box = None) -> Response:
    """Made anew from its pixels: the stored file never leaves the server."""
    file = here.desk.store.load(case_id, owner)
    try:
        path = here.desk.store.folder / file.photo(number).file
    except LookupError as error:
        raise HTTPException(404, f"The case has no photo {number}") from error
    view = View("shown", _box(box)) if box else View("photo")
    data = await asyncio.to_thread(_jpeg, path, view, size)
    return Response(data, media_type="image/jpeg")


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise HTTPException(422, "A box is four numbers: left,top,right,bottom") from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise HTTPException(422, "A box goes from 0 to 1: left,top,right,bottom")
    return left, top, right, bottom


def _jpeg(path: Path, view: View, side_px: int) -> bytes:
    photo = open_photo(path)
    left, top, right, bottom = view.box
    wide, high = max(1.0, (right - left) * photo.size[0]), max(1.0, (bottom - top) * photo.size[1])
    scale = min(1.0, side_px / max(wide, high))
    shown = photo.render(view, max_pixels=max(1, math.floor(wide * scale * high * scale)))
    shown.info.clear()
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()
