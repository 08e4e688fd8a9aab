"""`geosleuth chat` as a user meets it: lines from a pipe, cases that are kept, one-line errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from geosleuth.cli import app

Chat = Callable[..., Result]
LOOK_UP = {"tool_calls": [{"name": "find_place", "args": {"name": "Porto", "seen_in_photo": True}}]}
ANSWER = {
    "tool_calls": [
        {
            "name": "answer",
            "args": {"candidates": [{"lat": 41.15, "lon": -8.61, "radius_km": 10, "probability": 0.8}], "reason": "the sign"},
        }
    ]
}


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    script, photo = tmp_path / "script.json", tmp_path / "photo.png"
    script.write_text(json.dumps([LOOK_UP, ANSWER, "Because of the sign."]))
    Image.new("RGB", (64, 48), "teal").save(photo)

    def run(*arguments: str | Path, said: str = "") -> Result:
        given = [str(photo) if a == "PHOTO" else str(a) for a in arguments]
        fixed = ["--folder", str(tmp_path / "cases"), "--policy", f"scripted:{script}", "--offline", "--model", "none"]
        return CliRunner().invoke(app, ["chat", *given, *fixed], input=said, catch_exceptions=False)

    return run


def test_a_conversation_from_a_pipe(chat: Chat, tmp_path: Path) -> None:
    kml = tmp_path / "out.kml"
    result = chat("PHOTO", said=f"why?\n/why-not Lisbon\nnot in Spain\n/retract 1\n/map\n/save {kml}\n/help\n/quit\nnever read\n")
    assert result.exit_code == 0, result.stderr
    for words in (
        "find_place(name=Porto",
        "Because of the sign.",
        "bits against Lisbon",
        "Noted as s1: not Spain",
        "Taken back",
        "° N at the top",
        "/photo PATH",
    ):
        assert words in result.stdout
    assert kml.read_text(encoding="utf-8").startswith("<?xml")
    assert "never read" not in result.stdout


def test_cases_are_kept_listed_reopened_and_deleted(chat: Chat) -> None:
    assert chat("PHOTO").exit_code == 0
    listed = chat("--list").stdout.split()
    assert listed[-1] == "photo.png"
    case_id = listed[0]
    assert "Porto" in chat("--case", case_id, said="/where\n").stdout
    again = chat(said=f"/open {case_id}\n/where\n/delete\n/cases\n")
    assert "1 photos, 2 messages" in again.stderr
    assert case_id not in chat("--list").stdout
    gone = chat("--case", case_id)
    assert (gone.exit_code, "no such case" in gone.stderr) == (2, True)


def test_events_as_json(chat: Chat) -> None:
    result = chat("PHOTO", "--json", said="/sure\n")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events][-2:] == ["asked", "reply"]
    assert {"photo", "start", "step", "belief", "result"} <= {event["event"] for event in events}


def test_what_goes_wrong_is_one_line(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no photo")
    result = chat(tmp_path / "missing.jpg", tmp_path / "note.txt", said="/save x.doc\n/open nothing\n/area Atlantis\n/nonsense\n")
    assert result.exit_code == 0
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 5
    assert "There is no command" in result.stdout
    assert chat("--guard", "nobody").exit_code == 2
    assert chat("--area", "Atlantis").exit_code == 2
