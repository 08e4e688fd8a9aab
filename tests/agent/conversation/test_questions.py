"""What a message asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.conversation.questions import read_intent, read_scene


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("Why not Porto?", "why_not", "Porto"),
        ("why isn't it in Spain?", "why_not", "Spain"),
        ("Could it be Rome?", "why_not", "Rome"),
        ("Is it in France?", "why_not", "France"),
        ("what about Vienna", "why_not", "Vienna"),
        ("what would change your mind?", "change", ""),
        ("How sure are you?", "how_sure", ""),
        ("why do you think so?", "why", ""),
        ("Which country is this?", "where", ""),
        ("show me the evidence", "evidence", ""),
        ("what language do they speak there?", "language", ""),
        ("which currency do they use", "money", ""),
        ("on which side do they drive", "driving", ""),
        ("tell me about the place", "facts", ""),
        ("/sun 2024-06-20", "sun", "2024-06-20"),
        ("/say not Lisbon", "state", "not Lisbon"),
        ("/retract 2", "retract", "2"),
        ("/nonsense", "help", "there is no command /nonsense"),
        ("hello there", "other", "hello there"),
    ],
)
def test_questions_are_routed(text: str, kind: str, what: str) -> None:
    intent = read_intent(text)
    assert (intent.kind, intent.what) == (kind, what)


@pytest.mark.parametrize(
    ("text", "what", "radius"),
    [
        ("is there a pharmacy within 300 m?", "pharmacy", 300.0),
        ("what is within 1.5 km?", "", 1500.0),
        ("are there any restaurants nearby?", "restaurants", 500.0),
        ("/near church 90 km", "church", 5000.0),
    ],
)
def test_what_is_near(text: str, what: str, radius: float) -> None:
    intent = read_intent(text)
    assert (intent.kind, intent.what, intent.radius_m) == ("nearby", what, radius)


def test_parts_of_photos() -> None:
    assert read_intent("zoom into the upper left").box == (0.0, 0.0, 0.5, 0.5)
    assert read_intent("/look 2 right").box == (0.5, 0.0, 1.0, 1.0)
    assert read_intent("/look 2 right").photo == 2
    assert read_intent("look again").box == (0.0, 0.0, 1.0, 1.0)


def test_scenes() -> None:
    assert read_intent("a church within 50 m of a level crossing and a river").kind == "scene"
    scene = read_scene("find a church within 50 m of a level crossing and a river?")
    assert scene is not None
    assert [one["what"] for one in scene["entities"]] == [["church"], ["level crossing"], ["river"]]
    assert [(one["b"], one["metres"]) for one in scene["relations"]] == [("e1", 50.0), ("e2", 50.0)]
    assert read_intent("is there a church within 50 m of it").kind == "nearby"


@given(st.text(max_size=300))
def test_any_text_asks_for_something(text: str) -> None:
    assert read_intent(text).kind
