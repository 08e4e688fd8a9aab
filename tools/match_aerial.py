"""`match_aerial`: where among pictures from above a photo from the ground fits, as a heat-map, or "I do not know"."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from geo.area import Box, parse_area
from geo.evidence import Evidence, Kernels, near
from tools.observation import WHOLE, Arguments, Observation, Tool, ToolContext, View, refusal
from tools.quote import clean
from tools.sheets import contact_sheet, keep_sheet
from tools.views import next_view_id, view_of_photo

if TYPE_CHECKING:
    from PIL import Image

    from models.aerial.ground import Ground
    from models.crossview.ground_view import Aim
    from models.crossview.open_search import AerialSearch
    from models.crossview.search import Found

MOST_RELIABILITY = 0.9
"""Calibrations are measured on pairs like those that were learned from; photos of another camera and year are harder."""
OUTSIDE_OF_A_GUESS, OUTSIDE_WHEN_TOLD = 0.5, 0.05
"""Prior that the photo was not taken where it is searched: in a box that the policy has in mind, in one that the user gave."""
_LONG_SIDE_FOVS_DEG = (60.0, 72.0, 84.0)
_MOST_PIXELS = 1_500_000
_FINE_KERNELS, _COARSE_KERNELS = 150, 200
_SHEET_PX = 220


class AerialArguments(Arguments):
    """Arguments of `match_aerial`."""

    view: str = Field("photo", description="`photo` or the id of an upright crop that leaves out what is not of the place")
    area: str | None = Field(
        None,
        description="where to search: south,west,north,east in degrees, a few km wide; all that is indexed by default",
        max_length=120,
    )
    fov_deg: float | None = Field(
        None,
        ge=10,
        le=360,
        description="how wide the whole photo sees from left to right, 360 for a panorama; several are tried by default",
    )
    heading_deg: float | None = Field(None, ge=-360, le=360, description="where the camera looks, clockwise from north, if known")
    heading_error_deg: float = Field(20.0, ge=0, le=180, description="how far that may be off")


class MatchAerial(Tool):
    """A search in one index. What it says is evidence where it is sure of a place, or where the user limited the case to what is indexed."""

    name = "match_aerial"
    description = (
        "Compare the photo with aerial pictures of a small area that you already suspect (a few km wide): the likeliest spots with probabilities as a"
        " numbered sheet of what they look like from above, and how likely it is that the photo was taken elsewhere. Give the heading and field of"
        " view if you know them: the narrower, the surer. It often does not know; then look at the sheet yourself."
    )
    arguments = AerialArguments
    timeout_s: ClassVar[float] = 120.0

    def __init__(self, search: AerialSearch) -> None:
        self.search = search

    def run(self, arguments: AerialArguments, context: ToolContext) -> Observation:
        from models.crossview.index import MAX_AREA_KM2, area_km2
        from models.crossview.match import Heading
        from models.crossview.search import locate

        try:
            view = view_of_photo(arguments.view, context)
            box, told = self._box(arguments.area, context)
            if box is not None and area_km2(box) > MAX_AREA_KM2:
                return refusal(
                    f"The area has {area_km2(box):,.0f} km²; at most {MAX_AREA_KM2:g} km² are searched: narrow it first."
                )
            picture, aims = _seen(view, arguments.fov_deg, context)
            heading = Heading(arguments.heading_deg, arguments.heading_error_deg)
            outside = OUTSIDE_WHEN_TOLD if told else OUTSIDE_OF_A_GUESS
            ground = self.search.ground()
            found = locate(self.search.model, self.search.index, picture, aims, heading, ground=ground, box=box, outside=outside)
        except ValueError as error:
            return refusal(clean(str(error)[:1].upper() + str(error)[1:], 240).rstrip(".") + ".")
        return self._told(found, told, ground, context)

    def rests_on(self) -> str:
        """What the tool's evidence is made of, in one line."""
        return self.search.rests_on()

    def state(self) -> str:
        return json.dumps({**self.search.index.card, "tiles_known": int(self.search.index.seen.sum())}, sort_keys=True)

    def _box(self, asked: str | None, context: ToolContext) -> tuple[Box | None, bool]:
        """Where to search, and whether the user said that the photo was taken there. Raises ValueError with one sentence."""
        own, all_of_it = context.area.box if context.area else None, self.search.index.box
        if asked is None:
            box = own
        else:
            area = parse_area(asked)
            if area.box is None or area.countries:
                raise ValueError("the area is a box: south,west,north,east in degrees")
            box = area.box
        if box is not None and not _overlap(box, all_of_it):
            raise ValueError(f"there are aerial pictures of {_words(all_of_it)} only (south,west,north,east)")
        covered = (
            own is not None and _inside(own, all_of_it, self.search.index.spacing_m) and (box is None or _inside(own, box, 1.0))
        )
        return box, covered

    def _told(self, found: Found, told: bool, ground: Ground | None, context: ToolContext) -> Observation:
        best = found.best
        evidence = self._evidence(found) if (found.sure or told) and found.outside < 0.95 else ()
        words = (
            f"the photo fits at {best.lat:.5f}, {best.lon:.5f}, looking to {best.heading_deg:.0f}° ({100 * best.probability:.0f} %)"
            if found.sure
            else f"I do not know: no place is likelier than the others together (the best one {100 * best.probability:.0f} %)"
        )
        lines = [
            f"match_aerial over {found.tiles:,} tiles, field of view {found.fov_deg:.0f}°: {words}; taken elsewhere {100 * found.outside:.0f} %"
        ]
        lines += [
            f"{n}. {p.lat:.5f}, {p.lon:.5f}: {100 * p.probability:.1f} %, looking to {p.heading_deg:.0f}°"
            for n, p in enumerate(found.places, 1)
        ]
        views = self._sheet(found, ground, context)
        lines += [f"{view.id} shows them from above, north up, a line where the camera would look." for view in views]
        lines += [f"evidence: {item.claim} (trusted {100 * item.reliability:.0f} %)" for item in evidence]
        if not evidence:
            lines.append("no evidence: no place stands out, and it is not known that the photo was taken in this area" if not told
                         else "no evidence: the photo fits nowhere in this area")  # fmt: skip
        if not found.looked_again:
            lines.append("the aerial pictures are not there any more: the best places were not looked at a second time")
        data = {"sure": found.sure, "outside": round(found.outside, 4), "fov_deg": found.fov_deg, "tiles": found.tiles, "rests_on": self.rests_on(),
                "looked_again": found.looked_again, "places": [_json(p) for p in found.places]}  # fmt: skip
        return Observation("\n".join(lines), evidence=evidence, views=views, data=data)

    def _evidence(self, found: Found) -> tuple[Evidence, ...]:
        best = found.best
        claim = (
            f"seen from above it fits at {best.lat:.5f}, {best.lon:.5f} ({100 * best.probability:.0f} %)"
            if found.sure
            else f"where it fits in an area of {found.tiles:,} tiles seen from above"
        )
        reliability = float(np.clip(1.0 - found.outside, 0.02, MOST_RELIABILITY))
        return (Evidence(kernels_of(found, self.search), claim, "aerial", self.name, reliability),)

    def _sheet(self, found: Found, ground: Ground | None, context: ToolContext) -> tuple[View, ...]:
        if ground is None:
            return ()
        handle = keep_sheet(contact_sheet([_from_above(ground, p, self.search.model.radius_m) for p in found.places]))
        return (View(next_view_id(context), WHOLE, sheet=handle),) if handle else ()


