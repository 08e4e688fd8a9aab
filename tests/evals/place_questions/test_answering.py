"""Answerers and runs: the template, constants, chat models, displaced coordinates, runs that go on."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage

from agent.policies import Policy, make_policy
from agent.policies.scripted import Scripted
from evals.place_questions.answerer import Asked, Constant, PlaceAnswer, asked_of
from evals.place_questions.answering import answer_all, read_answers
from evals.place_questions.chat import Chat
from evals.place_questions.question import QuestionError
from evals.place_questions.reading import verdict
from evals.place_questions.template import Template
from geo.sphere import haversine_km
from tests.agent.misbehaving_server import says, serving
from tests.evals.place_questions.cases import asked


class Counting:
    """Says true, and counts how often it is asked; fails for ids in `fails`."""

    name = "counting"

    def __init__(self, *fails: str) -> None:
        self.fails, self.asked = fails, []

    def answer(self, one: Asked) -> PlaceAnswer:
        self.asked.append(one.id)
        return PlaceAnswer("", error="no route") if one.id in self.fails else PlaceAnswer("true", ("node/1",))


def shares(questions, answerer, **more):
    marks = {}
    for question in questions:
        text = answerer.answer(asked_of(question, **more)).text
        marks.setdefault(question.kind, []).append(verdict(question, text).score)
    return {kind: sum(found) / len(found) for kind, found in marks.items()}


@pytest.mark.parametrize("where", ["town", "helsinki"])
def test_the_template_answers_at_the_true_coordinates(where, request):
    store, questions = request.getfixturevalue(where), request.getfixturevalue(f"of_{where}")
    right = shares(questions, Template(store))
    assert min(right.values()) > 0.93, right


def test_an_error_of_the_coordinates_costs(town, of_town):
    template = Template(town)
    near, far = shares(of_town, template), shares(of_town, template, error_m=300.0)
    assert all(far[kind] < near[kind] for kind in near)


def test_without_coordinates_the_template_cannot_tell(town, of_town):
    assert set(shares(of_town, Template(town), hidden=True).values()) == {0.0}


def test_the_template_without_an_extract_knows_the_gazetteer(of_helsinki):
    template = Template(None)
    for question in of_helsinki:
        if question.source == "gazetteer" and question.kind != "long":
            assert verdict(question, template.answer(asked_of(question)).text).score == 1.0, question


def test_questions_of_other_people_are_answered_by_their_words(helsinki):
    """The template reads words, not topics."""
    template = Template(helsinki)
    here = {"lat": 60.1699, "lon": 24.9425}
    for kind, question, begins in (
        ("true_false", "OpenStreetMap has at least one bench within 400 m of the photo.", "True"),
        ("true_false", "OpenStreetMap has at least one lighthouse within 400 m of the photo.", "False"),
        ("short", "What is the closest museum in OpenStreetMap?", "Ateneum"),
        ("short", "Which country is this?", "Finland"),
    ):
        assert template.answer(Asked("x", kind, question, **here)).text == begins
    unknown = Asked("x", "short", "Who painted this?", **here)
    assert template.answer(unknown).text == "I cannot tell."


def test_constants():
    assert Constant("true").answer(asked_of(asked("true_false", "true"))).text == "true"
    assert Constant("A").name == "constant:A"
    with pytest.raises(QuestionError, match="says true, false or a letter"):
        Constant("perhaps")


def test_what_an_answerer_sees():
    question = asked("choice", "B", photo="a.jpg")
    shown = asked_of(question, error_m=500.0, seed=1)
    assert float(haversine_km(shown.lat, shown.lon, 60.0, 24.0)) == pytest.approx(0.5, abs=1e-6)
    assert asked_of(question, error_m=500.0, seed=1) == shown
    assert asked_of(asked("short", ["x"], photo="a.jpg"), error_m=500.0, seed=1).lat == shown.lat
    assert asked_of(question, error_m=500.0, seed=2).lat != shown.lat
    assert asked_of(question, hidden=True).lat is None
    assert not hasattr(shown, "answer")
    assert shown.text().splitlines()[:2] == ["Which bank is nearest to this point?", "A. Kluuvi"]


def test_a_run_goes_on_where_it_stopped(tmp_path):
    out = tmp_path / "a.jsonl"
    questions = [asked("true_false", "true", id=f"q{i}") for i in range(6)]
    first = Counting("q2")
    assert answer_all(questions[:4], first, out).by_id["q2"].error == "no route"
    with out.open("a") as file:
        file.write('{"id": "q3", "text": "tr')
    second, heard = Counting(), []
    found = answer_all(questions, second, out, workers=2, told=lambda done, of: heard.append((done, of)))
    assert sorted(second.asked) == ["q2", "q4", "q5"]
    assert [found.by_id[one.id].text for one in questions] == ["true"] * 6
    assert heard == [(4, 6), (5, 6), (6, 6)]
    assert read_answers(out).by_id == found.by_id
    assert found.by_id["q0"].cited == ("node/1",)
    with pytest.raises(QuestionError, match="holds answers of counting with true coordinates"):
        answer_all(questions, Counting(), out, error_m=10.0)
    with pytest.raises(QuestionError, match="give another file"):
        answer_all(questions, Constant("true"), out)


def test_answers_from_elsewhere(tmp_path):
    out = tmp_path / "a.jsonl"
    out.write_text('{"id": "q", "text": "B", "cited": ["osm:node/5", "nonsense"]}\n')
    assert read_answers(out).by_id == {"q": PlaceAnswer("B", ("node/5",))}
    for line in (
        '{"id": 3, "text": "B"}',
        '{"id": "q"}',
        '{"id": "q", "text": "B", "cited": 4}',
        '{"id": "q", "text": "B", "error_m": "x"}',
    ):
        out.write_text(line + "\n")
        with pytest.raises(QuestionError, match="line 1 is no answer"):
            read_answers(out)


def test_a_chat_model_is_asked_in_words(helsinki):
    model = Scripted(replies=[AIMessage("B (node/123)")])
    chat = Chat(Policy("scripted:x", model), helsinki)
    answer = chat.answer(Asked("q", "choice", "Which of these museums is within 300 m of this point?", {"A": "Kiasma", "B": "Ateneum"},
                               lat=60.1699, lon=24.9425))  # fmt: skip
    assert answer == PlaceAnswer("B (node/123)", ("node/123",))
    [[message]] = model.seen
    for said in (
        "60.16990, 24.94250 (Helsinki, Uusimaa, Finland)",
        "tourism=museum",
        "A. Kiasma\nB. Ateneum",
        "letter of the right option",
    ):
        assert said in message.content
    assert chat.name == "scripted:x+nearby"
    bare = Chat(Policy("scripted:x", model))
    bare.answer(Asked("q", "short", "Which museum is nearest?"))
    assert model.seen[-1][0].content == "Which museum is nearest?\nReply with the name or number alone."


def test_a_chat_server_and_its_faults(tmp_path):
    questions = [asked("true_false", "true", id=f"q{i}") for i in range(2)]
    out = tmp_path / "a.jsonl"
    with serving(says("True"), {"raw": "broken", "status": 400}) as (url, requests):
        answers = answer_all(questions, Chat(make_policy("openai:m", base_url=url, retries=0)), out)
        assert len(requests) >= 2
    assert answers.by_id["q0"].text == "True"
    assert answers.by_id["q1"].error
    assert json.loads(out.read_text().splitlines()[1])["error"]
