"""The loop driven over HTTP by servers that misbehave: every run ends with a reason and a saved trajectory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.find_photos import find_photos
from agent.limits import Limits
from agent.locate import Settings, locate_sync
from agent.policies import PolicyError, make_policy
from agent.trajectory import load
from tests.agent.misbehaving_server import Act, says, serving

LISBON = {
    "candidates": [{"lat": 38.72, "lon": -9.14, "place": "Lisbon", "radius_km": 10, "probability": 0.8}],
    "reason": "a tram",
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(path)
    return path


def run(photo: Path, *acts: Act, **limits: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with serving(*acts) as (url, requests):
        policy = make_policy("openai:test", base_url=url)
        settings = Settings(limits=Limits(**{"max_turns": 5, "think_seconds": 20.0, **limits}), out=photo.parent / "out")
        (trajectory,) = locate_sync(list(find_photos([str(photo)])), policy, settings)
    (saved,) = load(Path(trajectory["trajectory"]))
    assert saved["stop"] == trajectory["stop"]
    return trajectory, requests


def test_a_good_run_answers_where_the_policy_says(photo: Path) -> None:
    trajectory, requests = run(photo, says("Looking.", ("zoom", {"box": [0, 0, 0.5, 0.5]})), says(None, ("answer", LISBON)))
    assert trajectory["stop"] == "answered"
    assert (trajectory["answer"]["country"], trajectory["answer"]["city"]) == ("PT", "Lisbon")
    assert trajectory["answer"]["radius50_km"] < 30
    assert trajectory["usage"] == {"input_tokens": 20, "output_tokens": 10}
    pictures = [
        b for m in requests[1]["messages"] if isinstance(m["content"], list) for b in m["content"] if b["type"] == "image_url"
    ]
    assert len(pictures) == 2
    assert [m["role"] for m in requests[1]["messages"]] == ["system", "user", "assistant", "tool", "user"]


@pytest.mark.parametrize(
    ("bad", "stop"),
    [
        (says("I think <tool_call>{'name': 'zoom', 'arguments': {'box': [0, 0, .5, .5]}</tool_call>"), "answered"),
        (says(None, ("zoom", '{"box": [0, 0,')), "answered"),
        (says(None, ("teleport", {"to": "Lisbon"})), "answered"),
        (says(None, ("zoom", {"box": [5, 5, 1, 1]})), "answered"),
        (says(None, ("zoom", {"box": "everything"}), ("find_place", {"nom": 3})), "answered"),
        (says(None), "answered"),
        (says(""), "answered"),
        (says("x" * 50_000), "answered"),
        (says(None, ("answer", {"candidates": [{"lat": 999, "lon": 0}]})), "answered"),
        (says(None, ("answer", {"candidates": "Lisbon"})), "answered"),
    ],
)
def test_a_bad_turn_is_answered_in_words_and_the_run_goes_on(photo: Path, bad: Act, stop: str) -> None:
    trajectory, requests = run(photo, bad, says(None, ("answer", LISBON)))
    assert trajectory["stop"] == stop
    assert trajectory["answer"]["country"] == "PT"
    assert "Traceback" not in str(requests)
    for request in requests:
        asked = [c["id"] for m in request["messages"] for c in m.get("tool_calls") or []]
        assert asked == [m["tool_call_id"] for m in request["messages"] if m["role"] == "tool"]


@pytest.mark.parametrize(
    ("acts", "limits", "stop"),
    [
        ([says("hm")], {}, "no_answer"),
        ([says(None, ("zoom", {"box": [0, 0, 0.5, 0.5]}))], {}, "max_turns"),
        ([says(None, ("zoom", {"box": [0, 0, 0.5, 0.5]}))], {"max_calls": 2}, "max_calls"),
        ([says(None, ("answer", {"candidates": [{"lat": 999, "lon": 0}]}))], {}, "max_turns"),
        ([says(None, ("answer", {"cannot_tell": True}))], {}, "cannot_tell"),
        ([{"raw": "<html>not JSON</html>"}], {}, "policy_error"),
        ([{"raw": "{}", "status": 400}], {}, "policy_error"),
        ([{"raw": '{"error": "boom"}', "status": 500}], {}, "policy_error"),
        ([{**says("too late"), "sleep": 3.0}], {"think_seconds": 0.3}, "policy_error"),
    ],
)
def test_every_run_ends_with_a_reason(photo: Path, acts: list[Act], limits: dict[str, Any], stop: str) -> None:
    trajectory, requests = run(photo, *acts, **limits)
    assert trajectory["stop"] == stop
    assert trajectory["answer"] is None
    assert (trajectory["error"] is not None) == (stop == "policy_error")
    assert len(requests) <= 8


def test_the_last_turn_asks_for_the_answer_alone(photo: Path) -> None:
    _, requests = run(photo, says(None, ("zoom", {"box": [0, 0, 0.5, 0.5]})), max_turns=3)
    assert [t["function"]["name"] for t in requests[-1]["tools"]] == ["answer"]
    assert "last turn" in str(requests[-1]["messages"][-1]["content"])


def test_nothing_is_asked_after_an_answer(photo: Path) -> None:
    _, requests = run(photo, says(None, ("answer", LISBON), ("zoom", {"box": [0, 0, 0.5, 0.5]})))
    assert len(requests) == 1


def test_an_unreachable_server_is_a_policy_error(photo: Path) -> None:
    policy = make_policy("openai:test", base_url="http://127.0.0.1:9/v1")
    (trajectory,) = locate_sync(list(find_photos([str(photo)])), policy, Settings(out=photo.parent / "out"))
    assert trajectory["stop"] == "policy_error"
    assert Path(trajectory["trajectory"]).is_file()


@pytest.mark.parametrize("spec", ["openai:", "gpt", "", "scripted:/nowhere.json"])
def test_a_policy_that_does_not_exist_is_named(spec: str) -> None:
    with pytest.raises(PolicyError, match=r"no policy|cannot read"):
        make_policy(spec)
