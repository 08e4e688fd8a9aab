"""`geosleuth eval` as a user meets it: a small folder, run, scored, reported, compared; wrong words get one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from geosleuth.cli import app
from tests.agent.misbehaving_server import says, serving

SCRIPT = [
    {
        "content": "Lisbon.",
        "tool_calls": [
            {"name": "answer", "args": {"candidates": [{"lat": 38.72, "lon": -9.14, "radius_km": 10, "probability": 0.8}]}}
        ],
    }
]


def geosleuth(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, words)])


def tell(*words: str | Path) -> str:
    found = geosleuth(*words)
    assert found.exit_code == 0, found.output + repr(found.exception)
    return found.output


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = ["path,lat,lon,difficulty", "a.png,38.72,-9.14,easy", "b.png,48.85,2.35,hard", "c.png,38.70,-9.20,easy"]
    for shade, name in enumerate("abc"):
        Image.new("RGB", (64, 48), (80 * shade, 10, 10)).save(folder / f"{name}.png")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "lisbon.json"
    path.write_text(json.dumps(SCRIPT))
    return path


def test_run_score_report_compare(photos: Path, script: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    lines = geosleuth("run", f"folder:{photos}", "--policy", f"scripted:{script}", "--out", run, "--json", "-q")
    assert lines.exit_code == 0, lines.output
    answers: list[dict[str, Any]] = [json.loads(line) for line in lines.stdout.splitlines()]
    assert sorted(answer["id"] for answer in answers) == ["a.png", "b.png", "c.png"]
    again = geosleuth("run", f"folder:{photos}", "--policy", f"scripted:{script}", "--out", run, "--json", "-q")
    assert again.stdout == "", "nothing finished is run again"

    text = tell("score", run, "--resamples", "100", "--rows", tmp_path / "rows.jsonl")
    assert "66.7 %" in text
    assert "By difficulty" in text
    scores = json.loads((run / "scores.json").read_text())
    metrics = scores["systems"][f"scripted:{script}"]["metrics"]
    assert metrics["country"]["value"] == pytest.approx(2 / 3, abs=1e-5)
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 3
    first = (run / "scores.json").read_text()
    tell("score", run, "--resamples", "100")
    assert (run / "scores.json").read_text() == first, "the same trajectories give the same numbers"

    tell("report", run, "--resamples", "100", "--out", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "b.png" in page
    assert (tmp_path / "report" / "report.md").read_text().strip()

    (tmp_path / "other.csv").write_text("id,place\na.png,Lisboa\nb.png,Paris\n")
    other = tmp_path / "other"
    told = tell("import", tmp_path / "other.csv", "--benchmark", f"folder:{photos}", "--out", other)
    assert "1 records have no prediction" in told
    assert "2 predictions for 3 records" in told
    difference = tell("compare", run, other, "--resamples", "100", "--report", tmp_path / "difference.html")
    assert "over the 3 records of both" in difference
    assert "b.png" in (tmp_path / "difference.html").read_text()

    tell("export", run, "--inspect", tmp_path / "log.json", "--predictions", tmp_path / "guesses.csv")
    assert len(json.loads((tmp_path / "log.json").read_text())["samples"]) == 3
    assert (tmp_path / "guesses.csv").read_text().count("\n") == 4


def test_the_nearest_photo_as_a_baseline(photos: Path, script: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    tell("run", f"folder:{photos}", "--policy", f"scripted:{script}", "--nearest-in", f"folder:{photos}", "--out", run, "-q")
    assert "nearest photo" in tell("score", run, "--resamples", "100")


def test_a_model_is_run_with_its_baselines_and_may_be_judged(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    answer = says(None, ("answer", {"candidates": [{"lat": 38.72, "lon": -9.14, "radius_km": 10, "probability": 0.8}]}))
    look = says("Looking.", ("zoom", {"box": [0, 0, 0.5, 0.5]}))
    with serving(lambda body: answer if any(m["role"] == "tool" for m in body["messages"]) else look) as (url, requests):
        found = geosleuth("run", f"folder:{photos}", "--policy", "openai:m", "--base-url", url, "--out", run, "-q")
    assert found.exit_code == 0, found.output
    assert len(requests) == 3 * 2 + 3, "two turns for each photo, and one for each where only one look is allowed"
    assert {p.name for p in (run / "baselines").iterdir()} == {"checklist", "one-look"}
    last = requests[-1]
    assert [tool["function"]["name"] for tool in last["tools"]] == ["answer"], "one look has no tools"
    with serving(says('{"country": true, "region": false, "city": false}')) as (url, _):
        judged = tell("judge", run, "--policy", "openai:judge", "--base-url", url)
    assert "3 answers judged by openai:judge, 0 failures" in judged
    text = tell("score", run, "--resamples", "100")
    assert "one look" in text
    assert "judge" in text


def test_leaks(photos: Path, tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    (gallery / "copy.png").write_bytes((photos / "b.png").read_bytes())
    text = tell("leaks", f"folder:{photos}", gallery)
    assert "same file" in text
    assert "copy.png" in text
    assert json.loads(tell("leaks", f"folder:{photos}", gallery, "--json"))["leaked"] == 1


def test_list() -> None:
    names = [json.loads(line)["name"] for line in tell("list", "--json").splitlines()]
    assert {"geobench", "im2gps3k", "osv5m", "mapbench", "folder", "practice"} <= set(names)
    assert "geobench" in tell("list")


@pytest.mark.parametrize(("words", "says"), [
    (("run", "nosuch", "--out", "X"), "no benchmark is called 'nosuch'"),
    (("run", "folder:/nonexistent", "--out", "X"), "/nonexistent"),
    (("run", "P", "--policy", "nosuch", "--out", "X"), "no policy is called 'nosuch'"),
    (("run", "P", "--budget-usd", "1", "--out", "X"), "--price"),
    (("run", "P", "--price", "cheap", "--out", "X"), "two numbers"),
    (("run", "P", "--baselines", "magic", "--out", "X"), "no baseline is called 'magic'"),
    (("run", "P", "--baselines", "nearest", "--out", "X"), "--gallery"),
    (("score", "."), "is not a run"),
    (("compare", ".", "."), "is not a run"),
    (("export", "."), "--inspect"),
    (("import", "P/a.png", "--benchmark", "P", "--out", "X"), "a.png"),
    (("judge", ".", "--policy", "nosuch"), "is not a run"),
])  # fmt: skip
def test_wrong_words_get_one_line(words: tuple[str, ...], says: str, photos: Path, tmp_path: Path) -> None:
    plain = [w.replace("P/", f"{photos}/") if w != "P" else f"folder:{photos}" for w in words]
    found = geosleuth(*(str(tmp_path / "X") if w == "X" else w for w in plain))
    assert found.exit_code == 2, found.output
    assert says in found.output
    assert "Traceback" not in found.output
