"""What decides a scene: for each level its recipes, each of which puts up the boards that decide and marks their clues."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evals.practice.distractors import add_distractors
from evals.practice.everyday import add_domain, add_plate, add_street
from evals.practice.facts import MILES, Spot, crossing_pair, neighbours, signed_distance
from evals.practice.scene import Board, Clue, Draft, Line
from evals.practice.setting import Setting, domain_line, invented_name, phone_line
from evals.sign_places import slug
from geo.gazetteer import gazetteer
from geo.names import fold

LEVELS = ("easy", "medium", "hard")
KNOWN_TOWN_PEOPLE = 60_000
"""Towns of fewer people are taken to need a search."""
FAR_TOWN_KM = 35.0
"""On hard scenes the towns of a road sign are at least so far away, so that neither of them alone is near enough."""
_SIGN_POLES = ("near_pole", "far_pole", "blade")


@dataclass(frozen=True)
class Made:
    draft: Draft
    recipe: str
    finest: str
    solution: str
    far_plate: bool
    """Whether the near car stands so far off that its plate needs zooming."""


_Recipe = Callable[[Setting, Draft, random.Random], tuple[str, str] | None]
"""Puts up what decides and gives the finest level it tells with one sentence, or None where the facts are lacking."""


def recipe_names(level: str) -> tuple[str, ...]:
    """What may decide a scene of a level."""
    return tuple(_RECIPES[level])


def draw_recipe(level: str, rng: random.Random) -> str:
    """What is to decide a scene of a level; the city is then drawn until its facts allow it."""
    names = list(_RECIPES[level])
    return rng.choices(names, [_RECIPES[level][name][1] for name in names])[0]


def draft_of(setting: Setting, recipe: str, rng: random.Random) -> Made | None:
    """Boards and clues of a scene; None where the facts of the city do not allow the recipe."""
    draft = Draft()
    told = _RECIPES[setting.level][recipe][0](setting, draft, rng)
    if told is None:
        return None
    add_plate(setting, recipe, draft, rng)
    add_street(setting, recipe, draft, rng)
    if setting.level != "easy":
        add_distractors(setting.spot, setting.level, recipe, draft, rng)
    return Made(draft, recipe, told[0], told[1], setting.level == "hard")


def _city_name(setting: Setting, draft: Draft, rng: random.Random) -> tuple[str, str] | None:
    """Easy: the name of the city, large, and a telephone number or an address with its name."""
    spot, script = setting.spot, setting.words.script
    latin = [Line(spot.name, 0.9)] if script != "Latin" and rng.random() < 0.7 else []
    board = Board(
        "town", (Line(spot.native, 1.2), *latin), script, _SIGN_POLES, rng.uniform(22, 32), rng.randrange(3), needed=True
    )
    draft.add(
        board, *(Clue("city_name", line.text, "city", spot.name, decisive=True, line=i) for i, line in enumerate(board.lines))
    )
    written = (phone_line(setting, rng, True), domain_line(setting, rng, slug(spot.name)))
    lines = [(text, clue) for text, clue in written if clue]
    draft.add(Board("info", tuple(Line(text) for text, _ in lines), script, ("blade", "near_pole", "far_pole", "stand"),
                    rng.uniform(17, 22), rng.randrange(4), needed=True),
              *(Clue(c.kind, c.text, c.tells, c.value, decisive=True, line=i) for i, (_, c) in enumerate(lines)))  # fmt: skip
    return "city", f"read the sign of {spot.name} and the telephone number or address"


def _area_code(setting: Setting, draft: Draft, rng: random.Random) -> tuple[str, str] | None:
    """A number as it is dialled in the country: its area code and the language of the signs name the city together."""
    text, clue = phone_line(setting, rng, False)
    if clue is None or clue.tells != "city":
        return None
    small = setting.level == "hard"
    draft.add(Board("note" if small else "info", (Line(text),), setting.words.script,
                    ("window", "stand", "blade", "near_pole") if small else ("blade", "near_pole", "stand", "far_pole"),
                    _letters(setting.level, rng), rng.randrange(4), needed=True),
              Clue("area_code", clue.text, "city", clue.value, decisive=True, line=0))  # fmt: skip
    if not small:
        add_domain(setting, draft, rng)
    return (
        "city",
        f"the signs' language and the form of the number tell {setting.spot.country}; its area code is that of {clue.value}",
    )


def _distances(setting: Setting, draft: Draft, rng: random.Random) -> tuple[str, str] | None:
    """A road sign with two other towns in different directions and how far they are."""
    pair = _towns(setting, FAR_TOWN_KM if setting.level == "hard" else 10.0)
    if pair is None:
        return None
    unit, search = ("mi" if setting.spot.country in MILES else "km"), setting.level == "hard"
    away = [signed_distance(setting.lat, setting.lon, town, setting.spot.country) for town in pair]
    lines = tuple(Line(f"{town.native}\t{far} {unit}") for town, far in zip(pair, away, strict=True))
    clues = [Clue("distance", line.text.replace("\t", " "), "region", town.name, needs_search=search, decisive=True, line=i)
             for i, (line, town) in enumerate(zip(lines, pair, strict=True))]  # fmt: skip
    draft.add(
        Board("road", lines, setting.words.script, _SIGN_POLES, _letters(setting.level, rng), rng.randrange(3), needed=True),
        *clues,
    )
    told = " and ".join(f"{far} {unit} from {town.name}" for town, far in zip(pair, away, strict=True))
    return "city", f"{'look both towns up: the' if search else 'the'} place is {told} by road"


def _zoomed_name(setting: Setting, draft: Draft, rng: random.Random) -> tuple[str, str] | None:
    """Medium: the city's name, but on a small plate that must be zoomed into."""
    board = Board("stop", (Line(setting.words.streets[0]), Line(setting.spot.native)), setting.words.script,
                  ("stand", "near_pole", "far_pole", "window"), rng.uniform(10.2, 13.2), rng.randrange(2), needed=True)  # fmt: skip
    draft.add(board, Clue("city_name", setting.spot.native, "city", setting.spot.name, decisive=True, line=1))
    return "city", f"zoom into the small sign with the name of {setting.spot.name}"


