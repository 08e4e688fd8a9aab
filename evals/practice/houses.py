"""Houses and what closes the street: they tell nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass

from evals.practice.camera import World
from evals.practice.canvas import Canvas, Colour, mix, tint
from evals.practice.layout import FACADE_M, SHOPS

_END_M = 96.0
_GROUND_FLOOR_M, _FLOOR_M = 4.1, 3.1
_WALLS = ((206, 178, 140), (190, 120, 96), (214, 204, 186), (176, 152, 128), (222, 190, 120), (164, 172, 176), (200, 160, 150), (152, 100, 80),
          (228, 222, 208), (180, 186, 160))  # fmt: skip
_GLASS = (70, 86, 100)


@dataclass(frozen=True)
class House:
    side: int
    """1 for the near row, -1 for the other."""
    z0: float
    z1: float
    floors: int
    colour: Colour
    shop: int = -1
    """Index of its stretch in SHOPS."""
    roof_m: float = 0.0
    """Height of a pitched roof; 0 for a flat one."""

    @property
    def height(self) -> float:
        return _GROUND_FLOOR_M + _FLOOR_M * self.floors + 0.5


def houses_of(rng: random.Random) -> list[House]:
    """Both rows from the camera to the end of the street."""
    found = [
        House(1, first - 0.3, last + 0.2, rng.randint(1, 3), rng.choice(_WALLS), i, _roof(rng))
        for i, (first, last) in enumerate(SHOPS)
    ]
    for side, start in ((1, SHOPS[-1][1] + 0.2), (-1, 1.5)):
        z = start
        while z < _END_M:
            wide = rng.uniform(5.5, 9.5)
            found.append(House(side, z, z + wide, rng.choice((1, 2, 2, 3, 4)), rng.choice(_WALLS), -1, _roof(rng)))
            z += wide + (rng.uniform(2.0, 5.0) if rng.random() < 0.12 else 0.0)
    return sorted(found, key=lambda house: -house.z0)


def _roof(rng: random.Random) -> float:
    return rng.uniform(1.6, 2.6) if rng.random() < 0.55 else 0.0


def paint_far(canvas: Canvas, rng: random.Random) -> None:
    """What closes the street: hills and roofs in the haze."""
    hills: list[World] = [(-400.0 + 50.0 * k, rng.uniform(6.0, 30.0), 420.0) for k in range(17)]
    canvas.shape([(-400.0, 0.0, 420.0), *hills, (400.0, 0.0, 420.0)], mix((120, 140, 130), canvas.haze, 0.4))
    for k in range(14):
        u = -42.0 + 6.0 * k
        canvas.across(120.0, u, u + 6.2, 0.0, rng.uniform(7.0, 16.0), mix(rng.choice(_WALLS), canvas.haze, 0.35))


def paint_house(canvas: Canvas, house: House, rng: random.Random, name_ground: Colour | None, awning: bool) -> None:
    """A front along the street with floors of windows, its end wall, and a shop in its ground floor."""
    u, wall = house.side * FACADE_M, canvas.lit(house.colour, (-float(house.side), 0.0, 0.0))
    end = canvas.lit(house.colour, (0.0, 0.0, -1.0))
    canvas.across(house.z0, u, u + house.side * 8.0, 0.0, house.height, end)
    if house.roof_m:
        ridge, top = u + house.side * 4.0, house.height + house.roof_m
        canvas.shape([(u, house.height, house.z0), (ridge, top, house.z0), (u + house.side * 8.0, house.height, house.z0)], end)
        tiles = canvas.lit(rng.choice(((150, 78, 58), (112, 66, 56), (92, 94, 100))), (-0.45 * house.side, 0.89, 0.0))
        eaves = u - house.side * 0.25
        canvas.shape(
            [
                (eaves, house.height - 0.1, house.z0),
                (eaves, house.height - 0.1, house.z1),
                (ridge, top, house.z1),
                (ridge, top, house.z0),
            ],
            tiles,
        )
    canvas.upright(u, house.z0, house.z1, 0.0, house.height, wall)
    canvas.upright(u, house.z0, house.z1, house.height - 0.45, house.height, tint(wall, 1.12))
    canvas.upright(u, house.z0, house.z1, house.height - 0.55, house.height - 0.45, tint(wall, 0.8))
    if house.z0 > 60:
        return
    canvas.upright(u, house.z0, house.z1, _GROUND_FLOOR_M - 0.12, _GROUND_FLOOR_M, tint(wall, 0.82))
    count = max(2, round((house.z1 - house.z0) / 2.3))
    step, frame = (house.z1 - house.z0) / count, tint(wall, rng.choice((0.72, 1.25)))
    shutters = tint(rng.choice(((60, 110, 90), (120, 60, 50), (70, 90, 130))), 1.0) if rng.random() < 0.4 else None
    balcony = rng.random() < 0.3
    for floor in range(house.floors):
        y = _GROUND_FLOOR_M + _FLOOR_M * floor + 0.75
        for k in range(count):
            _window(canvas, u, house.z0 + (k + 0.5) * step, y, frame, shutters, rng)
        if balcony:
            canvas.upright(u - house.side * 0.02, house.z0 + 0.5, house.z1 - 0.5, y - 0.25, y + 0.55, tint((60, 62, 66), 1.0))
            for k in range(round((house.z1 - house.z0) * 2.2)):
                z = house.z0 + 0.56 + k / 2.2
                if z < house.z1 - 0.8:
                    canvas.upright(u - house.side * 0.03, z, z + 0.3, y - 0.15, y + 0.47, tint(wall, 0.92))
    _shop(canvas, house, wall, rng, name_ground, awning)


def _window(canvas: Canvas, u: float, z: float, y: float, frame: Colour, shutters: Colour | None, rng: random.Random) -> None:
    glass = tint(_GLASS, rng.uniform(0.75, 1.35))
    canvas.upright(u, z - 0.58, z + 0.58, y - 0.08, y + 1.68, frame)
    canvas.upright(u, z - 0.5, z + 0.5, y, y + 1.6, glass)
    canvas.upright(u, z - 0.5, z + 0.5, y + 1.05, y + 1.6, tint(glass, 1.18))
    canvas.upright(u, z - 0.035, z + 0.035, y, y + 1.6, frame)
    canvas.upright(u, z - 0.66, z + 0.66, y - 0.16, y - 0.06, tint(frame, 1.1))
    if shutters:
        for edge in (z - 1.0, z + 0.58):
            canvas.upright(u, edge, edge + 0.42, y - 0.04, y + 1.64, shutters)


def _shop(canvas: Canvas, house: House, wall: Colour, rng: random.Random, name_ground: Colour | None, awning: bool) -> None:
    u, side = house.side * FACADE_M, house.side
    base = tint(rng.choice(((110, 84, 66), (70, 74, 80), (60, 80, 76), (128, 112, 96))), 1.0)
    canvas.upright(u, house.z0 + 0.15, house.z1 - 0.15, 0.0, 3.85, base)
    if name_ground:
        canvas.upright(u, house.z0 + 0.2, house.z1 - 0.2, 2.75, 3.95, name_ground)
    door = house.z1 - 1.6
    for z0, z1 in ((house.z0 + 0.5, (house.z0 + door) / 2 - 0.1), ((house.z0 + door) / 2 + 0.1, door - 0.3)):
        canvas.upright(u, z0, z1, 0.55, 2.5, tint(_GLASS, 0.85))
        canvas.shape([(u, 0.55, z0), (u, 2.5, z0 + 0.35 * (z1 - z0)), (u, 2.5, z0 + 0.6 * (z1 - z0)), (u, 0.55, z0 + 0.25 * (z1 - z0))],
                     tint(_GLASS, 1.12))  # fmt: skip
        canvas.upright(
            u, z0, z1, 0.55, rng.uniform(0.8, 1.1), tint(rng.choice(((170, 120, 70), (120, 140, 110), (160, 90, 90))), 0.8)
        )
    canvas.upright(u, door, house.z1 - 0.5, 0.05, 2.45, tint(base, 0.7))
    canvas.upright(u, door + 0.15, house.z1 - 0.65, 0.9, 2.25, tint(_GLASS, 1.05))
    if rng.random() < 0.55 and awning:
        _awning(
            canvas, house, side, canvas.lit(rng.choice(((176, 40, 44), (30, 96, 70), (40, 66, 120), (200, 150, 50))), (0, 1, 0))
        )


def _awning(canvas: Canvas, house: House, side: int, colour: Colour) -> None:
    u, out = side * FACADE_M, side * (FACADE_M - 1.0)
    stripes = max(4, round((house.z1 - house.z0) / 0.55))
    step = (house.z1 - house.z0 - 0.6) / stripes
    for k in range(stripes - 1, -1, -1):
        z0, z1 = house.z0 + 0.3 + k * step, house.z0 + 0.3 + (k + 1) * step
        shade = colour if k % 2 else mix(colour, (244, 240, 230), 0.85)
        canvas.shape([(u, 2.72, z0), (u, 2.72, z1), (out, 2.3, z1), (out, 2.3, z0)], shade)
        canvas.shape([(out, 2.3, z0), (out, 2.3, z1), (out, 2.08, z1), (out, 2.08, z0)], tint(shade, 0.85))
