"""The pages as files: complete, self-contained, and deaf to whatever their texts try."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.metrics.compare import compare
from evals.record import Truth
from evals.report import Case, compare_html, report_html, report_markdown
from tests.agent.report_cases import HOSTILE
from tests.agent.test_report import assert_self_contained, block, find, said
from tests.evals.report.cases import (
    MANIFEST,
    case_in,
    hostile_case,
    hostile_manifest,
    hostile_row,
    jpeg,
    row,
    summaries_of,
)

SHOWN = HOSTILE.translate({0: "\ufffd", 0xD800: "\ufffd", 0x202E: "\ufffd"})


def nothing(_: str) -> Case:
    return Case()


def made(systems: dict[str, Any], case: Any = nothing, manifest: dict[str, Any] = MANIFEST, **more: Any) -> tuple[str, Any]:
    page = report_html(manifest, systems, summaries_of(systems), case, **more)
    return page, assert_self_contained(page)


def test_a_run_beside_its_baselines(tmp_path: Path) -> None:
    rows = [row("a", 3.0), row("b", 900.0), row("c", None, kind="panorama"), row("d", 1.0, kind="panorama")] * 6
    rows = [row(f"{r.id}{i}", r.distance_km, kind=r.kind) for i, r in enumerate(rows)]
    systems = {"checklist": rows, "constant": [row(r.id, 4000.0, kind=r.kind, ranked=(), calls=()) for r in rows]}
    _, tree = made(systems, case_in(tmp_path), beliefs=1)
    assert said(tree, "h1") == "folder:photos"
    assert "checklist · 24 records · 2026-01-02 03:04" in said(tree, ".lead")
    assert "partial: 1 of 3" in said(tree, ".problem")
    assert "max_turns 12" in said(tree, ".settings")
    assert [s.text for s in find(tree, ".group h3")][:3] == [
        "Place",
        "Distance",
        "Published word matcher, for comparison with published tables alone",
    ]
    place, distance = find(tree, ".group")[:2]
    marked = [tr.text_content() for group in (place, distance) for tr in group.iter("tr") if "●" in tr.text_content()]
    assert [text.startswith("checklist") for text in marked] == [True] * len(marked)
    assert marked
    assert [s.get("data-split") for s in find(tree, ".split") if s.get("hidden") is None] == ["0:0"]
    assert {"0:0", "1:0"} <= {s.get("data-split") for s in find(tree, ".split")}
    assert len(find(tree, "path.curve")) == 4
    assert "read_text" in said(tree, ".bars")
    assert "with an answer" in said(tree, ".bars")
    store = block(tree, "records")
    assert len(store["id"]) == 24
    assert store["others"] == {"constant": [4000.0] * 24}
    details = block(tree, "details-0")
    assert sum(item.get("belief") is not None for item in details) == 2
    assert len(block(tree, "thumbs-0")) == 24


def test_the_pool_stands_beside_the_answers(tmp_path: Path) -> None:
    mine = [row("a", candidates_km=(3.0,)), row("b", 900.0, candidates_km=(900.0, 2.0))]
    page, tree = made({"checklist": mine, "constant": [row("a"), row("b", 40.0)]}, case_in(tmp_path), beliefs=1)
    (group,) = [part for part in find(tree, "details.group") if "pool of candidates" in part.text_content()]
    heads = [head.text_content() for head in group.xpath(".//tbody/tr/th")]
    assert heads == ["checklistthe answer", "the first candidate", "the best of the first 5", "the best of all candidates"]
    figures = [[cell.text for cell in line.xpath(".//b")] for line in group.xpath(".//tbody/tr")]
    assert figures[0] == figures[1] == ["0.0 %", "50.0 %", "50.0 %", "50.0 %", "100.0 %"]
    assert figures[2] == figures[3] == ["0.0 %", "100.0 %", "100.0 %", "100.0 %", "100.0 %"]
    assert "the first candidate, &lt;" not in page, "no other table has them"


def test_no_record_and_one_record() -> None:
    _, tree = made({"checklist": []})
    assert "There is no record" in said(tree, "#records-card")
    assert "No record has coordinates" in said(tree, "#charts")
    _, tree = made({"checklist": [row("a")]})
    assert block(tree, "records")["id"] == ["a"]
    assert block(tree, "thumbs-0") == [None]
    _, tree = made({})
    assert "There is no record" in said(tree, "#records-card")


def test_summaries_that_lack_everything() -> None:
    page = report_html({}, {"x": [row("a")]}, {"x": {"n": 1, "metrics": None, "splits": 3, "agent": {"tools": "?"}}}, nothing)
    tree = assert_self_contained(page)
    assert "There is nothing to split by" in said(tree, "#splits")
    assert "No probability was stated" in said(tree, "#charts")


def test_truths_without_a_place_answers_and_pictures() -> None:
    rows = [row("a", None, truth=Truth(), bits_prior=None, bits_uniform=None, ranked=(), calls=(), stop="not_run", levels={}, published={}),
            row("b", None, truth=Truth(country="FR"), stop="photo_error", error="b is damaged")]  # fmt: skip
    _, tree = made({"checklist": rows})
    store = block(tree, "records")
    assert store["truth"] == [[None, None, "unknown"], [None, None, "France"]]
    assert store["levels"][0] == "---"
    assert block(tree, "details-0")[1]["error"] == "b is damaged"
    assert "No record has coordinates" in said(tree, "#charts")


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    rows = [hostile_row(), row("b", kind="x")]
    page, tree = made({HOSTILE: rows, "other": rows}, lambda _: hostile_case(tmp_path), hostile_manifest())
    assert said(tree, "h1") == " ".join(SHOWN.split())
    assert said(tree, ".problem") == " ".join(SHOWN.split())
    store, details = block(tree, "records"), block(tree, "details-0")
    assert store["id"][0] == SHOWN
    assert store["answer"][0][2] == SHOWN[:119] + "…" if len(SHOWN) > 120 else SHOWN
    assert details[0]["licence"] == SHOWN
    assert not find(tree, "a")
    assert not find(tree, "img")
    page.encode("utf-8")


def test_hostile_texts_in_a_comparison_and_in_markdown(tmp_path: Path) -> None:
    a, b = [hostile_row(), row("b", 3.0)], [hostile_row(), row("b", None)]
    page = compare_html((HOSTILE, HOSTILE), a, b, compare(a, b, resamples=100), lambda _: hostile_case(tmp_path), nothing)
    tree = assert_self_contained(page)
    assert said(tree, "h1 .b") == " ".join(SHOWN.split())
    assert block(tree, "changes")["names"][0].startswith(SHOWN[:80])
    page.encode("utf-8")
    text = report_markdown(hostile_manifest(), summaries_of({"run": a}))
    assert "<script" not in text
    assert "\n# " not in text[1:]
    text.encode("utf-8")


def test_a_comparison_tells_what_changed(tmp_path: Path) -> None:
    a = [row(f"r{i}", 900.0 if i % 2 else 3.0) for i in range(30)] + [row("alone")]
    b = [row(f"r{i}", 3.0) for i in range(30)]
    found = compare(a, b, resamples=200)
    tree = assert_self_contained(compare_html(("old", "new"), a, b, found, case_in(tmp_path), case_in(tmp_path), beliefs=1))
    assert said(tree, "h1") == "new against old"
    assert "15 got better, 0 worse, 15 stayed" in said(tree, ".lead")
    assert "1 record of old alone is left out" in said(tree, ".problem")
    rows = {tr[0].text_content(): " ".join(tr.text_content().split()) for tr in find(tree, "#differences tbody tr")}
    assert rows["<25 km"].startswith("<25 km▲+50.0 %")
    assert rows["<25 km"].endswith("50.0 %100.0 %1.00030")
    store = block(tree, "changes")
    assert store["side"] == [0, 1] * 15
    assert store["won"] == [0, 3] * 15
    assert len(block(tree, "a-details-0")) == len(block(tree, "b-thumbs-0")) == 30
    assert sum(item.get("belief") is not None for item in block(tree, "a-details-0")) == 1


@pytest.mark.parametrize("rows", [[], [row("x")]])
def test_runs_without_a_record_in_common(rows: list[Any]) -> None:
    found = compare(rows, [row("y")], resamples=100)
    tree = assert_self_contained(compare_html(("a", "b"), rows, [row("y")], found, nothing, nothing))
    assert "no record in common" in said(tree, "#changes-card")


def test_a_page_of_1142_records_stays_small() -> None:
    noisy = [jpeg(noise=number, quality=90) for number in range(1, 4)]
    rows = [row(f"r{i}", float(i * 7 % 4000), columns={"continent": "Europe", "tag": f"t{i}"}) for i in range(1142)]
    steps = [
        {"turn": n, "tool": "read_text", "args": {"view": "photo"}, "text": "words " * 60, "ok": True, "seconds": 1.0}
        for n in range(24)
    ]
    trajectory = {"steps": steps, "ledger": [{"claim": "c" * 200, "tool": "t", "reliability": 0.9}] * 40}
    page, tree = made({"run": rows}, lambda name: Case(noisy[len(name) % 3], trajectory, "CC0", "someone"))
    assert len(page.encode()) < 25_000_000
    assert "1,142 records had to be shortened" in said(tree, "#records-card .note")
    assert "1,142 pictures were made coarser" in said(tree, "#records-card .note")
    assert not [f for f in block(tree, "records")["facets"] if f["key"] == "column:tag" and f["offered"]]


def test_markdown_holds_notes_and_tables() -> None:
    text = report_markdown(MANIFEST, summaries_of({"run": [row("a"), row("b", None)]}))
    assert text.startswith("# folder:photos\n\nchecklist · 2 records · 2026-01-02 03:04\n\n> **partial: 1 of 3")
    assert "## Place" in text
    assert text.endswith("Versions: geosleuth 0.1.0\n")
    assert "# Evaluation" in report_markdown({}, {})
    json.dumps(text)
