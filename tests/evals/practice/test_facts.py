"""The tables of the practice world agree with the gazetteer, with libphonenumber and with the readers' own tables."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import islice

import phonenumbers
import pytest

from evals.practice.facts import (
    CITY_PEOPLE,
    Spot,
    cities,
    crossing_pair,
    draw_city,
    neighbours,
    plate_forms,
    plate_text,
    road_of,
    roads,
    signed_distance,
    spots,
)
from evals.practice.phones import area_of, numbers, written
from evals.practice.words import ending_of, prices_of, words_of
from evals.sign_painting import fonts_of
from geo.clues import Clue, currency_clues, domain_clues, drives_on_left, plate_clues
from geo.evidence import Regions
from geo.gazetteer import gazetteer
from geo.names import fold
from geo.sphere import haversine_km
from tools.ocr.script import script_of

pytestmark = pytest.mark.skipif(not fonts_of("Latin"), reason="no fonts are installed")


def _some_spots(n: int) -> list[Spot]:
    return random.Random(3).sample(spots(), min(n, len(spots())))


def _weights(clue: Clue) -> Mapping[str, float]:
    assert isinstance(clue.evidence.likelihood, Regions)
    return clue.evidence.likelihood.weights


def test_the_world_is_wide() -> None:
    assert len(spots()) > 1000
    assert len(cities()) >= 40
    assert len({spot.id for spot in spots()}) == len(spots())
    assert all(spot.population >= CITY_PEOPLE for found in cities().values() for spot in found)


def test_every_place_is_one_of_the_gazetteer_under_that_name() -> None:
    some = _some_spots(300)
    for spot, matches in zip(some, gazetteer().lookup_many([spot.native for spot in some], 60), strict=True):
        place = next((m.place for m in matches if m.place.id == spot.id), None)
        assert place is not None, spot
        assert (place.country, place.name, place.population) == (spot.country, spot.name, spot.population)
        assert haversine_km(place.lat, place.lon, spot.lat, spot.lon) < 0.01


def test_names_are_written_in_the_script_of_their_language() -> None:
    for spot in spots():
        script = words_of(spot.language).script
        assert script_of(spot.native) in ({"Chinese", "Japanese"} if script == "Japanese" else {script}), spot


def test_numbers_are_valid_and_of_the_area() -> None:
    for spot in _some_spots(120):
        for number in islice(numbers(spot.country, spot.dialling, "test"), 1):
            assert phonenumbers.is_valid_number_for_region(number, spot.country)
            assert phonenumbers.parse(written(number, False), spot.country) == phonenumbers.parse(written(number, True), None)
            if spot.dialling:
                assert fold(spot.name).split()[0] in fold(area_of(number))


def test_traffic_keeps_to_the_side_that_the_readers_know() -> None:
    for country in {*cities(), *roads()}:
        assert (road_of(country).drives == "left") == (country in drives_on_left()), country


def test_addresses_end_as_the_country_does() -> None:
    for country in cities():
        ending = ending_of(country).rpartition(".")[2]
        assert ending == ("uk" if country == "GB" else country.lower())
        weights = _weights(domain_clues([f"www.lumora-shop.{ending_of(country)}"])[0])
        assert max(weights, key=weights.__getitem__) == country


_SHARED_FORMS = {"SK", "AR", "GE", "BG", "SI", "AU"}
"""Countries with plates of a form that another has too and that the readers take for the other's."""


def test_prices_and_plates_are_read_as_the_countrys_own() -> None:
    for country in cities():
        for price in prices_of(country):
            for clue in currency_clues([price]):
                assert _weights(clue).get(country, 0.0) > 0.1, (country, price)
    rng = random.Random(1)
    read = 0
    for form in plate_forms():
        for clue in plate_clues(plate_text(form, rng).split("\n")):
            weights = _weights(clue)
            own = max((weight for key, weight in weights.items() if key.partition(".")[0] == form.country), default=0.0)
            assert own >= 0.1 * max(weights.values()) or form.country in _SHARED_FORMS, form
            read += 1
    assert read > 50


def test_plates_have_the_signs_of_their_pattern() -> None:
    form = next(form for form in plate_forms() if form.pattern.startswith("'D-LL"))
    text = plate_text(form, random.Random(2))
    assert text.startswith("D-")
    assert text[2:4].isalpha()
    assert text[-4:].isdigit()


def test_neighbours_are_near_and_lie_in_different_directions() -> None:
    for spot in _some_spots(60):
        found = neighbours(spot)
        assert all(10 <= km <= 160 and other.country == spot.country and other.id != spot.id for other, km in found)
        assert [km for _, km in found] == sorted(km for _, km in found)
        pair = crossing_pair(spot, found)
        assert pair is None or pair[0].id != pair[1].id


def test_a_road_sign_in_britain_counts_miles() -> None:
    spot = next(spot for spot in spots() if spot.country == "GB")
    km = float(haversine_km(spot.lat + 0.9, spot.lon, spot.lat, spot.lon))
    assert signed_distance(spot.lat + 0.9, spot.lon, spot, "FR") == round(1.25 * km)
    assert signed_distance(spot.lat + 0.9, spot.lon, spot, "GB") == round(1.25 * km / 1.609344)


def test_cities_are_drawn_from_many_countries() -> None:
    rng = random.Random(5)
    assert len({draw_city(rng).country for _ in range(300)}) > 40
