"""A shadow that the user marks on a photo: foot, top and shadow tip, and the time where it is known. It becomes a statement that can be taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from agent.conversation.statements import Statement
from tools.observation import Photo, ToolContext, View
from tools.quote import clean
from tools.sun import Sun, SunArguments

USE = "/shadow X,Y X,Y X,Y [TIME]: foot, top and shadow tip as shares of the photo from its top left corner, and 2024-03-05T14:20Z, 14:20, 2024-03-05 or a month"
_POINT = r"(-?\d*\.?\d+)\s*,\s*(-?\d*\.?\d+)"
_MARKED = re.compile(rf"(?:photo\s*\d+\s+)?{_POINT}\s+{_POINT}\s+{_POINT}\s*(.*)", re.I)


def read_shadow(text: str, stated_date: str = "") -> dict[str, Any] | None:
    """The arguments of the tool `sun` that `0.5,0.8 0.5,0.4 0.7,0.85 14:20` stands for; None for what does not have that form.

    A time without a day takes the day that was stated, where one was.
    """
    match = _MARKED.fullmatch(text.strip())
    if match is None:
        return None
    numbers = [float(match[group]) for group in range(1, 7)]
    points = {name: numbers[2 * row : 2 * row + 2] for row, name in enumerate(("base", "top", "tip"))}
    return {"shadows": [points], "time": _time(match[7].strip(), stated_date)}


def _time(text: str, stated: str) -> dict[str, str]:
    if re.fullmatch(r"(\d{4}-)?\d\d-\d\d", text):
        return {"date": text}
    if re.fullmatch(r"\d{1,2}(-\d{1,2})?", text):
        return {"month": text}
    day = re.fullmatch(r"(\d{4}|-)-(\d\d)-(\d\d)", stated)
    if text:
        time = text.rstrip("zZ") + "Z" if "T" in text else text.rstrip("zZ")
        whole = day is not None and day[1] != "-" and "T" not in text
        return {"utc": f"{stated}T{time}Z" if whole else time}
    if day:
        return {"date": stated.removeprefix("--")}
    month = re.fullmatch(r"(?:\d{4}|-)-(\d\d)", stated)
    return {"month": str(int(month[1]))} if month else {}


def measured(photo: Photo, arguments: dict[str, Any], said: str, first: int) -> tuple[list[Statement], str]:
    """The statements that a marked shadow makes, numbered from `first`, and what was found in words; none where it cannot be used."""
    try:
        asked = SunArguments.model_validate(arguments)
    except ValidationError as error:
        return [], f"That cannot be used: {clean(error.errors()[0]['msg'], 160)}."
    found = Sun().ask(asked, ToolContext(photo, {"photo": View("photo")}))
    # Shadows that are marked one by one are observations of their own, unlike several calls of the tool about one scene.
    own = [{**evidence.to_json(), "source": f"{evidence.source} {photo.sha256[:8]} {said}"[:200]} for evidence in found.evidence]
    return [_statement(number, said, evidence) for number, evidence in enumerate(own, first)], found.text


def _statement(number: int, said: str, evidence: dict[str, Any]) -> Statement:
    return Statement(f"s{number}", clean(said, 160), "shadow", f"you marked a shadow: {evidence['claim']}", evidence)


def told(statements: Sequence[Statement], words: str, before: str, after: str) -> str:
    """The reply to a marked shadow."""
    if not statements:
        return words
    noted = (
        f"Noted as {', '.join(one.id for one in statements)}; take it back with /retract {statements[0].id.removeprefix('s')}."
    )
    return "\n".join([words, f"Before, {before}.", f"Now, {after}.", noted])