def _region(setting: Setting, draft: Draft, rng: random.Random) -> tuple[str, str] | None:
    """Medium: the region, in English, at a tourist office, beside local signs."""
    if not setting.region or not _names_a_region(setting.region, setting.spot):
        return None
    draft.add(Board("info", (Line("Tourist Information", 0.8), Line(setting.region)), "Latin", ("blade", "near_pole", "stand", "far_pole"),
                    _letters(setting.level, rng), rng.randrange(4), needed=True),
              Clue("region_name", setting.region, "region", setting.region, decisive=True, line=1))  # fmt: skip
    add_domain(setting, draft, rng)
    return "region", f"the tourist office names the region {setting.region}, and nothing tells more"


def _plate(setting: Setting, draft: Draft, rng: random.Random) -> tuple[str, str] | None:
    """A number plate whose first letters or last digits are those of the city or region."""
    form = setting.plate
    if form is None or form.area == "*" or setting.spot.native in form.pattern:
        return None
    level = "region" if form.area == setting.region else "city"
    return level, f"the near car's number plate has the form of {setting.spot.country} and the code of {form.area}"


def _stops(setting: Setting, draft: Draft, rng: random.Random) -> tuple[str, str] | None:
    """Hard: a bus stop with two small towns that must be zoomed into and looked up."""
    pair = _towns(setting, 10.0)
    if pair is None:
        return None
    lines = tuple(Line(f"{town.native}\t{rng.randint(2, 98)}") for town in pair)
    clues = [
        Clue("stop", town.native, "region", town.name, needs_search=True, decisive=True, line=i) for i, town in enumerate(pair)
    ]
    draft.add(Board("stop", lines, setting.words.script, ("stand", "near_pole", "far_pole", "window"), _letters(setting.level, rng),
                    rng.randrange(2), needed=True), *clues)  # fmt: skip
    return "region", f"look up {pair[0].name} and {pair[1].name}: the bus goes to both, so the place lies near them"


def _country(setting: Setting, draft: Draft, rng: random.Random) -> tuple[str, str] | None:
    """Hard: an address on the internet, small, and nothing finer than the country."""
    text, clue = domain_line(setting, rng, invented_name(rng))
    draft.add(Board("note", (Line(text),), "Latin", ("window", "stand", "blade"), _letters(setting.level, rng), rng.randrange(2), needed=True),
              Clue("domain", clue.text, "country", clue.value, decisive=True, line=0))  # fmt: skip
    return "country", f"the ending of the address is that of {setting.spot.country}, and nothing tells more"


def _letters(level: str, rng: random.Random) -> float:
    return rng.uniform(9.6, 12.0) if level == "hard" else rng.uniform(17, 23)


def _towns(setting: Setting, least_km: float) -> tuple[Spot, Spot] | None:
    """Two towns near by whose names no other place of the country bears: large ones, or on hard scenes small ones."""
    small = setting.level == "hard"
    found = [(town, km) for town, km in neighbours(setting.spot, least_km)
             if (town.population < KNOWN_TOWN_PEOPLE) == small and fold(town.native) != fold(setting.spot.native)]  # fmt: skip
    return crossing_pair(setting.spot, [(town, km) for town, km in found[:14] if _alone(town) and _overland(setting, town)])


def _overland(setting: Setting, town: Spot) -> bool:
    """Whether the straight way there stays on the country's own land: no road leads over a strait."""
    way = np.linspace(0.0, 1.0, 25)
    lat, lon = setting.lat + way * (town.lat - setting.lat), setting.lon + way * (town.lon - setting.lon)
    codes = gazetteer().country_codes
    return all(i >= 0 and codes[i] == setting.spot.country for i in gazetteer().country_index_at(lat, lon).tolist())


@lru_cache(maxsize=8192)
def _alone(town: Spot) -> bool:
    others = [m.place for m in gazetteer().lookup_many([town.native], 40)[0] if m.place.country == town.country and m.place.id]
    return town.id in {o.id for o in others} and all(o.id == town.id or 4 * o.population < town.population for o in others)


def _names_a_region(region: str, spot: Spot) -> bool:
    """Whether the name is no city's, and the gazetteer knows the region by it."""
    matches = gazetteer().lookup_many([region], 5)[0]
    return (
        fold(region) != fold(spot.name)
        and bool(matches)
        and matches[0].how == "region"
        and matches[0].place.country == spot.country
    )


_RECIPES: dict[str, dict[str, tuple[_Recipe, float]]] = {
    "easy": {"city_name": (_city_name, 1.0)},
    "medium": {"area_code": (_area_code, 3), "distances": (_distances, 3), "zoomed_name": (_zoomed_name, 2), "region_name": (_region, 1),
               "plate": (_plate, 1)},
    "hard": {"area_code": (_area_code, 2), "distances": (_distances, 3), "stops": (_stops, 2), "plate": (_plate, 1), "country": (_country, 2)},
}  # fmt: skip
