"""Summaries and comparisons: failures count as wrong, denominators are shown, JSON holds numbers or null."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from evals.metrics.compare import compare
from evals.metrics.glossary import METRICS
from evals.metrics.summary import columns_of, summarise
from evals.metrics.table import comparison_markdown, markdown, table
from evals.record import Truth
from evals.row import Row, ToolCall
from geo.score import geoscore
from tests.evals.metrics.cases import row

CALLS = (ToolCall("read_text", True, 1.0, 3.0), ToolCall("read_text", True, 3.0, -1.0), ToolCall("zoom", False, 0.5, 0.0))


def mixed() -> list[Row]:
    return [
        row(
            "a",
            0.5,
            p=0.9,
            calls=CALLS,
            columns={"continent": "Europe"},
            kind="photo",
            bits_prior=4.0,
            ranked=((0.7, 0.5, True),),
        ),
        row("b", 24.9, p=0.8, columns={"continent": "Europe"}, kind="photo", ranked=((0.6, 300.0, False), (0.3, 5.0, True))),
        row("c", 25.0, p=0.2, columns={"continent": "Asia"}, kind="satellite"),
        row("d", None, columns={"continent": "Asia"}, kind="satellite"),
        row("e", None, columns={"continent": "Asia"}, kind="satellite", stop="policy_error", tokens_in=9),
    ]


def value(summary: dict, name: str) -> float:
    found: float = summary["metrics"][name]["value"]
    return found


def test_numbers_by_hand() -> None:
    found = summarise(mixed(), resamples=100)
    assert value(found, "within_1km") == pytest.approx(0.2)
    assert value(found, "within_25km") == pytest.approx(0.4), "a threshold is strict"
    assert value(found, "answered") == pytest.approx(0.6)
    assert value(found, "country") == pytest.approx(0.6)
    assert value(found, "city") == pytest.approx(0.4)
    assert value(found, "median_km") == pytest.approx(25.0)
    assert value(found, "mean_km_answered") == pytest.approx((0.5 + 24.9 + 25.0) / 3, abs=1e-3)
    assert found["metrics"]["mean_km_answered"]["n"] == 3
    assert value(found, "geoscore") == pytest.approx(float(geoscore([0.5, 24.9, 25.0]).sum()) / 5, abs=0.01)
    assert value(found, "coverage50") == pytest.approx(1 / 3, abs=1e-5)
    assert value(found, "coverage90") == 1.0
    assert value(found, "failed") == pytest.approx(0.2)
    assert value(found, "bits_prior") == 4.0
    assert found["metrics"]["bits_prior"]["n"] == 1
    assert value(found, "accuracy@3_25km") == pytest.approx(0.4)
    assert found["metrics"]["oracle_median_km"]["value"] is None, "three of five have no ranked place"
    assert value(found, "brier") == pytest.approx((0.1**2 + 0.2**2 + 0.8**2) / 3, abs=1e-5)
    assert found["agent"]["stops"] == {"answered": 3, "cannot_tell": 1, "policy_error": 1}


def test_tools() -> None:
    tools = summarise(mixed(), resamples=100)["agent"]["tools"]
    assert (tools["read_text"]["calls"], tools["read_text"]["failed"]) == (2, 0)
    assert tools["read_text"]["bits_per_call"]["value"] == pytest.approx(1.0)
    assert (tools["read_text"]["toward"], tools["read_text"]["away"]) == (0.5, 0.5)
    assert tools["zoom"]["failed"] == 1
    assert tools["zoom"]["nothing"] == 1.0
    assert tools["read_text"]["intervals"]["toward"]["n"] == 2


def test_what_was_left_unanswered_of_each_kind() -> None:
    agent = summarise(mixed(), resamples=50)["agent"]
    assert agent["unanswered"] == {
        "photo": {"n": 2, "unanswered": 0, "stops": {}},
        "satellite": {"n": 3, "unanswered": 2, "stops": {"cannot_tell": 1, "policy_error": 1}},
    }
    timed = [row(str(i), 1.0, seconds=float(i)) for i in range(1, 11)] + [row("never", None, stop="not_run")]
    agent = summarise(timed, resamples=50)["agent"]
    assert (agent["seconds"], agent["seconds_median"], agent["seconds_90"]) == (55.0, 5.5, 9.5)
    assert agent["intervals"]["seconds_90"]["n"] == 10


def test_splits_and_macro_means() -> None:
    found = summarise(mixed(), resamples=100)
    assert list(found["splits"]) == ["kind", "continent"]
    assert {name: part["n"] for name, part in found["splits"]["continent"].items()} == {"Asia": 3, "Europe": 2}
    macro = found["macro"]["continent"]["within_25km"]
    assert macro["value"] == pytest.approx((1.0 + 0.0) / 2)
    assert macro["n"] == 2


def test_all_failed_is_zero_and_never_nan() -> None:
    rows = [row(str(i), None, stop="not_run") for i in range(4)]
    found = summarise(rows, resamples=50)
    json.dumps(found, allow_nan=False)
    assert value(found, "within_2500km") == value(found, "geoscore") == value(found, "country") == 0.0
    assert found["metrics"]["median_km"] == {"value": None, "low": None, "high": None, "n": 4}
    assert "turns" not in found["metrics"], "nothing was run"
    assert "none" in markdown({"all failed": found})


def test_truths_without_coordinates_or_city() -> None:
    rows = [
        row("a", 5.0),
        row("b", 5.0, city=None),
        Row("c", "photo", Truth(country="PT"), levels={"country": True, "region": None, "city": None}),
    ]
    found = summarise(rows, resamples=50)
    assert found["metrics"]["within_25km"]["n"] == 2
    assert found["metrics"]["city"]["n"] == 1
    assert found["metrics"]["country"]["n"] == 3
    json.dumps(summarise([], resamples=10), allow_nan=False)


def test_further_thresholds_are_asked_for() -> None:
    found = summarise(mixed(), resamples=20, extra_km=(0.5, 10.0))
    assert (value(found, "within_0.5km"), value(found, "within_10km")) == (0.0, 0.2), "0.5 km is not strictly within 0.5 km"
    assert "within_2km" not in found["metrics"]
    assert "<0.5 km" in markdown({"a": found})
    with pytest.raises(ValueError, match="within 7 km"):
        summarise(mixed(), extra_km=(7.0,))


def test_failures_of_a_judge_are_counted() -> None:
    verdicts = {"country": True, "region": False, "city": False}
    rows = [
        row("a", 5.0, judged=verdicts),
        row("b", 5.0, judged=verdicts),
        row("c", 5.0),
        row("d", None, judged=dict.fromkeys(verdicts, False)),
    ]
    found = summarise(rows, resamples=20)
    assert value(found, "judge_failed") == 0.25
    assert found["metrics"]["judge_country"]["n"] == 3
    assert value(found, "judge_country") == pytest.approx(2 / 3, abs=1e-6)
    assert value(found, "judge_equal_country") == 1.0
    assert value(found, "judge_equal_city") == pytest.approx(1 / 3, abs=1e-6)
    assert not any(name.startswith("judge") for name in summarise(mixed(), resamples=20)["metrics"])


def test_a_column_may_be_called_country() -> None:
    rows = [row(str(i), 1.0, columns={"country": "from the file", "kind": "x"}) for i in range(4)]
    assert columns_of(rows) == []
    assert columns_of([*rows, row("e", 1.0, kind="scene")]) == ["kind"]


def test_macro_means_say_how_many_parts_have_one_record() -> None:
    rows = [row(str(i), 1.0 if i < 3 else 900.0, columns={"place": "x" if i < 5 else "y"}) for i in range(6)]
    found = summarise(rows, resamples=200, columns=["place"])["macro"]["place"]["within_25km"]
    assert found["value"] == pytest.approx((3 / 5 + 0) / 2)
    assert (found["n"], found["singles"]) == (2, 1)


def test_clouds_have_intervals() -> None:
    found = summarise([row(str(i), float(i)) for i in range(1, 30)], resamples=50)["clouds"]
    assert found["intervals"]["precision"]["n"] == 29
    assert found["precision"] == found["intervals"]["precision"]["value"]
    assert summarise([row(str(i), 1.0) for i in range(3)], resamples=20)["clouds"] is None


def test_tables_are_harmless_and_fit_a_terminal() -> None:
    text = table(["", "n", *("figure",) * 9], [["a|b\x1b[31m\n<script>", "3", *("61.2 % [58.4, 64.0]",) * 9]])
    assert "\x1b" not in text
    assert "a\\|b [31m \\<script>" in text
    assert max(map(len, text.splitlines())) <= 120
    assert text.count("61.2 %") == 9
    assert all(line.startswith("|") for line in text.splitlines() if line)


def test_the_order_of_rows_does_not_matter() -> None:
    rows = mixed()
    random.Random(1).shuffle(rows)
    assert json.dumps(summarise(rows, resamples=60)) == json.dumps(summarise(mixed(), resamples=60))


def test_every_metric_is_in_the_glossary_and_the_tables_show_it() -> None:
    found = summarise(mixed(), resamples=20)
    assert set(found["metrics"]) <= set(METRICS)
    text = markdown({"checklist": found, "a|b": found})
    assert "a\\|b" in text
    assert "40.0 % [" in text
    assert "of 3" in text, "a denominator of its own is shown"
    assert max(map(len, text.splitlines())) <= 120


def test_the_best_of_the_pool_stands_beside_the_answer() -> None:
    """By hand: one candidate of record b and two of c lie within 25 km; d kept no candidate, e did not run to its end."""
    rows = [
        row("a", 0.5, candidates_km=(0.5, 900.0)),
        row("b", 300.0, candidates_km=(300.0, 3000.0, 24.9)),
        row("c", 30.0, candidates_km=(30.0, 26.0, 40.0, 60.0, 70.0, 0.9, 1.1)),
        row("d", None, candidates_km=()),
        row("e", None, stop="policy_error"),
    ]
    found = summarise(rows, resamples=100)
    assert value(found, "within_25km") == value(found, "pool@1_25km") == pytest.approx(0.2)
    assert value(found, "pool@5_25km") == pytest.approx(0.4)
    assert value(found, "pool@all_25km") == pytest.approx(0.6)
    assert value(found, "pool@all_1km") == pytest.approx(0.4), "a threshold is strict"
    assert value(found, "pool@1_750km") == value(found, "pool@all_2500km") == pytest.approx(0.6)
    assert found["metrics"]["pool@5_25km"]["n"] == 5, "records without candidates are misses"
    assert found["metrics"]["pool@5_25km"]["low"] < 0.4 < found["metrics"]["pool@5_25km"]["high"]
    text = markdown({"run": found, "constant": summarise([row("a", 1.0)], resamples=50)})
    lines = [line for line in text.split("## What the pool")[1].split("##")[0].splitlines() if line.startswith("| run")]
    words = ["the answer", "the first candidate", "the best of the first 5", "the best of all candidates"]
    assert [line.split("|")[2].strip() for line in lines] == words * 2, "it is cut in two to fit a terminal"
    assert "60.0 %" in lines[3]
    assert "| constant" not in text.split("## What the pool")[1].split("##")[0]


def test_without_a_pool_there_is_no_oracle() -> None:
    found = summarise(mixed(), resamples=50)
    assert not [name for name in found["metrics"] if name.startswith("pool@")]
    assert "What the pool" not in markdown({"run": found})


def test_a_pool_knows_no_distance_without_a_truth() -> None:
    found = summarise(
        [row("a", 1.0, candidates_km=(1.0,)), Row("b", "photo", Truth(None, None, "PT"), stop="answered")], resamples=50
    )
    assert found["metrics"]["pool@1_25km"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 1}


def test_comparison_pairs_records() -> None:
    a = [row(str(i), 600.0) for i in range(30)] + [row("only", 1.0)]
    b = [row(str(i), 600.0 if i < 10 else 5.0) for i in range(30)]
    found = compare(a, b, resamples=400)
    assert (found["n"], found["only_a"], found["only_b"]) == (30, 1, 0)
    gain = found["metrics"]["within_25km"]
    assert (gain["a"], gain["b"]) == (0.0, pytest.approx(2 / 3, abs=1e-5))
    assert gain["low"] > 0.4
    assert gain["above"] == 1.0
    assert gain["p"] == pytest.approx(2 / 401, abs=1e-6), "no resample of 400 is at 0 or below"
    assert found["metrics"]["answered"]["above"] == 0.5, "no difference at all"
    assert found["metrics"]["answered"]["p"] == 1.0
    assert len(found["better"]) == 20
    assert found["worse"] == []
    assert "20 records got better" in comparison_markdown(("a", "b"), found)
    json.dumps(found, allow_nan=False)
    back = compare(b, a, resamples=400)
    assert back["metrics"]["within_25km"]["value"] == -gain["value"]
    assert len(back["worse"]) == 20


def test_pairing_is_sharper_than_two_separate_intervals() -> None:
    rng = np.random.default_rng(0)
    hard = rng.uniform(size=200) < 0.5
    a = [row(f"{i:03}", 900.0 if hard[i] else 5.0) for i in range(200)]
    b = [row(f"{i:03}", 900.0 if hard[i] and i % 10 else 5.0) for i in range(200)]
    gain = compare(a, b, resamples=500)["metrics"]["within_25km"]
    apart = [summarise(rows, resamples=500)["metrics"]["within_25km"] for rows in (a, b)]
    assert apart[0]["high"] > apart[1]["low"]
    assert gain["low"] > 0


def test_medians_are_paired_by_record_and_not_by_rank() -> None:
    """The same distances dealt to other records: medians are equal, but their difference is as uncertain as two independent ones."""
    rng = np.random.default_rng(0)
    km = rng.uniform(1.0, 1000.0, size=200)
    a = [row(f"{i:03}", float(km[i])) for i in range(200)]
    b = [row(f"{i:03}", float(d)) for i, d in enumerate(rng.permutation(km))]
    alone, apart = summarise(a, resamples=400)["metrics"]["median_km"], compare(a, b, resamples=400)["metrics"]["median_km"]
    assert apart["value"] == 0.0
    assert apart["high"] - apart["low"] > alone["high"] - alone["low"]
    same = compare(a, a, resamples=50)["metrics"]["median_km"]
    assert (same["low"], same["high"]) == (0.0, 0.0)


def test_runs_without_common_records() -> None:
    found = compare([row("a", 1.0)], [row("b", 1.0)], resamples=20)
    assert (found["n"], found["metrics"], found["better"]) == (0, {}, [])
    comparison_markdown(("a", "b"), found)


def test_infinite_medians_have_no_difference() -> None:
    rows = [row(str(i), None) for i in range(4)]
    found = compare(rows, rows, resamples=20)["metrics"]["median_km"]
    assert (found["value"], found["above"], found["p"]) == (None, None, None)
    better = compare(rows, [row(str(i), 1.0) for i in range(4)], resamples=20)
    json.dumps(better, allow_nan=False)
    comparison_markdown(("a", "b"), better)
