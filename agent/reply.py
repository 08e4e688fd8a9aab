"""A policy's raw reply made regular: calls found wherever they stand, repaired where possible, bounded in size.

Reads native tool calls, Hermes `<tool_call>{json}</tool_call>` in text, calls whose arguments are broken JSON, and GeoVista's
tool names with their absolute-pixel boxes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from json_repair import repair_json
from langchain_core.messages import AIMessage, ToolCall

from agent.chatml import SAMPLED

BoxSpace = Literal["unit", "pixel", "norm1000"]

MAX_TEXT = 8000
MAX_CALLS_A_TURN = 12
_MAX_ARGUMENTS = 4000
_HERMES = re.compile(r"<tool_call>(.*?)(?:</tool_call>|(?=<tool_call>)|$)", re.S)
_THINK = re.compile(r"<think>(.*?)(?:</think>|$)", re.S)
_ALIASES = {
    "image_zoom_in_tool": "zoom",
    "image_zoom_in": "zoom",
    "crop": "zoom",
    "web_search": "search_web",
    "final_answer": "answer",
}


def regular(message: AIMessage, turn: int, shown_size: tuple[int, int], box_space: BoxSpace = "unit") -> AIMessage:
    """The reply as text and well-formed tool calls with ids of our own (`t3c1`).

    `shown_size` is the size in pixels of the photo as the policy saw it; absolute boxes are in its space.
    """
    text = _text_of(message)
    found: list[tuple[str, Any]] = [(c["name"], c["args"]) for c in message.tool_calls]
    found += [(c.get("name") or "", c.get("args") or "") for c in message.invalid_tool_calls]
    if not found:
        found = [_hermes(body) for body in _HERMES.findall(_THINK.sub(" ", text))]
        text = _HERMES.sub("", text).strip() if found else text
    calls = [
        ToolCall(name=name, args=_arguments(name, arguments, shown_size, box_space), id=f"t{turn}c{number}", type="tool_call")
        for number, (name, arguments) in enumerate(((_name(n), a) for n, a in found[:MAX_CALLS_A_TURN]), 1)
    ]
    sampled = {key: value for key, value in message.response_metadata.items() if key == SAMPLED}
    return AIMessage(content=text[:MAX_TEXT], tool_calls=calls, usage_metadata=message.usage_metadata, response_metadata=sampled)


def _text_of(message: AIMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(b.get("text", "") if isinstance(b, dict) else str(b) for b in message.content
                     if not isinstance(b, dict) or b.get("type") == "text")  # fmt: skip


def _hermes(body: str) -> tuple[str, Any]:
    """Name and arguments of one `<tool_call>` body, repaired if it is not quite JSON."""
    data = _loads(body)
    if not isinstance(data, Mapping):
        return "", body
    return str(data.get("name") or data.get("tool") or ""), data.get("arguments", data.get("parameters", data.get("args", {})))


def _loads(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    text = text[:_MAX_ARGUMENTS]
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        pass
    try:
        return repair_json(text, return_objects=True)
    except Exception:  # a repair that fails leaves the call unreadable, whatever the reason
        return None


def _name(name: Any) -> str:
    name = str(name or "").strip()[:60]
    return _ALIASES.get(name, name) or "unreadable_call"


def _arguments(name: str, raw: Any, shown_size: tuple[int, int], box_space: BoxSpace) -> dict[str, Any]:
    data = _loads(raw)
    if not isinstance(data, Mapping):
        return {"unreadable": str(raw)[:200]} if raw else {}
    arguments = {str(key)[:60]: _finite(value) for key, value in list(data.items())[:20]}
    if name == "zoom":
        if "bbox_2d" in arguments:
            space: BoxSpace = "pixel" if box_space == "unit" else box_space
            arguments["box"] = _unit_box(arguments.pop("bbox_2d"), shown_size, space)
            arguments.pop("label", None)
        elif "box" in arguments and box_space != "unit":
            arguments["box"] = _unit_box(arguments["box"], shown_size, box_space)
    return arguments


def _finite(value: Any) -> Any:
    """The value with numbers that are none as their text, so that a tool refuses them and a trajectory stays JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return value


def _unit_box(box: Any, shown_size: tuple[int, int], space: BoxSpace) -> Any:
    """A box in the policy's own space as shares of the picture; what is no box is left for the tool to refuse."""
    try:
        x0, y0, x1, y1 = (float(v) for v in box)
    except (TypeError, ValueError):
        return box
    width, height = shown_size if space == "pixel" else (1000, 1000)
    return [min(1.0, max(0.0, v)) for v in (x0 / width, y0 / height, x1 / width, y1 / height)]
