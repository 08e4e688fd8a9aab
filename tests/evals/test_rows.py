"""From trajectories to rows: what counts as the answer, what as right, and what is never lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.interchange.predictions import Prediction, to_trajectory
from evals.record import Record, Truth
from evals.results import FORCED, notes_of, read_verdicts, scores_of, systems_of
from evals.row import Row
from evals.rows import final_texts, last_message, rows_of
from evals.run_folder import RunError, RunFolder

LISBON = Truth(38.7223, -9.1393, "PT", "Lisbon", "Lisbon", names={"country": "Portugal", "city": "Lisbon"})


def place(lat: float, lon: float, **more: Any) -> dict[str, Any]:
    return {"lat": lat, "lon": lon, "country": "PT", "country_name": "Portugal", "region": "Lisbon", "city": "Lisbon", "probability": 0.7,
            "radius50_km": 5.0, "radius90_km": 20.0, **more}  # fmt: skip


def trajectory(key: str, answer: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return {"version": 1, "photo": key, "stop": "answered" if answer else "cannot_tell", "error": None, "answer": answer,
            "best_guess": answer or place(38.0, -9.0), "alternatives": [], "ledger": [], "normalisers": [], "area": None, "belief": {},
            "turns": 2, "calls": 1, "seconds": 1.5, "usage": {"input_tokens": 100, "output_tokens": 10}, "steps": [],
            "messages": [], **more}  # fmt: skip


def run(
    folder: Path, *lines: dict[str, Any], truths: tuple[Truth, ...] = (LISBON,), price: list[float] | None = None
) -> RunFolder:
    def never() -> Any:
        raise AssertionError("scoring opens no photo")

    found = RunFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    records = [Record(f"r{i}", truth, never, columns={"set": "a"}) for i, truth in enumerate(truths)]
    found.begin({"benchmark": "some", "policy": "test", "settings": {}, "price": price}, records)
    for line in lines:
        found.append(line)
    return found


def test_an_answer_is_judged_and_counted(tmp_path: Path) -> None:
    alternatives = [
        {**place(38.70, -9.10), "kind": "city"}, {**place(41.1, -8.6), "kind": "region", "region": "Porto", "probability": 0.1},
        {**place(39.5, -8.0), "kind": "country", "probability": 0.1}, {**place(40.4, -3.7), "kind": "country", "country": "ES", "probability": 0.1},
    ]  # fmt: skip
    steps = [{"id": "c1", "tool": "zoom", "ok": True, "seconds": 0.5}, {"id": "c2", "tool": "answer", "ok": True, "seconds": 0.0}]
    (row,) = rows_of(
        run(tmp_path, trajectory("r0", place(38.72, -9.14), alternatives=alternatives, steps=steps), price=[2.0, 20.0])
    )
    assert row.distance_km == pytest.approx(0.26, abs=0.05)
    assert dict(row.levels) == {"country": True, "region": True, "city": True}
    assert [p.holds for p in row.ranked] == [True, False, True, False]
    assert [call.tool for call in row.calls] == ["zoom"], "answering is no call of a tool"
    assert row.usd == pytest.approx((100 * 2 + 10 * 20) / 1e6)
    assert row.columns == {"continent": "Europe", "set": "a"}
    assert row.bits_prior == 0.0
    assert dict(row.published["final"]) == {"country": True, "region": True, "city": True}


def test_what_did_not_run_or_did_not_answer_is_wrong(tmp_path: Path) -> None:
    failed = {
        "version": 1,
        "photo": "r1",
        "stop": "photo_error",
        "error": "gone",
        "answer": None,
        "best_guess": None,
        "alternatives": [],
        "ledger": [],
    }
    folder = run(tmp_path, trajectory("r0", None), failed, truths=(LISBON,) * 3)
    rows = rows_of(folder)
    assert [row.stop for row in rows] == ["cannot_tell", "photo_error", "not_run"]
    for row in rows:
        assert row.answer is None
        assert row.distance_km is None
        assert dict(row.levels) == {"country": False, "region": False, "city": False}
    forced = rows_of(folder, forced=True)
    assert [row.answer is not None for row in forced] == [True, False, False]
    assert notes_of(rows) == [
        "partial: 2 of 3 records were run; the 1 others count as wrong",
        "1 of 3 photos could not be opened; they count as wrong",
    ]  # fmt: skip


def test_systems_and_scores(tmp_path: Path) -> None:
    folder = run(tmp_path, trajectory("r0", place(38.72, -9.14)), trajectory("r1", None), truths=(LISBON, LISBON))
    systems = systems_of(folder)
    assert list(systems)[:2] == ["test", f"test, {FORCED}"]
    scores = scores_of(folder, systems, resamples=50)
    assert scores["systems"]["test"]["metrics"]["city"]["value"] == 0.5
    assert scores["systems"]["test"]["metrics"]["within_25km"]["n"] == 2
    assert {"constant (in hindsight)", "population prior", "photo prior"} <= set(systems)


def test_a_baseline_over_other_records_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "baselines" / "checklist", truths=(LISBON,))
    with pytest.raises(RunError, match="other records"):
        systems_of(run(tmp_path, truths=(LISBON, LISBON)))


def test_imported_words_are_judged_as_words(tmp_path: Path) -> None:
    truths = (
        Truth(48.137, 11.575, "DE", "Bavaria", "Munich", names={"country": "Germany", "region": "Bavaria", "city": "Munich"}),
    ) * 2
    records = [{"id": f"r{i}"} for i in range(2)]
    said = ("München, Deutschland", "Not Munich: this is Hanoi, Vietnam")
    lines = [to_trajectory(Prediction(r["id"], place=text, message=f"<think>Munich?</think> {text}"), r, "import:x")
             for r, text in zip(records, said, strict=True)]  # fmt: skip
    folder = run(tmp_path, *lines, truths=truths)
    right, wrong = rows_of(folder)
    assert right.levels["city"] is True
    assert right.published["final"]["city"] is False, "words are compared letter by letter"
    assert wrong.levels["country"] is False
    assert wrong.published["original"]["city"] is True
    assert right.bits_prior is None, "no belief was kept"
    assert final_texts(folder)["r0"] == said[0]


def test_the_last_message_is_that_of_the_policy() -> None:
    messages = [{"role": "assistant", "content": "first"}, {"role": "assistant", "content": [{"type": "text", "text": "It is"}, {"type": "view"}],
                "tool_calls": [{"args": {"place": "Zürich"}}]}, {"role": "tool", "content": "noted"}]  # fmt: skip
    text = last_message({"messages": messages})
    assert text.startswith("It is")
    assert "Zürich" in text
    assert last_message({}) == ""


def test_verdicts_of_a_judge(tmp_path: Path) -> None:
    path = tmp_path / "judge.jsonl"
    path.write_text(
        '{"judge": {"model": "m"}}\n{"id": "a", "verdicts": null}\n{"id": "a", "verdicts": {"country": true}}\n{"id": "b", "ver'
    )
    assert read_verdicts(path, {"model": "m"}) == {"a": {"country": True}}
    with pytest.raises(RunError, match="another judge"):
        read_verdicts(path, {"model": "n"})
    path.write_text("[]\n")
    with pytest.raises(RunError, match="cannot be read"):
        read_verdicts(path)
    assert read_verdicts(tmp_path / "none") == {}


def test_candidates_are_measured_in_the_order_of_the_pool(tmp_path: Path) -> None:
    pool = [
        {"lat": 41.15, "lon": -8.61},
        {"lat": 38.7223, "lon": -9.1393},
        {"lat": "x"},
        "no candidate",
        {"lat": 95.0, "lon": 0.0},
    ]
    lines = [trajectory("r0", None, candidates=pool), trajectory("r1", None), trajectory("r2", None, candidates=[])]
    a, b, c = rows_of(run(tmp_path, *lines, truths=(LISBON, LISBON, LISBON)))
    assert a.candidates_km == pytest.approx((273.8, 0.0), abs=0.5)
    assert b.candidates_km is None, "an older trajectory, or one from elsewhere"
    assert c.candidates_km == ()
    assert Row.from_json(a.to_json()) == a
    (nowhere,) = rows_of(run(tmp_path / "n", trajectory("r0", None, candidates=pool), truths=(Truth(None, None, "PT"),)))
    assert nowhere.candidates_km is None


def test_rows_survive_json(tmp_path: Path) -> None:
    folder = run(tmp_path, trajectory("r0", place(38.72, -9.14), alternatives=[{**place(38.7, -9.1), "kind": "city"}]))
    (row,) = rows_of(folder)
    assert Row.from_json(row.to_json()) == row
