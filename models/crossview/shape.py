"""How directions are cut into columns: what both sides of a pair share.

A picture from above is read as `COLUMNS` directions around its middle, column k around k · 11.25° clockwise from its top. A picture from the
ground is read as a window of such columns around its own middle. Comparing the two at a heading is laying the window over the circle.
"""

from __future__ import annotations

import math

COLUMNS = 32
COLUMN_DEG = 360.0 / COLUMNS
STRIP_ROWS = 48
COLUMN_PX = 8
"""Pixels of a strip from the ground that make one column."""
PIXEL_DEG = COLUMN_DEG / COLUMN_PX
ROWS_ABOVE = 28
"""Rows of a strip above the horizon."""
RINGS = 32
POLAR_PX = 4
"""Pixels of a picture from above, unrolled, that make one column."""


def window(fov_deg: float) -> tuple[int, int]:
    """How many columns a field of view takes, and which of them its middle lies in."""
    half = max(math.ceil((fov_deg / 2 - COLUMN_DEG / 2) / COLUMN_DEG - 1e-9), 0)
    wide = 2 * half + 1
    return (COLUMNS, COLUMNS // 2) if wide >= COLUMNS else (wide, half)
