"""What a client is sent: words, and views as JPEG pictures, bounded in pixels and bytes."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image

from agent.photo import fit
from tools.observation import Photo, View
from tools.sheets import open_sheet

if TYPE_CHECKING:
    from mcp_types import ImageContent, TextContent

PREVIEW_PIXELS = 512 * 512
VIEW_PIXELS = 1_200_000
MOST_BYTES = 600_000
"""Clients cut results off at about a megabyte, and base64 adds a third."""


def view_jpeg(photo: Photo, view: View, max_pixels: int = VIEW_PIXELS) -> bytes | None:
    """The view as a JPEG of at most `max_pixels` and `MOST_BYTES`; None where its sheet is gone."""
    if view.sheet:
        sheet = open_sheet(view.sheet)
        if sheet is None:
            return None
        sheet.thumbnail(fit(sheet.size, max_pixels))
        return _jpeg(sheet)
    return _jpeg(photo.render(view, max_pixels))


def image_content(jpeg: bytes) -> ImageContent:
    """The picture as MCP sends it."""
    from mcp_types import ImageContent

    return ImageContent(type="image", data=base64.b64encode(jpeg).decode("ascii"), mime_type="image/jpeg")


def text_content(text: str) -> TextContent:
    """Words as MCP sends them."""
    from mcp_types import TextContent

    return TextContent(type="text", text=text)


def _jpeg(picture: Image.Image) -> bytes:
    """Pixels alone: comments, tags and profiles of the file stay behind."""
    bare = Image.frombytes("RGB", picture.size, picture.convert("RGB").tobytes())
    for quality in (88, 70, 50):
        buffer = io.BytesIO()
        bare.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= MOST_BYTES:
            return buffer.getvalue()
    half = bare.resize((max(1, bare.width // 2), max(1, bare.height // 2)), Image.Resampling.LANCZOS)
    return _jpeg(half)
