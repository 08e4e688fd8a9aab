"""The parts that pages are made of: figures, curves, thumbnails, clues, details."""

from __future__ import annotations

import base64
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evals.read_clues import was_read
from evals.record import Truth
from evals.report import Case
from evals.report.clues import read_texts, told_by
from evals.report.curves import distance_curve, share_of
from evals.report.detail import detail
from evals.report.figures import Figure, figure, metric_named, points
from evals.report.plots import Plot, bars, log_place
from evals.report.records import columns_of, shown_beliefs, truth_name
from evals.report.tables import best_of, cell
from evals.report.thumbnails import fitted
from tests.agent.report_cases import PORTO, RECIFE
from tests.evals.report.cases import CLUES, investigated, jpeg, row, support_bits


def test_a_share_has_the_wilson_interval() -> None:
    half = share_of(0.5, 10)
    assert (half.low, half.high) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert (share_of(0.0, 5).low, share_of(1.0, 5).high) == pytest.approx((0.0, 1.0))


@given(st.integers(1, 5000), st.floats(0.0, 1.0))
def test_a_share_lies_in_its_interval(n: int, value: float) -> None:
    share = share_of(value, n)
    assert 0.0 <= share.low <= value + 1e-12
    assert value - 1e-12 <= share.high <= 1.0


def test_the_distance_curve_counts_strictly_nearer_and_missing_answers() -> None:
    rows = [row("a", 10.0), row("b", 100.0), row("c", None), row("d", None, truth=Truth(country="PT"))]
    assert distance_curve(rows, np.array([1.0, 10.0, 10.1, 101.0])).tolist() == pytest.approx([0, 0, 1 / 3, 2 / 3])
    assert np.isnan(distance_curve(rows[3:], np.array([1.0]))).all()
    assert (log_place(1.0), log_place(20_000.0), log_place(1e9)) == (0.0, 1.0, 1.0)


