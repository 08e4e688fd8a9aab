"""Curves of training: the numbers behind them against closed forms, and the picture by its pixels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rl_training.curves import draw_curves, mean_curve, panels_of, runs_of, smoothed
from rl_training.line_chart import PALETTE, Area, Line, Panel, draw, ticks
from rl_training.metrics_log import MetricsError

BLUE, ORANGE, GREEN = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in PALETTE[:3])


def grpo(seed: int, steps: int = 60) -> list[dict[str, Any]]:
    """Rows as a run of GRPO writes them."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for step in range(steps):
        reward = 0.2 + 0.4 * step / steps + rng.normal(0, 0.02)
        rows.append({"step": step, "of": steps, "reward": reward, "reward/std": 0.1, "reward/none": 0.0, "reward/distance": reward / 2,
                     "loss": rng.normal(0, 0.01), "end/answered": 0.75, "end/no_eos": 0.25 if step % 2 else None, "tool/zoom": 0.5,
                     "entropy": 0.9, "groups/drawn": 8, "groups/equal": 2, "episode/written": 120.0})  # fmt: skip
        if step % 20 == 19:
            rows.append({"step": step, "eval/reward": reward, "eval/country": 0.5, "eval/within_25km": 0.25})
    return rows


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    found = picture.convert("RGB").getcolors(picture.width * picture.height)
    assert found is not None
    return {colour for count, colour in found if count > 3 and isinstance(colour, tuple)}


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40), st.integers(1, 12))
def test_smoothing_is_the_mean_of_a_window(values: list[float], window: int) -> None:
    found = smoothed(np.array(values), window)
    for i, mean in enumerate(found):
        around = values[max(0, i - window // 2) : i + window - window // 2] if window > 1 and len(values) > 1 else [values[i]]
        assert mean == pytest.approx(sum(around) / len(around), abs=1e-9)


def test_the_mean_is_over_runs_at_the_steps_that_all_have() -> None:
    runs: dict[str, list[dict[str, Any]]] = {
        "a": [{"step": s, "x": float(s)} for s in range(4)],
        "b": [{"step": s, "x": 10.0} for s in range(1, 6)],
        "c": [{"step": 0}],
    }
    assert mean_curve(runs, "x", smooth=False) == ([1.0, 2.0, 3.0], [5.5, 6.0, 6.5])
    assert mean_curve(runs, "y") is None


def test_a_share_that_a_row_of_training_lacks_is_nothing() -> None:
    rows = [{"step": 0, "end/a": 1.0}, {"step": 1, "end/a": 0.5, "end/b": 0.5}, {"step": 1, "eval/x": 1.0}]
    assert mean_curve({"a": rows}, "end/b", absent=0.0) == ([0.0, 1.0], [0.0, 0.5])
    assert mean_curve({"a": rows}, "end/b") == ([1.0], [0.5])


def test_ticks_are_round_and_within() -> None:
    assert ticks(0.0, 1.0, 5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(0.0, 200.0, 7) == [0.0, 50.0, 100.0, 150.0, 200.0]
    assert ticks(-0.03, 0.012, 5) == [-0.03, -0.02, -0.01, 0.0, 0.01]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 10))
def test_ticks_are_some_and_none_lies_outside(low: float, width: float, about: int) -> None:
    found = ticks(low, low + width, about)
    assert len(found) <= about + 1
    assert all(low - 1e-6 * width - 1e-9 <= tick <= low + width * (1 + 1e-6) + 1e-9 for tick in found)


def test_a_line_lies_where_its_values_are() -> None:
    line = Line([0, 10], [0.0, 1.0], PALETTE[0], 3.0)
    picture = draw([Panel("p", [line], y_range=(0.0, 1.0))], "t", columns=1)
    where = np.argwhere((np.asarray(picture) == BLUE).all(axis=2))
    (top, right), (bottom, left) = where[where[:, 0].argmin()], where[where[:, 0].argmax()]
    assert left < right  # it rises
    assert abs((bottom - top) - 270) <= 4
    middle = where[np.abs(where[:, 1] - (left + right) / 2) < 1][:, 0].mean()
    assert middle == pytest.approx((top + bottom) / 2, abs=2)


def test_areas_fill_their_shares() -> None:
    areas = [
        Area([0, 1], [0.0, 0.0], [0.25, 0.25], PALETTE[0], "low"),
        Area([0, 1], [0.25, 0.25], [1.0, 1.0], PALETTE[1], "high"),
    ]
    picture = np.asarray(draw([Panel("p", areas=areas, percent=True, y_range=(0.0, 1.0))], "t", columns=1))
    column = picture[180:420, 400].tolist()
    low, high = (sum(pixel == wanted for pixel in column) for wanted in ([64, 149, 197], [224, 134, 64]))
    assert low + high > 200
    assert low == pytest.approx(67, abs=3)


def test_a_panel_without_values_says_so() -> None:
    assert draw([Panel("p")], "t").size == (760, 474)


def test_a_run_becomes_a_picture(tmp_path: Path) -> None:
    draw_curves({"grpo": grpo(0)}, tmp_path / "deep" / "curves.png")
    with Image.open(tmp_path / "deep" / "curves.png") as picture:
        assert (picture.format, picture.width, picture.height) == ("PNG", 1520, 74 + 5 * 400)
        assert {BLUE, ORANGE, GREEN} <= colours(picture)
    draw_curves({"grpo": grpo(0)}, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "deep" / "curves.png").read_bytes()


def titles(runs: dict[str, Sequence[dict[str, Any]]]) -> list[str]:
    return [panel.title for panel in panels_of(runs)]


def test_only_panels_with_something_to_show_are_drawn() -> None:
    assert titles({"a": grpo(0)}) == [
        "Reward", "Parts of the reward", "Held out", "How episodes end", "Episodes that use a tool", "Loss",
        "The policy: nats a token", "What teaches nothing", "Tokens of an episode",
    ]  # fmt: skip
    assert titles({"a": [{"step": s, "loss": 1.0 / (s + 1)} for s in range(9)]}) == ["Loss"]
    assert titles({"a": [{"step": 0}]}) == []


def test_panels_show_the_numbers_of_the_rows() -> None:
    panels = {panel.title: panel for panel in panels_of({"a": grpo(0), "b": grpo(1)})}
    parts = panels["Parts of the reward"].lines
    assert [line.label for line in parts] == ["distance"]  # its spread and the share without a verdict are no parts
    assert len([line for line in panels["Reward"].lines if not line.label]) == 4  # two runs thin, training and held out
    ends = panels["How episodes end"].areas
    assert [area.label for area in ends] == ["answered", "no eos"]
    assert set(ends[0].high) == {0.75}
    assert ends[1].low == ends[0].high
    equal = panels["What teaches nothing"].lines[0]
    assert equal.label == "groups of equal rewards"
    assert set(equal.y) == {0.25}
    held = panels["Held out"].lines
    assert [(line.label, list(line.x)) for line in held if line.label] == [
        ("country", [19.0, 39.0, 59.0]),
        ("<25 km", [19.0, 39.0, 59.0]),
    ]


def test_many_ends_are_put_together() -> None:
    rows = [{"step": s, **{f"end/r{i}": 1 / 12 for i in range(12)}} for s in range(3)]
    areas = next(panel for panel in panels_of({"a": rows}) if panel.title == "How episodes end").areas
    assert len(areas) == 9
    assert areas[-1].label == "others"
    assert areas[-1].high == pytest.approx([1.0, 1.0, 1.0])


def test_runs_are_named_as_short_as_tells_them_apart(tmp_path: Path) -> None:
    folders = [tmp_path / seed / "grpo" for seed in ("s0", "s1")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "metrics.jsonl").write_text(json.dumps({"step": 0, "loss": 1.0}) + "\n")
    assert list(runs_of(folders)) == ["s0/grpo", "s1/grpo"]
    assert list(runs_of(folders[:1])) == ["grpo"]


def test_nothing_to_draw_is_told(tmp_path: Path) -> None:
    with pytest.raises(MetricsError, match="nothing to draw"):
        draw_curves({"a": []}, tmp_path / "x.png")
    with pytest.raises(MetricsError, match="cannot be read"):
        runs_of([tmp_path])
