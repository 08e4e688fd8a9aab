"""Boards flat as they are made: measured with the fonts, then painted with shapes and colours of their kind."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from evals.practice.scene import Board, Line
from evals.sign_painting import fonts_of, is_plain

Colour = tuple[int, int, int]

_NOMINAL_PX = 48
_CAP = 1.38
"""Size of a font over the height of its capital letters."""


@dataclass(frozen=True)
class Look:
    """Colours and proportions of a kind of board; lengths are in heights of a capital letter."""

    ground: Colour
    ink: Colour
    margin: float = 0.9
    gap: float = 0.6
    frame: float = 0.0
    round: float = 0.0
    left: bool = False
    """Whether lines start at the left instead of being centred."""
    head: float = 0.0
    """Room for a picture above the writing, as a share of the width."""


_WHITE, _BLACK = (250, 250, 246), (24, 24, 28)
_LOOKS: dict[str, tuple[Look, ...]] = {
    "fascia": (Look((28, 74, 60), (252, 248, 236), 0.8), Look((120, 30, 40), (255, 246, 230), 0.8), Look((30, 50, 92), _WHITE, 0.8),
               Look((236, 228, 210), (60, 40, 34), 0.8), Look((46, 46, 52), (250, 214, 120), 0.8), Look((214, 120, 40), _WHITE, 0.8)),
    "street": (Look((24, 58, 140), _WHITE, 0.7, frame=0.12, round=0.3), Look((246, 246, 240), _BLACK, 0.7, frame=0.12, round=0.3),
               Look((18, 92, 60), _WHITE, 0.7, frame=0.12, round=0.3)),
    "town": (Look((250, 250, 246), _BLACK, 1.0, 0.7, frame=0.14, round=0.3), Look((10, 72, 160), _WHITE, 1.0, 0.7, frame=0.14, round=0.3),
             Look((0, 98, 70), _WHITE, 1.0, 0.7, frame=0.14, round=0.3)),
    "road": (Look((0, 98, 70), _WHITE, 0.9, 0.8, frame=0.12, round=0.3, left=True),
             Look((10, 72, 160), _WHITE, 0.9, 0.8, frame=0.12, round=0.3, left=True),
             Look((250, 250, 246), _BLACK, 0.9, 0.8, frame=0.12, round=0.3, left=True)),
    "info": (Look((255, 214, 50), _BLACK, 0.9, 0.7), Look((246, 244, 236), (150, 24, 36), 0.9, 0.7, frame=0.1),
             Look((60, 42, 96), _WHITE, 0.9, 0.7, round=0.4), Look((18, 104, 120), _WHITE, 0.9, 0.7, round=0.4)),
    "note": (Look((252, 250, 240), (34, 34, 60), 1.0, 0.8, frame=0.06), Look((255, 244, 170), (40, 30, 30), 1.0, 0.8)),
    "poster": (Look((250, 240, 214), (30, 60, 110), 1.0, 0.7, frame=0.2, head=0.7),
               Look((20, 60, 110), (255, 244, 214), 1.0, 0.7, frame=0.2, head=0.7)),
    "banner": (Look((196, 36, 44), _WHITE, 1.1, 0.7), Look((246, 244, 238), (20, 60, 130), 1.1, 0.7), Look((250, 196, 40), _BLACK, 1.1, 0.7)),
    "stop": (Look((246, 246, 240), _BLACK, 0.9, 0.8, frame=0.1, round=0.3, left=True),
             Look((250, 220, 60), _BLACK, 0.9, 0.8, frame=0.1, round=0.3, left=True)),
    "clock": (Look((16, 18, 20), (255, 176, 40), 1.0, 0.8, frame=0.2, round=0.3),),
    "plate": (Look((248, 248, 246), _BLACK, 0.35, 0.25, frame=0.07, round=0.2),),
}  # fmt: skip
_PLATE_GROUNDS: dict[str, Look] = {
    "yellow": Look((250, 200, 40), _BLACK, 0.35, 0.25, frame=0.07, round=0.2),
    "blue": Look((20, 60, 160), _WHITE, 0.35, 0.25, frame=0.07, round=0.2),
    "black": Look((20, 20, 22), _WHITE, 0.35, 0.25, frame=0.07, round=0.2),
}


def look_of(board: Board) -> Look:
    if board.kind == "plate" and board.ground:
        return _PLATE_GROUNDS[board.ground]
    looks = _LOOKS[board.kind]
    return looks[board.style % len(looks)]


@lru_cache(maxsize=256)
def _face(path: str, index: int, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, index=index)


def _font(text: str, script: str, style: int, size: int) -> ImageFont.FreeTypeFont:
    """The font of a text: the script's own, or a wide one for Latin letters and numbers among others."""
    own, wide = fonts_of(script), fonts_of("Cyrillic")
    path, index = wide[0] if wide and is_plain(text, script) else own[style % len(own)]
    return _face(path, index, size)


