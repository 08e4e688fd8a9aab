"""Drawn points on the report's map: those of any belief, and those that a model drew; hostile ones are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.limits import MAX_SAMPLES
from agent.report import belief_of, report_html
from agent.report.samples import samples_of
from tests.agent.report_cases import HOSTILE, PORTO, painted, trajectory
from tests.agent.test_report import assert_self_contained, block, said


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted(tmp_path_factory.mktemp("photos") / "street.png")


def test_points_of_the_belief_and_of_a_model(photo: Path) -> None:
    made = trajectory(photo, PORTO, samples={"n": 40, "seed": 0, "models": {"flow-world": [[41.1, -8.6], [40.0, -8.0]]}})
    page = report_html([made])
    tree = assert_self_contained(page)
    own, model = block(tree, "map-1")["samples"]
    assert (own["label"], own["kind"], len(own["at"])) == ("the belief", "drawn", 80)
    assert (model["label"], model["kind"], model["at"]) == ("flow-world", "modelled", [41.1, -8.6, 40.0, -8.0])
    near = sum(abs(lat - 41.15) < 0.5 and abs(lon + 8.61) < 0.5 for lat, lon in zip(own["at"][::2], own["at"][1::2], strict=True))
    assert near > 30, "95 % of the belief lies there"
    assert "drawn from the belief" in said(tree, ".legend")
    assert "drawn from flow-world" in said(tree, ".legend")
    assert block(assert_self_contained(report_html([made])), "map-1") == block(tree, "map-1"), "the same every time"


def test_points_of_a_belief_without_evidence(photo: Path) -> None:
    made = trajectory(photo, samples={"n": 5, "seed": 0, "models": {}})
    assert len(block(assert_self_contained(report_html([made])), "map-1")["samples"][0]["at"]) == 10


@pytest.mark.parametrize("asked", [None, "x", [], {}, {"n": 0}, {"n": True}, {"n": -3}, {"n": MAX_SAMPLES + 1}, {"n": "9"}])
def test_nothing_is_drawn_where_nothing_was_asked(photo: Path, asked: Any) -> None:
    assert samples_of({"samples": asked}, belief_of(trajectory(photo, PORTO))) == []


@pytest.mark.parametrize(
    "points", [None, "x", 3, [], [[1.0]], [[91.0, 0.0]], [[float("nan"), 0.0]], [["a", "b"]], [[1, 2], [3]], {"0": 1}]
)
def test_points_that_are_none_are_left_out(photo: Path, points: Any) -> None:
    found = samples_of({"samples": {"n": 3, "seed": "x", "models": {"m": points}}}, belief_of(trajectory(photo, PORTO)))
    assert [one.source for one in found] == ["belief"]


def test_a_hostile_name_stays_text(photo: Path) -> None:
    models = {f"{HOSTILE}{number}": [[1.0, 2.0]] * 900 for number in range(30)}
    tree = assert_self_contained(report_html([trajectory(photo, PORTO, samples={"n": 2, "seed": 0, "models": models})]))
    drawn = block(tree, "map-1")["samples"]
    assert len(drawn) == 9
    assert len(drawn[1]["at"]) == 2 * MAX_SAMPLES
    assert len(drawn[1]["label"]) <= 64
