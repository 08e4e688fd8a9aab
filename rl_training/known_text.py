"""Perfect reading of drawn scenes, for training alone: what their signs say is known from their plans, and nothing is recognised.

A scene of the practice world is named by its id, from which it is thought up again. `KnownText` gives what `read_text` gives, in
milliseconds. Read by eyes, a view is looked at with a long side of 1600 pixels, and letters are read where they are higher there than 14.5,
which is the practice world's own measure of what needs a closer look (`evals/practice/layout.py`). In smaller ones there is only something
like writing, with a number to zoom into. Read as OCR does, the photo's own pixels count, whatever the view, but words of a script that RapidOCR does
not read are not seen at all. So that the photo need not be painted with letters, it is painted small (`open_known`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from evals.practice.layout import LONG_SIDE_PX
from tools.observation import ToolContext, UnitBox, View
from tools.ocr.script import script_of
from tools.read_text import Reading, ReadText, Seen

if TYPE_CHECKING:
    from agent.photo import PhotoFile
    from evals.practice import ScenePlan

PICTURE_SIDE_PX = 320
"""Long side of pictures in which no letter need be read."""
CONFIDENCE = 0.99
_ID = re.compile(r"practice-([a-z]{1,20})-(\d{1,9})-(\d{5,9})")
_WHOLE, _PART = 0.95, 0.4
"""Shares of a line that are in the view: enough to be read, and to be seen as writing."""
_MOST_UNREADABLE = 4
_SMALLEST_PX = 4.0
"""Lower letters are not even seen as writing."""
_SMALLEST_OCR_PX = 8.0
"""Of the photo's own pixels: lower letters are not read by OCR."""
_SCRIPTS_OF_OCR = frozenset({"", "Latin", "Chinese", "Japanese"})
"""What the first reader reads, figures (which have no script) among it. A second reader's scripts are seldom read in drawn scenes (docs/log.md), and
the training world is the same whatever is installed."""
_JPEG_QUALITY = 90


class KnownTextError(ValueError):
    """A photo that is no scene of the practice world."""


@dataclass(frozen=True)
class Written:
    """A line of a sign."""

    text: str
    box: UnitBox
    letter_px: float
    """Height of its capital letters where the photo's long side has 1600 pixels."""


@lru_cache(maxsize=4096)
def scene_of(name: str) -> ScenePlan:
    """The plan of the scene with that id. Raises KnownTextError for what is none."""
    from evals.practice import plan_scene

    match = _ID.fullmatch(name)
    try:
        if match:
            return plan_scene(match[1], int(match[2]), int(match[3]))
    except (ValueError, RuntimeError) as error:
        raise KnownTextError(f"{name[:60]!r} cannot be drawn: {error}") from error
    raise KnownTextError(f"{name[:60]!r} is no scene of the practice world, whose writing alone is known")


@lru_cache(maxsize=4096)
def written_in(name: str) -> tuple[Written, ...]:
    """All lines in the picture of a scene, sign by sign from the top. Raises KnownTextError."""
    from evals.practice.layout import lay_out, line_box

    plan = scene_of(name)
    layout = lay_out(plan)
    assert layout is not None, "a plan is a scene that was laid out"
    lines = []
    for at in sorted(layout.placed, key=lambda placed: placed.box[1]):
        board = plan.boards[at.index]
        for number, line in enumerate(board.lines):
            text = line.text.replace("\t", " ")
            if sum(c.isalnum() for c in text) > 1:
                lines.append(Written(text, _inside(line_box(plan.camera, board, at, number)), at.letter_px * line.size))
    return tuple(lines)


class KnownText(ReadText):
    """`read_text` for drawn scenes. Its observations have the form of those of `ReadText`, its lines are those of the plan."""

    timeout_s = 10.0

    def __init__(self, as_ocr: bool = False) -> None:
        super().__init__(None)
        self._reading: Reading = _read_as_ocr if as_ocr else _read

    def reading(self, languages: Sequence[str]) -> Reading:
        """Every language is read, whether it was expected or not."""
        return self._reading


def _read_as_ocr(view: View, context: ToolContext) -> tuple[list[Seen], list[Seen]]:
    name = context.photo.path.name.removesuffix(".jpg")
    finer = max(scene_of(name).size) / LONG_SIDE_PX
    found = []
    for line in written_in(name):
        text = " ".join(word for word in line.text.split() if script_of(word) in _SCRIPTS_OF_OCR)
        legible = line.letter_px * finer >= _SMALLEST_OCR_PX and _share_inside(line.box, view.box) >= _WHOLE
        if legible and not view.rotate_deg and sum(c.isalnum() for c in text) > 1:
            found.append(Seen(text, CONFIDENCE, line.box))
    return found, []


def _read(view: View, context: ToolContext) -> tuple[list[Seen], list[Seen]]:
    name = context.photo.path.name.removesuffix(".jpg")
    lines = [(line, share) for line in written_in(name) if (share := _share_inside(line.box, view.box)) >= _PART]
    larger = 1.0 / _long_side(view, scene_of(name).size)
    readable = [line for line, share in lines if share >= _WHOLE and not view.rotate_deg and _is_legible(line, larger)]
    rest = [line for line, _ in lines if line not in readable and line.letter_px * larger >= _SMALLEST_PX]
    rest.sort(key=lambda line: -line.letter_px)
    return _seen(readable, CONFIDENCE), _seen(rest[:_MOST_UNREADABLE], 0.0)


def _is_legible(line: Written, larger: float) -> bool:
    from evals.practice.layout import ZOOM_PX

    return line.letter_px * larger > ZOOM_PX[1]


def _long_side(view: View, size: tuple[int, int]) -> float:
    """Of the view, as a share of the photo's."""
    left, top, right, bottom = view.box
    return max((right - left) * size[0], (bottom - top) * size[1]) / max(size)


def _seen(lines: Iterable[Written], confidence: float) -> list[Seen]:
    return [Seen(line.text if confidence else "", confidence, line.box) for line in lines]


def _share_inside(box: UnitBox, view: UnitBox) -> float:
    width, height = min(box[2], view[2]) - max(box[0], view[0]), min(box[3], view[3]) - max(box[1], view[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return width * height / area if width > 0.0 and height > 0.0 and area > 0.0 else 0.0


def _inside(box: UnitBox) -> UnitBox:
    left, top, right, bottom = (min(1.0, max(0.0, share)) for share in box)
    return left, top, right, bottom


def open_known(name: str, side: int = PICTURE_SIDE_PX) -> PhotoFile:
    """The photo of a scene with everything where it is in its own size, but no more than `side` pixels along its longer side.

    Raises PhotoError for what is no scene.
    """
    from agent.photo import PhotoError, PhotoFile
    from evals.practice import paint

    try:
        plan = scene_of(name)
    except KnownTextError as error:
        raise PhotoError(str(error)) from error
    scale = min(1.0, side / max(plan.size))
    buffer = io.BytesIO()
    size = round(plan.size[0] * scale), round(plan.size[1] * scale)
    paint(plan, size, grown=False).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return PhotoFile(Path(f"{plan.id}.jpg"), buffer.getvalue())
