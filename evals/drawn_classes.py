"""Six kinds of places drawn in code, from the side and from above, seeded: freeway, mountain, palace, river, ship, stadium.

The classes are CrossViewRet's (Khurshid et al., CVIR). Colours, light, sizes, places, numbers of parts, haze and noise vary, and classes share
things (water under ships and rivers, mountains behind freeways, trees everywhere). They are still only drawings: far simpler and far more
alike within a class than photos are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CLASSES = ("freeway", "mountain", "palace", "river", "ship", "stadium")
VIEWS = ("ground", "aerial")
SIDE = 192
"""Pixels."""

Colour = tuple[float, float, float]
Points = list[tuple[float, float]]


class _Pen:
    """Draws on a unit square, (0, 0) top left, with colours that scatter."""

    def __init__(self, rng: np.random.Generator, sky: Colour, ground: Colour, horizon: float) -> None:
        """Above `horizon` the sky, below it the ground; 0 for a view from above."""
        self.rng, self.horizon = rng, horizon
        self.image = Image.new("RGB", (SIDE, SIDE), self.ink(ground))
        self.draw = ImageDraw.Draw(self.image)
        if horizon > 0:
            self.box(0, 0, 1, horizon, sky)

    def ink(self, colour: Colour, spread: float = 14.0) -> tuple[int, int, int]:
        r, g, b = (
            np.clip(np.array(colour) + self.rng.normal(0, spread) + self.rng.normal(0, spread / 2, 3), 0, 255)
            .astype(int)
            .tolist()
        )
        return r, g, b

    def polygon(self, points: Points, colour: Colour) -> None:
        self.draw.polygon([(x * SIDE, y * SIDE) for x, y in points], fill=self.ink(colour))

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def line(self, points: Points, colour: Colour, width: float) -> None:
        self.draw.line(
            [(x * SIDE, y * SIDE) for x, y in points], fill=self.ink(colour), width=max(1, round(width * SIDE)), joint="curve"
        )

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        self.draw.ellipse([(x - rx) * SIDE, (y - ry) * SIDE, (x + rx) * SIDE, (y + ry) * SIDE], fill=self.ink(colour))

    def trees(self, count: int, y0: float = 0.0, y1: float = 1.0, size: float = 0.025) -> None:
        for _ in range(count):
            r = size * self.rng.uniform(0.5, 1.5)
            self.ellipse(self.rng.random(), self.rng.uniform(y0, y1), r, r, (50, 90, 45))


GREEN, SAND, CITY, WATER, SKY = (110, 135, 80), (175, 155, 115), (150, 148, 142), (60, 95, 120), (150, 185, 225)
STONE, ASPHALT, WHITE, GREY = (205, 190, 160), (95, 95, 98), (235, 235, 230), (120, 115, 110)


def draw_class(name: str, view: str, seed: int) -> Image.Image:
    """RGB of `SIDE` pixels a side. Raises ValueError for a class or view that is none."""
    if name not in CLASSES or view not in VIEWS:
        raise ValueError(f"there is no {view} drawing of {name}; classes are {', '.join(CLASSES)}, views {', '.join(VIEWS)}")
    rng = np.random.default_rng((seed, CLASSES.index(name), VIEWS.index(view)))
    land = [GREEN, SAND, CITY][rng.choice(3, p=[0.5, 0.25, 0.25])]
    horizon = float(rng.uniform(0.35, 0.6)) if view == "ground" else 0.0
    dull = float(rng.uniform(0, 0.5))
    sky = tuple((1 - dull) * np.array(SKY) + dull * np.array((190.0, 190, 190)))
    pen = _Pen(rng, (sky[0], sky[1], sky[2]), land, horizon)
    if view == "ground" and rng.random() < 0.3:
        _ridge(pen, 0.12)
    _DRAWN[name, view](pen)
    return _seen(pen.image, rng, turned=view == "aerial")


def write_drawn_classes(folder: Path, each: int, seed: int = 0) -> None:
    """`each` pictures of every class and view as FOLDER/VIEW/CLASS/N.png. Ground and aerial pictures show different places."""
    for name in CLASSES:
        for view in VIEWS:
            into = folder / view / name
            into.mkdir(parents=True, exist_ok=True)
            for n in range(each):
                draw_class(name, view, seed * 1_000_003 + n).save(into / f"{view}{n:04d}.png", compress_level=1)


def _seen(image: Image.Image, rng: np.random.Generator, turned: bool) -> Image.Image:
    """Light, haze, blur and noise; pictures from above in any of their headings."""
    if turned:
        corner = SIDE * (1 - 2**-0.5) / 2  # what is left of a square that was turned by any angle
        image = image.rotate(float(rng.uniform(0, 360)), Image.Resampling.BILINEAR).crop(
            (round(corner),) * 2 + (round(SIDE - corner),) * 2
        )
        image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    rgb = np.asarray(image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.4)))), dtype=np.float64)
    haze = rng.uniform(0, 0.35)
    lit = rgb * rng.uniform(0.7, 1.15) * (1 - haze) + 200 * haze + rng.normal(0, rng.uniform(2, 9), rgb.shape)
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def _ridge(pen: _Pen, height: float, colour: Colour = (125, 130, 145)) -> Points:
    """A row of peaks on the horizon."""
    x = np.linspace(0, 1, int(pen.rng.integers(5, 11)))
    y = pen.horizon - height * pen.rng.uniform(0.2, 1.3, len(x))
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    pen.polygon([(0, pen.horizon), *points, (1, pen.horizon)], colour)
    return points


def _freeway_ground(pen: _Pen) -> None:
    h, rng = pen.horizon, pen.rng
    x, wide = rng.uniform(0.3, 0.7), rng.uniform(0.35, 0.6)
    pen.trees(int(rng.integers(0, 12)), h, h + 0.1)
    pen.polygon([(x - 0.02, h), (x + 0.02, h), (0.5 + wide, 1), (0.5 - wide, 1)], ASPHALT)
    for lane in np.linspace(-1, 1, int(rng.integers(3, 6)) + 1):
        for near in np.arange(0.1, 1, 0.2):
            ends = [(x + (0.5 + lane * wide - x) * t, h + (1 - h) * t) for t in (near, near + (0.19 if abs(lane) == 1 else 0.09))]
            pen.line(ends, WHITE, 0.004 + 0.012 * near)
    if rng.random() < 0.5:
        y = h * rng.uniform(0.55, 0.85)
        pen.box(0, y, 1, y + 0.03, GREY)
        pen.box(x - 0.2, y - 0.08, x + 0.15, y + 0.01, (40, 95, 70))
    for _ in range(int(rng.integers(1, 6))):
        t, lane = rng.uniform(0.15, 0.9), rng.uniform(-0.8, 0.8)
        cx, cy, s = x + (0.5 + lane * wide - x) * t, h + (1 - h) * t, 0.11 * t
        pen.box(cx - s, cy - s, cx + s, cy, tuple(rng.uniform(30, 230, 3)))
        pen.box(cx - 0.7 * s, cy - 1.5 * s, cx + 0.7 * s, cy - s, (60, 70, 80))


def _freeway_aerial(pen: _Pen) -> None:
    rng = pen.rng
    pen.trees(int(rng.integers(5, 50)))
    for _ in range(int(rng.integers(1, 3))):
        a, b = rng.uniform(0.25, 0.75, 2)
        wide, bend = rng.uniform(0.1, 0.2), rng.uniform(-0.15, 0.15)
        middle = [(a + (b - a) * t + bend * np.sin(np.pi * t), t) for t in np.linspace(-0.05, 1.05, 12)]
        pen.line(middle, ASPHALT, wide)
        for side in (-0.47, 0.0, 0.47):
            pen.line([(x + side * wide, y) for x, y in middle], WHITE, 0.008 if side else 0.02)
        for _ in range(int(rng.integers(4, 20))):
            x, y = middle[int(rng.integers(1, 11))]
            x += wide * rng.choice([-0.33, -0.15, 0.15, 0.33])
            pen.box(x - 0.008, y - 0.02, x + 0.008, y + 0.02, tuple(rng.uniform(30, 230, 3)))


def _mountain_ground(pen: _Pen) -> None:
    rng = pen.rng
    for height in sorted(rng.uniform(0.2, pen.horizon, int(rng.integers(1, 4))), reverse=True):
        points = _ridge(pen, height * 0.75, (115 + 60 * height, 120 + 50 * height, 125 + 60 * height))
        if rng.random() < 0.7:
            for x, y in points:
                pen.polygon([(x - 0.05, y + 0.07), (x, y), (x + 0.05, y + 0.07), (x, y + 0.04)], WHITE)
    pen.trees(int(rng.integers(5, 40)), pen.horizon, 1.0)


def _mountain_aerial(pen: _Pen) -> None:
    rng = pen.rng
    pen.trees(int(rng.integers(20, 70)))
    for _ in range(int(rng.integers(3, 6))):
        x = np.cumsum(rng.normal(0, 0.06, 9)) + rng.uniform(0, 1)
        spine = list(zip(x.tolist(), np.linspace(-0.1, 1.1, 9).tolist(), strict=True))
        reach = rng.uniform(0.08, 0.2)
        for side, colour in ((-1, (165, 155, 140)), (1, (85, 80, 75))):
            for (x0, y0), (x1, y1) in itertools.pairwise(spine):
                pen.polygon([(x0, y0), (x1, y1), (x1 + side * reach * rng.uniform(0.4, 1), (y0 + y1) / 2)], colour)
        if rng.random() < 0.6:
            pen.line(spine, WHITE, rng.uniform(0.01, 0.04))


def _palace_ground(pen: _Pen) -> None:
    h, rng = pen.horizon, pen.rng
    wide, high = rng.uniform(0.3, 0.45), rng.uniform(0.15, 0.28)
    base = h + rng.uniform(0.05, 0.15)
    wall: Colour = tuple(np.array(STONE) + rng.normal(0, 20, 3))
    pen.box(0.5 - wide, base - high, 0.5 + wide, base, wall)
    for x in np.linspace(-0.9, 0.9, int(rng.integers(7, 15))):
        for row in (0.25, 0.65):
            pen.box(0.5 + x * wide - 0.012, base - high * (row + 0.22), 0.5 + x * wide + 0.012, base - high * row, (80, 75, 80))
    for x in (-wide, 0.0, wide):
        pen.box(0.5 + x - 0.07, base - high * 1.3, 0.5 + x + 0.07, base, wall)
        if rng.random() < 0.6:
            pen.ellipse(0.5 + x, base - high * 1.3, 0.06, 0.07, (120, 140, 120))
        else:
            pen.polygon(
                [(0.5 + x - 0.08, base - high * 1.3), (0.5 + x, base - high * 1.3 - 0.08), (0.5 + x + 0.08, base - high * 1.3)],
                (140, 90, 75),
            )
    pen.polygon([(0.45, base), (0.55, base), (0.75, 1), (0.25, 1)], SAND)
    pen.trees(int(rng.integers(4, 14)), base + 0.05, 1.0, 0.04)


def _palace_aerial(pen: _Pen) -> None:
    rng = pen.rng
    wide, deep, thick = rng.uniform(0.15, 0.24), rng.uniform(0.1, 0.2), rng.uniform(0.05, 0.09)
    y = rng.uniform(0.3, 0.45)
    roof: Colour = tuple(np.array([(150, 100, 85), (120, 130, 125), STONE][rng.integers(3)]) + rng.normal(0, 12, 3))
    pen.box(0.5 - wide - 0.05, y - deep - 0.05, 0.5 + wide + 0.05, 0.95, SAND)
    pen.box(0.5 - wide, y - deep, 0.5 + wide, y + deep, roof)
    pen.box(0.5 - wide + thick, y - deep + thick, 0.5 + wide - thick, y + deep - thick, SAND)
    for x in (-1, 1):
        for edge in (-1, 1):
            pen.ellipse(0.5 + x * wide, y + edge * deep, thick * 0.8, thick * 0.8, roof)
        for row in range(int(rng.integers(2, 4))):
            top = y + deep + 0.05 + row * 0.12
            pen.box(0.5 + x * 0.13 - 0.08, top, 0.5 + x * 0.13 + 0.08, top + 0.09, (85, 125, 65))
    if rng.random() < 0.7:
        pen.ellipse(0.5, y + deep + 0.15, 0.035, 0.035, WATER)


def _river_ground(pen: _Pen) -> None:
    h, rng = pen.horizon, pen.rng
    x, near = rng.uniform(0.2, 0.8), rng.uniform(0.25, 0.55)
    bend = rng.uniform(-0.25, 0.25)
    t = np.linspace(0, 1, 12)
    middle = x + (0.5 - x) * t + bend * np.sin(np.pi * t)
    wide, y = 0.03 + near * t**1.5, h + (1 - h) * t
    left = list(zip((middle - wide).tolist(), y.tolist(), strict=True))
    right = list(zip((middle + wide).tolist(), y.tolist(), strict=True))
    pen.polygon([*left, *right[::-1]], WATER)
    for _ in range(int(rng.integers(3, 12))):
        i = int(rng.integers(2, 12))
        pen.line([(middle[i] - wide[i] * 0.5, y[i]), (middle[i] + wide[i] * 0.3, y[i])], (140, 165, 185), 0.006)
    pen.trees(int(rng.integers(8, 30)), h - 0.02, h + 0.08, 0.03)


def _river_aerial(pen: _Pen) -> None:
    rng = pen.rng
    pen.trees(int(rng.integers(20, 80)))
    y = np.linspace(-0.1, 1.1, 24)
    x = 0.5 + rng.uniform(0.06, 0.2) * np.sin(y * rng.uniform(4, 9) + rng.uniform(0, 6)) + rng.normal(0, 0.02)
    course = list(zip(x.tolist(), y.tolist(), strict=True))
    wide = rng.uniform(0.06, 0.2)
    pen.line(course, SAND, wide + 0.03)
    pen.line(course, WATER, wide)
    if rng.random() < 0.3:
        pen.box(0, 0.48, 1, 0.51, ASPHALT)


def _ship_ground(pen: _Pen) -> None:
    h, rng = pen.horizon, pen.rng
    pen.box(0, h, 1, 1, WATER)
    for _ in range(20):
        x, y = rng.random(), rng.uniform(h, 1)
        pen.line([(x, y), (x + 0.08, y)], (110, 140, 160), 0.006)
    wide, deck = rng.uniform(0.25, 0.42), h + rng.uniform(0.0, 0.1)
    hull: Colour = tuple(np.array([(140, 50, 45), (45, 55, 80), (70, 70, 75), (225, 225, 225)][rng.integers(4)]) + 0.0)
    pen.polygon(
        [(0.5 - wide, deck), (0.5 + wide, deck), (0.5 + wide - 0.07, deck + 0.12), (0.5 - wide + 0.04, deck + 0.12)], hull
    )
    side = rng.choice([-1, 1])
    pen.box(0.5 + side * wide * 0.6 - 0.07, deck - rng.uniform(0.12, 0.22), 0.5 + side * wide * 0.6 + 0.07, deck, WHITE)
    for x in np.arange(0.5 - wide * 0.8, 0.5 + wide * 0.8, 0.06):
        if rng.random() < 0.7 and abs(x - 0.5 - side * wide * 0.6) > 0.08:
            pen.box(x, deck - 0.05 * rng.integers(1, 3), x + 0.055, deck, tuple(rng.uniform(60, 220, 3)))


def _ship_aerial(pen: _Pen) -> None:
    rng = pen.rng
    pen.box(0, 0, 1, 1, WATER)
    if rng.random() < 0.4:
        pen.box(0, 0, rng.uniform(0.1, 0.25), 1, GREY)
    for _ in range(int(rng.integers(1, 3))):
        x, y, long, wide = rng.uniform(0.4, 0.65), rng.uniform(0.4, 0.6), rng.uniform(0.18, 0.3), rng.uniform(0.04, 0.07)
        if rng.random() < 0.6:
            pen.polygon([(x, y + long), (x - 2 * wide, y + long + 0.35), (x + 2 * wide, y + long + 0.35)], (150, 175, 190))
        deck: Colour = tuple(np.array([(140, 70, 60), (110, 110, 115), (205, 205, 205)][rng.integers(3)]) + 0.0)
        pen.polygon(
            [(x, y - long), (x + wide, y - long * 0.6), (x + wide, y + long), (x - wide, y + long), (x - wide, y - long * 0.6)],
            deck,
        )
        pen.box(x - wide * 0.8, y + long * 0.65, x + wide * 0.8, y + long * 0.9, WHITE)
        for top in np.arange(y - long * 0.5, y + long * 0.6, 0.05):
            if rng.random() < 0.7:
                pen.box(x - wide * 0.7, top, x + wide * 0.7, top + 0.04, tuple(rng.uniform(60, 220, 3)))


def _stadium_ground(pen: _Pen) -> None:
    h, rng = pen.horizon, pen.rng
    wide, high, base = rng.uniform(0.32, 0.48), rng.uniform(0.15, 0.25), h + rng.uniform(0.06, 0.14)
    wall: Colour = tuple(np.array([GREY, WHITE, (150, 120, 110)][rng.integers(3)]) + rng.normal(0, 10, 3))
    pen.ellipse(0.5, base - high, wide, high * 0.5, wall)
    pen.box(0.5 - wide, base - high, 0.5 + wide, base, wall)
    pen.ellipse(0.5, base - high, wide * 0.9, high * 0.32, (90, 95, 100))
    for x in np.linspace(-1, 1, int(rng.integers(9, 20))):
        pen.line([(0.5 + x * wide, base - high), (0.5 + x * wide * 0.94, base)], (110, 110, 110), 0.012)
    for x in (-0.95, -0.4, 0.4, 0.95):
        if rng.random() < 0.7:
            pen.line([(0.5 + x * wide, base - high), (0.5 + x * wide, base - high - 0.2)], GREY, 0.01)
            pen.box(0.5 + x * wide - 0.035, base - high - 0.24, 0.5 + x * wide + 0.035, base - high - 0.19, WHITE)
    pen.box(0, base, 1, 1, CITY)


def _stadium_aerial(pen: _Pen) -> None:
    rng = pen.rng
    pen.box(0, 0, 1, 1, CITY)
    for _ in range(int(rng.integers(20, 80))):
        x, y = rng.random(2)
        pen.box(x, y, x + 0.02, y + 0.01, tuple(rng.uniform(40, 230, 3)))
    rx, ry = rng.uniform(0.2, 0.28), rng.uniform(0.24, 0.32)
    for share, colour in (
        (1.0, [WHITE, GREY, (150, 120, 110)][rng.integers(3)]),
        (0.85, tuple(rng.uniform(70, 190, 3))),
        (0.62, (150, 90, 70)),
    ):
        pen.ellipse(0.5, 0.5, rx * share, ry * share, colour)
    w, d = rx * 0.36, ry * 0.42
    pen.box(0.5 - w, 0.5 - d, 0.5 + w, 0.5 + d, (70, 130, 60))
    pen.line([(0.5 - w, 0.5), (0.5 + w, 0.5)], WHITE, 0.008)


_DRAWN: dict[tuple[str, str], Callable[[_Pen], None]] = {
    ("freeway", "ground"): _freeway_ground, ("freeway", "aerial"): _freeway_aerial,
    ("mountain", "ground"): _mountain_ground, ("mountain", "aerial"): _mountain_aerial,
    ("palace", "ground"): _palace_ground, ("palace", "aerial"): _palace_aerial,
    ("river", "ground"): _river_ground, ("river", "aerial"): _river_aerial,
    ("ship", "ground"): _ship_ground, ("ship", "aerial"): _ship_aerial,
    ("stadium", "ground"): _stadium_ground, ("stadium", "aerial"): _stadium_aerial,
}  # fmt: skip
