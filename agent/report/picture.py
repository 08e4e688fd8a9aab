"""The photo on the page: the picture itself, what was zoomed into and what was read, and small pictures of the crops."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from agent.photo import PhotoError, PhotoFile, open_photo
from agent.report.markup import Html, join, tag
from tools.observation import WHOLE, UnitBox, View
from tools.sheets import open_sheet

PHOTO_SIDE_PX = 1400
CROP_SIDE_PX = 440
PREVIEW_SIDE_PX = 160
PHOTO_BYTES = 420_000
"""A photo's JPEG is made coarser until it is no larger."""
_QUALITIES = (84, 76, 66, 54, 40)


@dataclass(frozen=True)
class Picture:
    """The photo of a trajectory, or why there is none."""

    photo: PhotoFile | None
    problem: str = ""

    @property
    def ratio(self) -> float:
        """Width over height, within what a map beside it can follow."""
        width, height = self.photo.size if self.photo else (4, 3)
        return min(max(width / height, 0.95), 1.6)

    def data_url(self, view: View, side_px: int) -> str | None:
        """A view as a JPEG data URL with at most `side_px` on its longer side; None where it cannot be shown."""
        if view.sheet:
            sheet = open_sheet(view.sheet)
            if sheet:
                sheet.thumbnail((side_px, side_px))
            return _jpeg(sheet) if sheet else None
        if self.photo is None:
            return None
        try:
            return _jpeg(self._fitted(view, side_px))
        except (PhotoError, ValueError, OSError):
            return None

    def _fitted(self, view: View, side_px: int) -> Image.Image:
        assert self.photo is not None
        width, height = self.photo.size
        left, top, right, bottom = view.box
        crop = max(1.0, abs(right - left) * width), max(1.0, abs(bottom - top) * height)
        scale = min(1.0, side_px / max(crop))
        picture = self.photo.render(view, max_pixels=max(1, math.floor(crop[0] * scale * crop[1] * scale)))
        picture.info.clear()
        return picture


def picture_of(trajectory: Mapping[str, Any], path: Path | None = None) -> Picture:
    """The photo that the trajectory tells of, at its own path or at `path`, if its file is still the same."""
    if path is None and not trajectory.get("path"):
        return Picture(None, "The trajectory names no file.")
    path = path or Path(str(trajectory["path"]))
    try:
        photo = open_photo(path)
    except (PhotoError, OSError, ValueError):
        return Picture(None, f"The photo is no longer at {path}, or cannot be read.")
    if photo.sha256 != trajectory.get("sha256"):
        return Picture(None, f"At {path} there is now another file than the one that was investigated.")
    return Picture(photo)


def _jpeg(picture: Image.Image) -> str:
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() <= PHOTO_BYTES:
            break
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def photo_figure(trajectory: Mapping[str, Any], picture: Picture, number: int) -> Html:
    """The photo with its overlay, or a placeholder that says why it is missing."""
    url = picture.data_url(View("photo"), PHOTO_SIDE_PX)
    if url is None:
        problem = picture.problem or "The photo cannot be read any more."
        return tag("figure", tag("div", tag("b", "No picture"), tag("span", problem), class_="missing"), class_="photo")
    assert picture.photo is not None
    width, height = picture.photo.size
    zooms, texts = ([_box(mark) for mark in marks] for marks in (zooms_of(trajectory), texts_of(trajectory)))
    overlay = tag("svg", join(*texts, *zooms), class_="overlay", width="100%", height="100%", role="group",
                  aria_label="zoomed parts and text found in the photo")  # fmt: skip
    image = tag("img", src=url, alt=f"the photo {trajectory['photo']}", width=width, height=height)
    frame = tag("div", image, overlay, tag("div", class_="tip", role="status"), class_="frame",
                style=f"aspect-ratio:{width}/{height};--ratio:{width / height:.4f}")  # fmt: skip
    switches = [_switch("zooms", f"Zoomed parts ({len(zooms)})", number)] if zooms else []
    switches += [_switch("texts", f"Text found ({len(texts)})", number)] if texts else []
    note = tag("span", f"{width} × {height} pixels")
    return tag("figure", frame, tag("figcaption", note, tag("span", switches, class_="switches")), class_="photo")


