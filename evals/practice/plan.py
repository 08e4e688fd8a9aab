"""Thinks a scene up: the city, what decides, what misleads, when it is and how the camera stands."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from evals.practice.camera import Camera
from evals.practice.facts import Spot, draw_city, plate_form, road_of
from evals.practice.layout import ZOOM_PX, Layout, lay_out
from evals.practice.recipes import LEVELS, draft_of, draw_recipe
from evals.practice.scene import Board, Car, Clue, Draft, Line, ScenePlan, Sky
from evals.practice.setting import Setting
from evals.practice.words import words_of
from geo.gazetteer import gazetteer
from geo.sphere import destination
from geo.sun import sun_position

__all__ = ["LEVELS", "plan_scene"]

_ATTEMPTS = 200
_SIZES = ((1600, 1200), (1600, 1067), (1792, 1344))
_LARGE_SIZE = (2592, 1944)
"""Of scenes with letters that need zooming."""
_PEOPLE_PER_KM2 = 4000.0
_PAINTS = (
    (170, 30, 34),
    (30, 60, 120),
    (210, 210, 206),
    (60, 64, 70),
    (24, 90, 70),
    (222, 186, 60),
    (120, 130, 140),
    (236, 236, 232),
)


def plan_scene(level: str, seed: int, index: int) -> ScenePlan:
    """Scene `index` of `seed`: the same whenever it is asked for, given the same fonts and tables. No pixel is painted.

    Raises ValueError for an unknown level and RuntimeError where no font is installed.
    """
    if level not in LEVELS:
        raise ValueError(f"a level of the practice world is {', '.join(LEVELS)}, not {level[:40]!r}")
    first = _first(level, seed, index)
    # What is drawn once stays through the attempts, so that what is easily laid out is not seen more often.
    recipe, told_by_sun = draw_recipe(level, first), first.random() < 0.5
    for attempt in range(_ATTEMPTS):
        rng = random.Random(f"{level}:{seed}:{index}:{attempt}")  # noqa: S311
        setting = _setting(level, rng)
        plan = _plan(setting, recipe, told_by_sun, seed, index, rng) if setting else None
        if plan is not None:
            return plan
    raise RuntimeError(f"no scene {level} {seed} {index} could be laid out in {_ATTEMPTS} attempts")


def recipe_of(level: str, seed: int, index: int) -> str:
    """What decides the scene that `plan_scene` gives, without thinking it up."""
    return draw_recipe(level, _first(level, seed, index))


def _first(level: str, seed: int, index: int) -> random.Random:
    return random.Random(f"{level}:{seed}:{index}")  # noqa: S311


def _setting(level: str, rng: random.Random) -> Setting | None:
    """A city and a point in it; None where the gazetteer takes every point tried for another place."""
    spot = draw_city(rng)
    radius = math.sqrt(spot.population / _PEOPLE_PER_KM2 / math.pi)
    for attempt in range(8):
        away = rng.uniform(0.15, 0.6) * radius / (1 + attempt)
        lat, lon = (round(float(v), 5) for v in destination(spot.lat, spot.lon, rng.uniform(0.0, 360.0), away))
        where = gazetteer().reverse(lat, lon)
        if where.country == spot.country and where.place is not None and where.place.id == spot.id:
            words, road = words_of(spot.language), road_of(spot.country)
            return Setting(level, spot, lat, lon, where.region, words, road, plate_form(spot.country, spot.name, where.region))
    return None


def _plan(setting: Setting, recipe: str, told_by_sun: bool, seed: int, index: int, rng: random.Random) -> ScenePlan | None:
    made = draft_of(setting, recipe, rng)
    sky = _sky(setting.spot, setting.lat, setting.lon, rng)
    if made is None or sky is None:
        return None
    draft, spot = made.draft, setting.spot
    small = made.far_plate or any(board.letter_px < ZOOM_PX[1] for board in draft.boards if board.kind != "plate")
    size = _LARGE_SIZE if small else rng.choice(_SIZES)
    if told_by_sun:
        _add_sun(draft, sky, rng)
    camera = _camera(size, sky, told_by_sun, rng)
    cars = _cars(setting, camera.side, made.far_plate, rng)
    boards = tuple(_plate_of(board, cars) if board.ground == "rear" else board for board in draft.boards)
    plan = ScenePlan(setting.level, seed, index, size, setting.lat, setting.lon, spot.country, setting.region, spot.name, spot.id,
                     spot.language, setting.words.script, made.recipe, made.finest, made.solution, setting.road.drives,
                     setting.road.centre, camera, sky, cars, boards, (*draft.clues, *_seen(setting)), rng.getrandbits(32))  # fmt: skip
    layout = lay_out(plan)
    clues = _measured(plan, layout) if layout else None
    return plan.with_clues(clues) if clues is not None else None


def _camera(size: tuple[int, int], sky: Sky, told_by_sun: bool, rng: random.Random) -> Camera:
    """Where shadows are to be read, the sun shines along the street and not across it."""
    side, slant = rng.choice((1, -1)), rng.uniform(-28.0, 28.0) if told_by_sun else rng.uniform(-60.0, 60.0)
    street = (sky.azimuth_deg + rng.choice((0.0, 180.0)) + slant) % 360.0
    return Camera(side, -2.9, 1.65, rng.uniform(14.0, 18.0), rng.uniform(0.5, 0.55), size[0] / size[1], street)


def _plate_of(board: Board, cars: tuple[Car, ...]) -> Board:
    """A plate of a country where the rear one is yellow and the front one white."""
    return replace(board, ground="yellow" if cars[int(board.slots[0][3:])].away else "")


def _measured(plan: ScenePlan, layout: Layout) -> tuple[Clue, ...] | None:
    """The clues as the layout left them; None where one that decides is missing or not of its level's size."""
    heights = {at.index: at.letter_px for at in layout.placed}
    clues = []
    for clue in layout.clues:
        if clue.board >= 0 and clue.text:
            sizes = plan.boards[clue.board].lines
            px = heights[clue.board] * (min(line.size for line in sizes) if clue.line < 0 else sizes[clue.line].size)
            if px < ZOOM_PX[0]:
                if clue.decisive:
                    return None
                continue
            clue = replace(clue, needs_zoom=px <= ZOOM_PX[1])
        clues.append(clue)
    zooming = [clue.needs_zoom for clue in clues if clue.decisive]
    wrong_size = {"easy": any(zooming), "medium": False, "hard": not all(zooming)}[plan.level]
    if wrong_size or len(zooming) < sum(clue.decisive for clue in plan.clues):
        return None
    return tuple(clues)


