"""Records of GAEA-Bench: every layout, every type, damaged rows counted."""

from __future__ import annotations

import json
import sys

import pytest

from evals.place_questions.gaea import names_in, options_in, read_gaea
from evals.place_questions.question import QuestionError
from evals.place_questions.reading import verdict
from evals.record import BenchmarkError

ROWS = [
    {"image": "MP-16/1.jpg", "question": "Is there a bank with an ATM near the location of this image? A. BBVA B. No banks C. Kutxabank D. Santander",
     "answer": "C. Kutxabank", "lat": "43.403913", "lon": "-2.638521", "location": "Elantxobe, Spain", "question_type": "MCQ", "subset": "MP16"},
    {"image": "2.jpg", "question": "There is a restaurant named 'Mr. Santana' near the location associated with this image.", "answer": "True",
     "lat": "44.97", "lon": "-93.26", "location": "Minneapolis, United States", "question_type": "TF", "subset": "GLDv2"},
    {"image": "3.jpg", "question": "Is there a notable river near the location in this image?", "lat": "40.74", "lon": "-2.52", "subset": "MP16",
     "answer": "Yes, the Barranco de la Cueva de Azañón in Trillo, Spain.", "location": "Trillo, Spain", "question_type": "SVQA"},
    {"image": "4.jpg", "question": "Describe the image.", "lat": 60.17, "lon": 24.94, "location": "Helsinki, Finland", "question_type": "LVQA",
     "answer": "The photo shows the Senate Square in Helsinki, close to the Helsinki Cathedral.", "subset": "MP16"},
]  # fmt: skip
DAMAGED = [
    {**ROWS[0], "answer": "Kutxabank it is"},
    {**ROWS[0], "question": "Which one?"},
    {**ROWS[1], "answer": "Perhaps"},
    {**ROWS[1], "lat": "north"},
    {**ROWS[1], "lon": None},
    {**ROWS[2], "question_type": "QA"},
    {**ROWS[2], "answer": ""},
    ROWS[1],
    "no record",
]


def test_every_type(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(ROWS))
    choice, true, short, long = read_gaea(path).questions
    assert choice.options == {"A": "BBVA", "B": "No banks", "C": "Kutxabank", "D": "Santander"}
    assert (choice.key, choice.question) == ("C", "Is there a bank with an ATM near the location of this image?")
    assert (true.key, true.photo, true.source) == ("true", "2.jpg", "imported")
    assert short.names == ("Barranco de la Cueva de Azañón",)
    assert verdict(short, "The Barranco de la Cueva de Azañón.").score == 1.0
    assert {claim.what for claim in long.claims} == {"Helsinki", "Finland", "Senate Square", "Helsinki Cathedral"}
    assert verdict(long, "Helsinki, Finland").score == 0.5
    assert "non-commercial" in choice.licence


@pytest.mark.parametrize("layout", ["list", "object", "lines", "parquet", "folder"])
def test_every_layout_and_damaged_rows(tmp_path, layout):
    rows = [*ROWS, *DAMAGED]
    path = tmp_path / {"list": "b.json", "object": "b.json", "lines": "b.jsonl", "parquet": "b.parquet", "folder": "b"}[layout]
    if layout in {"parquet", "folder"}:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        plain = [{**{key: str(value) for key, value in row.items() if value is not None}, "file_name": {"bytes": b"jpg", "path": "x"}}
                 for row in rows if isinstance(row, dict)]  # fmt: skip
        if layout == "folder":
            path.mkdir()
        parquet.write_table(arrow.Table.from_pylist(plain), path / "0.parquet" if layout == "folder" else path)
    elif layout == "lines":
        path.write_text("\n".join([*map(json.dumps, rows), "{torn"]))
    else:
        path.write_text(json.dumps({"data": rows} if layout == "object" else rows))
    read = read_gaea(path)
    assert len(read.questions) == 4
    assert read.left_out["its answer is no letter of an option"] + read.left_out["its answer is neither true nor false"] >= 2
    assert read.left_out["its coordinates are missing or impossible"] == 2
    assert read.left_out["it is there twice"] == 1
    if layout == "lines":
        assert read.left_out["it is not JSON"] == 1


def test_files_that_hold_none(tmp_path):
    path = tmp_path / "b.json"
    for text, complaint in (
        ("{}", "no JSON list"),
        ("[]", "holds no question"),
        ("nonsense", "no JSON list"),
        ("[1]", "it is no object"),
    ):
        path.write_text(text)
        with pytest.raises(QuestionError, match=complaint):
            read_gaea(path)
    with pytest.raises(QuestionError, match="there is no file"):
        read_gaea(tmp_path / "other.json")


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(BenchmarkError, match="need pyarrow"):
        read_gaea(tmp_path / "b.parquet")


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ("Which? A. x B. y", {"A": "x", "B": "y"}),
        ("Which?\nA) x\nB) y\nC) z", {"A": "x", "B": "y", "C": "z"}),
        ("Which? (A) x (B) y", {"A": "x", "B": "y"}),
        ("Plan B. or none", {}),
        ("Which?", {}),
    ],
)
def test_options(asked, options):
    assert options_in(asked)[0] == options


def test_names():
    assert names_in("It is close to the “Cafe Ekberg” and Hotel Torni.", "Which cafe?") == ["Cafe Ekberg", "Hotel Torni"]
    assert names_in("The river.", "Which?") == []
    assert names_in("Yes, Hotel Torni", "Is Hotel Torni there?") == []
