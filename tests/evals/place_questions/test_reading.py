"""Reading answers: letters, true and false, names as wholes, numbers, claims."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.place_questions.mentions import says
from evals.place_questions.question import Claim
from evals.place_questions.reading import cited_in, read_letter, read_true_false, verdict, without_citations
from tests.evals.place_questions.cases import asked

OPTIONS = {"A": "Kluuvi", "B": "Kutxabank", "C": "A bank", "D": "Santander Bank"}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B.", "B"),
        ("B)", "B"),
        ("**B**", "B"),
        ("B. Kutxabank", "B"),
        ("B Kutxabank", "B"),
        ("Answer: B", "B"),
        ("answer: b", "B"),
        ("The correct answer is (B).", "B"),
        ("The answer is B, because it is near.", "B"),
        ("Option B", "B"),
        ("Kutxabank", "B"),
        ("a bank", "C"),
        ("B\nIt is the nearest.", "B"),
        ("It is near the river. Answer: D", "D"),
        ("A bank is there", None),
        ("A or B", None),
        ("A, B", None),
        ("(A) or (B)", None),
        ("B. Kluuvi", None),
        ("E", None),
        ("", None),
        ("None of them", None),
        ("The answer is A. No, the answer is B.", None),
    ],
)
def test_letters(text, letter):
    assert read_letter(text, OPTIONS) == letter


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("True", "true"),
        ("false.", "false"),
        ("**False**", "false"),
        ("Answer: True", "true"),
        ("The statement is false, as nothing is there.", "false"),
        ("It is true", "true"),
        ("True (node/12)", "true"),
        ("True, not false", "true"),
        ("True or false", None),
        ("true/false", None),
        ("Trueblood", None),
        ("That is not true", None),
        ("Yes", None),
        ("", None),
        ("There is one, so the answer is true", "true"),
        ("So the answer is true. The answer is false.", None),
    ],
)
def test_true_and_false(text, said):
    assert read_true_false(text) == said


@pytest.mark.parametrize(
    ("text", "name", "right"),
    [
        ("Paris", "Paris", True),
        ("paris", "PARIS", True),
        ("It is Paris, France.", "Paris", True),
        ("The nearest one is “Paris”.", "Paris", True),
        ("Paris Hilton Street", "Paris", False),
        ("paris hilton street", "paris", False),
        ("Café Paris", "Paris", False),
        ("Paris-Nord", "Paris", False),
        ("Marks & Paris", "Paris", False),
        ("Parisian", "Paris", False),
        ("Not Paris", "Paris", False),
        ("It is not in Paris but in Lyon", "Paris", False),
        ("It is not in Paris but in Lyon", "Lyon", False),
        ("Not London, Paris", "Paris", True),
        ("Saint-Étienne", "SAINT ETIENNE", True),
        ("the hotel Kämp", "Kamp", True),
        ("Kämp Galleria", "Kämp", False),
        ("O’Learys", "O'Learys", True),
        ("Kaisaniemen Apteekki serves the station", "Kaisaniemen apteekki", True),
        ("東京駅", "東京駅", True),
        ("", "Paris", False),
    ],
)
def test_names_as_wholes(text, name, right):
    assert says(text, [name]) == right


def test_a_word_of_the_question_may_stand_beside_a_name():
    question = asked("short", ["Paris"], question="Which Hotel is nearest?")
    assert verdict(question, "Hotel Paris").score == 1.0
    assert verdict(asked("short", ["Paris"]), "Hotel Paris").score == 0.0


def test_a_list_of_everything_is_not_right():
    question = asked("short", ["Nordea"], against=["Aktia", "Nordea Aktia"])
    assert verdict(question, "Nordea").score == 1.0
    assert verdict(question, "Nordea, Aktia").score == 0.0
    assert verdict(question, "Nordea or Aktia").score == 0.0
    assert verdict(question, "OP").score == 0.0


@pytest.mark.parametrize(
    ("text", "right"), [("6", 1), ("6 levels", 1), ("six", 1), ("16", 0), ("6.5", 0), ("5 or 6", 0), ("", 0)]
)
def test_numbers(text, right):
    assert verdict(asked("short", ["6"]), text).score == right


def test_reasoning_and_citations_are_no_part_of_an_answer():
    assert verdict(asked("true_false", "true"), "<think>False, surely</think>True").score == 1.0
    assert verdict(asked("choice", "B"), "B (node/1234, osm:way/5)").score == 1.0
    assert verdict(asked("choice", "B"), "\\boxed{B}").score == 1.0
    assert without_citations("B (node/1234, osm:way/5)") == "B"
    assert cited_in("see osm:way/5, Node/12 and node/12, no/3") == ("way/5", "node/12")


def test_another_name_of_the_same_city():
    question = asked("short", ["Helsinki"], topic="city", question="In which city is this point?", lat=60.17, lon=24.94)
    assert verdict(question, "Helsingfors").score == 1.0
    assert verdict(question, "Espoo").score == 0.0


def test_what_cannot_be_read_is_wrong_and_said():
    assert verdict(asked("choice", "B"), "none of these").readable is False
    assert verdict(asked("short", ["Nordea"]), "I cannot tell.").readable is False
    assert verdict(asked("short", ["Nordea"]), "").readable is False
    assert verdict(asked("short", []), "Nordea").score is None


def test_claims_one_by_one():
    question = asked("long", [Claim(what="the country", accepted=("Finland", "Suomi"), against=("Sweden",)),
                              Claim(what="the nearest cafe", accepted=("Ekberg",), against=("Fazer",))])  # fmt: skip
    for text, mark in (("In Suomi, near “Ekberg”.", 1.0), ("In Finland.", 0.5), ("In Finland or Sweden, near Ekberg.", 0.5),
                       ("Not in Finland.", 0.0), ("", 0.0), ("Finland, Ekberg, Fazer", 0.5)):  # fmt: skip
        assert verdict(question, text).score == mark


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    for question in (asked("short", ["Nordea"]), asked("choice", "B"), asked("true_false", "true")):
        assert verdict(question, text).score in {0.0, 1.0}
