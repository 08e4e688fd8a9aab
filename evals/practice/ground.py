"""The road with its lanes and everything's shadows on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFilter

from evals.practice.camera import World
from evals.practice.canvas import Canvas, mix, tint
from evals.practice.houses import House
from evals.practice.layout import FACADE_M, HALF_ROAD_M
from evals.practice.scene import ScenePlan
from evals.practice.things import Tree

_ASPHALT, _PAVING, _KERB = (92, 93, 96), (172, 166, 156), (196, 192, 184)
_PAINT = {"white": (232, 232, 228), "yellow": (238, 190, 50)}


def paint_ground(
    canvas: Canvas, plan: ScenePlan, houses: Sequence[House], trees: Sequence[Tree], casters: Sequence[Sequence[World]]
) -> None:
    """Road, pavements, lane lines and arrows, a crossing; then the shadows of everything that stands."""
    edge = round(plan.camera.horizon * canvas.height)
    canvas.draw.rectangle((0, edge, canvas.width, canvas.height), fill=mix(_PAVING, canvas.haze, 0.3))
    canvas.flat(-FACADE_M - 40, FACADE_M + 40, 0.0, 160.0, _PAVING)
    canvas.flat(-HALF_ROAD_M, HALF_ROAD_M, -1.0, 160.0, _ASPHALT)
    for side in (-1, 1):
        canvas.flat(side * HALF_ROAD_M, side * (HALF_ROAD_M + 0.18), -1.0, 120.0, _KERB)
        for k in range(34):
            canvas.flat(side * (HALF_ROAD_M + 0.18), side * FACADE_M, 1.0 + 0.9 * k, 1.025 + 0.9 * k, tint(_PAVING, 0.88))
    _lanes(canvas, plan)
    for k in range(7):
        canvas.flat(-2.75 + 0.82 * k, -2.35 + 0.82 * k, 27.0, 30.0, _PAINT["white"])
    _shadows(canvas, plan, houses, trees, casters)


def _lanes(canvas: Canvas, plan: ScenePlan) -> None:
    if plan.centre_line == "yellow":
        for u in (-0.16, 0.06):
            canvas.flat(u, u + 0.1, 1.0, 26.0, _PAINT["yellow"])
            canvas.flat(u, u + 0.1, 31.0, 90.0, _PAINT["yellow"])
    elif plan.centre_line:
        for k in range(15):
            if not 26 <= 2.0 + 5.5 * k <= 30:
                canvas.flat(-0.07, 0.07, 2.0 + 5.5 * k, 5.0 + 5.5 * k, _PAINT[plan.centre_line])
    near_away = (plan.camera.side > 0) == (plan.drives == "right")
    for u, away in ((1.5, near_away), (-1.5, not near_away)):
        for z in (15.0, 21.5, 40.0):
            _arrow(canvas, u, z, 1 if away else -1)


def _arrow(canvas: Canvas, u: float, z: float, way: int) -> None:
    shape = [(-0.1, -1.4), (0.1, -1.4), (0.1, 0.2), (0.36, 0.2), (0.0, 1.4), (-0.36, 0.2), (-0.1, 0.2)]
    canvas.shape([(u + a, 0.0, z + way * b) for a, b in shape], _PAINT["white"])


def _shadows(
    canvas: Canvas, plan: ScenePlan, houses: Sequence[House], trees: Sequence[Tree], casters: Sequence[Sequence[World]]
) -> None:
    """Shadows on the ground: the outline of each thing's corners carried down along the sun's rays."""
    small = (max(2, canvas.width // 2), max(2, canvas.height // 2))
    mask = Image.new("L", small, 0)
    draw = ImageDraw.Draw(mask)
    boxes = [_corners(h.side * FACADE_M, h.side * (FACADE_M + 8), 0.0, h.height, h.z0, h.z1) for h in houses if h.z0 < 70]
    boxes += [_corners(c.u - 0.85, c.u + 0.85, 0.0, 0.9, c.z, c.z + c.length) for c in plan.cars]
    boxes += [_corners(c.u - 0.7, c.u + 0.7, 0.9, c.height, c.z + 0.5, c.z + c.length - 0.9) for c in plan.cars]
    rounds = [[(t.u + 1.3 * math.cos(a), 0.8 * t.height + 1.3 * math.sin(a), t.z) for a in (0, 1, 2, 3, 4, 5)] for t in trees]
    sticks = [_corners(t.u - 0.1, t.u + 0.1, 0.0, 0.7 * t.height, t.z - 0.1, t.z + 0.1) for t in trees]
    for points in (*boxes, *rounds, *sticks, *casters):
        ground = _hull([_carried(point, canvas.sun) for point in points])
        seen = canvas.camera.outline([(u, 0.0, z) for u, z in ground]) if len(ground) > 2 else []
        if seen:
            draw.polygon([(x * small[0], y * small[1]) for x, y in seen], fill=120)
    mask = mask.filter(ImageFilter.GaussianBlur(small[0] / 700)).resize(canvas.image.size)
    canvas.image.paste(Image.new("RGB", canvas.image.size, (34, 38, 56)), (0, 0), mask)
    canvas.draw = ImageDraw.Draw(canvas.image)


def _corners(u0: float, u1: float, y0: float, y1: float, z0: float, z1: float) -> list[World]:
    return [(u, y, z) for u in (u0, u1) for y in (y0, y1) for z in (z0, z1)]


def _carried(point: World, sun: World) -> tuple[float, float]:
    return point[0] - point[1] * sun[0] / sun[1], point[2] - point[1] * sun[2] / sun[1]


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The convex hull (Andrew's monotone chain)."""
    ordered = sorted(set(points))
    half: list[list[tuple[float, float]]] = []
    for way in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for p in way:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        half.append(chain[:-1])
    return half[0] + half[1]


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
