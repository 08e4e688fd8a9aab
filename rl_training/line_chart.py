"""Small line charts, drawn with Pillow: axes with round ticks, grids, legends, areas that add up, several panels in a picture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#5B5B5B", "#B5BD00", "#6A3D9A")
"""Okabe and Ito's colours, which people with any colour vision tell apart, and some more."""
_INK, _SOFT, _GRID, _FRAME = "#222222", "#666666", "#E8E8E8", "#BBBBBB"
_FINE = 3
"""Lines are drawn so many times larger and scaled down, which smooths them."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 22, 74, 56
_HEAD = 74
_ROOM = 8
"""Pixels around the plot's inside that dots may reach into."""
_DASH = 9.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    width: float = 2.5
    label: str = ""
    """In the legend; "" leaves the line out of it."""
    fade: float = 1.0
    """1 is the full colour, 0 is white."""
    dots: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Area:
    """One of several areas that lie on each other."""

    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: str
    label: str


@dataclass(frozen=True)
class Panel:
    title: str
    lines: Sequence[Line] = ()
    areas: Sequence[Area] = ()
    x_label: str = "step"
    percent: bool = False
    """Whether values are shares; the axis then goes from 0 to at most 100 %."""
    y_range: tuple[float, float] | None = None
    empty: str = field(default="no values", repr=False)


def draw(
    panels: Sequence[Panel], title: str, subtitle: str = "", *, columns: int = 2, size: tuple[int, int] = (760, 400)
) -> Image.Image:
    """An RGB picture of the panels, row by row, each `size` pixels (width, height), all over the same x."""
    columns = max(1, min(columns, len(panels)))
    width, height = columns * size[0], _HEAD + math.ceil(len(panels) / columns) * size[1]
    xs = [x for panel in panels for line in panel.lines for x in line.x] + [
        x for panel in panels for area in panel.areas for x in area.x
    ]
    x_span = _widened(min(xs, default=0.0), max(xs, default=1.0))
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    pen.text((24, 14), _cut(title, 24, width - 48), _INK, _font(24))
    pen.text((24, 46), _cut(subtitle, 15, width - 48), _SOFT, _font(15))
    for number, panel in enumerate(panels):
        corner = (number % columns * size[0], _HEAD + number // columns * size[1])
        picture.paste(_panel(panel, size, x_span), corner)
    return picture


def _panel(panel: Panel, size: tuple[int, int], x_span: Point) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    pen.text((_LEFT - 60, 10), panel.title, _INK, _font(18))
    marks = _legend(pen, panel, size[0])
    box = (_LEFT, _TOP + 20 * max(0, marks - 1), size[0] - _RIGHT, size[1] - _BOTTOM)
    y_span = _y_span(panel)
    if y_span is None:
        pen.rectangle(box, outline=_FRAME)
        pen.text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), panel.empty, _SOFT, _font(15), anchor="mm")
        return picture
    place = _Place(box, x_span, y_span)
    _axes(pen, place, panel)
    inside = (box[0] - _ROOM, box[1] - _ROOM, box[2] + _ROOM, box[3] + _ROOM)
    picture.paste(_plotted(picture.crop(inside), panel, place), inside[:2])
    return picture


@dataclass(frozen=True)
class _Place:
    """Where values lie in pixels."""

    box: tuple[int, int, int, int]
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> Point:
        left, top, right, bottom = self.box
        return (
            left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (right - left),
            bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * (bottom - top),
        )


def _y_span(panel: Panel) -> Point | None:
    """The range of the upright axis; None where there is nothing to show."""
    ys = [y for line in panel.lines for y in line.y] + [y for area in panel.areas for y in (*area.low, *area.high)]
    if not ys or panel.y_range:
        return panel.y_range if ys else None
    low, high = min(ys), max(ys)
    if panel.percent:
        return 0.0, min(1.0, max(0.05, high * 1.08))
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return low - (0.0 if low == 0.0 else room), high + room


