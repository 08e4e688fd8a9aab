"""`geosleuth questions` as a person or a script calls it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from geosleuth.questions import questions
from tools.osm.build import build_store
from tools.osm.drawn_town import TownSettings, write_town


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    write_town(folder / "town.osm.pbf", TownSettings(1_200, seed=7))
    build_store(folder / "town.osm.pbf", folder / "town.osm.sqlite")
    return folder / "town.osm.sqlite"


@pytest.fixture
def run():
    def invoke(*args, code=0):
        result = CliRunner().invoke(questions, [str(arg) for arg in args])
        assert result.exit_code == code, result.output
        return result

    return invoke


def complaint(result):
    """The complaint, which is one line under the usage."""
    [line] = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    return line


def test_make_answer_score(run, town, tmp_path):
    q, a = tmp_path / "q.jsonl", tmp_path / "a.jsonl"
    made = run("make", "--osm", town, "--points", 6, "--n", 40, "--radius", 200, "--seed", 3, "--out", q)
    assert made.stdout.startswith("40 questions about 6 places: ")
    assert "true 6, false 6" in made.stdout
    facts = json.loads(
        run("make", "--osm", town, "--points", 6, "--n", 40, "--radius", 200, "--seed", 3, "--out", q, "--json").stdout
    )
    assert (facts["questions"], facts["true"], facts["false"], facts["places"]) == (40, 6, 6, 6)
    assert "40 of 40 answers" in run("answer", q, "--by", "template", "--osm", town, "--out", a).stderr
    before = a.read_text()
    again = run("answer", q, "--by", "template", "--osm", town, "--out", a)
    assert again.stdout == "40 questions answered by template\n"
    assert a.read_text() == before
    figures = json.loads(run("score", q, a, "--osm", town, "--json").stdout)
    assert figures["by"] == "template"
    assert figures["micro"]["value"] > 0.9
    assert figures["citations"]["precision"]["value"] == 1.0
    table = run("score", q, a).stdout
    assert "choice of four" in table
    assert "citations: none were checked" in table
    assert "holds answers of template" in complaint(run("answer", q, "--by", "constant:A", "--out", a, code=2))


def test_photos_and_benchmarks(run, tmp_path):
    table, q = tmp_path / "photos.csv", tmp_path / "q.jsonl"
    table.write_text("path,lat,lon\na.jpg,48.85,2.35\nb.jpg,,\n")
    made = run("make", "--photos", table, "--out", q)
    assert "1 rows without coordinates were left out" in made.stdout
    assert json.loads(q.read_text().splitlines()[0])["photo"] == "a.jpg"
    assert "questions about 3 places" in run("make", "--bench", "practice:easy:7:3", "--out", q).stdout


def test_policies(run, tmp_path):
    table, q, script = tmp_path / "photos.csv", tmp_path / "q.jsonl", tmp_path / "script.json"
    table.write_text("lat,lon\n48.85,2.35\n")
    script.write_text('["True"]')
    run("make", "--photos", table, "--out", q)
    run("answer", q, "--by", f"scripted:{script}", "--error-m", 100, "--out", tmp_path / "a.jsonl")
    text = run("score", q, tmp_path / "a.jsonl").stdout
    assert "coordinates 100 m off" in text
    assert "100.0 % of the readable answers say so; balanced accuracy 50.0 %" in text


def test_import(run, tmp_path):
    path, q = tmp_path / "bench.jsonl", tmp_path / "q.jsonl"
    row = {
        "image": "1.jpg",
        "question": "There is a cafe.",
        "answer": "True",
        "lat": "1",
        "lon": "2",
        "question_type": "TF",
        "subset": "x",
    }
    path.write_text("\n".join(map(json.dumps, [row, {**row, "lat": ""}])))
    text = run("import", path, "--out", q).stdout
    assert text == "1 questions: 1 true/false; true 1, false 0\n1 rows left out: its coordinates are missing or impossible\n"
    assert json.loads(run("import", path, "--out", q, "--json").stdout)["left_out"] == {
        "its coordinates are missing or impossible": 1
    }


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("make", "--out", "q"), "give one of --photos, --bench and --points"),
        (("make", "--points", "3", "--bench", "x", "--out", "q"), "give one of"),
        (("make", "--points", "3", "--out", "q"), "--points needs --osm"),
        (("make", "--osm", "./none", "--points", "3", "--out", "q"), "there is no extract in"),
        (("make", "--bench", "none", "--out", "q"), "no benchmark is called 'none'"),
        (("make", "--photos", "none.csv", "--out", "q"), "none.csv cannot be read"),
        (("answer", "none.jsonl", "--by", "template", "--out", "a"), "there is no file none.jsonl"),
        (("score", "none.jsonl", "a.jsonl"), "there is no file none.jsonl"),
        (("import", "none.json", "--out", "q"), "there is no file none.json"),
    ],
)
def test_complaints_of_one_line(run, args, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in complaint(run(*args, code=2))
    assert not list(tmp_path.iterdir())


def test_answerers_that_are_none(run, tmp_path):
    table, q = tmp_path / "photos.csv", tmp_path / "q.jsonl"
    table.write_text("lat,lon\n48.85,2.35\n")
    run("make", "--photos", table, "--out", q)
    for by, words in (
        ("constant:maybe", "says true, false or a letter"),
        ("checklist", "answers no questions"),
        ("gpt", "no policy is called"),
    ):
        assert words in complaint(run("answer", q, "--by", by, "--out", tmp_path / "a.jsonl", code=2))
    other = tmp_path / "a.jsonl"
    other.write_text('{"id": "else", "text": "x"}\n')
    assert "holds no answer to a question of" in complaint(run("score", q, other, code=2))
