"""Summaries and comparisons: failures count as wrong, denominators are shown, JSON holds numbers or null."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from evals.metrics.compare import compare
from evals.metrics.glossary import METRICS
from evals.metrics.summary import summarise
from evals.metrics.table import comparison_markdown, markdown
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
    assert {len(line.split("|")) for line in text.split("\n\n")[1].splitlines()[:2]} == {10}


def test_comparison_pairs_records() -> None:
    a = [row(str(i), 600.0) for i in range(30)] + [row("only", 1.0)]
    b = [row(str(i), 600.0 if i < 10 else 5.0) for i in range(30)]
    found = compare(a, b, resamples=400)
    assert (found["n"], found["only_a"], found["only_b"]) == (30, 1, 0)
    gain = found["metrics"]["within_25km"]
    assert (gain["a"], gain["b"]) == (0.0, pytest.approx(2 / 3, abs=1e-5))
    assert gain["low"] > 0.4
    assert gain["above"] == 1.0
    assert found["metrics"]["answered"]["above"] == 0.5, "no difference at all"
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
