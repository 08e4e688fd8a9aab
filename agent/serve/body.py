"""The body of a request as it comes: bounded, and read to its end where nobody wanted it."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

MOST_BODY_BYTES = 100_000
"""Of all requests but uploads."""
_DRAIN_S, _DRAIN_BYTES = 10.0, 1_000_000_000


class Body:
    """Stands between the server and the application; `receive` is what the application is given."""

    def __init__(self, receive: Receive, most: int | None) -> None:
        self._receive, self._most, self._read = receive, most, 0
        self.complete = False
        """Whether all of it came, or the client is gone."""

    async def receive(self) -> Message:
        """Raises HTTPException where the body grows too long, before it is held in memory."""
        message = await self._next()
        if self._most is not None and self._read > self._most:
            raise HTTPException(413, "The request is too long")
        return message

    async def _next(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        self.complete = message["type"] == "http.disconnect" or not message.get("more_body")
        return message

    async def drain(self) -> None:
        """Drop what still comes, for a while: a client that is cut off while it sends does not read the reply."""
        try:
            async with asyncio.timeout(_DRAIN_S):
                while not self.complete and self._read < _DRAIN_BYTES:
                    await self._next()
        except TimeoutError:
            return


def has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