def test_a_figure_is_read_or_none() -> None:
    assert figure({"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}, "share") == Figure(0.5, 0.4, 0.6, 9)
    assert figure({"value": None, "low": None, "high": None, "n": 9}, "share") is None
    assert figure({"value": None, "low": 20.0, "high": None, "n": 9}, "km") == Figure(math.inf, 20.0, math.inf, 9)
    assert figure("much", "share") is None
    assert metric_named("unheard_of").title == "unheard of"
    assert Figure(-1.5, -2.0, 0.5, 3).interval("") == "−2.00 to 0.50"
    assert points({"x": [{"a": 1, "b": 2}, {"a": None, "b": 2}, "?"]}, "x", ("a", "b")) == [(1.0, 2.0)]


def test_the_best_is_marked_only_apart_from_all_others() -> None:
    a, b, c = Figure(0.8, 0.7, 0.9, 9), Figure(0.5, 0.4, 0.6, 9), Figure(0.65, 0.55, 0.75, 9)
    assert best_of({"a": a, "b": b}, "high") == "a"
    assert best_of({"a": a, "b": b}, "low") == "b"
    assert best_of({"a": a, "b": b, "c": c}, "high") is None
    assert best_of({"a": a}, "high") is None
    assert best_of({"a": a, "b": b}, "") is None
    far = Figure(math.inf, 3000.0, math.inf, 9)
    assert best_of({"a": far, "b": Figure(10.0, 5.0, 20.0, 9)}, "low") == "b"
    assert "n 9" in cell(a, metric_named("country"), False, 12)
    assert "n 9" not in cell(a, metric_named("country"), False, 9)


def test_a_plot_leaves_out_what_is_not_finite() -> None:
    plot = Plot("p", "x", "y")
    plot.path([0.0, 0.5, 1.0], [0.0, math.nan, 1.0], "curve")
    assert plot.parts[0].count("L") == 1
    drawn = bars([("read", -1.0, -2.0, 1.0, "3 calls"), ("zoom", 2.0, None, None, "")], lambda v: f"{v:.0f}", "bits")
    assert "left:50.00%" in drawn
    assert "-2 to 1" in drawn


def test_thumbnails_keep_their_budget() -> None:
    noisy = [jpeg(noise=number) for number in range(1, 9)]
    whole, coarser = fitted(noisy, budget=10**7)
    assert coarser == 0
    assert base64.b64decode(whole[0] or "") == noisy[0]
    small, coarser = fitted([*noisy, None, b"GIF89a", b"\xff\xd8\xffbroken" * 9000], budget=60_000)
    assert coarser == 9
    assert small[8:] == [None, None, None]
    assert sum(len(base64.b64decode(t)) for t in small if t) <= 60_000 * 1.5
    assert Image.open(io.BytesIO(base64.b64decode(small[0] or ""))).format == "JPEG"


def test_clues_are_read_when_their_letters_were(tmp_path: Path) -> None:
    read = read_texts(investigated(tmp_path))
    assert [was_read(str(clue.get("text") or ""), read) for clue in CLUES] == [True, False, None]
    assert was_read("Farmacia Centrál", ["the farmacia centra1 here"]) is True
    assert was_read("Rua", ["ruano"]) is False
    assert read_texts({"regions": [], "steps": ["?"]}) == read_texts(None) == []


def test_clues_say_what_they_tell() -> None:
    clue = {"tells": "city", "value": "Porto", "needs_zoom": True, "decisive": False, "board": 3}
    assert told_by(clue) == "tells the city (Porto), needs zooming"
    assert told_by({"distractor": True, "value": "Paris"}) == "misleads (Paris)"
    assert told_by({"value": "right"}) == "right"
    assert told_by({}) == ""


def test_details_hold_what_the_evidence_says_at_the_truth(tmp_path: Path) -> None:
    case = Case(None, investigated(tmp_path), "CC0", "me", CLUES)
    found = detail(row("a"), case, True, 60_000)
    assert [item[3] for item in found["evidence"]] == pytest.approx([support_bits(PORTO), support_bits(RECIFE)], abs=0.006)
    assert [step[5] for step in found["steps"]] == [2.0, 0.0]
    assert [box[4:] for box in found["boxes"]] == [
        ["v1", "v1: zoomed part, turned 90°, contrast raised", "zooms"],
        ["1", "1: “Rua”", "texts"],
    ]
    assert [clue[3] for clue in found["clues"]] == [True, False, None]
    assert len(found["belief"]["heat"]) == 10
    assert found["cut"] == []
    assert "belief" not in detail(row("a"), case, False, 60_000)


def test_details_are_shortened_to_their_budget(tmp_path: Path) -> None:
    made = investigated(tmp_path)
    case = Case(None, {**made, "ledger": made["ledger"] * 30, "steps": made["steps"] * 30}, clues=CLUES * 10)
    found = detail(row("a"), case, False, 4_000)
    assert len(json.dumps(found)) < 7_000
    assert found["cut"] == ["what the tools answered", "44 steps", "48 pieces of evidence"]
    assert all(step[-1] == "" for step in found["steps"])


@pytest.mark.parametrize(
    "changes",
    [
        {"ledger": [{"claim": "x"}, "?", {"mean": "much"}], "size": "large", "views": {"v": 3}, "regions": ["?"]},
        {"steps": ["?", {"args": 3, "turn": "one", "seconds": float("nan")}], "best_guess": "here", "ledger": None},
        {"ledger": [{"claim": "x", "mean": 1e-3, "likelihood": {"kind": "unheard"}}], "size": [0, -1]},
    ],
)
def test_a_damaged_trajectory_costs_what_is_damaged_alone(tmp_path: Path, changes: dict[str, object]) -> None:
    found = detail(row("a"), Case(None, {**investigated(tmp_path), **changes}), True, 60_000)
    json.dumps(found, allow_nan=False)
    assert found["size"] is None or found["size"] == [400, 300]


def test_beliefs_are_shown_of_the_best_and_of_three_kinds_of_bad() -> None:
    rows = [row(f"near{i}", 1.0 + i) for i in range(5)]
    rows += [row("far", 9000.0, 0.1), row("sure", 900.0, 0.99), row("lost", 300.0, 0.2, bits_prior=-9.0), row("none", None)]
    assert shown_beliefs(rows, 2) == {"near0", "near1", "far", "sure"}
    assert shown_beliefs(rows, 3) == {"near0", "near1", "near2", "far", "sure", "lost"}
    assert shown_beliefs([], 3) == set()


def test_columns_tell_right_wrong_and_no_verdict() -> None:
    found = columns_of([row("a"), row("b", None, truth=Truth(country="FR"))])
    assert found["levels"] == ["111", "000"]
    assert found["published"]["final"] == ["1-1", "1-0"]
    assert found["km"] == [3.0, None]
    assert found["answer"][1] is None
    assert found["truth"][1] == [None, None, "France"]
    assert found["judged"] is None
    assert {facet["key"]: facet["offered"] for facet in found["facets"]} == {
        "kind": False, "column:continent": False, "column:difficulty": False, "stop": True,
    }  # fmt: skip


def test_a_truth_is_named_by_what_is_known() -> None:
    assert truth_name(Truth(41.1, -8.6, "PT", "Porto", "Porto")) == "Porto, Portugal"
    assert truth_name(Truth(1.0, 2.0)) == "1.000, 2.000"
    assert truth_name(Truth(names={"city": "Gotham"})) == "Gotham"
    assert truth_name(Truth()) == "unknown"
