"""Small pictures for the page, all of them together within a budget."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image

BUDGET_BYTES = 12_000_000
"""Of all thumbnails as JPEG; written as text they take a third more."""
_LEAST_BYTES = 2_500
_STEPS = ((320, 70), (256, 66), (224, 60), (192, 56), (160, 50), (128, 45))
"""Longest side in pixels and JPEG quality, one after the other until a picture is small enough."""
_MAX_PIXELS = 4_000_000


def fitted(pictures: Sequence[bytes | None], budget: int = BUDGET_BYTES) -> tuple[list[str | None], int]:
    """Each picture as base64, and how many were made coarser to keep the budget. What is no JPEG becomes None."""
    given = [picture if picture and picture.startswith(b"\xff\xd8\xff") else None for picture in pictures]
    total = sum(len(picture) for picture in given if picture)
    share = max(_LEAST_BYTES, budget // max(1, sum(picture is not None for picture in given)))
    made = [_smaller(picture, share) if picture and total > budget else picture for picture in given]
    coarser = sum(before is not None and before is not after for before, after in zip(given, made, strict=True))
    return [base64.b64encode(picture).decode("ascii") if picture else None for picture in made], coarser


def _smaller(picture: bytes, most: int) -> bytes | None:
    """The same picture in at most `most` bytes where that can be had; None where it cannot be read."""
    if len(picture) <= most:
        return picture
    try:
        with Image.open(io.BytesIO(picture), formats=["JPEG"]) as opened:
            if opened.width * opened.height > _MAX_PIXELS:
                return None
            whole = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None
    longest = max(whole.size)
    for side, quality in _STEPS:
        if len(picture) * (side / longest) ** 2 > 2.5 * most and side != _STEPS[-1][0]:
            continue  # far too large still
        small = whole.copy()
        small.thumbnail((side, side))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= most:
            break
    return buffer.getvalue()
