"""Photos that come in: read as they come, cut off where they grow too large, never on disk before they are checked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from agent.conversation.keep_photo import MAX_BYTES

_AROUND = 64_000
"""Bytes of a form beside the photo."""
_SILENT_S, _LONGEST_S = 30.0, 300.0
"""Seconds without a byte, and for the whole upload."""
TOO_LARGE = f"The photo is larger than {MAX_BYTES // 1_000_000} MB."


def _too_large() -> HTTPException:
    return HTTPException(413, TOO_LARGE)


@dataclass
class _Form:
    """The one file of a form. Bytes of other fields are dropped."""

    data: bytearray = field(default_factory=bytearray)
    name: str = ""
    files: int = 0
    _header: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    _is_file: bool = False

    def on_part_begin(self) -> None:
        self._is_file = False

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def on_header_end(self) -> None:
        name, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            options = parse_options_header(value)[1]
            if b"filename" in options:
                self._is_file, self.files = True, self.files + 1
                self.name = options[b"filename"].decode("utf-8", "replace")[:300]

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file and self.files == 1:
            if len(self.data) + end - start > MAX_BYTES:
                raise _too_large()
            self.data.extend(data[start:end])

    def parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(boundary, {
            "on_part_begin": self.on_part_begin, "on_header_field": self.on_header_field, "on_header_value": self.on_header_value,
            "on_header_end": self.on_header_end, "on_part_data": self.on_part_data,
        })  # fmt: skip


async def read_upload(request: Request) -> tuple[bytes, str]:
    """The photo of a multipart form, and its name. Raises HTTPException, for one that is too large as soon as it is."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > MAX_BYTES + _AROUND:
        raise _too_large()
    boundary = parse_options_header(request.headers.get("content-type", ""))[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise HTTPException(422, "The form has no boundary")
    form, read = _Form(), 0
    parser = form.parser(boundary)
    try:
        async for chunk in _chunks(request):
            read += len(chunk)
            if read > MAX_BYTES + _AROUND:
                raise _too_large()
            parser.write(chunk)
        parser.finalize()
    except (FormParserError, UnicodeDecodeError):
        raise HTTPException(422, "The form cannot be read") from None
    if form.files != 1:
        raise HTTPException(422, "Send one photo at a time, as the file of a form" if form.files else "The form has no file")
    return bytes(form.data), form.name


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. One that stops coming is given up."""
    until, body = time.monotonic() + _LONGEST_S, request.stream()
    while True:
        try:
            async with asyncio.timeout(min(_SILENT_S, max(0.0, until - time.monotonic()))):
                chunk = await anext(body)
        except StopAsyncIteration:
            return
        except (TimeoutError, ClientDisconnect):
            raise HTTPException(408, "The photo did not come in time") from None
        yield chunk
