"""Where a scene stands, and the telephone numbers and addresses that are true there."""

from __future__ import annotations

import random
from dataclasses import dataclass

from evals.practice.facts import PlateForm, Road, Spot
from evals.practice.phones import area_of, names_no_area, numbers, written
from evals.practice.scene import Clue
from evals.practice.words import Words, ending_of
from geo.names import fold


@dataclass(frozen=True)
class Setting:
    """Where a scene stands, before anything hangs in it."""

    level: str
    spot: Spot
    lat: float
    lon: float
    region: str | None
    words: Words
    road: Road
    plate: PlateForm | None


def phone_line(setting: Setting, rng: random.Random, international: bool) -> tuple[str, Clue | None]:
    """A telephone number of the city, with the word before it; of the country where its numbers tell no area."""
    number = next(iter(numbers(setting.spot.country, setting.spot.dialling, str(rng.getrandbits(40)))), None)
    if number is None:
        return "", None
    area = area_of(number)
    of_city = bool(setting.spot.dialling) and fold(setting.spot.name).split()[0] in fold(area)
    if not of_city and not names_no_area(number):
        return "", None
    text = written(number, international)
    clue = Clue("phone", text, "city" if of_city else "country", area if of_city else setting.spot.country, line=0)
    return f"{setting.words.phone} {text}".strip(), clue


def domain_line(setting: Setting, rng: random.Random, name: str) -> tuple[str, Clue]:
    text = f"www.{name}-{rng.choice(('info', 'shop', 'tour'))}.{ending_of(setting.spot.country)}"
    return text, Clue("domain", text, "country", setting.spot.country, line=0)


def invented_name(rng: random.Random) -> str:
    """A shop's name that is a name of nothing: `lumora`, `tevika`."""
    return "".join(rng.choice("bdfklmnrstv") + rng.choice("aeiou") for _ in range(3))
