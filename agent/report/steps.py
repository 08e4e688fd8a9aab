"""The timeline of the page: what the policy said and did, turn by turn, and where the belief stood afterwards."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from agent.report.markup import Html, join, tag
from agent.report.picture import Picture, crop_figures
from agent.report.words import counted, seconds

_SHORT = 420
"""Longer texts are folded away behind their beginning."""
_LONGEST = 12_000
MAX_CROPS = 24
"""Crops shown for one photo, the first ones; a page stays small enough to mail."""


def timeline_section(trajectory: Mapping[str, Any], picture: Picture, open_: bool = True) -> Html:
    """All turns in order."""
    steps = [step for step in trajectory.get("steps") or [] if isinstance(step, Mapping)]
    messages = [message for message in trajectory.get("messages") or [] if isinstance(message, Mapping)]
    if not steps and not any(message.get("role") == "assistant" for message in messages):
        return join()
    by_turn: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for step in steps:
        by_turn[int(step.get("turn") or 0)].append(step)
    said = {turn: _text_of(message) for turn, message in enumerate((m for m in messages if m.get("role") == "assistant"), 1)}
    beliefs = belief_lines(steps, messages)
    crops = MAX_CROPS
    turns = []
    for turn in sorted({*by_turn, *said}):
        shown = []
        for step in by_turn[turn]:
            figures = crop_figures(trajectory, picture, [str(v) for v in (step.get("views") or [])][:crops])
            crops -= len(figures)
            shown.append(_step(step, figures))
        line = tag("p", beliefs[turn], class_="belief") if turn in beliefs else None
        words = tag("div", _folded(said[turn]), class_="words") if said.get(turn, "").strip() else None
        turns.append(tag("li", tag("span", str(turn), class_="turn", title=f"turn {turn}"), words, shown, line))
    summary = tag("summary", tag("h3", "Investigation", tag("small", counted(len(turns), "turn"))))
    return tag("details", summary, tag("ol", turns, class_="timeline"), open=open_, class_="steps")


def belief_lines(steps: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """The belief after each turn, from the last line of the last tool message of the turn, where it was written."""
    turn_of = {step.get("id"): int(step.get("turn") or 0) for step in steps}
    last: dict[int, str] = {}
    for message in messages:
        if message.get("role") == "tool" and message.get("tool_call_id") in turn_of:
            last[turn_of[message["tool_call_id"]]] = _text_of(message)
    lines = {turn: text.rstrip().rsplit("\n", 1)[-1] for turn, text in last.items()}
    return {turn: line.removeprefix("belief:").strip() for turn, line in lines.items() if line.startswith("belief:")}


def _text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(b.get("text") or "") for b in content if isinstance(b, Mapping) and b.get("type") == "text")
    return str(content or "")


def _step(step: Mapping[str, Any], figures: list[Html]) -> Html:
    ok = bool(step.get("ok", True))
    spent = step.get("seconds")
    head = tag(
        "div",
        tag("code", str(step.get("tool") or ""), class_="tool"),
        tag("span", _arguments(step.get("args")), class_="args"),
        None if ok else tag("span", "not carried out", class_="failed"),
        tag("span", seconds(float(spent)), class_="spent") if isinstance(spent, (int, float)) else None,
        class_="call",
    )
    pictures = tag("div", figures, class_="crops") if figures else None
    return tag(
        "div",
        head,
        tag("div", _folded(str(step.get("text") or "")), class_="result"),
        pictures,
        class_="step" if ok else "step bad",
    )


def _arguments(args: Any) -> Html:
    """`view photo · contrast true`, each value cut to size."""
    if not isinstance(args, Mapping):
        return join()
    return join([tag("span", tag("b", str(key)[:40]), f" {_value(value)}") for key, value in args.items() if value is not None])


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 240 else text[:239] + "…"


def _folded(text: str) -> Html:
    """Text as it is when short, else its beginning with the whole behind a click."""
    text = text.strip()
    if len(text) <= _SHORT and text.count("\n") < 8:
        return tag("p", text, class_="text")
    beginning = re.split(r"\n", text, maxsplit=3)
    start = "\n".join(beginning[:3])[: _SHORT - 120].rstrip()
    rest = text if len(text) <= _LONGEST else text[:_LONGEST] + " … (cut)"
    return tag(
        "details", tag("summary", tag("span", start + " …", class_="text start")), tag("p", rest, class_="text"), class_="fold"
    )
