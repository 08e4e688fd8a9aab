"""The generator: keys that hold in the extract, balance, determinism, what is skipped."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from pydantic import ValidationError

from evals.place_questions.kinds import STREET, place_kind, place_kinds
from evals.place_questions.make import drafts_of, make_questions
from evals.place_questions.question import PlaceQuestion, QuestionError, read_questions, write_questions
from evals.place_questions.spot import Spot, random_spots, spots_of_benchmark, spots_of_table
from evals.place_questions.surroundings import Surroundings, usable
from geo.names import fold
from geo.sphere import haversine_km
from tests.evals.place_questions.cases import asked
from tests.evals.place_questions.conftest import RADIUS_M
from tools.osm.filters import any_holds, names_in, parse_filters
from tools.osm.probability import covers_circle


def within(store, question, radius_m, filters=()):
    return store.around(question.lat, question.lon, radius_m, parse_filters(filters), 50_000).near


@pytest.fixture(params=["town", "helsinki"])
def made(request):
    return request.getfixturevalue(request.param), request.getfixturevalue(f"of_{request.param}")


def test_true_and_false_are_balanced_in_every_topic(made):
    topics = defaultdict(Counter)
    for question in made[1]:
        if question.kind == "true_false":
            topics[question.topic][question.key] += 1
    assert topics
    assert all(keys["true"] == keys["false"] for keys in topics.values())


def test_right_letters_are_equally_frequent(made):
    letters = Counter(question.key for question in made[1] if question.kind == "choice")
    assert max(letters.values()) - min(letters[letter] for letter in "ABCD") <= 1


def test_the_elements_of_a_key_are_near_and_have_the_attribute(made):
    store, questions = made
    checked = 0
    for question in questions:
        if question.attribute and question.element_ids:
            near = {
                f"{one.element.kind}/{one.element.osm_id}"
                for one in within(store, question, question.radius_m, question.attribute)
            }
            assert set(question.element_ids) <= near, question
            checked += 1
    assert checked > 50


def test_no_false_name_has_a_namesake_near(made):
    store, questions = made
    names = [q for q in questions if q.topic == "named place" and q.key == "false"]
    names += [q for q in questions if q.topic == "which is near"]
    assert names
    for question in names:
        wrong = [question.question.partition("“")[2].partition("”")[0]]
        if question.kind == "choice":
            wrong = [text for letter, text in question.options.items() if letter != question.key]
        near = {fold(name) for one in within(store, question, 2 * RADIUS_M) for name in names_in(one.element.tags)}
        assert not {fold(name) for name in wrong} & near
        exist = store.around(question.lat, question.lon, 5_000, parse_filters([f'name="{wrong[0]}"']), 10).near
        assert exist
        assert exist[0].distance_m > 2 * RADIUS_M


def test_a_kind_is_called_absent_only_where_none_is_near_and_some_are_elsewhere(made):
    store, questions = made
    for question in questions:
        if question.topic == "kind of place":
            filters = next(kind for kind in place_kinds() if kind.word == question.about).texts
            distances = sorted(one.distance_m for one in within(store, question, 5_000, filters))
            assert (distances[0] <= 0.9 * RADIUS_M) if question.key == "true" else (distances[0] > 2 * RADIUS_M)
            assert "OpenStreetMap has" in question.question


def test_the_nearest_is_clearly_the_nearest(made):
    store, questions = made
    for question in questions:
        if question.topic == "nearest place":
            filters = next(kind for kind in place_kinds() if kind.word == question.about).filters
            things = [one for one in within(store, question, 3_000) if any_holds(filters, one.element.tags)]
            assert fold(things[0].element.tags["name"]) in {fold(name) for name in question.names}
            other = [one for one in things if fold(one.element.tags.get("name", "")) != fold(things[0].element.tags["name"])]
            assert not other or other[0].distance_m > 1.1 * things[0].distance_m


def test_streets_and_counts(made):
    store, questions = made
    for question in questions:
        if question.topic == "nearest street":
            found = within(store, question, 1_000, place_kind(STREET).texts)
            assert fold(found[0].element.name) == fold(question.options[question.key])
        if question.topic == "count":
            kind = next(kind for kind in place_kinds() if kind.word == question.about)
            low, _, high = question.options[question.key].partition(" to ")
            for radius_m in (0.9 * RADIUS_M, RADIUS_M, 1.1 * RADIUS_M):
                assert int(low) <= len(within(store, question, radius_m, kind.texts)) <= int(high or low)


def test_circles_lie_in_the_extract(made):
    store, questions = made
    assert all(covers_circle(store, q.lat, q.lon, RADIUS_M) for q in questions if q.source == "osm")


def test_the_same_seed_makes_the_same_questions(town, of_town):
    spots = random_spots(town, 20, 1.1 * RADIUS_M, 3).spots
    assert make_questions(spots, 120, town, radius_m=RADIUS_M, seed=3).questions == of_town
    other = make_questions(spots[:6], 40, town, radius_m=RADIUS_M, seed=4).questions
    assert other != make_questions(spots[:6], 40, town, radius_m=RADIUS_M, seed=5).questions
    assert drafts_of(spots[0], Surroundings(town, spots[0], RADIUS_M), 3) == drafts_of(
        spots[0], Surroundings(town, spots[0], RADIUS_M), 3
    )


def test_the_words_of_most_named_statements_tell_nothing(of_town):
    """The same statement is true at one spot and false at another."""
    named = [q for q in of_town if q.topic in {"named place", "kind of place"}]
    keys = defaultdict(set)
    for question in named:
        keys[question.question].add(question.key)
    assert sum(len(found) == 2 for found in keys.values()) > 0.8 * len(keys)


def test_records_say_where_they_come_from(of_helsinki):
    for question in of_helsinki:
        assert question.licence
        if question.source == "osm":
            assert (question.snapshot, question.radius_m) == ("2019-04-21", RADIUS_M)
            assert "ODbL" in question.licence
    assert len({q.id for q in of_helsinki}) == len(of_helsinki) == 140
    # One long question a spot; the others make up for what they lack.
    assert Counter(q.kind for q in of_helsinki) == {"short": 44, "choice": 42, "true_false": 42, "long": 12}


def test_a_spot_at_the_edge_is_asked_about_with_the_gazetteer_alone(helsinki):
    box = helsinki.about().box
    edge = Spot("edge", box.south + 0.0005, box.west + 0.005)
    made = make_questions([edge, Spot("away", -33.0, 151.0, "photo.jpg")], 50, helsinki, radius_m=RADIUS_M, seed=1)
    assert made.uncovered == 2
    assert {q.source for q in made.questions} == {"gazetteer"}
    assert any("where this photo was taken" in q.question for q in made.questions)


def test_without_an_extract():
    made = make_questions([Spot("a", 48.85, 2.35), Spot("b", 35.68, 139.76), Spot("sea", 0.0, -140.0)], 60, None, seed=1)
    by_topic = defaultdict(list)
    for question in made.questions:
        by_topic[question.topic].append(question)
    assert {"France", "Japan"} <= {q.names[0] for q in by_topic["country"] if q.kind == "short"}
    assert {q.options[q.key] for q in by_topic["currency"]} == {"Euro", "Japanese Yen"}
    assert {q.options[q.key] for q in by_topic["language"]} == {"French", "Japanese"}
    assert {q.names for q in by_topic["calling code"]} == {("+33",), ("+81",)}
    left = next(q for q in by_topic["driving side"] if q.lat == 35.68 and "left" in q.question)
    assert left.key == "true"
    assert any(q.claims for q in by_topic["description"]) is False


def test_nothing_is_said_of_a_country_beside_its_border():
    basel = Spot("basel", 47.5705, 7.5880)
    assert not [d for d in drafts_of(basel, None, 0) if d.topic == "country"]


@pytest.mark.parametrize("name", ["", "  ", "“quoted”", 'a "b"', "a|b", "x" * 80, "<b>", "a\nb", "---"])
def test_names_that_are_not_put_into_questions(name):
    assert not usable(name)


def test_files_of_questions(tmp_path, of_town):
    path = tmp_path / "q.jsonl"
    write_questions(path, of_town)
    assert tuple(read_questions(path)) == of_town
    assert [p.name for p in tmp_path.iterdir()] == ["q.jsonl"]
    with path.open("a") as file:
        file.write('{"version": 1, "id"')
    assert len(read_questions(path)) == len(of_town)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no question"),
        ("no json\n{}\n", "line 1 is not JSON"),
        ("[]\n", "line 1 is not a JSON object"),
        ('{"version": 2}\n', "line 1 is no question about a place: version"),
    ],
)
def test_files_that_are_none(tmp_path, text, complaint):
    path = tmp_path / "q.jsonl"
    path.write_text(text)
    with pytest.raises(QuestionError, match=complaint):
        read_questions(path)
    with pytest.raises(QuestionError, match="there is no file"):
        read_questions(tmp_path / "other.jsonl")


@pytest.mark.parametrize(
    ("kind", "answer", "more"),
    [
        ("choice", "E", {}),
        ("choice", "A", {"options": {"A": "one"}}),
        ("choice", "A", {"options": {"B": "one", "A": "two"}}),
        ("true_false", "yes", {}),
        ("short", "Nordea", {}),
        ("long", ["Nordea"], {}),
        ("short", ["Nordea"], {"lat": 91}),
        ("short", ["Nordea"], {"lon": float("nan")}),
        ("short", ["Nordea"], {"element_ids": ["node/x"]}),
    ],
)
def test_questions_that_contradict_themselves(kind, answer, more):
    with pytest.raises(ValidationError):
        asked(kind, answer, **more)


def test_photos_of_a_table(tmp_path):
    table = tmp_path / "photos.csv"
    table.write_text("path,lat,lon\na.jpg,60.1,24.9\nb.jpg,,\nc.jpg,91,0\n")
    found = spots_of_table(table)
    assert [(spot.photo, spot.lat, spot.lon) for spot in found.spots] == [("a.jpg", 60.1, 24.9)]
    assert found.left_out == 2
    table.write_text("path,place\na.jpg,Helsinki\n")
    with pytest.raises(QuestionError, match="no columns lat and lon"):
        spots_of_table(table)
    table.write_text("path,lat,lon\na.jpg,,24\n")
    with pytest.raises(QuestionError, match="no photo with coordinates"):
        spots_of_table(table)


def test_photos_of_a_benchmark():
    found = spots_of_benchmark("practice:easy:7:3")
    assert len(found.spots) == 3
    assert all(spot.photo for spot in found.spots)


def test_random_points_are_near_what_is_mapped(town):
    found = random_spots(town, 25, 300.0, 1).spots
    assert len(found) == 25
    assert found == random_spots(town, 25, 300.0, 1).spots
    for spot in found:
        near = town.around(spot.lat, spot.lon, 60.0, (), 1).near
        assert near
        assert float(haversine_km(spot.lat, spot.lon, near[0].element.lat, near[0].element.lon)) < 30
    with pytest.raises(QuestionError, match="smaller radius"):
        random_spots(town, 5, 50_000.0, 1)


def test_questions_are_records_of_one_version():
    assert PlaceQuestion.model_validate(asked("choice", "B").model_dump()).version == 1