def _parts(line: Line) -> list[str]:
    return line.text.split("\t")


@lru_cache(maxsize=4096)
def _extent(text: str, script: str, style: int) -> tuple[float, float, float]:
    """Width, rise above and fall below the base line, in heights of a capital letter."""
    left, top, right, bottom = _font(text, script, style, _NOMINAL_PX).getbbox(text, anchor="ls")
    cap = _NOMINAL_PX / _CAP
    return (right - left) / cap, max(-top / cap, 0.75), max(bottom / cap, 0.0)


@dataclass(frozen=True)
class Measure:
    """A board in heights of a capital letter of a line of size 1."""

    width: float
    height: float
    lines: tuple[tuple[float, float, float, float], ...]
    """Left, upper, right and lower edge of each line's ink (nearly)."""
    left: float
    """Where the writing starts: what is before it is a plate's band."""
    head: float


@lru_cache(maxsize=1024)
def measure(board: Board) -> Measure:
    """The board's size and where its lines lie."""
    if board.kind == "compass":
        return Measure(8.0, 8.0, ((0.0, 0.0, 8.0, 8.0),), 0.0, 0.0)
    look = look_of(board)
    extents = [
        [tuple(v * line.size for v in _extent(part, board.script, board.style)) for part in _parts(line)] for line in board.lines
    ]
    column = max((parts[0][0] for parts in extents), default=0.0)
    numbers = max((parts[1][0] for parts in extents if len(parts) > 1), default=0.0)
    inner = max([column + 1.6 + numbers if numbers else column, *(parts[0][0] for parts in extents)])
    band = 1.1 if board.band else 0.0
    arrow = 2.0 if board.kind == "road" else 0.0
    width = inner + 2 * look.margin + band + arrow
    head = look.head * width
    boxes, top = [], look.margin + head
    for parts in extents:
        rise, fall = max(p[1] for p in parts), max(p[2] for p in parts)
        room, span = width - 2 * look.margin - band - arrow, parts[0][0]
        left = look.margin + band + (0.0 if look.left or len(parts) > 1 else (room - span) / 2)
        right = width - look.margin - arrow if len(parts) > 1 else left + span
        boxes.append((left, top, right, top + rise + fall))
        top += rise + fall + look.gap
    return Measure(width, top - look.gap + look.margin, tuple(boxes), look.margin + band, head)


def paint_board(board: Board, letter_px: float, rng: random.Random, ground: bool = True) -> Image.Image:
    """The board flat, RGBA, with capital letters `letter_px` high, or its writing alone. Up on a compass is north."""
    if board.kind == "compass":
        return _compass(round(8 * letter_px))
    sizes, look = measure(board), look_of(board)
    width, height = max(4, round(sizes.width * letter_px)), max(4, round(sizes.height * letter_px))
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    frame, radius = round(look.frame * letter_px), look.round * letter_px
    if ground:
        draw.rounded_rectangle((0, 0, width - 1, height - 1), radius, fill=look.ground)
    if board.kind == "banner":
        _shade(draw, width, height, look.ground)
    if frame:
        gap = frame if board.kind != "poster" else 0
        draw.rounded_rectangle((gap, gap, width - 1 - gap, height - 1 - gap), radius, outline=look.ink, width=frame)
    if sizes.head:
        picture.paste(_view(width - 4 * frame, round(sizes.head * letter_px) - frame, rng), (2 * frame, 2 * frame))
    for line, box in zip(board.lines, sizes.lines, strict=True):
        _write(draw, line, box, board, letter_px, look.ink)
    if board.kind == "road":
        _arrow(draw, width - (look.margin + 0.7) * letter_px, height / 2, 0.9 * letter_px, look.ink, board.style)
    if board.band:
        _band(draw, board, letter_px, height)
    return picture


def _write(
    draw: ImageDraw.ImageDraw, line: Line, box: tuple[float, float, float, float], board: Board, px: float, ink: Colour
) -> None:
    left, _, right, bottom = (value * px for value in box)
    size = max(6, round(line.size * px * _CAP))
    parts = _parts(line)
    fall = max(_extent(part, board.script, board.style)[2] for part in parts) * line.size * px
    for part, anchor, x in zip(parts, ("ls", "rs"), (left, right), strict=False):
        font = _font(part, board.script, board.style, size)
        offset = font.getbbox(part, anchor="ls")[0] if anchor == "ls" else 0
        draw.text((x - offset, bottom - fall), part, font=font, fill=ink, anchor=anchor)