def _widened(low: float, high: float) -> Point:
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2, 2.5 or 5 times a power of ten apart) in [low, high], some `about` of them."""
    rough = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _axes(pen: ImageDraw.ImageDraw, place: _Place, panel: Panel) -> None:
    left, top, right, bottom = place.box
    for value in ticks(*place.y, 5):
        y = place.at(place.x[0], value)[1]
        pen.line([(left, y), (right, y)], _GRID, 1)
        text = f"{value * 100:g} %" if panel.percent else f"{value:,g}"
        pen.text((left - 8, y), text, _SOFT, _font(14), anchor="rm")
    pen.line([(left, top), (left, bottom), (right, bottom)], _FRAME, 1)
    for value in (tick for tick in ticks(*place.x, 7) if tick == round(tick)):
        x = place.at(value, place.y[0])[0]
        pen.line([(x, bottom), (x, bottom + 5)], _FRAME, 1)
        pen.text((x, bottom + 8), f"{value:,.0f}", _SOFT, _font(14), anchor="mt")
    pen.text(((left + right) / 2, bottom + 30), panel.x_label, _SOFT, _font(14), anchor="mt")


def _plotted(under: Image.Image, panel: Panel, place: _Place) -> Image.Image:
    """The plot's inside with a little room around it, drawn large over the grid and scaled down."""
    left, top = place.box[0] - _ROOM, place.box[1] - _ROOM
    large = under.resize((under.width * _FINE, under.height * _FINE), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(large)

    def points(x: Sequence[float], y: Sequence[float]) -> list[Point]:
        return [((px - left) * _FINE, (py - top) * _FINE) for px, py in itertools.starmap(place.at, zip(x, y, strict=True))]

    for area in panel.areas:
        outline = points(area.x, area.high) + points(area.x, area.low)[::-1]
        if len(area.x) > 1:
            pen.polygon(outline, fill=_mixed(area.colour, 0.75))
    for line in panel.lines:
        _line(pen, points(line.x, line.y), line)
    return large.reduce(_FINE)


def _line(pen: ImageDraw.ImageDraw, points: list[Point], line: Line) -> None:
    colour, width = _mixed(line.colour, line.fade), max(1, round(line.width * _FINE))
    if line.dashed:
        for start, end in _dashes(points, _DASH * _FINE):
            pen.line([start, end], colour, width)
    elif len(points) > 1:
        pen.line(points, colour, width, joint="curve")
    if line.dots or len(points) == 1:
        r = (line.width + 2.0) * _FINE
        for x, y in points:
            pen.ellipse((x - r, y - r, x + r, y + r), fill=colour, outline="white", width=_FINE)


def _dashes(points: list[Point], length: float) -> list[tuple[Point, Point]]:
    """A polyline as dashes as long as the gaps between them."""
    found, gone = [], 0.0
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        far, at = math.hypot(bx - ax, by - ay), 0.0
        while at < far:
            end = min(far, at + length - gone % length)
            if int(gone / length + 1e-9) % 2 == 0:
                found.append(((ax + (bx - ax) * at / far, ay + (by - ay) * at / far),
                              (ax + (bx - ax) * end / far, ay + (by - ay) * end / far)))  # fmt: skip
            gone, at = gone + (end - at), end
    return found


def _legend(pen: ImageDraw.ImageDraw, panel: Panel, width: int) -> int:
    """A swatch and a word for each labelled part, in rows below the title; how many rows."""
    marks = [(line.label, line.colour, (-2, 1), line.dashed) for line in panel.lines if line.label]
    marks += [(area.label, _mixed(area.colour, 0.75), (-5, 5), False) for area in panel.areas]
    x, row = float(_LEFT - 60), 0
    for label, colour, (above, below), dashed in marks:
        label = _cut(label, 14, 260)
        wide = 30 + _font(14).getlength(label) + 16
        if x > _LEFT and x + wide > width - 8:
            x, row = float(_LEFT - 60), row + 1
        y = 45 + 20 * row
        for start, end in ((0, 8), (12, 20)) if dashed else ((0, 20),):
            pen.rectangle((x + start, y + above, x + end, y + below), fill=colour)
        pen.text((x + 26, y), label, _INK, _font(14), anchor="lm")
        x += wide
    return row + 1


def _mixed(colour: str, share: float) -> str:
    """A colour over white."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * share):02x}" for part in parts)


def _cut(text: str, size: int, width: float) -> str:
    """Text that fits, its end left out where it does not."""
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes with Pillow, so that pictures are the same everywhere."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
