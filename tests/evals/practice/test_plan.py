"""Scenes are true, keep the rules of their level, and are the same whenever they are asked for."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta, timezone

import phonenumbers
import pytest

from evals.practice import LEVELS, ScenePlan, plan_scene
from evals.practice.facts import ROAD_FACTOR, spots
from evals.practice.layout import ZOOM_PX, lay_out
from evals.practice.phones import area_of, names_no_area
from geo.clues import drives_on_left
from geo.gazetteer import gazetteer
from geo.names import fold
from geo.sphere import haversine_km
from geo.sun import sun_position
from tools.web.offline import OfflineIndex

_BY_ID = {spot.id: spot for spot in spots()}
_DECIDERS = {
    "easy": {"city_name"},
    "medium": {"area_code", "distances", "zoomed_name", "region_name", "plate"},
    "hard": {"area_code", "distances", "stops", "plate", "country"},
}


def test_the_same_scene_is_thought_up_again(plans: list[ScenePlan]) -> None:
    assert [plan_scene(p.level, p.seed, p.index) for p in plans[::25]] == plans[::25]
    assert len({(p.city, p.lat) for p in plans}) > 0.9 * len(plans)


def test_another_seed_is_another_scene() -> None:
    assert plan_scene("easy", 1, 0) != plan_scene("easy", 2, 0)


def test_plans_survive_json(plans: list[ScenePlan]) -> None:
    for plan in plans:
        assert ScenePlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_an_unknown_level_is_named() -> None:
    with pytest.raises(ValueError, match="easy, medium, hard"):
        plan_scene("brutal", 0, 0)


def test_the_truth_is_what_the_gazetteer_says(plans: list[ScenePlan]) -> None:
    for plan in plans:
        where = gazetteer().reverse(plan.lat, plan.lon)
        assert (where.country, where.region, where.city) == (plan.country, plan.region, plan.city)
        spot = _BY_ID[plan.city_id]
        assert 0.05 < haversine_km(plan.lat, plan.lon, spot.lat, spot.lon) < 60


def test_each_level_is_decided_by_its_own_kinds(plans: list[ScenePlan]) -> None:
    used = Counter((plan.level, plan.recipe) for plan in plans)
    assert {level: {recipe for at, recipe in used if at == level} for level in LEVELS} == _DECIDERS
    for plan in plans:
        decisive = [clue for clue in plan.clues if clue.decisive]
        assert decisive
        assert not any(clue.distractor for clue in decisive)
        assert all(clue.text for clue in decisive)
        if plan.level == "easy":
            assert not any(clue.needs_zoom or clue.needs_search for clue in decisive)
            assert {"city_name"} < {clue.kind for clue in decisive}
        if plan.level == "hard":
            assert all(clue.needs_zoom for clue in decisive)
            assert plan.recipe not in {"distances", "stops"} or all(clue.needs_search for clue in decisive)


def test_distractors_are_those_of_the_level(plans: list[ScenePlan]) -> None:
    for plan in plans:
        kinds = Counter(clue.kind for clue in plan.clues if clue.distractor)
        assert all(clue.tells == "nothing" for clue in plan.clues if clue.distractor)
        most = {"easy": 0, "medium": 1, "hard": 3}[plan.level]
        assert sum(kinds.values()) <= most
        if plan.level == "hard":
            assert kinds["poster"] == 1
        if plan.recipe == "plate":
            assert not kinds["foreign_plate"]


def test_the_name_of_the_city_is_not_given_away(plans: list[ScenePlan]) -> None:
    for plan in plans:
        native = fold(_BY_ID[plan.city_id].native)
        large = [c.text for c in plan.clues if not c.needs_zoom and not c.distractor]
        if plan.level != "easy" and plan.recipe != "region_name":
            assert not any(re.search(rf"\b{re.escape(native)}\b", fold(text)) for text in large), plan.id
        if plan.recipe == "country":
            assert not any(clue.tells in {"city", "region"} for clue in plan.clues)


def test_numbers_and_addresses_belong_to_the_country(plans: list[ScenePlan]) -> None:
    for plan in plans:
        for clue in plan.clues:
            if clue.kind in {"phone", "area_code"}:
                number = phonenumbers.parse(clue.text, plan.country)
                assert phonenumbers.is_valid_number_for_region(number, plan.country), clue
                assert fold(plan.city).split()[0] in fold(area_of(number)) or names_no_area(number), clue
            if clue.kind == "domain":
                assert clue.text.endswith(".uk" if plan.country == "GB" else f".{plan.country.lower()}"), clue


def test_distances_agree_with_the_sphere(plans: list[ScenePlan]) -> None:
    seen = 0
    for plan in plans:
        for clue in (c for c in plan.clues if c.kind == "distance"):
            name, number, unit = re.fullmatch(r"(.+) (\d+) (km|mi)", clue.text).groups()  # type: ignore[union-attr]
            town = next(s for s in spots() if s.native == name and s.name == clue.value and s.country == plan.country)
            km = float(haversine_km(plan.lat, plan.lon, town.lat, town.lon)) * ROAD_FACTOR
            assert abs(int(number) * (1.609344 if unit == "mi" else 1.0) - km) <= 0.81
            assert (unit == "mi") == (plan.country in {"GB", "US"})
            middle = gazetteer().reverse((plan.lat + town.lat) / 2, (plan.lon + town.lon) / 2)
            assert middle.country == plan.country
            seen += 1
    assert seen > 10


def test_traffic_and_cars_agree_with_the_country(plans: list[ScenePlan]) -> None:
    for plan in plans:
        assert (plan.drives == "left") == (plan.country in drives_on_left())
        for car in plan.cars:
            on_the_right = (car.u > 0) == (plan.camera.side > 0)
            assert car.away == (on_the_right == (plan.drives == "right"))


def test_british_plates_are_yellow_behind_and_white_in_front() -> None:
    found = [plan for index in range(120) if (plan := plan_scene("medium", 4, index)).recipe == "plate" and plan.country == "GB"]
    for plan in found:
        board = next(b for b in plan.boards if b.slots == ("car0",))
        assert board.ground == ("yellow" if plan.cars[0].away else "")
    assert found


def test_the_sun_stands_where_it_should(plans: list[ScenePlan]) -> None:
    for plan in plans:
        when = datetime.strptime(plan.sky.when, "%Y-%m-%d %H:%M").replace(tzinfo=timezone(timedelta(hours=plan.sky.utc_offset_h)))
        sun = sun_position(when, plan.lat, plan.lon)
        assert (float(sun.altitude_deg), float(sun.azimuth_deg)) == pytest.approx((plan.sky.elevation_deg, plan.sky.azimuth_deg))
        assert plan.sky.elevation_deg > 12
        if 11 <= when.hour <= 13 and abs(plan.lat) > 35:
            assert (90 < plan.sky.azimuth_deg < 270) == (plan.lat > 0)


def test_a_search_in_the_offline_index_finds_what_needs_one(plans: list[ScenePlan]) -> None:
    index, seen = OfflineIndex.shared(), 0
    for plan in plans:
        for clue in (c for c in plan.clues if c.needs_search):
            native = re.sub(r" \d+ (km|mi)$", "", clue.text)
            hits = [hit.place for hit in index.search(native, 5, plan.country) if hit.place]
            town = next(s for s in spots() if s.native == native and s.name == clue.value and s.country == plan.country)
            assert any(hit.exact and haversine_km(hit.lat, hit.lon, town.lat, town.lon) < 2 for hit in hits), clue
            assert haversine_km(town.lat, town.lon, plan.lat, plan.lon) < 190
            seen += 1
    assert seen > 20


def test_clues_lie_in_the_picture_and_apart(plans: list[ScenePlan]) -> None:
    for plan in plans:
        layout = lay_out(plan)
        assert layout is not None
        heights = {at.index: at.letter_px for at in layout.placed}
        for clue in plan.clues:
            left, top, right, bottom = clue.box
            assert 0 <= left < right <= 1, clue
            assert 0 <= top < bottom <= 1, clue
            if clue.board >= 0 and clue.text:
                lines = plan.boards[clue.board].lines
                px = heights[clue.board] * (min(line.size for line in lines) if clue.line < 0 else lines[clue.line].size)
                assert px >= ZOOM_PX[0]
                assert clue.needs_zoom == (px <= ZOOM_PX[1])
        boards = [at.box for at in layout.placed if not at.slot.startswith("car")]
        for i, one in enumerate(boards):
            for other in boards[i + 1 :]:
                assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1], plan.id
