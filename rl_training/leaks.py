"""Whether a policy said something that only a file or a label could have told it: a teacher may know more than it may say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.record import Record, Truth
from geo.coordinates import find_coordinates

_NAME_CHARS = 5
_PICTURE = re.compile(r"\.(jpe?g|png|webp|gif|tiff?|bmp|hei[cf]|avif)$", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\d.])\d{1,3}\.\d{3,17}(?!\d)")


def no_leak(trajectory: Mapping[str, Any], record: Record) -> str | None:
    """Nothing that only a file or a label could tell: the true coordinates to three decimals, the photo's name, its attribution.

    What a tool's result has told may be said afterwards. Where the true point is a famous one, a policy may know it by heart;
    that is taken for a leak, too, since it cannot be told apart from one.
    """
    names = _names(trajectory, record)
    point_told, told = False, set[str]()
    for message in trajectory["messages"]:
        text = _written(message)
        said = {name for name in names if name not in told and _holds(text.casefold(), name)}
        pointed = not point_told and _gives_point(text, record.truth)
        if message["role"] == "tool":
            told, point_told = told | said, point_told or pointed
        elif pointed or said:
            return (
                f"leak: the true coordinates ({message['role']})" if pointed else f"leak: {min(said)[:60]!r} ({message['role']})"
            )
    return None


def _names(trajectory: Mapping[str, Any], record: Record) -> set[str]:
    """What the photo is called, and by whom, as far as it is no ordinary word or number that may stand anywhere."""
    files = [str(text).replace("\\", "/").rpartition("/")[2] for text in (record.id, record.file, trajectory.get("path") or "")]
    stems = [file.rpartition(".")[0] or file for file in files]
    marked = {file for file in files if _PICTURE.search(file)}
    marked |= {stem for stem in stems if re.search(r"\d", stem) and re.search(r"[^\W\d]", stem)}
    return {name.casefold() for name in (*marked, record.attribution) if len(name) >= _NAME_CHARS}


def _holds(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _gives_point(text: str, truth: Truth) -> bool:
    """Whether both true coordinates stand in a text, signs and order aside, as decimals or in degrees, minutes and seconds."""
    if truth.lat is None or truth.lon is None:
        return False
    numbers = [abs(float(number)) for number in _NUMBER.findall(text)]
    if any(_same(number, truth.lat) for number in numbers) and any(_same(number, truth.lon) for number in numbers):
        return True
    return any(_same(lat, truth.lat) and _same(lon, truth.lon) for lat, lon in find_coordinates(text))


def _same(said: float, true: float) -> bool:
    """Whether two angles are the same to three decimals, rounded or cut."""
    return abs(abs(said) - abs(true)) < 1e-3 and (
        round(abs(said), 3) == round(abs(true), 3) or int(abs(said) * 1000) == int(abs(true) * 1000)
    )


def _written(message: Mapping[str, Any]) -> str:
    """All words of a message, with the arguments of its calls as the policy wrote them."""
    return "\n".join(_texts(message))


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    content = message["content"]
    blocks: Sequence[Any] = content if isinstance(content, list) else [content]
    for block in blocks:
        yield block if isinstance(block, str) else str(block.get("text", ""))
    for call in message.get("tool_calls") or []:
        yield json.dumps(call["args"], ensure_ascii=False)
