"""One row of GeoVista's published cold-start data, read into replies, searches and a photo.

The layout (github.com/ekonwang/GeoVista, scripts/sft.py; LibraTree/GeoVista-Cold-Start): columns `id`, `system`, `conversations`
(turns `from` `human` or `gpt`, with `value`) and `images` (bytes or paths, in the order of the `<image>` marks). A `gpt` turn
thinks in `<think>` and makes one call in `<tool_call>`, or ends with `<answer>`; a `human` turn holds the photo or a tool's
result in `<tool_response>`. Boxes are pixels of the photo scaled down to 2 megapixels; of several calls in one turn GeoVista
carries out the first.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agent.answer import ANSWER_TOOL, final_words
from agent.photo import fit
from evals.levels import resolve
from geo.gazetteer import gazetteer
from tools.quote import clean
from tools.web.backends import Hit

SHOWN_PIXELS = 2048 * 1024
"""GeoVista's MAX_PIXELS of the photo as the model sees it."""
MAX_TURNS = 40
MAX_CHARS = 200_000
MAX_REPLY = 8000
MAX_IMAGES = 32
_HITS = 5
"""What `search_web` shows where no number is asked for."""
_RADIUS_KM = {"city": 25.0, "region": 100.0, "country": 400.0}
_CALL = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.S)
_CONTROL = re.compile(r"<\|\w+\|>|<image>|</?tool_response>")
"""What stands for something else than itself in a conversation, and so in no reply."""
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}


class RowError(ValueError):
    """A row that cannot be used: the kind of what is wrong with it, one phrase, which is what is counted."""


@dataclass(frozen=True)
class Search:
    query: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Script:
    """What the policy of a row said, in the form of this program's own replies."""

    replies: tuple[Mapping[str, Any], ...]
    """`content` and `tool_calls` (`name`, `args`) of each; the last is an answer."""
    searches: tuple[Search, ...]
    shown_pixels: int
    """Pixels of the photo in whose space the boxes are."""


def photo_of(row: Mapping[str, Any]) -> bytes | str:
    """The photo of a row, its first image: bytes, or a path as the row has it. Raises RowError."""
    images = row.get("images")
    if not isinstance(images, Sequence) or isinstance(images, str | bytes) or not 1 <= len(images) <= MAX_IMAGES:
        raise RowError("has no images")
    first = images[0]
    if isinstance(first, Mapping):
        first = first.get("bytes") or first.get("path")
    if not isinstance(first, bytes | str) or not first:
        raise RowError("has an image that is neither bytes nor a path")
    return first


def script_of(row: Mapping[str, Any], size: tuple[int, int]) -> Script:
    """What the policy said; `size` is the photo's, width and height in pixels. Raises RowError."""
    turns = list(_turns(row.get("conversations")))
    if len(turns) < 2 or turns[0][0] != "user" or "<image>" not in turns[0][1]:
        raise RowError("does not begin with the photo")
    replies: list[Mapping[str, Any]] = []
    searches: list[Search] = []
    boxes: list[Sequence[float]] = []
    for number, (role, text) in enumerate(turns):
        if role != "assistant":
            continue
        if _CONTROL.search(text):
            raise RowError("has control tokens in a reply")
        said, call = _said(text)
        if call is None:
            replies.append(_answer(text))
            return Script(tuple(replies), tuple(searches), _space(boxes, size))
        if call["name"] == "search_web":
            searches.append(Search(call["args"]["query"], _hits(turns[number + 1 : number + 2])))
        else:
            boxes.append(call["args"]["bbox_2d"])
        replies.append({"content": said, "tool_calls": [call]})
    raise RowError("ends without an answer")


def _turns(value: object) -> Iterator[tuple[str, str]]:
    """Role and text of each turn, from a list of turns or from a structure of two lists."""
    if isinstance(value, Mapping) and isinstance(value.get("from"), list) and isinstance(value.get("value"), list):
        value = [{"from": who, "value": text} for who, text in zip(value["from"], value["value"], strict=False)]
    if not isinstance(value, list) or len(value) > MAX_TURNS:
        raise RowError("has no conversation, or too long a one")
    for turn in value:
        role = _ROLES.get(str(turn.get("from"))) if isinstance(turn, Mapping) else None
        text = turn.get("value") if isinstance(turn, Mapping) else None
        if role is None or not isinstance(text, str):
            raise RowError("has a turn of nobody")
        if len(text) > MAX_CHARS:
            raise RowError("has a turn that is too long")
        yield role, text