def kernels_of(found: Found, search: AerialSearch) -> Kernels:
    """The heat-map: the likeliest tiles one by one, all others in blocks, so that a flat map stays flat."""
    index = search.index
    p, (lat, lon) = found.probability_N, index.points()
    fine = np.argsort(-p, kind="stable")[:_FINE_KERNELS]
    fine = fine[p[fine] > 0]
    rest = p.copy()
    rest[fine] = 0.0
    side = max(math.ceil(math.sqrt(len(p) / _COARSE_KERNELS)), 1)
    rows, columns = np.divmod(np.arange(len(p)), index.shape[1])
    block = rows // side * (index.shape[1] // side + 1) + columns // side
    mass = np.bincount(block, rest)
    used = np.flatnonzero(mass > 0)
    middle = [np.bincount(block, axis)[used] / np.bincount(block)[used] for axis in (lat, lon)]
    sigma = np.concatenate([np.full(len(fine), index.spacing_m * 0.6), np.full(len(used), index.spacing_m * side * 0.5)]) / 1000.0
    lats, lons = np.concatenate([lat[fine], middle[0]]), np.concatenate([lon[fine], middle[1]])
    return near(lats, (lons + 180.0) % 360.0 - 180.0, sigma, np.concatenate([p[fine], mass[used]]))


