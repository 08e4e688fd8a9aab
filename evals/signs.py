"""Drawn photos of signs whose place is known: a test of reading that needs no data set.

`python -m evals.signs --n 60 --out DIR` writes the photos and `labels.csv`. The same seed draws the same photos, given
the same fonts.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from evals.sign_painting import STYLES, fonts_of, hang, paint_scene, paint_sign, photograph
from evals.sign_places import CITIES, DOMAINS, PRICES, WORDS, City, Words, slug

KINDS = ("shop", "street", "road", "phone", "web")
_SIZES = ((1280, 960), (1600, 1200), (2048, 1536), (960, 1280), (2592, 1944))
_LARGE_SIZES = ((4000, 3000), (3648, 2736), (3264, 2448), (3000, 4000))
_SCALED_SIDE_PX = 1600


@dataclass(frozen=True)
class SignPhoto:
    """A drawn photo and what is true of it."""

    image: Image.Image
    lat: float
    lon: float
    country: str
    """ISO 3166 alpha-2."""
    city: str
    """In English."""
    language: str
    script: str
    kind: str
    texts: tuple[str, ...]
    """The lines on the sign, from top to bottom."""
    needs_zoom: bool
    """Whether the letters are 9 to 14 pixels high once the photo is scaled to a long side of 1600."""


def missing_scripts() -> list[str]:
    """Scripts that cannot be drawn here because no font for them is installed."""
    return sorted({words.script for words in WORDS.values() if not fonts_of(words.script)})


def draw_signs(n: int, seed: int) -> Iterator[SignPhoto]:
    """`n` photos; languages take turns, about a third of the photos need zooming.

    Raises RuntimeError where no font at all is installed. Cities whose script has no font are left out.
    """
    cities = _in_turns([city for city in CITIES if fonts_of(WORDS[city.language].script)], random.Random(seed))  # noqa: S311
    if not cities:
        raise RuntimeError("no font that can write any of the scripts is installed; install fonts-noto or fonts-dejavu")
    for index in range(n):
        yield _draw(cities[index % len(cities)], index, random.Random(f"{seed}:{index}"))  # noqa: S311


def _in_turns(cities: list[City], rng: random.Random) -> list[City]:
    """Every language once before any comes twice, scripts mixed."""
    rng.shuffle(cities)
    seen: dict[str, int] = {}
    rounds = []
    for city in cities:
        seen[city.language] = seen.get(city.language, 0) + 1
        rounds.append(seen[city.language])
    return [city for _, city in sorted(zip(rounds, cities, strict=True), key=lambda pair: pair[0])]


def _draw(city: City, index: int, rng: random.Random) -> SignPhoto:
    words, kind = WORDS[city.language], KINDS[(index + rng.randint(0, 1)) % len(KINDS)]
    lines = _lines(kind, city, words, rng)
    needs_zoom = rng.random() < 1 / 3
    size = rng.choice(_LARGE_SIZES if needs_zoom or rng.random() < 0.3 else _SIZES)
    least = min(size_of_line for _, size_of_line in lines)
    scaled_px = rng.uniform(9.5, 13.5) if needs_zoom else rng.uniform(18, 42)
    text_px = scaled_px * max(size) / _SCALED_SIDE_PX / least
    scene = paint_scene(size, rng)
    hang(paint_sign(lines, words.script, text_px, rng.choice(STYLES[kind]), rng), scene, rng)
    image = photograph(scene, rng.uniform(0.0, 0.035) * min(text_px * least, 30), rng)
    texts = tuple(text for text, _ in lines)
    return SignPhoto(image, city.lat, city.lon, city.country, city.name, city.language, words.script, kind, texts, needs_zoom)


def _lines(kind: str, city: City, words: Words, rng: random.Random) -> list[tuple[str, float]]:
    """The texts of a sign, each with its relative size."""
    shop, phone = (rng.choice(words.shops), 1.5), (f"{words.phone} {phone_number(city, rng)}".strip(), 1.0)
    if kind == "street":
        return [(rng.choice(words.streets), 1.2), (city.native, 1.0)]
    if kind == "road":
        latin = [(city.name, 1.0)] if words.script != "Latin" and rng.random() < 0.5 else []
        centre = "Downtown" if city.country == "US" else words.centre
        return [
            (city.native, 1.2),
            *latin,
            (centre, 1.0),
            (f"{rng.randint(2, 9)} {'mi' if city.country in {'US', 'GB'} else 'km'}", 1.0),
        ]
    if kind == "phone":
        return [shop, phone]
    if kind == "web":
        return [shop, (f"www.{slug(city.name)}-{rng.choice(('info', 'shop', 'tour'))}.{_ending(city)}", 1.0)]
    price = [(rng.choice(PRICES[city.country]), 1.0)] if city.country in PRICES else []
    return [shop, (city.native, 1.0), *price, phone]


def _ending(city: City) -> str:
    return DOMAINS.get(city.country, city.country.lower())


def phone_number(city: City, rng: random.Random) -> str:
    """A valid number of a fixed line of the city, or of its country where the city has no code of its own."""
    import phonenumbers

    example = phonenumbers.example_number_for_type(city.country, phonenumbers.PhoneNumberType.FIXED_LINE)
    if example is None:
        raise ValueError(f"no example of a telephone number is known for {city.country}")
    national = str(phonenumbers.national_significant_number(example))
    start = city.dialling or national[:-4]
    number = example
    for attempt in range(400):
        digits = "".join(rng.choice("23456789") for _ in range(max(4, len(national) - len(start) + attempt % 3 - 1)))
        trial = phonenumbers.parse(f"+{phonenumbers.country_code_for_region(city.country)}{start}{digits}", None)
        if phonenumbers.is_valid_number_for_region(trial, city.country):
            number = trial
            break
    style = phonenumbers.PhoneNumberFormat
    return str(phonenumbers.format_number(number, style.INTERNATIONAL if rng.random() < 0.5 else style.NATIONAL))


def write(photos: Iterator[SignPhoto], folder: Path, seed: int) -> int:
    """Save the photos as JPEG and PNG with `labels.csv`; how many there were."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    count = 0
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "lat", "lon", "country", "city", "language", "script", "kind", "needs_zoom", "texts"])
        for count, photo in enumerate(photos, 1):
            small = photo.image.width * photo.image.height < 1_500_000
            name = f"images/sign_{seed}_{count:04d}.{'png' if small and count % 2 else 'jpg'}"
            photo.image.save(folder / name, quality=80 + count % 13)
            rows.writerow([name, photo.lat, photo.lon, photo.country, photo.city, photo.language, photo.script, photo.kind,
                           int(photo.needs_zoom), " | ".join(photo.texts)])  # fmt: skip
    return count


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m evals.signs", description="Draw photos of signs with their places.")
    parser.add_argument("--n", type=int, default=60, help="how many photos (60)")
    parser.add_argument("--seed", type=int, default=0, help="which photos (0)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the photos and labels.csv")
    chosen = parser.parse_args(arguments)
    if missing_scripts():
        sys.stderr.write(f"no font is installed for {', '.join(missing_scripts())}: left out\n")
    count = write(draw_signs(chosen.n, chosen.seed), chosen.out, chosen.seed)
    sys.stdout.write(f"{count} photos in {chosen.out}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
