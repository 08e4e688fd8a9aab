"""What pictures become, and how alike two of them are at every heading.

A picture from above has a unit vector for each of `headings` directions around its middle. One from the ground has a unit vector for each
column of its window and a weight for each, summing to 1. Their likeness at a heading is the weighted mean of cosines with the window laid
over that direction (DSM, Shi et al. 2020, with unit columns), between -1 and 1. An encoder that sees pictures whole has a window of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
_BLOCK = 20_000


@dataclass(frozen=True, eq=False)
class GroundCode:
    """Of one picture from the ground."""

    vectors_WD: Floats32
    """[columns, dim]: unit vectors times their weights."""
    middle: int
    """The column that the picture's middle lies in."""
    aim_deg: float = 0.0
    """How far clockwise of that column's middle the picture really looks."""


def unit(vectors: NDArray[np.floating]) -> Floats32:
    """Scaled to length 1 along the last axis; zeros stay zeros."""
    rows = np.asarray(vectors, dtype=np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9), dtype=np.float32)


def laid(code: GroundCode, headings: int) -> Floats32:
    """The window over every heading: [headings · dim, headings], what codes from above are multiplied by."""
    columns, dim = code.vectors_WD.shape
    out = np.zeros((headings, dim, headings), dtype=np.float32)
    for k in range(headings):
        for j in range(columns):
            out[(k + j - code.middle) % headings, :, k] += code.vectors_WD[j]
    return out.reshape(headings * dim, headings)


def likeness(codes_NKD: NDArray[np.floating], query: GroundCode, headings: NDArray[np.intp] | None = None) -> Floats32:
    """Of every code from above [n, headings, dim]: [n, k] at the wanted headings (all of them by default)."""
    n, count, _ = codes_NKD.shape
    over = laid(query, count)
    over = over if headings is None else np.ascontiguousarray(over[:, headings])
    flat = codes_NKD.reshape(n, -1)
    # In blocks: half floats are widened for the product.
    parts = [flat[at : at + _BLOCK].astype(np.float32) @ over for at in range(0, n, _BLOCK)]
    return np.concatenate(parts) if parts else np.zeros((0, over.shape[1]), dtype=np.float32)


def allowed(heading_deg: float | None, error_deg: float, headings: int) -> NDArray[np.intp]:
    """Headings that a picture may have: those within its error, and one more on each side for what its middle is off."""
    if heading_deg is None or error_deg >= 180.0:
        return np.arange(headings)
    step = 360.0 / headings
    away = np.abs((np.arange(headings) * step - heading_deg + 180.0) % 360.0 - 180.0)
    return np.flatnonzero(away <= error_deg + 1.5 * step - 1e-6)
