"""A trajectory's conversation as Inspect's chat messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MAX_TEXT = 200_000

Json = dict[str, Any]


def messages_of(trajectory: Mapping[str, Any], model: str, picture: str | None = None) -> list[Json]:
    """The conversation as Inspect's chat messages. Pictures other than the photo itself are named in words, with the box they show."""
    views = trajectory.get("views") or {}
    failed = {
        step.get("id"): str(step.get("text") or "failed")[:500]
        for step in trajectory.get("steps") or []
        if not step.get("ok", True)
    }
    found = []
    for number, message in enumerate(trajectory.get("messages") or []):
        role = message.get("role")
        if role not in {"system", "user", "assistant", "tool"}:
            continue
        data: Json = {"id": f"m{number}", "role": role, "content": content_of(message.get("content") or "", views, picture)}
        if role == "assistant":
            calls = [_call(call) for call in message.get("tool_calls") or []]
            data |= {"source": "generate", "model": model, **({"tool_calls": calls} if calls else {})}
        if role == "tool":
            call = message.get("tool_call_id")
            data |= {"tool_call_id": call, "function": message.get("name")}
            data |= {"error": {"type": "unknown", "message": failed[call]}} if call in failed else {}
        found.append(data)
    return found


def _call(call: Mapping[str, Any]) -> Json:
    return {
        "id": str(call.get("id")),
        "function": str(call.get("name")),
        "arguments": dict(call.get("args") or {}),
        "type": "function",
    }


def content_of(content: str | Sequence[Any], views: Mapping[str, Any], picture: str | None) -> str | list[Json]:
    """A message's content as text or Inspect's blocks; `picture` is what stands for the photo, where there is one."""
    if isinstance(content, str):
        return content[:_MAX_TEXT]
    blocks: list[Json] = []
    for block in content:
        if isinstance(block, str):
            blocks.append({"type": "text", "text": block[:_MAX_TEXT]})
        elif block.get("type") == "text":
            blocks.append({"type": "text", "text": str(block.get("text") or "")[:_MAX_TEXT]})
        elif block.get("type") == "view" and block.get("view") == "photo" and picture:
            blocks.append({"type": "image", "image": picture, "detail": "auto"})
        elif block.get("type") == "view":
            blocks.append({"type": "text", "text": _view_words(str(block.get("view")), views)})
    return blocks


def _view_words(view: str, views: Mapping[str, Any]) -> str:
    """`[view v2: the photo from 10 % to 35 % across and 40 % to 60 % down]`"""
    box = (views.get(view) or {}).get("box") if isinstance(views.get(view), Mapping) else None
    if view == "photo" or not isinstance(box, Sequence) or len(box) != 4:
        return "[the photo]" if view == "photo" else f"[view {view}]"
    left, top, right, bottom = (100 * float(side) for side in box)
    return f"[view {view}: the photo from {left:.0f} % to {right:.0f} % across and {top:.0f} % to {bottom:.0f} % down]"
