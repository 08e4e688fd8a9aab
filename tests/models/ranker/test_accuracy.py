"""Accuracy is of all photos, those without candidates included; equals share the choice."""

from __future__ import annotations

import numpy as np
import pytest

from geo.sphere import destination
from models.ranker.accuracy import accuracy, at_random, by_belief, by_scores, gain, oracle
from models.ranker.candidates import Candidate
from models.ranker.lists import RankingList


def one_list(*km: float, belief: tuple[float, ...] = ()) -> RankingList:
    lat, lon = destination(10.0, 20.0, 90.0, np.array(km))
    logs = belief or tuple(-float(i) for i in range(len(km)))
    return RankingList(
        "a", 10.0, 20.0, tuple(Candidate(float(a), float(o), 0.0, {"belief": b}) for a, o, b in zip(lat, lon, logs, strict=True))
    )


def test_shares_are_of_all_photos() -> None:
    lists = [one_list(500.0, 10.0), one_list(100.0, 9000.0)]
    assert accuracy(lists, oracle, without=2) == {"photos": 4, "with candidates": 2, "accuracy@25": 0.25, "accuracy@200": 0.5,
                                                  "accuracy@750": 0.5, "mean_km": pytest.approx(55.0)}  # fmt: skip
    assert accuracy(lists, by_belief)["accuracy@25"] == 0.0
    assert accuracy(lists, by_belief)["mean_km"] == pytest.approx(300.0)
    assert accuracy(lists, at_random)["accuracy@200"] == 0.5
    assert accuracy([], oracle, without=1) == {"photos": 1, "with candidates": 0, "accuracy@25": 0.0, "accuracy@200": 0.0, "accuracy@750": 0.0,
                                               "mean_km": None}  # fmt: skip
    assert accuracy([], oracle)["accuracy@25"] is None, "no verdict is no zero"


def test_equals_share_the_choice() -> None:
    assert accuracy([one_list(10.0, 5000.0, belief=(0.0, 0.0))], by_belief)["accuracy@25"] == 0.5


def test_gain_is_counted_list_by_list() -> None:
    lists = [one_list(500.0, 10.0), one_list(100.0, 9000.0)]
    assert gain(lists, oracle, by_belief) == (0.5, pytest.approx(0.5))
    assert gain(lists[:1], by_scores(lambda one: one.distance_km), by_belief) == (0.0, None)
    with pytest.raises(ValueError, match="no lists"):
        gain([], oracle, by_belief)
