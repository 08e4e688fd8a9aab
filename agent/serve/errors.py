"""Errors as replies: one plain sentence under `error`, with the code that fits."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from agent.conversation.desk import CaseBusyError, CaseFullError
from agent.conversation.store import NoCaseError
from agent.photo import PhotoError
from tools.quote import clean

_LOG = logging.getLogger("geosleuth.serve")
_UNKNOWN = {404: "There is nothing at this address.", 405: "This address does not do that."}


def tell_errors(app: FastAPI) -> None:
    """Everything that routes raise becomes such a reply."""
    for kind, status in ((NoCaseError, 404), (CaseBusyError, 409), (CaseFullError, 409), (PhotoError, 422)):
        app.add_exception_handler(kind, _as(status))
    app.add_exception_handler(PermissionError, _as(403))
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(Exception, _ours)


def sentence(text: str) -> str:
    """Words as one sentence: a capital, a full stop."""
    text = clean(text, 300).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


@contextlib.contextmanager
def unusable() -> Iterator[None]:
    """What was sent and raises ValueError inside is answered with 422; elsewhere a ValueError is a fault of ours."""
    try:
        yield
    except CaseFullError:
        raise
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


def error_reply(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence(text)}, status, headers)


def _as(status: int) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def handler(request: Request, error: Exception) -> JSONResponse:
        return error_reply(status, str(error))

    return handler


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    said = str(error.detail)
    known = {"Not Found", "Method Not Allowed"}
    return error_reply(
        error.status_code, _UNKNOWN.get(error.status_code, said) if said in known else said, dict(error.headers or {})
    )


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"})
    return error_reply(422, f"{where}: {first['msg']}" if where else first["msg"])


async def _disk(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("the disk refused: %s", error)
    return error_reply(507, "The server cannot keep this: its disk refuses")


async def _ours(request: Request, error: Exception) -> JSONResponse:
    """The log has the traceback, the reply none."""
    return error_reply(500, "Something went wrong in the server; its log says what")