def _seen(setting: Setting) -> list[Clue]:
    """What is seen without being written."""
    clues = [Clue("driving_side", "", "country", setting.road.drives)]
    if setting.road.centre:
        clues.append(Clue("road_line", "", "country", setting.road.centre))
    return clues


def _cars(setting: Setting, side: int, far: bool, rng: random.Random) -> tuple[Car, ...]:
    """A car in each lane: the near lane is on the right of the road where the near row is on the right of the picture."""
    near_away = (side > 0) == (setting.road.drives == "right")
    near_z = rng.uniform(10.2, 12.6) if far else rng.uniform(6.5, 7.4)
    return (Car(2.0, near_z, near_away, rng.choice(_PAINTS), rng.uniform(3.9, 4.4), rng.uniform(1.45, 1.6)),
            Car(-1.5, rng.uniform(8.2, 9.6), not near_away, rng.choice(_PAINTS), rng.uniform(3.9, 4.4), rng.uniform(1.45, 1.6)))  # fmt: skip


def _sky(spot: Spot, lat: float, lon: float, rng: random.Random) -> Sky | None:
    """A day in summer or winter, when clocks do not change, and an hour with the sun well up."""
    for _ in range(30):
        summer = rng.random() < 0.5
        month, offset = (rng.choice((6, 7, 8)), spot.utc_jul) if summer else (rng.choice((1, 2)), spot.utc_jan)
        when = datetime(2024, month, rng.randint(1, 28), rng.randint(8, 17), rng.randrange(0, 60, 5),
                        tzinfo=timezone(timedelta(hours=offset)))  # fmt: skip
        sun = sun_position(when, lat, lon)
        elevation, azimuth = float(sun.altitude_deg), float(sun.azimuth_deg)
        if elevation > 12.0:
            return Sky(when.strftime("%Y-%m-%d %H:%M"), offset, elevation, azimuth)
    return None


def _add_sun(draft: Draft, sky: Sky, rng: random.Random) -> None:
    """A clock with the date and a compass rose in the paving: with the shadows they tell the latitude."""
    day, _, hour = sky.when.partition(" ")
    lines = (Line(hour, 1.5), Line(day))
    value = f"sun {sky.elevation_deg:.0f} degrees high at {sky.azimuth_deg:.0f} degrees"
    draft.add(Board("clock", lines, "Latin", ("far_pole", "near_pole", "blade"), rng.uniform(16.5, 19.0), needed=True),
              Clue("sun", f"{hour} {day}", "latitude", value))  # fmt: skip
    draft.add(Board("compass", (), "Latin", ("ground",), 1.0, needed=True))
