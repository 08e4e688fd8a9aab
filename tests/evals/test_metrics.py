"""Failures count as wrong, denominators are fixed, coverage is of the answers given."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from evals.labelled_folder import read_labels, score, table
from evals.metrics import distance_metrics
from geo.score import geoscore


def test_a_missing_answer_counts_as_wrong_everywhere() -> None:
    metrics = distance_metrics(
        np.array([0.5, 24.9, 25.0, np.nan]), {0.5: np.array([1.0, 10.0, 30.0, np.nan])}, [True, False, None, False]
    )
    assert (metrics.count, metrics.answered) == (4, 3)
    assert metrics.within == {1.0: 0.25, 25.0: 0.5, 200.0: 0.75, 750.0: 0.75, 2500.0: 0.75}, "strictly nearer"
    assert metrics.median_km == pytest.approx((24.9 + 25.0) / 2)
    assert metrics.mean_geoscore == pytest.approx(float(geoscore(np.array([0.5, 24.9, 25.0])).sum()) / 4)
    assert metrics.country == pytest.approx(1 / 3), "an unknown country is left out"
    assert metrics.coverage == {0.5: pytest.approx(2 / 3)}


def test_more_failures_than_answers_have_no_median() -> None:
    metrics = distance_metrics(np.array([1.0, np.nan, np.nan]), {}, [None] * 3)
    assert (metrics.median_km, metrics.country) == (None, None)


def test_no_photos() -> None:
    metrics = distance_metrics(np.array([]), {0.9: np.array([])}, [])
    assert (metrics.count, metrics.mean_geoscore, metrics.median_km) == (0, 0.0, None)


def test_a_labelled_folder(tmp_path: Path) -> None:
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [
                ("path", "lat", "lon", "country"),
                ("images/a.jpg", 41.15, -8.61, "PT"),
                ("images/b.jpg", 48.85, 2.35, "FR"),
                ("c.jpg", "", "", "IT"),
            ]
        )
    porto = {"lat": 41.15, "lon": -8.61, "country": "PT", "radius50_km": 5.0, "radius90_km": 9.0}
    runs = [
        {"photo": "x/a.jpg", "answer": porto, "best_guess": porto},
        {"photo": "x/b.jpg", "answer": None, "best_guess": porto},
        {"photo": "x/c.jpg", "answer": porto, "best_guess": porto},
        {"photo": "x/unknown.jpg", "answer": porto, "best_guess": porto},
    ]
    labels = read_labels(tmp_path / "labels.csv")
    answers, forced = score(runs, labels, forced=False), score(runs, labels, forced=True)
    assert (answers.count, answers.answered, answers.within[1.0], answers.country) == (2, 1, 0.5, 0.5)
    assert (forced.answered, forced.coverage[0.9]) == (2, 0.5)
    assert table([("answers", answers)]).splitlines()[-1].startswith("| answers | 2 | 1 | 50.0 % |")
