"""Trees, lamps and cars."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import pairwise

from evals.practice.canvas import Canvas, Colour, mix, tint
from evals.practice.layout import HALF_ROAD_M
from evals.practice.scene import Car

LAMPS = ((-3.25, 11.0), (-3.25, 29.0), (3.25, 21.0), (3.25, 39.0), (-3.25, 47.0))
"""Where lamps stand: `u` and `z`."""


@dataclass(frozen=True)
class Tree:
    u: float
    z: float
    height: float


def trees_of(lat: float, rng: random.Random) -> list[Tree]:
    spots = [(side * (HALF_ROAD_M + 0.7), z) for side, first in ((1, 21.0), (-1, 13.0)) for z in range(int(first), 70, 9)]
    return [Tree(u, z + rng.uniform(-1.5, 1.5), rng.uniform(4.2, 6.4)) for u, z in spots if rng.random() < 0.45]


def paint_tree(canvas: Canvas, tree: Tree, lat: float, winter: bool, rng: random.Random) -> None:
    """A palm in the tropics, a fir far north and south, between them a tree that is bare in winter."""
    trunk = (98, 76, 56)
    canvas.stick((tree.u, 0.0, tree.z), (tree.u, 0.8 * tree.height, tree.z), 0.2, mix(trunk, canvas.haze, canvas.haze_at(tree.z)))
    if abs(lat) < 24:
        for k in range(11):
            _frond(canvas, tree, 2 * math.pi * k / 11 + rng.uniform(-0.2, 0.2), tint((62, 122, 58), rng.uniform(0.8, 1.2)))
        return
    if abs(lat) > 57:
        for k in range(4):
            y, r = tree.height * (0.28 + 0.2 * k), 1.25 - 0.27 * k
            canvas.shape(
                [(tree.u - r, y, tree.z), (tree.u + r, y, tree.z), (tree.u, y + 0.34 * tree.height, tree.z)],
                tint((44, 84, 58), 0.9 + 0.08 * k),
            )
        return
    if winter:
        for _ in range(16):
            turn, reach = rng.uniform(0.15, math.pi - 0.15), rng.uniform(0.8, 1.5)
            fork = (tree.u, tree.height * rng.uniform(0.5, 0.78), tree.z)
            canvas.stick(fork, (fork[0] + reach * math.cos(turn), fork[1] + reach * math.sin(turn), tree.z), 0.06, trunk)
        return
    for _ in range(26):
        shade = tint((70, 116, 56), rng.uniform(0.75, 1.25))
        centre = (tree.u + rng.gauss(0, 0.55), 0.8 * tree.height + rng.gauss(0, 0.5), tree.z + rng.gauss(0, 0.3))
        canvas.disc(centre, rng.uniform(0.3, 0.62), shade, 0.9)


def _frond(canvas: Canvas, tree: Tree, turn: float, colour: Colour) -> None:
    """A palm leaf: up and out, then hanging, pointed at its end."""
    across, along, top = math.cos(turn), 0.6 * math.sin(turn), 0.8 * tree.height
    spine = [(0.0, 0.0, 0.09), (0.7, 0.42, 0.2), (1.3, 0.3, 0.17), (1.75, -0.25, 0.0)]
    points = [(tree.u + r * across, top + y + w, tree.z + r * along) for r, y, w in spine]
    points += [(tree.u + r * across, top + y - w, tree.z + r * along) for r, y, w in spine[::-1]]
    canvas.shape(points, colour)


def paint_lamp(canvas: Canvas, u: float, z: float) -> None:
    arm = u - math.copysign(1.1, u)
    canvas.stick((u, 0.0, z), (u, 5.4, z), 0.11, (70, 74, 80))
    canvas.stick((u, 5.4, z), (arm, 5.55, z), 0.08, (70, 74, 80))
    canvas.stick((arm, 5.5, z), (arm - math.copysign(0.45, u), 5.48, z), 0.14, (210, 212, 206))


def paint_car(canvas: Canvas, car: Car) -> None:
    """A small car: profile, glass, lights, wheels."""
    h, long, half = car.height, car.length, 0.86
    if car.away:
        profile = [
            (0.0, 0.22),
            (0.0, 0.92),
            (0.1, 1.0),
            (0.5, h),
            (2.1, h),
            (2.85, 1.0),
            (long - 0.1, 0.82),
            (long, 0.6),
            (long, 0.22),
        ]
    else:
        profile = [
            (0.0, 0.22),
            (0.0, 0.62),
            (0.12, 0.8),
            (1.05, 1.0),
            (1.75, h),
            (3.3, h),
            (long - 0.12, 1.0),
            (long, 0.9),
            (long, 0.22),
        ]
    seen_side = -1 if car.u > canvas.camera.u else 1
    side_colour = canvas.lit(car.colour, (float(seen_side), 0.0, 0.0))
    dark = (26, 28, 32)
    canvas.shape([(car.u + a * 0.8, 0.02, car.z + b) for a, b in ((-1, 0.05), (1, 0.05), (1, long), (-1, long))], (52, 53, 58))
    for (za, ya), (zb, yb) in reversed(list(pairwise(profile))):
        wide_a, wide_b = (0.68 if y > 1.1 else half for y in (ya, yb))
        slope = math.hypot(zb - za, yb - ya) or 1.0
        normal = (0.0, (zb - za) / slope, -(yb - ya) / slope)
        glass = max(ya, yb) > 1.2 and abs(ya - yb) > 0.2
        colour = tint((92, 112, 128), 0.9) if glass else canvas.lit(car.colour, normal)
        canvas.shape(
            [
                (car.u - wide_a, ya, car.z + za),
                (car.u + wide_a, ya, car.z + za),
                (car.u + wide_b, yb, car.z + zb),
                (car.u - wide_b, yb, car.z + zb),
            ],
            colour,
        )
    edge = car.u + seen_side * half
    canvas.shape([(car.u + seen_side * (0.68 if y > 1.1 else half), y, car.z + z) for z, y in profile], side_colour)
    roof = [p for p in profile if p[1] > 1.1]
    first, last = roof[0][0], roof[-1][0]
    glass_u = car.u + seen_side * 0.78
    canvas.shape([(glass_u, 1.02, car.z + first - 0.25), (glass_u, h - 0.07, car.z + first + 0.08), (glass_u, h - 0.07, car.z + last - 0.05),
                  (glass_u, 1.02, car.z + last + 0.45)], (74, 90, 104))  # fmt: skip
    for z in (0.75, long - 0.8):
        canvas.wheel(edge, 0.32, car.z + z, 0.32, dark)
        canvas.wheel(edge + seen_side * 0.01, 0.32, car.z + z, 0.17, (168, 170, 172))
    _ends(canvas, car, half, dark)


def _ends(canvas: Canvas, car: Car, half: float, dark: Colour) -> None:
    """Bumper and lights at the end that the camera sees: red behind, white in front."""
    z = car.z - 0.01
    canvas.across(z, car.u - half, car.u + half, 0.2, 0.38, dark)
    low = 0.78 if car.away else 0.42
    canvas.across(z, car.u - 0.3, car.u + 0.3, low, low + 0.15, (226, 226, 222))
    if car.away:
        for side in (-1, 1):
            canvas.across(z, car.u + side * half, car.u + side * (half - 0.22), 0.66, 0.9, (188, 26, 30))
            canvas.across(z, car.u + side * half, car.u + side * (half - 0.22), 0.66, 0.72, (240, 150, 60))
        return
    canvas.across(z, car.u - 0.4, car.u + 0.4, 0.56, 0.63, dark)
    for side in (-1, 1):
        canvas.across(z, car.u + side * half, car.u + side * (half - 0.3), 0.5, 0.64, (250, 248, 226))
