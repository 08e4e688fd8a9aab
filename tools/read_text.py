"""Reads writing in the photo and says what it suggests about the place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import Field

from geo.area import Area
from geo.evidence import Evidence
from tools.boxes import to_photo, unit_box
from tools.clue_places import place_of, places_if
from tools.find_place import area_within
from tools.observation import Arguments, Observation, Region, Tool, ToolContext, UnitBox, View, refusal
from tools.ocr.line import TextLine
from tools.ocr.reader import PictureReader
from tools.ocr.script import models_for, script_of
from tools.quote import clean, quoted
from tools.views import find_region, next_region_number, view_of_photo

if TYPE_CHECKING:
    from geo.clues import Clue

MAX_PIXELS = 16_000_000
"""Larger views are read scaled down to this size."""
_MOST_LINES, _MOST_UNREADABLE, _MOST_CHARACTERS = 40, 4, 120
_SHOWN, _UNSURE = 0.5, 0.8
_SURE, _SURE_SIGN = 0.75, 0.85
"""Confidence from which a line is taken for evidence."""
_REGION_MARGIN = 0.15


class ReadTextArguments(Arguments):
    """Arguments of `read_text`."""

    view: str = Field("photo", description="The view to read: `photo` or the id of a crop (`v1`).")
    region: int | None = Field(None, description="The number of a region from an earlier observation, to read that alone.")
    languages: list[str] | None = Field(
        None,
        description="ISO 639-1 codes of languages to expect (`ru`, `th`), if known; otherwise they are found out.",
        max_length=6,
    )
    country: str | None = Field(
        None,
        description="ISO 3166 code or name, if known or suspected: telephone numbers, also of lines read before, count as dialled there.",
        max_length=60,
    )


@dataclass(frozen=True)
class Seen:
    """A line in a view, or something like one."""

    text: str
    confidence: float
    box: UnitBox
    """On the photo itself."""


Reading = Callable[[View, ToolContext], tuple[list[Seen], list[Seen]]]
"""What is read in a view: the lines to show, then what looks like writing and cannot be read."""


@dataclass(frozen=True)
class _Found:
    """A line with its number and its place on the photo."""

    number: int
    text: str
    confidence: float
    box: UnitBox

    def to_json(self) -> dict[str, Any]:
        return {"number": self.number, "text": self.text, "confidence": round(self.confidence, 3),
                "box": [round(share, 5) for share in self.box], "script": script_of(self.text)}  # fmt: skip


class ReadText(Tool):
    """Optical character recognition, and the clues in what was read. Needs no network."""

    name = "read_text"
    description = (
        "Read signs, plates, posters and other writing in a view. Every line becomes a numbered region for `zoom` and"
        " `find_place`, and what the text says about the place (language, telephone number, web address, prices) becomes evidence."
    )
    arguments = ReadTextArguments
    timeout_s = 60.0

    def __init__(self, reader: PictureReader | None = None) -> None:
        self._reader = reader

    def run(self, arguments: ReadTextArguments, context: ToolContext) -> Observation:
        try:
            parent = view_of_photo(arguments.view, context)
            view = parent if arguments.region is None else _around(find_region(arguments.region, context), parent)
            country = _country(arguments.country, context.area) if arguments.country else ""
            reading = self.reading(arguments.languages or [])
        except ValueError as error:
            return refusal(clean(str(error)))
        if country and arguments.region is None and (known := _lines_of(context, parent)):
            return _in_country(known, country, parent, context)
        readable, unreadable = reading(view, context)
        first = next_region_number(context)
        found = [_Found(first + i, clean(line.text, _MOST_CHARACTERS), line.confidence, line.box)
                 for i, line in enumerate(readable + unreadable)]  # fmt: skip
        where = f"region {arguments.region}" if arguments.region is not None else clean(parent.id)
        sure = [line.text for line in found[: len(readable)] if _is_sure(line)]
        clues = _clues(sure, parent, context)
        supposed = places_if(country, sure, clues, self.name, parent.id, context.area) if country else []
        return _observation(found[: len(readable)], found[len(readable) :], where, clues, supposed, country)

    def reading(self, languages: Sequence[str]) -> Reading:
        """How views are read where these languages are expected. Raises ValueError, one sentence, for a language that is none."""
        reader = self._reader or shared_reader()
        models = models_for(list(languages), reader.second.models() if reader.second else ())

        def read(view: View, context: ToolContext) -> tuple[list[Seen], list[Seen]]:
            picture = context.photo.render(view, MAX_PIXELS)
            readable, unreadable = (
                [Seen(line.text, line.confidence, _on_photo(line, picture.size, view)) for line in lines]
                for lines in _sorted_out(reader.read(picture, models))
            )
            return readable, unreadable

        return read


@cache
def shared_reader() -> PictureReader:
    """RapidOCR, with Tesseract for other scripts where it is installed; made once."""
    from tools.ocr.rapid import shared_engine
    from tools.ocr.tesseract import installed_tesseract

    return PictureReader(shared_engine(), installed_tesseract())


def _around(region: Region, parent: View) -> View:
    """A region with a margin, turned as the view it is asked for in."""
    left, top, right, bottom = region.box
    dx, dy = _REGION_MARGIN * (right - left), _REGION_MARGIN * (bottom - top)
    box = max(left - dx, 0.0), max(top - dy, 0.0), min(right + dx, 1.0), min(bottom + dy, 1.0)
    return View(parent.id, box, parent.rotate_deg, parent.contrast)


def _on_photo(line: TextLine, size: tuple[int, int], view: View) -> UnitBox:
    left, top, right, bottom = to_photo(unit_box(line.bounds, size), view)
    return min(max(left, 0.0), 1.0), min(max(top, 0.0), 1.0), min(max(right, 0.0), 1.0), min(max(bottom, 0.0), 1.0)


def _sorted_out(lines: Sequence[TextLine]) -> tuple[list[TextLine], list[TextLine]]:
    """The lines to show, and those that look like writing and cannot be read; specks that were taken for letters go."""
    readable = [line for line in lines if _is_worth_showing(line)]
    if len(readable) > _MOST_LINES:
        best = sorted(readable, key=lambda line: line.confidence * math.sqrt(line.height), reverse=True)[:_MOST_LINES]
        readable = [line for line in readable if line in best]
    unreadable = [line for line in lines if line not in readable and _looks_like_writing(line)]
    unreadable.sort(key=lambda line: line.height, reverse=True)
    return readable, unreadable[:_MOST_UNREADABLE]


def _is_worth_showing(line: TextLine) -> bool:
    characters = [c for c in line.text if c.isalnum()]
    if len(characters) <= 1 or (len(characters) == 2 and line.text.isascii() and line.confidence < _UNSURE):
        return line.confidence > 0.97 and bool(characters) and not line.text.isascii()
    return line.confidence >= _SHOWN


def _looks_like_writing(line: TextLine) -> bool:
    left, top, right, bottom = line.bounds
    return line.confidence < _SHOWN and line.height >= 14 and right - left >= 2.5 * (bottom - top)


def _observation(lines: list[_Found], unreadable: list[_Found], where: str, clues: list[Clue], supposed: list[Evidence],
                 country: str) -> Observation:  # fmt: skip
    places = [*(place for clue in clues if (place := place_of(clue, ReadText.name)) is not None), *supposed]
    said = [f"Read {len(lines)} line{'s' * (len(lines) != 1)} in {where}:"] if lines else [f"No text can be read in {where}."]
    said += [
        f"{line.number}. {quoted(line.text)} ({line.confidence:.2f}{', unsure' * (line.confidence < _UNSURE)})" for line in lines
    ]
    if unreadable:
        numbers = ", ".join(str(line.number) for line in unreadable)
        said.append(f"Something like writing that cannot be read: region {numbers}. Zoom in to look.")
    claims = list(dict.fromkeys(clean(item.claim, 200) for item in (*(clue.evidence for clue in clues), *places)))
    if claims:
        said += ["What the text suggests:", *(f"- {claim}" for claim in claims)]
    if country and not supposed and not any(clue.kind == "phone" and clue.place_country == country for clue in clues):
        said.append(f"No telephone number here tells where in {country} it belongs.")
    regions = [Region(line.number, line.box, quoted(line.text, 60) if line.text and line in lines else "unread writing")
               for line in (*lines, *unreadable)]  # fmt: skip
    return Observation(
        "\n".join(said), evidence=(*(clue.evidence for clue in clues), *places), regions=tuple(regions),
        data={"lines": [line.to_json() for line in lines], "unreadable": [line.number for line in unreadable],
              "unread": [{"number": line.number, "box": [round(share, 5) for share in line.box]} for line in unreadable],
              "clues": [_clue_json(clue) for clue in clues]},
    )  # fmt: skip


def _lines_of(context: ToolContext, view: View) -> list[str]:
    """What was read before in a view."""
    from tools.road_distance import text_of

    left, top, right, bottom = view.box
    regions = [
        r
        for r in context.regions.values()
        if left <= (r.box[0] + r.box[2]) / 2 <= right and top <= (r.box[1] + r.box[3]) / 2 <= bottom
    ]
    return [text for region in regions if (text := text_of(region))]


def _in_country(texts: list[str], country: str, view: View, context: ToolContext) -> Observation:
    """The lines that were read before, looked through for telephone numbers as they are dialled in a country."""
    supposed = places_if(country, texts, _clues(texts, view, context), ReadText.name, view.id, context.area)
    said = [f"- {clean(item.claim, 200)}" for item in supposed] or [
        f"No telephone number here tells where in {country} it belongs."
    ]
    return Observation("\n".join(["The telephone numbers that were read, as they are dialled there:", *said]), evidence=tuple(supposed),
                       data={"lines": [], "unreadable": [], "unread": [], "clues": []})  # fmt: skip


def _country(named: str, area: Area | None) -> str:
    """The ISO code. Raises ValueError with one plain sentence for an unknown country and one that the search leaves out."""
    from geo.gazetteer import gazetteer

    return next(iter(area_within(named, area, gazetteer()).countries))


def _is_sure(line: _Found) -> bool:
    return line.confidence >= (_SURE_SIGN if _is_chinese(line.text) else _SURE)


def _clues(texts: list[str], view: View, context: ToolContext) -> list[Clue]:
    from geo.clues import clues_in

    return list(clues_in(texts, tool=ReadText.name, citation=view.id, area=context.area)) if texts else []


def _is_chinese(text: str) -> bool:
    """Every picture holds something that looks like a Chinese character, so those need to be read surely."""
    return script_of(text) in {"Chinese", "Japanese"}


def _clue_json(clue: Clue) -> dict[str, Any]:
    return {"kind": clue.kind, "text": clean(clue.text), "claim": clean(clue.evidence.claim, 200), "source": clue.evidence.source,
            "reliability": clue.evidence.reliability, "place": clue.place_hint, "country": clue.place_country}  # fmt: skip
