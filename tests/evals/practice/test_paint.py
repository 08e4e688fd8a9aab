"""Pictures hold what the plans say, the same each time, at any size."""

from __future__ import annotations

import numpy as np
import pytest

from evals.practice import ScenePlan, lay_out, paint
from evals.practice.camera import Camera


def _edges(pixels: np.ndarray, box: tuple[float, float, float, float]) -> float:
    """Range of brightness in a box."""
    tall, wide = pixels.shape
    left, top, right, bottom = (round(v * n) for v, n in zip(box, (wide, tall, wide, tall), strict=True))
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    return float(np.percentile(part, 97) - np.percentile(part, 3))


def test_the_same_plan_is_the_same_picture(plans: list[ScenePlan]) -> None:
    one, again = paint(plans[0], (640, 480)), paint(plans[0], (640, 480))
    assert one.size == (640, 480)
    assert one.mode == "RGB"
    assert np.array_equal(np.asarray(one), np.asarray(again))


@pytest.mark.parametrize("number", [0, 60, 110])
def test_boxes_of_writing_hold_ink(plans: list[ScenePlan], number: int) -> None:
    plan = plans[number]
    picture = paint(plan)
    assert picture.size == plan.size
    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    for clue in plan.clues:
        if clue.text:
            assert _edges(grey, clue.box) > 45, clue


def test_small_pictures_have_larger_letters(plans: list[ScenePlan]) -> None:
    for plan in plans[::5]:
        small, large = lay_out(plan, (448, 336)), lay_out(plan)
        assert small is not None, plan.id
        assert large is not None
        heights = {at.index: at.letter_px for at in small.placed}
        for clue in small.clues:
            if clue.decisive and clue.kind != "plate":
                line = plan.boards[clue.board].lines[max(clue.line, 0)]
                assert heights[clue.board] * line.size * 448 / 1600 > 5.5
        decisive = [clue.text for clue in plan.clues if clue.decisive]
        assert [clue.text for clue in small.clues if clue.decisive] == decisive


def test_too_small_a_picture_is_refused(plans: list[ScenePlan]) -> None:
    with pytest.raises(ValueError, match="64 pixels"):
        paint(plans[0], (32, 400))


@pytest.mark.parametrize("side", [1, -1])
def test_the_camera_sees_east_to_the_right_of_north(side: int) -> None:
    camera = Camera(side, -2.9, 1.65, 16.0, 0.5, 4 / 3, 30.0)
    assert camera.heading_deg == (30 + side * 16) % 360
    far = [camera.direction(camera.heading_deg + turn, 0.0) for turn in (-10, 0, 10)]
    xs = [camera.project((camera.u + 1000 * d[0], camera.height, 1000 * d[2]))[0] for d in far]
    assert xs == sorted(xs)
    assert xs[1] == pytest.approx(0.5, abs=1e-6)
    high = camera.direction(camera.heading_deg, 10.0)
    assert camera.project((camera.u + high[0], camera.height + high[1], high[2]))[1] < camera.horizon


def test_a_polygon_behind_the_camera_is_cut_off() -> None:
    camera = Camera(1, 0.0, 1.6, 0.0, 0.5, 1.5, 0.0)
    assert camera.outline([(0.0, 0.0, -5.0), (1.0, 0.0, -5.0), (1.0, 0.0, -1.0)]) == []
    assert len(camera.outline([(-1.0, 0.0, -5.0), (1.0, 0.0, -5.0), (1.0, 0.0, 5.0), (-1.0, 0.0, 5.0)])) == 4


def test_compass_and_boards_are_not_mirrored(plans: list[ScenePlan]) -> None:
    for plan in plans:
        layout = lay_out(plan)
        assert layout is not None
        for at in layout.placed:
            (ax, ay), (bx, by), _, (dx, dy) = at.quad
            assert (bx - ax) * (dy - ay) - (by - ay) * (dx - ax) > 0, (plan.id, at.slot)