def _shade(draw: ImageDraw.ImageDraw, width: int, height: int, ground: Colour) -> None:
    """A lighter upper and a darker lower edge, as painted wood and cloth have them."""
    edge = max(1, height // 14)
    lighter, darker = (tuple(max(0, min(255, c + d)) for c in ground) for d in (28, -28))
    draw.rectangle((0, 0, width, edge), fill=lighter)
    draw.rectangle((0, height - edge, width, height), fill=darker)


def _arrow(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, ink: Colour, style: int) -> None:
    turn = math.radians((0, -45, 45)[style % 3])
    shape = [(0, -1), (0.75, -0.1), (0.28, -0.1), (0.28, 1), (-0.28, 1), (-0.28, -0.1), (-0.75, -0.1)]
    cos, sin = math.cos(turn), math.sin(turn)
    draw.polygon([(x + r * (a * cos - b * sin), y + r * (a * sin + b * cos)) for a, b in shape], fill=ink)


def _band(draw: ImageDraw.ImageDraw, board: Board, px: float, height: int) -> None:
    edge = round(0.1 * px)
    draw.rectangle((edge, edge, round(1.25 * px), height - 1 - edge), fill=(20, 60, 160))
    font = _font(board.band, "Latin", 0, max(6, round(0.5 * px * _CAP * min(1.0, 1.6 / len(board.band)))))
    draw.text((0.68 * px, height - 0.42 * px), board.band, font=font, fill=(250, 250, 250), anchor="ms")


def _view(width: int, height: int, rng: random.Random) -> Image.Image:
    """The picture on a tourist poster: evening sky, sun, hills, water, a church or a palm."""
    picture = Image.new("RGB", (max(4, width), max(4, height)))
    draw = ImageDraw.Draw(picture)
    top, low = rng.choice(
        (((250, 150, 80), (255, 226, 150)), ((70, 150, 220), (200, 230, 250)), ((120, 80, 150), (250, 180, 140)))
    )
    for y in range(height):
        t = y / max(1, height)
        draw.line((0, y, width, y), fill=tuple(round(a + t * (b - a)) for a, b in zip(top, low, strict=True)))
    r = height * 0.16
    draw.ellipse((width * 0.66 - r, height * 0.3 - r, width * 0.66 + r, height * 0.3 + r), fill=(255, 244, 200))
    for shade, base in (((90, 110, 140), 0.62), ((60, 90, 90), 0.74)):
        tops = [(x * width / 6, height * (base - rng.uniform(0.0, 0.2))) for x in range(7)]
        draw.polygon([(0, height), *tops, (width, height)], fill=shade)
    draw.rectangle((0, height * 0.84, width, height), fill=(40, 110, 160))
    x, w = width * 0.28, width * 0.05
    draw.polygon([(x, height * 0.84), (x, height * 0.45), (x + w, height * 0.3), (x + 2 * w, height * 0.45), (x + 2 * w, height * 0.84)],
                 fill=(236, 220, 190))  # fmt: skip
    draw.rectangle((x + 2 * w, height * 0.6, x + 6 * w, height * 0.84), fill=(214, 190, 160))
    return picture


def _compass(side: int) -> Image.Image:
    """A compass rose, north up."""
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    c, r = side / 2, side * 0.49
    draw.ellipse((c - r, c - r, c + r, c + r), fill=(214, 206, 188), outline=(110, 100, 88), width=max(1, side // 40))
    inner = r * 0.62
    draw.ellipse((c - inner, c - inner, c + inner, c + inner), outline=(110, 100, 88), width=max(1, side // 90))
    for k in range(8):
        long, turn = (inner if k % 2 == 0 else inner * 0.55), math.radians(45 * k)
        tip = (c + long * math.sin(turn), c - long * math.cos(turn))
        for sign, colour in ((1, (150, 40, 40) if k == 0 else (70, 66, 62)), (-1, (190, 70, 60) if k == 0 else (150, 142, 130))):
            waist = turn + sign * math.radians(45 / 2)
            draw.polygon([(c, c), tip, (c + inner * 0.2 * math.sin(waist), c - inner * 0.2 * math.cos(waist))], fill=colour)
    font = _font("N", "Latin", 0, max(6, round(side * 0.17)))
    draw.text((c, c - r * 0.8), "N", font=font, fill=(150, 30, 30), anchor="mm")
    return picture
