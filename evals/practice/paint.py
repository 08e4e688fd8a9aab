"""Paints a plan: sky, street, cars, then the boards over everything, each in perspective, as a camera gives it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from PIL import Image

from evals.practice.boards import look_of, paint_board
from evals.practice.camera import World
from evals.practice.canvas import Canvas, Colour, sky_picture
from evals.practice.ground import paint_ground
from evals.practice.houses import houses_of, paint_far, paint_house
from evals.practice.layout import FACADE_M, LONG_SIDE_PX, SHOPS, Layout, Placed, lay_out
from evals.practice.scene import ScenePlan
from evals.practice.things import LAMPS, paint_car, paint_lamp, paint_tree, trees_of

_LARGEST_CANVAS_PX = 3200
_METAL = (96, 98, 102)


def paint(plan: ScenePlan, size: tuple[int, int] | None = None, *, grown: bool = True) -> Image.Image:
    """The scene as an RGB picture of its own size or of `size` pixels, where letters grow so that they can still be read.

    Without `grown` everything stays where it is in the scene's own size, as in a photo that is scaled down. Raises ValueError for a size
    below 64 pixels or where what decides finds no room.
    """
    size = size or plan.size
    if min(size) < 64:
        raise ValueError(f"a scene needs 64 pixels on each side, not {size[0]} x {size[1]}")
    layout = lay_out(plan, size if grown else None)
    if layout is None:
        raise ValueError(f"what decides {plan.id} finds no room in {size[0]} x {size[1]} pixels")
    scale = max(1.0, min(2.0, _LARGEST_CANVAS_PX / max(size)))
    large = (round(size[0] * scale), round(size[1] * scale))
    rng = random.Random(plan.decoration)  # noqa: S311
    camera = replace(plan.camera, aspect=size[0] / size[1])
    sun = camera.direction(plan.sky.azimuth_deg, plan.sky.elevation_deg)
    picture = sky_picture(large, camera, plan.sky.elevation_deg, plan.sky.azimuth_deg, rng)
    canvas = Canvas(picture, camera, sun, (206, 214, 220))
    _paint_street(canvas, plan, layout, rng)
    _paint_boards(canvas, plan, layout)
    small = (
        canvas.image.resize(size, Image.Resampling.BOX if scale == 2.0 else Image.Resampling.LANCZOS)
        if scale > 1.0
        else canvas.image
    )
    return _as_photo(small, rng)


def _paint_street(canvas: Canvas, plan: ScenePlan, layout: Layout, rng: random.Random) -> None:
    houses, trees = houses_of(rng), trees_of(plan.lat, rng)
    paint_far(canvas, rng)
    casters = [_stick(foot, top) for placed in layout.placed for foot, top in placed.poles if placed.slot != "banner"]
    casters += [list(placed.corners) for placed in layout.placed if placed.slot in {"near_pole", "far_pole", "stand", "poster"}]
    casters += [_stick((u, 0.0, z), (u, 5.5, z)) for u, z in LAMPS]
    paint_ground(canvas, plan, houses, trees, casters)
    grounds = _name_grounds(plan, layout)
    winter = _is_winter(plan)
    no_awning = any(at.slot == "window" for at in layout.placed)
    for house in houses:
        paint_house(canvas, house, rng, grounds.get(house.shop), awning=house.shop < 0 or not no_awning)
    others: list[tuple[float, Callable[[], None]]] = [
        (tree.z, partial(paint_tree, canvas, tree, plan.lat, winter, rng)) for tree in trees
    ]
    others += [(z, partial(paint_lamp, canvas, u, z)) for u, z in LAMPS]
    others += [(car.z, partial(paint_car, canvas, car)) for car in plan.cars]
    for at in layout.placed:
        if at.slot == "ground":
            _paste(canvas, plan, at)
    for _, paint_it in sorted(others, key=lambda pair: -pair[0]):
        paint_it()


def _is_winter(plan: ScenePlan) -> bool:
    """Whether trees that shed their leaves are bare."""
    january = plan.sky.when[5:7] in {"01", "02"}
    return abs(plan.lat) > 38.0 and january == (plan.lat > 0)


def _stick(foot: World, top: World) -> list[World]:
    return [(p[0] + a, p[1], p[2] + b) for p in (foot, top) for a in (-0.05, 0.05) for b in (-0.05, 0.05)]


def _name_grounds(plan: ScenePlan, layout: Layout) -> dict[int, Colour]:
    """The colour behind each shop's name, as wide as the shop."""
    grounds = {}
    for at in layout.placed:
        if at.slot == "fascia":
            shop = next(i for i, (first, last) in enumerate(SHOPS) if first <= at.corners[0][2] <= last)
            grounds[shop] = look_of(plan.boards[at.index]).ground
    return grounds


def _paint_boards(canvas: Canvas, plan: ScenePlan, layout: Layout) -> None:
    for at in sorted(layout.placed, key=lambda placed: -placed.depth):
        if at.slot == "ground":
            continue
        for foot, top in at.poles:
            canvas.stick(foot, top, 0.03 if at.slot == "banner" else 0.075, _METAL)
        if at.slot == "blade":
            _bracket(canvas, at)
        if at.slot == "poster":
            _frame(canvas, at)
        _paste(canvas, plan, at)


def _frame(canvas: Canvas, at: Placed) -> None:
    (u0, y1, z), (u1, _, _), (_, y0, _), _ = at.corners
    low, high = min(u0, u1) - 0.07, max(u0, u1) + 0.07
    canvas.across(z + 0.02, low, high, y0 - 0.1, y1 + 0.07, (58, 62, 66))


def _bracket(canvas: Canvas, at: Placed) -> None:
    """A sign that sticks out from a wall hangs on two bars and has a thick edge."""
    low, high = min(p[0] for p in at.corners), max(p[0] for p in at.corners)
    top, base, z = at.corners[0][1], at.corners[3][1], at.corners[0][2]
    for y in (top - 0.15 * (top - base), base + 0.15 * (top - base)):
        canvas.stick((low, y, z + 0.05), (FACADE_M, y, z + 0.05), 0.06, _METAL)
    canvas.across(z + 0.05, low - 0.02, high + 0.02, base - 0.03, top + 0.03, (60, 62, 66))
    canvas.upright(FACADE_M - 0.02, z - 0.05, z + 0.15, base, top, (80, 82, 86))


def _paste(canvas: Canvas, plan: ScenePlan, at: Placed) -> None:
    board = plan.boards[at.index]
    letter = at.letter_px / LONG_SIDE_PX * max(canvas.width, canvas.height) if at.slot != "ground" else canvas.width / 40
    own = random.Random(f"{plan.decoration}:{at.index}")  # noqa: S311
    picture = paint_board(board, max(8.0, min(160.0, 1.1 * letter)), own, ground=at.slot != "fascia")
    canvas.paste(picture, at.quad)


def _as_photo(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Unevenness, light and grain; no blur, which would cost the small letters."""
    noise = np.random.default_rng(rng.getrandbits(32))
    tall, wide = picture.height, picture.width
    coarse = Image.fromarray(noise.normal(0.0, 3.0, (48, 64)).astype(np.float32)).resize(picture.size, Image.Resampling.BILINEAR)
    grain = noise.integers(-5, 6, size=(tall, wide), dtype=np.int16)
    pixels = np.asarray(picture, dtype=np.float32) * np.float32(noise.uniform(0.94, 1.06))
    pixels += (np.asarray(coarse) + grain)[:, :, None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
