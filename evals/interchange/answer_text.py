"""Answers inside the text of a message: JSON objects with coordinates, and the last thing that an assistant said."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_TEXT = 200_000
_INNERMOST = re.compile(r"\{[^{}]{2,4000}\}")
_TRAILING_COMMA = re.compile(r",\s*\}")


def answer_objects(text: str) -> list[dict[str, Any]]:
    """JSON objects in a text that hold coordinates (any names), in order; a comma before the closing brace is forgiven."""
    if "{" not in text:
        return []
    found = []
    for match in _INNERMOST.finditer(text[:MAX_TEXT]):
        data = _object(_TRAILING_COMMA.sub("}", match[0]))
        names = {str(name).casefold() for name in data or ()}
        if data and names & {"lat", "latitude"} and names & {"lon", "lng", "long", "longitude"}:
            found.append(data)
    return found


def strict_answer(text: str) -> dict[str, Any] | None:
    """The first outermost object that is valid JSON with `lat`, `lon`, `city` and `country`.

    The rule of Thinking-with-Map's own reader (api_evaluation/api_test.py, `find_coords_json`), for its published figures.
    """
    depth, start = 0, 0
    for at in re.finditer(r"[{}]", text[:MAX_TEXT]):
        if at[0] == "{":
            start = at.start() if depth == 0 else start
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0 and (data := _object(text[start : at.end()])) and {"lat", "lon", "city", "country"} <= data.keys():
                return data
    return None


def _object(text: str) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def last_assistant(messages: Any) -> str | None:
    """The text of the last assistant message of a chat; None where there is none with text."""
    if not isinstance(messages, list):
        return None
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "assistant":
            content = message.get("content")
            if isinstance(content, str) and content.strip():
                return content[:MAX_TEXT]
            if isinstance(content, list):
                texts = [block["text"] for block in content if isinstance(block, dict) and isinstance(block.get("text"), str)]
                if any(part.strip() for part in texts):
                    return "\n".join(texts)[:MAX_TEXT]
    return None
