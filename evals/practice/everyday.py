"""What hangs in every street: a car's number plate, shops and the street's name, now and then a price."""

from __future__ import annotations

import random

from evals.practice.facts import plate_text
from evals.practice.scene import Board, Clue, Draft, Line
from evals.practice.setting import Setting, domain_line, invented_name
from evals.practice.words import prices_of


def add_plate(setting: Setting, recipe: str, draft: Draft, rng: random.Random) -> None:
    """The near car's plate, unless it would tell more than the level should."""
    form = setting.plate
    if form is None:
        return
    tells = {"*": "country", setting.region: "region"}.get(form.area, "city")
    if (
        recipe != "plate"
        and setting.level != "easy"
        and (tells != "country" or (setting.level == "hard" and recipe == "country"))
    ):
        return
    text = plate_text(form, rng)
    lines = tuple(Line(part) for part in text.split("\n"))
    value = setting.spot.country if tells == "country" else form.area
    draft.add(Board("plate", lines, _plate_script(text, setting.words.script), ("car0",), 18.0, band=form.band, ground=form.ground,
                    needed=recipe == "plate"),
              Clue("plate", text.replace("\n", " "), tells, value, decisive=recipe == "plate"))  # fmt: skip


def _plate_script(text: str, script: str) -> str:
    return script if any(ord(c) > 0x24F for c in text) else "Latin"


def add_street(setting: Setting, recipe: str, draft: Draft, rng: random.Random) -> None:
    """Shops and the street's name in the language of the place, and now and then a price."""
    words, script, country = setting.words, setting.words.script, setting.spot.country
    for shop in rng.sample(words.shops, 2 if setting.level == "easy" else 1):
        draft.add(Board("fascia", (Line(shop),), script, ("fascia",), rng.uniform(30, 40), rng.randrange(6)),
                  Clue("shop", shop, "country", setting.spot.language, line=0))  # fmt: skip
    street = rng.choice(words.streets)
    draft.add(Board("street", (Line(street),), script, ("wall", "far_pole", "near_pole", "blade"), rng.uniform(17, 22), rng.randrange(3)),
              Clue("street", street, "country", setting.spot.language, line=0))  # fmt: skip
    prices = prices_of(country)
    if prices and recipe != "country" and rng.random() < 0.5:
        price = rng.choice(prices)
        draft.add(Board("note", (Line(price),), script, ("stand", "window"), rng.uniform(17, 22), rng.randrange(2)),
                  Clue("price", price, "country", country, line=0))  # fmt: skip


def add_domain(setting: Setting, draft: Draft, rng: random.Random) -> None:
    text, clue = domain_line(setting, rng, invented_name(rng))
    draft.add(
        Board("info", (Line(text),), "Latin", ("blade", "wall", "window", "far_pole"), rng.uniform(17, 20), rng.randrange(4)),
        clue,
    )