def _switch(what: str, words: str, number: int) -> Html:
    box = tag("input", type="checkbox", checked=True, data_shows=what, id=f"{what}-{number}")
    return tag("label", box, words, for_=f"{what}-{number}", class_=what)


@dataclass(frozen=True)
class Mark:
    """A box on the photo, in shares of its width and height, with what the overlay says of it."""

    box: UnitBox
    name: str
    words: str
    kind: str
    """`zooms` or `texts`."""


def zooms_of(trajectory: Mapping[str, Any]) -> list[Mark]:
    """The parts that were looked at closely."""
    crops = [view for view in _views(trajectory).values() if view.box != WHOLE and not view.sheet]
    return [Mark(view.box, view.id, f"{view.id}: {describe(view)}", "zooms") for view in crops]


def texts_of(trajectory: Mapping[str, Any]) -> list[Mark]:
    """The regions where text was found."""
    found = []
    for number, region in dict(trajectory.get("regions") or {}).items():
        box = _unit_box(region)
        if box is not None:
            label = str(region.get("label") or "")
            found.append(Mark(box, str(number), f"{number}: {label}" if label else f"region {number}", "texts"))
    return found


def _views(trajectory: Mapping[str, Any]) -> dict[str, View]:
    """The views that can be read; a damaged one is left out."""
    views = {}
    for key, value in dict(trajectory.get("views") or {}).items():
        if isinstance(value, Mapping) and _unit_box(value) is not None:
            try:
                views[str(key)] = View.from_json(value)
            except (KeyError, TypeError, ValueError):
                continue
    return views


def _unit_box(data: Any) -> UnitBox | None:
    try:
        left, top, right, bottom = (min(max(float(v), 0.0), 1.0) for v in data["box"])
    except (KeyError, TypeError, ValueError):
        return None
    return (left, top, right, bottom) if right > left and bottom > top else None


def describe(view: View) -> str:
    """`zoomed part, turned 90°, contrast raised`."""
    if view.sheet:
        return "similar photos of a gallery"
    parts = ["whole photo" if view.box == WHOLE else "zoomed part"]
    parts += [f"turned {view.rotate_deg}°"] if view.rotate_deg % 360 else []
    parts += ["contrast raised"] if view.contrast else []
    return ", ".join(parts)


def _box(mark: Mark) -> Html:
    left, top, right, bottom = mark.box
    size = {"x": f"{100 * left:.3f}%", "y": f"{100 * top:.3f}%"}
    extent = {"width": f"{100 * (right - left):.3f}%", "height": f"{100 * (bottom - top):.3f}%"}
    rects = tag("rect", **size, **extent, class_="halo"), tag("rect", **size, **extent, class_="line", rx="2")
    text = tag("text", mark.name[:8], **size, dx="4", dy="14" if top < 0.05 else "-5") if mark.kind == "zooms" else None
    label = {"role": "img", "aria_label": mark.words, "data_label": mark.words}
    return tag("g", *rects, text, class_=f"box {mark.kind}", tabindex="0", **label)


def crop_figures(trajectory: Mapping[str, Any], picture: Picture, names: list[str]) -> list[Html]:
    """Small pictures of the views that a step made."""
    views = _views(trajectory)
    figures = []
    for name in names:
        if name in views and (url := picture.data_url(views[name], CROP_SIDE_PX)):
            words = describe(views[name])
            image = tag("img", src=url, alt=f"view {name}: {words}")
            figures.append(tag("figure", image, tag("figcaption", tag("b", name), f" {words}"), class_="crop"))
    return figures


def preview(picture: Picture) -> Html:
    """A very small picture for the overview."""
    url = picture.data_url(View("photo"), PREVIEW_SIDE_PX)
    return tag("img", src=url, alt="", class_="preview") if url else tag("span", "–", class_="preview")
