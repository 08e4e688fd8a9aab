"""Where boards hang in a scene, so that each is in the picture, large enough to be read, and covered by no other.

Places are tried at random until one fits. The same plan at the same size is laid out the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evals.practice.boards import Measure, measure
from evals.practice.camera import FOCAL, NEAREST_M, Camera, Point, World
from evals.practice.scene import Board, Box, Car, Clue, ScenePlan

HALF_ROAD_M = 3.0
FACADE_M = 5.3
"""Distance of both rows of houses from the middle of the road."""
SHOPS = ((7.7, 13.2), (13.7, 19.6))
"""Stretches of `z` of the two shops of the near row that may have names."""
CAR_WIDTH_M = 1.76
PLATE_LETTER_M = 0.105
LONG_SIDE_PX = 1600
ZOOM_PX = (9.0, 14.5)
"""Letters of such a height at a long side of 1600 need zooming; larger ones do not."""
SMALL_SIDE_PX = 1200
"""In pictures with a shorter long side letters grow, and only what decides must find room."""
_SMALLEST_PX = (10.0, 8.5, 7.5)
"""Heights of letters in the picture itself that are tried one after the other in small pictures."""
_MORE_SLOTS = ("blade", "near_pole", "far_pole", "banner")
_PLATE_GROWTH = 1.8
_TRIES = 40
_PAD = 0.007
_WIDEST = {"banner": 0.46, "near_pole": 0.34, "far_pole": 0.27, "blade": 0.3, "stand": 0.24, "poster": 0.26, "window": 0.3,
           "wall": 0.36, "fascia": 0.34}  # fmt: skip
_TALLEST = 0.42
_WALLS = {"fascia": 0.3, "wall": 0.42, "window": 0.42}
"""Boards along the street, and the least share of its width that such a board may keep when seen from the side."""


@dataclass(frozen=True)
class Placed:
    """A board in its place."""

    index: int
    slot: str
    corners: tuple[World, World, World, World]
    """Upper left, upper right, lower right, lower left as read."""
    quad: tuple[Point, Point, Point, Point]
    """The same in the picture."""
    box: Box
    letter_px: float
    """Height of its capital letters at a long side of 1600."""
    depth: float
    poles: tuple[tuple[World, World], ...] = ()


@dataclass(frozen=True)
class Layout:
    placed: tuple[Placed, ...]
    clues: tuple[Clue, ...]
    """Those that are in the picture, with their boxes."""


def lay_out(plan: ScenePlan, size: tuple[int, int] | None = None) -> Layout | None:
    """The boards in a picture of `size` pixels, or None where a needed one does not fit."""
    wide, tall = size or plan.size
    camera = replace(plan.camera, aspect=wide / tall)
    if max(wide, tall) >= SMALL_SIDE_PX:
        return _attempt(plan, camera, max(wide, tall), 0.0)
    found = (_attempt(plan, camera, max(wide, tall), px) for px in _SMALLEST_PX)
    return next((layout for layout in found if layout is not None), None)


def _attempt(plan: ScenePlan, camera: Camera, long_side: int, smallest_px: float) -> Layout | None:
    """A layout with letters of at least `smallest_px` pixels; 0 leaves them as planned."""
    rng = random.Random(f"layout:{plan.seed}:{plan.index}:{plan.level}:{long_side}")  # noqa: S311
    decisive = {clue.board for clue in plan.clues if clue.decisive}
    needed = decisive if smallest_px else decisive | {i for i, board in enumerate(plan.boards) if board.needed}
    taken: list[Box] = [_car_box(camera, car) for car in plan.cars]
    placed: dict[int, Placed] = {}
    # Names of shops have two places only; what can hang anywhere comes after them.
    rank = {"plate": 0, "fascia": 1}
    for index in sorted(range(len(plan.boards)), key=lambda i: (rank.get(plan.boards[i].kind, 2), i not in needed, i)):
        board = plan.boards[index]
        growth = max(1.0, smallest_px * LONG_SIDE_PX / long_side / board.letter_px)
        found = _place(board, index, camera, plan.cars, taken, growth, rng)
        if found is None and index in needed:
            return None
        if found is not None:
            placed[index] = found
            if not found.slot.startswith("car"):
                taken += [found.box, *(_bounds([camera.project(p) for p in pole], 0.002) for pole in found.poles)]
    return Layout(tuple(placed[i] for i in sorted(placed)), _with_boxes(plan, camera, placed))


def _with_boxes(plan: ScenePlan, camera: Camera, placed: dict[int, Placed]) -> tuple[Clue, ...]:
    clues = []
    for clue in plan.clues:
        if clue.kind == "driving_side":
            clues.append(replace(clue, box=_clip(_bounds([p for c in plan.cars for p in _ends(_car_box(camera, c))], 0.0))))
        elif clue.kind == "road_line":
            clues.append(replace(clue, box=_clip(_bounds(camera.outline(_strip(0.0, 0.5, 2.0, 40.0)), 0.0))))
        elif clue.board in placed:
            at = placed[clue.board]
            clues.append(replace(clue, box=_clip(line_box(camera, plan.boards[clue.board], at, clue.line))))
    return tuple(clues)


def _strip(u: float, wide: float, z0: float, z1: float) -> list[World]:
    return [(u - wide, 0.0, z0), (u + wide, 0.0, z0), (u + wide, 0.0, z1), (u - wide, 0.0, z1)]


def line_box(camera: Camera, board: Board, at: Placed, line: int) -> Box:
    """Where a line of a board that was placed stands in the picture; -1 for all its lines."""
    sizes = measure(board)
    left, top, right, bottom = (0.0, 0.0, sizes.width, sizes.height) if line < 0 else sizes.lines[line]
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return _bounds([camera.project(_within(at.corners, x / sizes.width, y / sizes.height)) for x, y in corners], 0.0)


def _within(corners: Sequence[World], x: float, y: float) -> World:
    """A point of a flat board: `x` from left to right and `y` from top to bottom, 0 to 1."""
    ul, ur, _, ll = corners
    return tuple(ul[k] + x * (ur[k] - ul[k]) + y * (ll[k] - ul[k]) for k in range(3))  # type: ignore[return-value]


def _place(board: Board, index: int, camera: Camera, cars: Sequence[Car], taken: Sequence[Box], growth: float,
           rng: random.Random) -> Placed | None:  # fmt: skip
    slots = board.slots if growth == 1.0 or board.kind == "plate" else tuple(dict.fromkeys((*board.slots, *_MORE_SLOTS)))
    for slot in slots:
        for corners, poles in _candidates(slot, board, camera, cars, growth, rng):
            if min(camera.depth(p) for p in corners) < 2.0 * NEAREST_M:
                continue
            quad = tuple(camera.project(p) for p in corners)
            if slot in _WALLS and _narrowing(quad, camera.aspect, measure(board)) < _WALLS[slot]:
                continue
            box, middle = _bounds(list(quad), 0.0), _within(corners, 0.5, 0.5)
            poles = tuple(pole for pole in poles if min(camera.depth(p) for p in pole) > NEAREST_M)
            if slot.startswith("car") or (_inside(box) and _free(box, poles, camera, taken)):
                letter_m = _length(corners[0], corners[3]) / measure(board).height
                px = FOCAL * LONG_SIDE_PX * letter_m / camera.depth(middle)
                return Placed(index, slot, corners, quad, box, px, camera.depth(middle), poles)  # type: ignore[arg-type]
    return None


def _candidates(slot: str, board: Board, camera: Camera, cars: Sequence[Car], growth: float, rng: random.Random
                ) -> Iterator[tuple[tuple[World, World, World, World], tuple[tuple[World, World], ...]]]:  # fmt: skip
    """Corners and poles to try at a slot."""
    sizes = measure(board)
    if slot.startswith("car"):
        yield _on_car(cars[int(slot[3:])], sizes, camera.side, min(growth, _PLATE_GROWTH)), ()
        return
    if slot == "ground":
        yield _on_ground(camera), ()
        return
    wanted = growth * board.letter_px
    least = wanted if growth > 1.0 else 9.2 if wanted < ZOOM_PX[1] else 16.0
    roomy = min(1.7, growth)
    for attempt in range(_TRIES):
        u, y, z = _anchor(slot, rng)
        px = wanted - (wanted - least) * min(1.0, attempt / (0.6 * _TRIES))
        letter_m = px / (FOCAL * LONG_SIDE_PX) * camera.depth((u, y, z))
        wide, tall = sizes.width * letter_m, sizes.height * letter_m
        depth = camera.depth((u, y, z))
        if FOCAL * wide / depth > roomy * _WIDEST[slot] or FOCAL * camera.aspect * tall / depth > _TALLEST:
            continue
        if slot in _WALLS:
            on_wall = _on_wall(slot, camera.side, y, z, wide, tall)
            if on_wall is not None:
                yield on_wall, ()
        else:
            yield _facing(slot, camera.side, u, y, z, wide, tall)


def _anchor(slot: str, rng: random.Random) -> World:
    """Middle of a board's lower edge."""
    draw = rng.uniform
    if slot == "fascia":
        first, last = rng.choice(SHOPS)
        return FACADE_M, draw(2.85, 3.0), (first + last) / 2
    spans = {"wall": ((FACADE_M, FACADE_M), (4.0, 5.2), (9.0, 20.0)), "window": ((FACADE_M, FACADE_M), (0.9, 1.9), (9.0, 17.0)),
             "blade": ((FACADE_M, FACADE_M), (3.9, 5.6), (9.0, 17.0)),
             "near_pole": ((3.3, 4.3), (2.15, 3.0), (7.5, 14.0)), "far_pole": ((-4.0, -3.3), (2.15, 3.4), (6.0, 13.0)),
             "stand": ((3.3, 4.5), (0.3, 0.3), (8.0, 13.0)), "poster": ((3.5, 4.7), (0.45, 0.6), (8.5, 13.0)),
             "banner": ((-1.5, 1.5), (4.6, 6.2), (11.0, 19.0))}  # fmt: skip
    us, ys, zs = spans[slot]
    return draw(*us), draw(*ys), draw(*zs)


