"""Distances on road signs: read, paired with their towns, and turned into circles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.belief import Belief
from geo.evidence import Evidence, Kernels, Regions, Ring
from geo.sphere import destination, haversine_km
from tools.find_place import FindPlace, PlaceArguments
from tools.observation import Observation, Region, ToolContext
from tools.road_distance import DETOUR, around, distance_beside, distance_in, great_circle_km, names_on, read_line, text_of


@pytest.mark.parametrize(
    ("text", "km", "town"),
    [
        ("Salaspils 57 km", 57.0, "Salaspils"),
        ("Salaspils\t34 km", 34.0, "Salaspils"),
        ("34km", 34.0, ""),
        ("Leeds 21 mi", 21 * 1.609344, "Leeds"),
        ("12 MILES", 12 * 1.609344, ""),
        ("Тверь 120 км", 120.0, "Тверь"),
        ("上海34公里", 34.0, "上海"),
        ("กรุงเทพ 98 กม.", 98.0, "กรุงเทพ"),
        ("दिल्ली 34 किमी", 34.0, "दिल्ली"),
        ("قزوين ١٧٦ كم", 176.0, "قزوين"),
        ("Darwin 1,234 km", 1234.0, "Darwin"),
        ("Bourg 2,5 km", 2.5, "Bourg"),
        ("3.5 km Ogre", 3.5, "Ogre"),
        ("Rīga 12 km Ogre 40 km", 12.0, "Rīga"),
        ("12 km Ogre 40 km", 12.0, "Ogre"),
    ],
)
def test_a_distance_has_a_unit_and_a_town(text: str, km: float, town: str) -> None:
    found = distance_in(text)
    assert found is not None
    assert found[0] == pytest.approx(km)
    assert (names_on(found[1]) or [""])[0] == town


@pytest.mark.parametrize(
    "text", ["57", "Salaspils 57", "Bus 57", "50 km/h", "90 км/ч", "Km 57", "12 min", "7 kmart", "0 km", "A7 Hamburg", ""]
)
def test_numbers_without_a_unit_and_speeds_are_no_distances(text: str) -> None:
    assert distance_in(text) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [("Salaspils 57", "Salaspils"), ("A7 Hamburg", "Hamburg"), ("← Richmond Hill ·", "Richmond Hill"), ("上海57", "上海"),
     ("E 67 Bauska", "Bauska"), ("12. Saint-Étienne!", "Saint-Étienne"), ("दिल्ली", "दिल्ली"), ("Town57", "Town")],
)  # fmt: skip
def test_a_name_is_freed_of_numbers_and_punctuation(text: str, name: str) -> None:
    assert names_on(text)[0] == name


def test_runs_of_words_come_after_the_whole_line_and_the_longest_first() -> None:
    assert names_on("Zentrum Bad Homburg 3") == ["Zentrum Bad Homburg", "Zentrum Bad", "Bad Homburg", "Zentrum", "Homburg"]
    assert names_on("57 :") == []


@given(st.text(max_size=80))
def test_any_line_is_read(text: str) -> None:
    found = distance_in(text)
    assert found is None or (math.isfinite(found[0]) and found[0] > 0)
    assert len(names_on(text)) <= 30


def line(number: int, text: str, left: float = 0.1, top: float = 0.3, width: float = 0.08) -> Region:
    return Region(number, (left, top, left + width, top + 0.03), f"“{text}”")


def test_the_number_of_a_sign_is_read_from_the_line_beside_the_name() -> None:
    regions = [line(1, "Katowice"), line(2, "Bielsko-Biała", top=0.325), line(3, "91 km", 0.22, 0.295, 0.06),
               line(4, "40 km", 0.22, 0.33, 0.06), line(5, "Bakery", 0.8), line(6, "57", 0.7), line(7, "Rīga 9 km", 0.3)]  # fmt: skip
    numbered = {region.number: region for region in regions}
    assert [distance_beside(region, numbered) for region in regions] == [91.0, 40.0, None, None, None, None, 91.0]
    assert read_line(7, context(*regions))[1] == 9.0, "its own number comes first"


def test_only_lines_have_a_text() -> None:
    assert text_of(Region(1, (0, 0, 1, 1), "“Salaspils…”")) == "Salaspils"
    assert text_of(Region(1, (0, 0, 1, 1), "unread writing")) is None
    assert text_of(Region(1, (0, 0, 1, 1), "")) is None


def test_a_circle_is_smaller_than_the_way_by_road_and_wider_the_farther_it_is() -> None:
    assert great_circle_km(130.0) == pytest.approx((100.0, 14.0))
    assert around([(10.0, 20.0, 1.0)], 130.0) == Ring(10.0, 20.0, *great_circle_km(130.0))


def test_several_towns_give_the_mixture_of_their_circles() -> None:
    towns = [(50.0, 10.0, 3.0), (40.0, -100.0, 1.0)]
    mixture = around(towns, 130.0)
    assert isinstance(mixture, Kernels)
    bearings = np.linspace(0.0, 360.0, 97)
    on = [mixture.at(*destination(lat, lon, bearings, 100.0), np.full(97, 0.5)) for lat, lon, _ in towns]
    assert np.ptp(on[0]) < 5e-3 * on[0].mean(), "the circle is even"
    assert on[0].mean() == pytest.approx(3.0 * on[1].mean(), rel=1e-2)
    # Over the circle the density falls as the Gaussian of a ring does, but for the curvature of the circle.
    away = np.array([100.0, 114.0, 128.0])
    profile = mixture.at(*destination(50.0, 10.0, 45.0, away), np.full(3, 0.5))
    assert profile / profile[0] == pytest.approx(np.exp(-0.5 * np.array([0.0, 1.0, 4.0])), rel=0.2)


# -- through find_place, with the real gazetteer


def context(*regions: Region) -> ToolContext:
    return ToolContext(photo=None, views={}, regions={region.number: region for region in regions})  # type: ignore[arg-type]


def find(*regions: Region, **arguments: Any) -> Observation:
    return FindPlace().run(PlaceArguments(**arguments), context(*regions))


def test_a_line_with_a_distance_is_a_ring_round_its_town() -> None:
    seen = find(line(4, "Salaspils 57 km"), region=4)
    (clue,) = seen.evidence
    assert clue.claim == "“Salaspils” is Salaspils (LV), 57 km away by road"
    assert "evidence: “Salaspils” is Salaspils (LV), 57 km away by road" in seen.text
    assert clue.source == "place:salaspils"
    assert isinstance(clue.likelihood, Ring)
    assert clue.likelihood.radius_km == pytest.approx(57 / DETOUR)
    assert Evidence.from_json(clue.to_json()) == clue
    assert seen.data["road_km"] == 57.0


def test_a_bus_line_is_no_distance_and_a_distance_can_be_given() -> None:
    (bus,) = find(line(4, "Salaspils 57"), region=4).evidence
    assert isinstance(bus.likelihood, Kernels)
    assert "away" not in bus.claim
    (told,) = find(line(4, "Salaspils 57"), region=4, distance_km=57.0).evidence
    (named,) = find(name="Salaspils", seen_in_photo=True, distance_km=57.0).evidence
    assert told.likelihood == named.likelihood
    assert isinstance(named.likelihood, Ring)
    assert not find(name="Salaspils", distance_km=57.0).evidence


def test_two_distances_cross_near_the_truth() -> None:
    lat, lon = 49.20, 16.61  # Brno
    towns = {"Olomouc": (49.5938, 17.2509), "Jihlava": (49.3961, 15.5912)}
    belief = Belief.start().update(Evidence(Regions({"CZ": 1.0}), "an address", "text:cz", "read_text", 0.9))
    before = belief.density()[belief.cells.rows_at([lat], [lon])[0]]
    regions = []
    for number, (name, (town_lat, town_lon)) in enumerate(towns.items(), start=1):
        away = float(haversine_km(lat, lon, town_lat, town_lon))
        regions.append(line(number, f"{name} {round(DETOUR * away)} km"))
    # The other crossing lies north of the line between the towns; the region tells the two apart.
    clues = [find(*regions, region=number, country="CZ").evidence[0] for number in (1, 2)]
    south = Evidence(Regions({"CZ.78": 1.0, "CZ": 0.2}), "a number plate", "plate", "read_text", 0.8)
    assert len({clue.source for clue in clues}) == 2
    belief = belief.update(*clues, south)
    assert haversine_km(*belief.best(), lat, lon) < 15.0
    assert belief.density()[belief.cells.rows_at([lat], [lon])[0]] > 30.0 * before


def test_a_distance_that_no_road_has_is_no_evidence() -> None:
    seen = find(line(1, "London 9,000 km"), region=1)
    assert seen.ok
    assert seen.evidence == ()
    assert "9000 km is no distance by road" in seen.text
    with pytest.raises(ValueError, match="3000"):
        PlaceArguments(name="London", distance_km=9000.0)


def test_a_name_among_other_words_is_found() -> None:
    seen = find(line(1, "Direction Saint-Étienne 12"), region=1, country="FR")
    assert seen.data["name"] == "Saint-Étienne"
    assert seen.data["candidates"][0]["country"] == "FR"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "Give either a name or the region"),
        ({"name": "Ogre", "region": 1}, "Give either a name or the region"),
        ({"region": 9}, "There is no region 9"),
        ({"region": 2}, "Region 2 is no line that was read"),
        ({"region": 3}, "Line 3 (“57 km”) holds no name"),
    ],
)
def test_wrong_calls_are_answered_by_one_sentence(arguments: dict[str, Any], words: str) -> None:
    seen = find(line(1, "Ogre"), Region(2, (0, 0, 1, 1), "top left of v1"), line(3, "57 km"), **arguments)
    assert not seen.ok
    assert words in seen.text
    assert "\n" not in seen.text


def test_a_name_that_stands_in_a_line_counts_as_seen_with_its_distance() -> None:
    lines = (line(1, "Ogre 57 km"), line(2, "Rīgas iela"))
    seen, guess = find(*lines, name="Ogre"), find(*lines, name="Riga")
    assert seen.data["road_km"] == pytest.approx(57.0)
    assert seen.evidence == find(*lines, region=1).evidence
    assert guess.evidence == (), "part of a word is no name that was read"