def _said(text: str) -> tuple[str, dict[str, Any] | None]:
    """What stands before the first call, and the call in this program's words; None where the turn makes none."""
    match = _CALL.search(text)
    if match is None:
        if "<tool_call>" in text:
            raise RowError("makes a call that cannot be read")
        return text, None
    said = text[: match.start()].strip()
    if len(said) > MAX_REPLY:
        raise RowError("has a reply that is too long")
    try:
        call = json.loads(match[1])
        name, arguments = call["name"], call["arguments"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RowError("makes a call that cannot be read") from error
    return said, {"name": name, "args": _arguments(name, arguments)}


def _arguments(name: object, arguments: object) -> dict[str, Any]:
    if not isinstance(arguments, Mapping):
        raise RowError("makes a call that cannot be read")
    if name == "image_zoom_in_tool":
        box = arguments.get("bbox_2d")
        if not isinstance(box, list) or len(box) != 4 or not all(_is_number(value) for value in box):
            raise RowError("zooms into what is no box")
        return {"bbox_2d": [float(value) for value in box]}
    if name == "search_web":
        query = arguments.get("query")
        query = clean(query, 300) if isinstance(query, str) else ""
        if not query:
            raise RowError("searches for nothing")
        return {"query": query}
    raise RowError("calls a tool that there is not")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _space(boxes: Sequence[Sequence[float]], size: tuple[int, int]) -> int:
    """Pixels of the picture whose pixels the boxes count: the one that was scaled down, or the whole where they lie outside of
    that."""
    whole, shown = size[0] * size[1], fit(size, SHOWN_PIXELS)
    if all(_inside(box, shown) for box in boxes):
        return SHOWN_PIXELS
    if all(_inside(box, size) for box in boxes):
        return whole
    raise RowError("zooms outside of the photo")


def _inside(box: Sequence[float], size: tuple[int, int]) -> bool:
    """Whether a box lies in a picture, give or take a fiftieth."""
    return min(box) >= 0 and max(box[0], box[2]) <= 1.02 * size[0] and max(box[1], box[3]) <= 1.02 * size[1]


def _hits(result: Sequence[tuple[str, str]]) -> tuple[Hit, ...]:
    """The hits of a search, from the turn that follows it."""
    text = result[0][1] if result and result[0][0] == "user" else ""
    _, marked, rest = text.partition("results are as follows:")
    try:
        data, _ = json.JSONDecoder().raw_decode(rest[rest.index("{") :]) if marked else (None, 0)
        found = data["result"] if isinstance(data, Mapping) else None
    except (ValueError, KeyError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise RowError("has a search whose results cannot be read")
    return tuple(
        Hit(url, str(item.get("title") or urlsplit(url).netloc)[:300], str(item.get("body") or "")[:2000], "tavily", rank)
        for rank, item in enumerate((item for item in found if isinstance(item, Mapping)), 1)
        if (url := _address(item.get("href")))
    )[:_HITS]


def _address(value: object) -> str:
    """An address of the web, "" for anything else."""
    try:
        return value[:500] if isinstance(value, str) and urlsplit(value[:500]).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def _answer(text: str) -> dict[str, Any]:
    """The last reply: what was thought, and the answer as a call of `answer` with the point of the place that its words name."""
    if "<answer>" not in text:
        raise RowError("ends without an answer")
    place = resolve(text[:MAX_CHARS])
    if place is None:
        raise RowError("answers with no place that can be found")
    thought = text.partition("<answer>")[0].strip()
    if len(thought) > MAX_REPLY:
        raise RowError("has a reply that is too long")
    level = "city" if place.city else "region" if place.region else "country"
    country = gazetteer().countries[place.country].name if place.country else None
    name = ", ".join(dict.fromkeys(part for part in (place.city, place.region, country) if part))
    candidate = {"lat": round(place.lat, 5), "lon": round(place.lon, 5), "place": name, "radius_km": _RADIUS_KM[level]}
    arguments = {"candidates": [candidate], "reason": clean(final_words(text), 300)}
    return {"content": thought, "tool_calls": [{"name": ANSWER_TOOL, "args": arguments}]}