def _on_wall(slot: str, side: int, y: float, z: float, wide: float, tall: float) -> tuple[World, World, World, World] | None:
    u = FACADE_M - 0.03
    z0, z1 = z - wide / 2, z + wide / 2
    if slot == "window" and y + tall > 2.4:
        return None
    if slot == "fascia" and (tall > 1.15 or not any(first <= z0 and z1 <= last for first, last in SHOPS)):
        return None
    # On the right of the picture what is read first is farther away.
    first, last = (z1, z0) if side > 0 else (z0, z1)
    return (u, y + tall, first), (u, y + tall, last), (u, y, last), (u, y, first)


def _narrowing(quad: Sequence[Point], aspect: float, sizes: Measure) -> float:
    """Width over height in the picture, as a share of what the board has when seen from the front."""
    wide = (abs(quad[1][0] - quad[0][0]) + abs(quad[2][0] - quad[3][0])) * aspect
    tall = abs(quad[3][1] - quad[0][1]) + abs(quad[2][1] - quad[1][1])
    return wide / tall * sizes.height / sizes.width


def _facing(slot: str, side: int, u: float, y: float, z: float, wide: float, tall: float
            ) -> tuple[tuple[World, World, World, World], tuple[tuple[World, World], ...]]:  # fmt: skip
    if slot == "blade":
        u = FACADE_M - 0.12 - wide / 2
    left, right = (u - wide / 2, u + wide / 2) if side > 0 else (u + wide / 2, u - wide / 2)
    corners = (left, y + tall, z), (right, y + tall, z), (right, y, z), (left, y, z)
    poles: tuple[tuple[World, World], ...] = ()
    if slot in {"near_pole", "far_pole"}:
        poles = (((u, 0.0, z), (u, y, z)),)
    elif slot in {"stand", "poster"}:
        poles = tuple(((edge, 0.0, z), (edge, y, z)) for edge in (u - 0.4 * wide, u + 0.4 * wide))
    elif slot == "banner":
        poles = (
            ((-FACADE_M, y + 1.2 * tall, z), (u - wide / 2, y + tall, z)),
            ((u + wide / 2, y + tall, z), (FACADE_M, y + 1.2 * tall, z)),
        )
    return corners, poles


