"""Boxes between what is shown and where that is: view, photo, pixels.

A view crops the photo and may then turn it, so a share of what is shown is not the same share of the photo. Boxes are
`(left, top, right, bottom)`, shares of width and height.
"""

from __future__ import annotations

import math

from tools.observation import UnitBox, View

PixelBox = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom are not part of it."""

_SLACK_PX = 1e-6  # shares such as 1/3 come back from the decimal system a little off


def pixel_box(box: UnitBox, size: tuple[int, int]) -> PixelBox:
    """The smallest box of whole pixels around `box` in a picture of `size` (width, height); at least one pixel.

    Raises ValueError where a share is not a finite number.
    """
    if not all(math.isfinite(share) for share in box):
        raise ValueError(f"a box needs four finite numbers, not {box}")
    left, right = _span(box[0], box[2], size[0])
    top, bottom = _span(box[1], box[3], size[1])
    return left, top, right, bottom


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    low, high = (min(max(share, 0.0), 1.0) * length for share in (low, high))
    first = min(math.floor(low + _SLACK_PX), length - 1)
    return first, min(max(math.ceil(high - _SLACK_PX), first + 1), length)


def unit_box(box: tuple[float, float, float, float], size: tuple[int, int]) -> UnitBox:
    """A box in pixels of a picture of `size` as shares of it."""
    return box[0] / size[0], box[1] / size[1], box[2] / size[0], box[3] / size[1]


def to_photo(box: UnitBox, view: View) -> UnitBox:
    """A box on what `view` shows (turned as it is) as the same box on the photo."""
    left, top, right, bottom = _turn(box, -view.rotate_deg)
    x0, y0, x1, y1 = view.box
    return x0 + left * (x1 - x0), y0 + top * (y1 - y0), x0 + right * (x1 - x0), y0 + bottom * (y1 - y0)


def to_view(box: UnitBox, view: View) -> UnitBox:
    """The inverse of `to_photo`; shares outside 0 to 1 lie outside the view."""
    x0, y0, x1, y1 = view.box
    width, height = x1 - x0, y1 - y0
    inside = (box[0] - x0) / width, (box[1] - y0) / height, (box[2] - x0) / width, (box[3] - y0) / height
    return _turn(inside, view.rotate_deg)


def _turn(box: UnitBox, clockwise_deg: int) -> UnitBox:
    """A box on a picture after the picture was turned."""
    left, top, right, bottom = box
    for _ in range(clockwise_deg % 360 // 90):
        left, top, right, bottom = 1.0 - bottom, left, 1.0 - top, right
    return left, top, right, bottom


def crop_size(view: View, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels of what `view` shows of a photo of `size`."""
    left, top, right, bottom = pixel_box(view.box, size)
    width, height = right - left, bottom - top
    return (height, width) if view.rotate_deg % 180 else (width, height)
