"""A line of text in a picture, and the same line seen twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL import Image

Quad = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""Corners in pixels: top left, top right, bottom right, bottom left, as the line is read."""
Bounds = tuple[float, float, float, float]
"""left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class TextLine:
    """One line: what it says, how sure that is (0 to 1), and where it stands."""

    text: str
    """Empty where a line was seen and could not be read."""
    confidence: float
    quad: Quad

    @property
    def bounds(self) -> Bounds:
        """The upright box around the corners."""
        xs, ys = zip(*self.quad, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def height(self) -> float:
        """The height of the line in pixels, across its reading direction."""
        (x0, y0), _, _, (x3, y3) = self.quad
        return float(((x3 - x0) ** 2 + (y3 - y0) ** 2) ** 0.5)

    def moved(self, scale_x: float, scale_y: float, left: float = 0.0, top: float = 0.0) -> TextLine:
        """The line on a picture scaled by `scale_x`, `scale_y`, of which this one was the part at `left`, `top`."""
        a, b, c, d = ((x * scale_x + left, y * scale_y + top) for x, y in self.quad)
        return replace(self, quad=(a, b, c, d))


class OcrEngine(Protocol):
    """Something that reads a picture."""

    def find(self, image: Image.Image) -> list[Quad]:
        """Where lines of text stand in an RGB picture, in its pixels."""
        ...

    def recognise(self, crops: Sequence[Image.Image]) -> list[tuple[str, float]]:
        """Text and confidence (0 to 1) of upright RGB pictures of one line each; ("", 0.0) where nothing can be read."""
        ...


def overlap(a: Bounds, b: Bounds) -> float:
    """Intersection over the smaller of the two boxes, so that a part of a line counts as seen with the whole."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    least = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return width * height / max(least, 1e-9)


def distinct(quads: Sequence[Quad], limit: float = 0.6) -> list[Quad]:
    """The boxes with those left out that a larger one holds: the same line found in two passes, or cut by the edge of a tile."""
    lines = sorted((TextLine("", 0.0, quad) for quad in quads), key=_area, reverse=True)
    kept: list[TextLine] = []
    for line in lines:
        # A box around a whole sign does not stand for its lines, hence the comparison of heights.
        if not any(overlap(line.bounds, other.bounds) > limit and line.height > 0.55 * other.height for other in kept):
            kept.append(line)
    return [line.quad for line in kept]


def without_repeats(lines: Sequence[TextLine], limit: float = 0.4) -> list[TextLine]:
    """The lines with those left out that share their place with a surer one of about the same height."""
    kept: list[TextLine] = []
    for line in sorted(lines, key=lambda line: line.confidence * min(len(line.text), 8), reverse=True):
        if not any(
            overlap(line.bounds, other.bounds) > limit and 0.5 < line.height / max(other.height, 1e-6) < 2.0 for other in kept
        ):
            kept.append(line)
    return kept


def _area(line: TextLine) -> float:
    left, top, right, bottom = line.bounds
    return (right - left) * (bottom - top)


def reading_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """Lines from top to bottom, those at one height from left to right."""
    remaining = sorted(lines, key=lambda line: line.bounds[1])
    ordered: list[TextLine] = []
    while remaining:
        first = remaining[0]
        middle = (first.bounds[1] + first.bounds[3]) / 2
        row = [line for line in remaining if line.bounds[1] <= middle]
        ordered += sorted(row, key=lambda line: line.bounds[0])
        remaining = [line for line in remaining if line not in row]
    return ordered
