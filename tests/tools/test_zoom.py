"""Zooming: the crop that is asked for is the crop that is shown, however the view is turned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from tools.boxes import crop_size, pixel_box, to_photo, to_view
from tools.observation import WHOLE, Region, ToolContext, View
from tools.zoom import MIN_SIDE_PX, Zoom, ZoomArguments, grow_box, repair_box


class DrawnPhoto:
    """A photo in memory, rendered in the plainest way."""

    def __init__(self, picture: Image.Image) -> None:
        self.path = Path("drawn.png")
        self.picture = picture
        self.size = picture.size
        self.metadata: dict[str, Any] = {}

    def render(self, view: View, max_pixels: int | None = None) -> Image.Image:
        return self.picture.crop(pixel_box(view.box, self.size)).rotate(-view.rotate_deg, expand=True)


GRADIENT = DrawnPhoto(Image.fromarray(np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)))


def case(*views: View, regions: tuple[Region, ...] = (), photo: DrawnPhoto = GRADIENT) -> ToolContext:
    known = {view.id: view for view in (View("photo"), *views)}
    return ToolContext(photo=photo, views=known, regions={region.number: region for region in regions})


def zoom(context: ToolContext, **arguments: Any) -> Any:
    return Zoom().run(ZoomArguments(**arguments), context)


shares = st.floats(0, 1, allow_nan=False)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x = sorted((draw(shares), draw(shares)))
    y = sorted((draw(shares), draw(shares)))
    return x[0], y[0], x[1], y[1]


@st.composite
def views(draw: st.DrawFn) -> View:
    left, top = draw(st.floats(0, 0.7)), draw(st.floats(0, 0.7))
    width, height = draw(st.floats(0.05, 0.3)), draw(st.floats(0.05, 0.3))
    return View("v1", (left, top, left + width, top + height), draw(st.sampled_from([0, 90, 180, 270])))


@given(boxes(), views())
def test_to_view_inverts_to_photo(box: tuple[float, float, float, float], view: View) -> None:
    assert to_view(to_photo(box, view), view) == pytest.approx(box, abs=1e-9)


@given(boxes(), views())
def test_a_box_in_a_view_lies_inside_it(box: tuple[float, float, float, float], view: View) -> None:
    left, top, right, bottom = to_photo(box, view)
    assert view.box[0] - 1e-9 <= left <= right <= view.box[2] + 1e-9
    assert view.box[1] - 1e-9 <= top <= bottom <= view.box[3] + 1e-9


@given(boxes(), st.integers(1, 5000), st.integers(1, 5000))
def test_pixel_boxes_hold_their_box(box: tuple[float, float, float, float], width: int, height: int) -> None:
    left, top, right, bottom = pixel_box(box, (width, height))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left <= box[0] * width + 1e-3
    assert right >= box[2] * width - 1e-3


@given(boxes(), st.integers(1, 5000), st.integers(1, 5000))
def test_grown_boxes_reach_the_least_size(box: tuple[float, float, float, float], width: int, height: int) -> None:
    left, top, right, bottom = grow_box(box, (width, height))
    assert left <= box[0] + 1e-9
    assert bottom >= box[3] - 1e-9
    assert (right - left) * width >= min(MIN_SIDE_PX, width) - 1e-6
    assert (bottom - top) * height >= min(MIN_SIDE_PX, height) - 1e-6


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("more", [0, 90, 180, 270])
def test_a_crop_of_a_turned_view_is_that_part_of_what_was_shown(turn: int, more: int) -> None:
    parent = View("v1", (0.25, 0.2, 0.75, 0.6), turn)  # 200×120 pixels of the photo
    shown = GRADIENT.render(parent)
    box = (0.25, 0.25, 0.75, 0.5)
    observation = zoom(case(parent), view="v1", box=list(box), rotate=more)
    expected = shown.crop(pixel_box(box, shown.size)).rotate(-more, expand=True)
    assert np.array_equal(np.asarray(GRADIENT.render(observation.views[0])), np.asarray(expected))
    assert crop_size(observation.views[0], GRADIENT.size) == expected.size


def test_the_observation_says_what_is_shown() -> None:
    observation = zoom(case(View("v1", (0, 0, 0.3, 0.3)), View("v7", (0, 0, 0.2, 0.2))), box=[0.25, 0.5, 0.75, 1.0])
    assert observation.ok
    assert observation.views == (View("v8", (0.25, 0.5, 0.75, 1.0)),)
    assert "100–300 × 150–300" in observation.text
    assert "200×150" in observation.text
    assert observation.data["pixels"] == [100, 150, 300, 300]


def test_a_region_is_zoomed_by_number() -> None:
    region = Region(3, (0.1, 0.1, 0.5, 0.5), "a sign")
    observation = zoom(case(regions=(region,)), region=3, contrast=True)
    assert observation.views == (View("v1", (0.1, 0.1, 0.5, 0.5), contrast=True),)


def test_the_grid_covers_the_view_and_is_numbered_on() -> None:
    turned = View("v1", (0.0, 0.0, 0.5, 1.0), 90)
    observation = zoom(case(turned, regions=(Region(4, WHOLE),)), view="v1", grid=True)
    assert [region.number for region in observation.regions] == list(range(5, 14))
    assert observation.views == (turned,)
    area = sum((r.box[2] - r.box[0]) * (r.box[3] - r.box[1]) for r in observation.regions)
    assert area == pytest.approx(0.5)
    assert observation.regions[0].label == "top left of v1"
    assert observation.regions[0].box == pytest.approx(
        (0.0, 2 / 3, 0.5 / 3, 1.0)
    )  # turned: its top left is the photo's bottom left


def test_a_view_that_exists_is_returned_again() -> None:
    known = View("v2", (0.1, 0.1, 0.5, 0.5))
    observation = zoom(case(known), box=[0.1, 0.1, 0.5, 0.5])
    assert observation.views == (known,)
    assert "exists already" in observation.text
    assert "v2" in observation.text


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({}, "Say where to look"), ({"view": "v9", "box": [0, 0, 1, 1]}, "photo, v1"), ({"region": 5}, "no region 5"),
     ({"box": [0, 0, 1]}, "four numbers"), ({"box": [2, 2, 3, 3, 4]}, "four numbers"), ({"box": [1.1, 0, 1.4, 1]}, "outside"),
     ({"box": [0, 0, float("nan"), 1]}, "four numbers"), ({"box": [-30, 0, 10, 10]}, "between 0 and 1"),
     ({"box": [100, 120, 300, 280]}, "between 0 and 1"), ({"box": [0, 0, 1, 1], "region": 1}, "not both")],
)  # fmt: skip
def test_wrong_calls_get_one_plain_sentence(arguments: dict[str, Any], word: str) -> None:
    observation = zoom(case(View("v1", (0, 0, 0.5, 0.5))), **arguments)
    assert not observation.ok
    assert word in observation.text
    assert "\n" not in observation.text
    assert not observation.views


def test_arguments_are_checked() -> None:
    for wrong in ({"rotate": 45}, {"boxes": [0, 0, 1, 1]}, {"box": "top left"}):
        with pytest.raises(ValidationError):
            ZoomArguments(**wrong)


@pytest.mark.parametrize(
    ("box", "size", "expected", "remark"),
    [([0.5, 0.6, 0.1, 0.2], (400, 300), (0.1, 0.2, 0.5, 0.6), "swapped"),
     ([0.0, 0.0, 1.02, 0.5], (400, 300), (0.0, 0.0, 1.0, 0.5), "cut at the border"),
     ([10, 20, 50, 100], (4000, 3000), (0.1, 0.2, 0.5, 1.0), "percent"),
     ([300, 90, 1200, 450], (1500, 900), (0.2, 0.1, 0.8, 0.5), "pixels"),
     ([0.1, 0.2, 0.5, 0.6], (400, 300), (0.1, 0.2, 0.5, 0.6), "")],
)  # fmt: skip
def test_boxes_are_repaired_where_they_can_mean_one_thing(
    box: list[float], size: tuple[int, int], expected: tuple[float, ...], remark: str
) -> None:
    repaired, said = repair_box(box, size)
    assert repaired == pytest.approx(expected)
    assert remark in said
    assert bool(said) == bool(remark)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=6))
def test_any_box_is_repaired_or_refused(box: list[float]) -> None:
    observation = zoom(case(), box=box)
    if observation.ok:
        assert all(0 <= share <= 1 for share in observation.views[0].box)
    else:
        assert "\n" not in observation.text


def test_a_tiny_box_is_grown() -> None:
    observation = zoom(case(), box=[0.5, 0.5, 0.5, 0.5])
    assert crop_size(observation.views[0], GRADIENT.size) == pytest.approx((16, 16), abs=1)
    assert "too small" in observation.text


def test_a_photo_smaller_than_the_least_size() -> None:
    dot = DrawnPhoto(Image.new("RGB", (1, 1)))
    observation = zoom(case(photo=dot), box=[0, 0, 0.5, 0.5])
    assert observation.views[0].id == "photo"