def _seen(view: View, fov_deg: float | None, context: ToolContext) -> tuple[Any, list[Aim]]:
    """The view's pixels, and the fields of view to try. Raises ValueError with one sentence."""
    from models.crossview.ground_view import Aim

    if view.rotate_deg and view.box != WHOLE:
        raise ValueError("a crop that was turned says nothing of the camera; use one that was not, or the whole photo")
    picture = np.asarray(context.photo.render(view, _MOST_PIXELS).convert("RGB"), dtype=np.uint8)
    wide, high = context.photo.size if view.rotate_deg % 180 == 0 else context.photo.size[::-1]
    if fov_deg is not None:
        tried = [fov_deg]
    elif wide >= high:
        tried = list(_LONG_SIDE_FOVS_DEG)
    else:
        tried = [2 * math.degrees(math.atan(math.tan(math.radians(fov / 2)) * wide / high)) for fov in _LONG_SIDE_FOVS_DEG]
    box = view.box if not view.rotate_deg else WHOLE
    return picture, [Aim(max(fov, 10.0), box=box, panorama=fov >= 360) for fov in tried]


def _from_above(ground: Ground, place: Any, radius_m: float) -> Image.Image | None:
    """The ground around a place with a cross, and a line where the camera looks."""
    from PIL import Image, ImageDraw

    from models.aerial.ground import image_at

    try:
        patch = image_at(ground, place.lat, place.lon, 2.2 * radius_m, _SHEET_PX)
    except ValueError:
        return None
    picture = Image.fromarray(patch.rgb)
    pen, middle, turn = ImageDraw.Draw(picture), _SHEET_PX / 2, math.radians(place.heading_deg)
    pen.line((middle, middle, middle + 40 * math.sin(turn), middle - 40 * math.cos(turn)), fill=(255, 230, 0), width=2)
    pen.ellipse((middle - 4, middle - 4, middle + 4, middle + 4), outline=(255, 0, 0), width=2)
    return picture


def _json(place: Any) -> dict[str, Any]:
    return {"lat": round(place.lat, 6), "lon": round(place.lon, 6), "heading_deg": round(place.heading_deg, 1),
            "probability": round(place.probability, 5), "likeness": round(place.likeness, 3)}  # fmt: skip


def _overlap(a: Box, b: Box) -> bool:
    east = ((b.west - a.west) % 360 <= (a.east - a.west) % 360) or ((a.west - b.west) % 360 <= (b.east - b.west) % 360)
    return east and a.south <= b.north and b.south <= a.north


def _inside(inner: Box, outer: Box, slack_m: float) -> bool:
    """Whether a box lies in another, give or take some metres."""
    slack = slack_m / 60_000.0
    offset, width = (inner.west - outer.west + slack) % 360.0, (outer.east - outer.west) % 360.0 + 2 * slack
    return (
        inner.south >= outer.south - slack
        and inner.north <= outer.north + slack
        and offset + (inner.east - inner.west) % 360.0 <= width
    )


def _words(box: Box) -> str:
    return f"{box.south:.4f},{box.west:.4f},{box.north:.4f},{box.east:.4f}"
