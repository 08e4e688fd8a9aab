"""Drawn signs: true tables, valid numbers, the same photos for the same seed."""

from __future__ import annotations

import ast
import csv
import random
from itertools import islice
from pathlib import Path

import numpy as np
import phonenumbers
import pytest
from phonenumbers import geocoder

import evals.sign_places
import evals.signs
from evals.sign_painting import fonts_of
from evals.sign_places import CITIES, DOMAINS, PRICES, WORDS, City
from evals.signs import KINDS, draw_signs, missing_scripts, phone_number, write
from tools.ocr.script import script_of

needs_fonts = pytest.mark.skipif(not fonts_of("Latin"), reason="no fonts are installed")


def test_the_tables_are_wide_enough() -> None:
    assert len(CITIES) >= 60
    assert len({city.country for city in CITIES}) >= 30
    assert len({city.language for city in CITIES}) >= 14
    assert len({WORDS[city.language].script for city in CITIES}) >= 7
    assert {city.language for city in CITIES} == set(WORDS)
    assert len({(city.name, city.country) for city in CITIES}) == len(CITIES)
    assert set(PRICES) | set(DOMAINS) <= {city.country for city in CITIES}


@pytest.mark.parametrize("language", sorted(WORDS))
def test_words_are_written_in_the_script_of_their_language(language: str) -> None:
    words = WORDS[language]
    natives = [city.native for city in CITIES if city.language == language]
    for text in (*words.shops, *words.streets, words.centre, *natives):
        expected = {"Chinese", "Japanese"} if words.script == "Japanese" else {words.script}
        assert script_of(text) in expected, text


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.name)
def test_numbers_are_valid_in_their_country(city: City) -> None:
    for seed in range(5):
        number = phonenumbers.parse(phone_number(city, random.Random(seed)), city.country)
        assert phonenumbers.is_valid_number_for_region(number, city.country)
        if city.dialling:
            assert phonenumbers.national_significant_number(number).startswith(city.dialling)


@pytest.mark.parametrize("name", ["Florence", "Leipzig", "Leeds", "Sapporo", "Novosibirsk", "Graz", "Uppsala"])
def test_dialling_codes_are_those_of_the_city(name: str) -> None:
    city = next(city for city in CITIES if city.name == name)
    number = phonenumbers.parse(phone_number(city, random.Random(1)), city.country)
    assert name[:5].lower() in geocoder.description_for_number(number, "en").lower()


def test_the_truth_shares_nothing_with_the_clue_tables() -> None:
    for module in (evals.signs, evals.sign_places, evals.sign_painting):  # type: ignore[attr-defined]
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(name.startswith("geo") for name in imported)


@needs_fonts
def test_the_same_seed_draws_the_same_photos() -> None:
    first, again, other = next(draw_signs(1, 4)), next(draw_signs(1, 4)), next(draw_signs(1, 5))
    assert first.texts == again.texts
    assert np.array_equal(np.asarray(first.image), np.asarray(again.image))
    assert (first.texts, first.city) != (other.texts, other.city)


@needs_fonts
def test_photos_hold_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evals.signs, "_SIZES", ((1280, 960),))
    monkeypatch.setattr(evals.signs, "_LARGE_SIZES", ((1600, 1200),))
    photos = list(islice(draw_signs(25, 1), 25))
    known = {(city.name, city.country): city for city in CITIES}
    for photo in photos:
        city = known[photo.city, photo.country]
        assert (photo.lat, photo.lon, photo.language) == (city.lat, city.lon, city.language)
        assert photo.kind in KINDS
        assert photo.texts
        assert photo.script not in missing_scripts()
        assert photo.image.mode == "RGB"
        assert 1_200_000 <= photo.image.width * photo.image.height <= 12_000_000
    drawable = {city.language for city in CITIES if WORDS[city.language].script not in missing_scripts()}
    assert len({photo.language for photo in photos}) == min(25, len(drawable))  # languages take turns
    assert 3 <= sum(photo.needs_zoom for photo in photos) <= 15
    assert {photo.kind for photo in photos} == set(KINDS)


@needs_fonts
def test_photos_are_written_with_labels(tmp_path: Path) -> None:
    assert write(draw_signs(2, 3), tmp_path, 3) == 2
    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert {"path", "lat", "lon", "country", "city", "language", "script", "kind"} <= set(rows[0])
    assert all((tmp_path / row["path"]).is_file() for row in rows)
