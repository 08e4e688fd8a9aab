"""The study of matchers: its answers are well formed, its tables say what was judged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from evals.matcher_study import MATCHERS, Judged, StudyAnswer, depth, load_answers, study, to_markdown
from evals.record import Truth
from evals.row import LEVELS


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return study()


def test_the_answers_are_many_and_of_all_kinds() -> None:
    answers = load_answers()
    assert len({a.id for a in answers}) == len(answers) >= 80
    groups = Counter(a.group for a in answers)
    assert set(groups) >= {
        "exonym",
        "script",
        "homonym",
        "negation",
        "several",
        "coordinates",
        "refusal",
        "city-state",
        "injection",
    }
    assert min(groups.values()) >= 3
    assert all(a.truth.country for a in answers)


def test_what_a_person_says_holds_upward() -> None:
    for answer in load_answers():
        assert bool(answer.expected["city"]) <= bool(answer.expected["region"]) <= bool(answer.expected["country"]), answer.id


def test_the_answer_stands_in_the_message() -> None:
    assert [a.id for a in load_answers() if a.final not in a.message] == []


def test_ours_is_right_where_the_issue_says_that_the_published_one_is_not(judged: list[Judged]) -> None:
    wanted = {"Not Kunming, this is Hanoi", "Paris, Texas, USA", "München, Deutschland", "东京"}
    rows = [item for item in judged if item.answer.final in wanted]
    assert {item.answer.final for item in rows} == wanted
    assert all(item.right("ours") for item in rows)
    assert wanted == {item.answer.final for item in rows if not item.right("final")}


def test_ours_gives_no_credit_that_a_person_would_not_give(judged: list[Judged]) -> None:
    given = [item.answer.id for item in judged for level in LEVELS
             if item.verdicts["ours"][level] and not item.answer.expected[level]]  # fmt: skip
    assert given == []


def test_ours_is_wrong_on_few_and_known_answers(judged: list[Judged]) -> None:
    """Inflected names (b022, b023), airports' codes (b061, c047), a province by its Chinese name (a038)."""
    assert {item.answer.id for item in judged if not item.right("ours")} <= {"a038", "b022", "b023", "b061", "c047"}


def test_the_tables_are_the_same_each_time_and_name_every_disagreement(judged: list[Judged]) -> None:
    text = to_markdown(judged)
    assert text == to_markdown(study())
    for item in judged:
        listed = f"\n| {item.answer.id} |" in text
        assert listed == (not all(item.right(matcher) for matcher in MATCHERS))


def test_cells_cannot_break_the_table() -> None:
    truth = Truth(country="FR", names=dict.fromkeys(LEVELS, "a|b"))
    nothing = dict.fromkeys(LEVELS, False)
    answer = StudyAnswer("x", "odd", truth, "m", "| **bold** |\n<b>`code`</b>", dict.fromkeys(LEVELS, True), "")
    text = to_markdown([Judged(answer, dict.fromkeys(MATCHERS, nothing))])
    row = next(line for line in text.splitlines() if line.startswith("| x |"))
    assert row.replace("\\|", "").count("|") == 9
    assert "<b>" not in row


def test_depth() -> None:
    assert depth({"country": True, "region": True, "city": False}) == "region"
    assert depth({"country": False, "region": False, "city": False}) == "nothing"


def test_the_documentation_is_up_to_date() -> None:
    """`python -m evals.matcher_study > docs/matching.md` renews it."""
    page = Path(__file__).resolve().parents[2] / "docs" / "matching.md"
    assert page.read_text(encoding="utf-8").endswith(to_markdown(study()))