def _on_car(car: Car, sizes: Measure, side: int, growth: float) -> tuple[World, World, World, World]:
    letter_m = min(growth * PLATE_LETTER_M, 0.3 * growth / sizes.height, min(1.5, growth) / sizes.width)
    wide, tall = sizes.width * letter_m, sizes.height * letter_m
    y, z = (0.78 if car.away else 0.42), car.z - 0.03
    left, right = (car.u - wide / 2, car.u + wide / 2) if side > 0 else (car.u + wide / 2, car.u - wide / 2)
    return (left, y + tall, z), (right, y + tall, z), (right, y, z), (left, y, z)


def _on_ground(camera: Camera) -> tuple[World, World, World, World]:
    """A square of paving of 1.7 m, its upper edge to the north."""
    east, north = camera.direction(90.0, 0.0), camera.direction(0.0, 0.0)
    corners = ((-1, 1), (1, 1), (1, -1), (-1, -1))
    return tuple((-0.9 + 0.85 * (a * east[0] + b * north[0]), 0.0, 6.1 + 0.85 * (a * east[2] + b * north[2])) for a, b in corners)  # type: ignore[return-value]


def _car_box(camera: Camera, car: Car) -> Box:
    half = CAR_WIDTH_M / 2
    ends = [(car.u + a * half, y, z) for a in (-1, 1) for y in (0.0, car.height) for z in (car.z, car.z + car.length)]
    return _bounds([camera.project(p) for p in ends], 0.0)


def _ends(box: Box) -> list[Point]:
    return [(box[0], box[1]), (box[2], box[3])]


def _length(a: World, b: World) -> float:
    return float(sum((a[k] - b[k]) ** 2 for k in range(3)) ** 0.5)


def _bounds(points: Sequence[Point], pad: float) -> Box:
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs) - pad, min(ys) - pad, max(xs) + pad, max(ys) + pad


def _clip(box: Box) -> Box:
    return tuple(min(1.0, max(0.0, value)) for value in box)  # type: ignore[return-value]


def _inside(box: Box) -> bool:
    return box[0] > 0.012 and box[1] > 0.012 and box[2] < 0.988 and box[3] < 0.985


def _free(box: Box, poles: Sequence[tuple[World, World]], camera: Camera, taken: Sequence[Box]) -> bool:
    mine = [box, *(_bounds([camera.project(p) for p in pole], 0.002) for pole in poles)]
    return not any(_overlap(one, other) for one in mine for other in taken)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] + _PAD and b[0] < a[2] + _PAD and a[1] < b[3] + _PAD and b[1] < a[3] + _PAD
