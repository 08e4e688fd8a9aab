"""Questions asked in a conversation: in words of a policy that talks, by the place that one finds which does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from PIL import Image

from agent.conversation.desk import DeskSettings
from agent.policies import Policy
from agent.policies.scripted import Scripted
from evals.place_questions.answerer import Asked
from evals.place_questions.conversation import Conversation
from tools.toolbox import ToolSettings

SETTINGS = DeskSettings(tools=ToolSettings(offline=True, models=(), concepts=False))
ANSWER = AIMessage(
    content="",
    tool_calls=[
        {
            "name": "answer",
            "args": {"candidates": [{"lat": 41.15, "lon": -8.61, "radius_km": 5, "probability": 0.9}]},
            "id": "a",
            "type": "tool_call",
        }
    ],
)


def policy(*replies: AIMessage, talks: bool) -> Policy:
    return Policy("scripted:test", Scripted(replies=list(replies)), sees=False, talks=talks)


@pytest.fixture
def photo(tmp_path: Path) -> str:
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


def test_a_policy_that_talks_is_asked_in_the_case_of_the_photo(photo: str) -> None:
    with Conversation(policy(ANSWER, AIMessage(content="True (node/12)"), talks=True), None, SETTINGS) as answerer:
        asked = [Asked(str(number), "true_false", f"Is it so? {number}", {}, photo) for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(answerer.answer, asked))
        assert {(one.text, one.cited, one.error) for one in answers} == {("True (node/12)", ("node/12",), "")}
        assert len(answerer._cases) == 1
    assert answerer.name == "conversation:scripted:test"


def test_one_that_does_not_talk_finds_the_place_and_looks_it_up(photo: str) -> None:
    question = Asked("1", "short", "In which country was the photo taken?", {}, photo, lat=60.0, lon=25.0)
    with Conversation(policy(ANSWER, talks=False), None, SETTINGS) as answerer:
        assert answerer.answer(question).text == "Portugal"


def test_without_a_photo_the_case_is_told_where_it_is() -> None:
    question = Asked("1", "short", "In which country is the point?", {}, "", lat=60.17, lon=24.94)
    with Conversation(policy(ANSWER, talks=False), None, SETTINGS) as answerer:
        assert answerer.answer(question).text == "Finland"


def test_faults_are_answers_with_an_error(tmp_path: Path) -> None:
    with Conversation(policy(ANSWER, talks=True), None, SETTINGS) as answerer:
        for asked in (Asked("1", "short", "Where?", {}, str(tmp_path / "none.jpg")), Asked("2", "short", "Where?")):
            answer = answerer.answer(asked)
            assert answer.text == ""
            assert answer.error
