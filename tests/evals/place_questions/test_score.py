"""Scores: means by kind, balance, citations, intervals, what counts as wrong."""

from __future__ import annotations

import pytest

from evals.place_questions.answerer import Constant, PlaceAnswer, asked_of
from evals.place_questions.citations import Citations
from evals.place_questions.question import Claim
from evals.place_questions.score import mark, score
from evals.place_questions.table import score_lines
from evals.place_questions.template import Template
from tests.evals.place_questions.cases import asked
from tools.osm.element import OsmError


def by(answerer, questions):
    return {question.id: answerer.answer(asked_of(question)) for question in questions}


def test_micro_and_macro():
    questions = [asked("choice", "B", id="c1"), asked("choice", "A", id="c2"), asked("choice", "A", id="c3"),
                 asked("long", [Claim(what="x", accepted=("Ekberg",)), Claim(what="y", accepted=("Fazer",))], id="l1")]  # fmt: skip
    answers = {"c1": PlaceAnswer("B"), "c2": PlaceAnswer("A"), "c3": PlaceAnswer("B"), "l1": PlaceAnswer("Ekberg")}
    figures = score(mark(questions, answers))
    assert figures["micro"]["value"] == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert figures["macro"]["value"] == pytest.approx((2 / 3 + 0.5) / 2)
    assert figures["kinds"]["choice"]["n"] == 3
    assert figures["letters"] == {"key": {"A": 2, "B": 1}, "said": {"A": 1, "B": 2}}
    assert figures["true_false"] is None


def test_constant_answerers_are_exposed(of_town):
    true = score(mark(of_town, by(Constant("true"), of_town)))
    assert true["kinds"]["true_false"]["value"] == true["true_false"]["balanced_accuracy"] == 0.5
    assert true["true_false"]["said_true_share"] == 1.0
    assert true["true_false"]["on_true"]["value"] == 1.0
    assert true["true_false"]["on_false"]["value"] == 0.0
    letter = score(mark(of_town, by(Constant("A"), of_town)))
    assert letter["kinds"]["choice"]["value"] == pytest.approx(0.25, abs=0.02)
    assert letter["true_false"]["said_true_share"] is None
    assert letter["true_false"]["balanced_accuracy"] == 0.0


def test_what_is_missing_failed_or_unreadable_is_wrong_and_counted():
    questions = [asked("true_false", "true", id=f"q{i}") for i in range(4)]
    answers = {"q0": PlaceAnswer("true"), "q1": PlaceAnswer("", error="no route"), "q2": PlaceAnswer("perhaps")}
    figures = score(mark(questions, answers), missing=1)
    assert figures["micro"]["value"] == 0.25
    assert (figures["missing"], figures["failed"], figures["unreadable"]) == (1, 1, 1)
    assert "1 without an answer, 1 failed, 1 unreadable" in "\n".join(score_lines(figures))


def test_a_question_without_a_key_has_no_mark():
    questions = [asked("short", [], id="a", source="imported"), asked("short", ["Nordea"], id="b")]
    figures = score(mark(questions, {"a": PlaceAnswer("x"), "b": PlaceAnswer("Nordea")}))
    assert figures["without_key"] == 1
    assert figures["micro"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    nothing = score(mark(questions[:1], {"a": PlaceAnswer("x")}))
    assert nothing["micro"]["value"] is None
    assert "-" in "\n".join(score_lines(nothing))


def test_photos_are_resampled_not_questions():
    """With one photo there is nothing to resample; ten copies of two photos are no more than two."""
    one = [asked("true_false", "true", id=f"q{i}", photo="a.jpg") for i in range(10)]
    answers = {f"q{i}": PlaceAnswer("true" if i % 2 else "false") for i in range(10)}
    figures = score(mark(one, answers))["micro"]
    assert (figures["low"], figures["value"], figures["high"]) == (0.5, 0.5, 0.5)
    two = [asked("true_false", "true", id=f"q{i}", photo=f"{i % 2}.jpg") for i in range(10)]
    figures = score(mark(two, answers))["micro"]
    assert (figures["low"], figures["high"]) == (0.0, 1.0)


def test_citations(town, of_town):
    question = next(q for q in of_town if q.topic == "nearest place")
    [right, *_] = question.element_ids
    near = town.around(question.lat, question.lon, question.radius_m, (), 500).near
    other = next(
        f"{one.element.kind}/{one.element.osm_id}"
        for one in near
        if question.about not in str(one.element.tags.values()) and not one.element.name
    )
    check = Citations(town).check
    good = check(question, PlaceAnswer("x", (right,)))
    assert (good.total, good.good, good.supports) == (1, 1, True)
    bad = check(question, PlaceAnswer(f"x (osm:{right}, {other}, node/999999999)"))
    assert (bad.total, bad.good, bad.supports) == (3, 1, True)
    assert bad.faults == {"something else": 1, "not within the radius": 1}
    assert check(question, PlaceAnswer("x")) is None
    false = next(q for q in of_town if q.topic == "named place" and q.key == "false")
    assert check(false, PlaceAnswer("x", (right,))) is None
    with pytest.raises(OsmError, match="no filter"):
        check(question.model_copy(update={"attribute": ("!!",)}), PlaceAnswer("x", (right,)))


def test_citation_precision_of_the_template(town, of_town):
    figures = score(mark(of_town, by(Template(town), of_town), Citations(town)))
    assert figures["citations"]["precision"]["value"] == 1.0
    assert figures["citations"]["grounded"]["value"] > 0.9
    assert "citations: " in "\n".join(score_lines(figures, "template"))
    silent = score(mark(of_town, by(Constant("true"), of_town), Citations(town)))
    assert silent["citations"]["precision"]["value"] is None
    assert silent["citations"]["grounded"]["value"] is None
