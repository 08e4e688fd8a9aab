"""Small pictures for tests."""

from __future__ import annotations

import io

from PIL import Image


def jpeg(shade: int = 0, size: tuple[int, int] = (16, 12), **options: object) -> bytes:
    """A JPEG of one grey; different shades make different files."""
    stream = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(stream, "JPEG", **options)
    return stream.getvalue()
