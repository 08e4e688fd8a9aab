"""A closer look: any part of any view at full resolution."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from tools.boxes import crop_size, pixel_box, to_photo
from tools.observation import Arguments, Observation, Region, Tool, ToolContext, UnitBox, View, refusal
from tools.quote import clean
from tools.views import find_region, next_region_number, next_view_id, view_of_photo

MIN_SIDE_PX = 16
_UNSCALED_PIXELS = 1_500_000  # a view of fewer pixels is shown as it is, so that pixels of the picture are pixels of the photo
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


class ZoomArguments(Arguments):
    view: str = Field("photo", description="The view that `box` refers to: `photo` or the id of a crop (`v1`).")
    box: list[float] | None = Field(
        None, description="[left, top, right, bottom] as shares of the view's width and height, 0 to 1, from its top left corner."
    )
    region: int | None = Field(None, description="The number of a region from an earlier observation, instead of `box`.")
    rotate: Literal[0, 90, 180, 270] = Field(0, description="Turn clockwise by so many degrees.")
    contrast: bool = Field(False, description="Stretch the contrast: for dark, pale or hazy parts.")
    grid: bool = Field(False, description="Also propose a 3×3 grid of numbered regions to zoom into next.")


class Zoom(Tool):
    """Crops a view. The new view holds its box on the photo itself, so a crop of a crop loses nothing."""

    name = "zoom"
    description = (
        "Look at a part of the photo at full resolution: signs, plates, poles, vegetation, facades. Give `box` within a view, or"
        " the number of a `region`."
    )
    arguments = ZoomArguments
    timeout_s = 30.0

    def run(self, arguments: ZoomArguments, context: ToolContext) -> Observation:
        try:
            parent = view_of_photo(arguments.view, context)
        except ValueError as error:
            return refusal(str(error))
        if arguments.box is not None and arguments.region is not None:
            return refusal("Give either a box or a region, not both.")
        if arguments.box is None and arguments.region is None and not (arguments.rotate or arguments.contrast or arguments.grid):
            return refusal("Say where to look: a box such as [0.25, 0.4, 0.5, 0.6], or the number of a region.")
        try:
            box, remark = self._box(arguments, context, parent)
        except ValueError as error:
            return refusal(str(error))
        view = View(
            next_view_id(context), box, (parent.rotate_deg + arguments.rotate) % 360, parent.contrast or arguments.contrast
        )
        return _observation(view, remark, arguments.grid, context)

    def _box(self, arguments: ZoomArguments, context: ToolContext, parent: View) -> tuple[UnitBox, str]:
        """The box on the photo, and what was changed about the one that was asked for."""
        remark = ""
        if arguments.region is not None:
            box = find_region(arguments.region, context).box
        elif arguments.box is not None:
            shown, remark = repair_box(arguments.box, crop_size(parent, context.photo.size))
            box = to_photo(shown, parent)
        else:
            return parent.box, ""
        grown = grow_box(box, context.photo.size)
        if grown != box:
            remark += f" The box was too small and was grown to at least {MIN_SIDE_PX} pixels."
        return grown, remark


def _observation(view: View, remark: str, grid: bool, context: ToolContext) -> Observation:
    size = context.photo.size
    same = next((known for known in context.views.values() if not known.sheet and _shows_the_same(known, view, size)), None)
    shown = same or view
    left, top, right, bottom = pixel_box(shown.box, size)
    width, height = crop_size(shown, size)
    where = f"pixels {left}–{right} × {top}–{bottom} of the photo ({size[0]}×{size[1]})"
    words = f"{clean(shown.id)} shows {where}, {width}×{height} at full resolution"
    if shown.rotate_deg:
        words += f", turned {shown.rotate_deg}° clockwise"
    words = f"This view exists already: {words}." if same else f"{words[0].upper()}{words[1:]}."
    regions = _grid(shown, context) if grid else ()
    if regions:
        words += f" Regions {regions[0].number} to {regions[-1].number} are a 3×3 grid over it, row by row from the top left."
    return Observation(words + remark, views=(shown,), regions=regions,
                       data={"view": shown.to_json(), "pixels": [left, top, right, bottom], "existing": same is not None,
                             "regions": [region.to_json() for region in regions]})  # fmt: skip


def _shows_the_same(a: View, b: View, size: tuple[int, int]) -> bool:
    same_look = a.rotate_deg % 360 == b.rotate_deg % 360 and a.contrast == b.contrast
    return same_look and pixel_box(a.box, size) == pixel_box(b.box, size)


def _grid(view: View, context: ToolContext) -> tuple[Region, ...]:
    first = next_region_number(context)
    cells = [(row, column) for row in range(3) for column in range(3)]
    return tuple(
        Region(first + index, to_photo((column / 3, row / 3, (column + 1) / 3, (row + 1) / 3), view),
               f"{_ROWS[row]} {_COLUMNS[column]} of {view.id}")
        for index, (row, column) in enumerate(cells)
    )  # fmt: skip


def repair_box(box: list[float], size: tuple[int, int]) -> tuple[UnitBox, str]:
    """The box as shares of a view of `size` pixels, and a remark about what was repaired ("" where nothing was).

    Swapped corners are put in order; percent, and pixels of a view that is shown unscaled, are taken for what they are. Raises
    ValueError with one plain sentence where the box could mean several things or nothing.
    """
    if len(box) != 4 or not all(math.isfinite(value) for value in box):
        raise ValueError("A box is four numbers: [left, top, right, bottom], each between 0 and 1.")
    scale, remark = _unit_of(box, size)
    x0, y0, x1, y1 = (value / by for value, by in zip(box, (scale[0], scale[1], scale[0], scale[1]), strict=True))
    if x0 > x1 or y0 > y1:
        remark += " The corners were swapped into order."
    x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    if x0 >= 1 or y0 >= 1 or x1 <= 0 or y1 <= 0:
        raise ValueError("The box lies outside the view; give shares between 0 and 1, from the top left corner.")
    if min(x0, y0) < 0 or max(x1, y1) > 1:
        remark += " The box was cut at the border of the view."
    return (max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0)), remark


def _unit_of(box: list[float], size: tuple[int, int]) -> tuple[tuple[float, float], str]:
    """What 1.0 of the view is in the unit of the box, for x and y."""
    largest, least = max(box), min(box)
    if largest <= 1.5 and least >= -0.5:
        return (1.0, 1.0), ""
    if least >= 0 and 2 <= largest <= 100 and min(size) > 400:
        return (100.0, 100.0), " The box was read as percent."
    inside = box[0] <= size[0] and box[2] <= size[0] and box[1] <= size[1] and box[3] <= size[1]
    if least >= 0 and largest > 1000 and inside and size[0] * size[1] <= _UNSCALED_PIXELS:
        return (float(size[0]), float(size[1])), " The box was read as pixels."
    raise ValueError("The box must be shares of the view between 0 and 1, such as [0.25, 0.4, 0.5, 0.6].")


def grow_box(box: UnitBox, size: tuple[int, int]) -> UnitBox:
    """The box on the photo, widened around its middle to `MIN_SIDE_PX` pixels a side where it is smaller and the photo allows."""
    left, right = _grow(box[0], box[2], size[0])
    top, bottom = _grow(box[1], box[3], size[1])
    return left, top, right, bottom


def _grow(low: float, high: float, length: int) -> tuple[float, float]:
    least = min(MIN_SIDE_PX / length, 1.0)
    if high - low >= least * (1 - 1e-9):
        return low, high
    low = min(max((low + high - least) / 2, 0.0), 1.0 - least)
    return low, low + least
