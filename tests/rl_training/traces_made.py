"""Small trajectories, benchmarks and policies that tests of training data share."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, ToolCall
from PIL import Image

from agent.limits import Limits
from agent.photo import open_photo
from agent.policies import Policy
from agent.policies.scripted import Scripted
from evals.record import Record, Truth
from evals.run import RunSettings
from tools.toolbox import ToolSettings

PORTO = Truth(41.15794, -8.62911, "PT", "Porto", "Porto", names={"country": "Portugal", "region": "Porto", "city": "Porto"})
SETTINGS = RunSettings(
    Limits(4, 8), ToolSettings(offline=True, models=(), concepts=False), workers=1, attempts=1, thumbnails=False
)

Reply = tuple[str, list[tuple[str, dict[str, Any]]]]


@dataclass
class Given:
    """A benchmark of these records."""

    given: Sequence[Record]
    name: str = "given"

    def records(self) -> Sequence[Record]:
        return self.given


def pictures(folder: Path, points: Mapping[str, tuple[float, float]]) -> Given:
    """A small picture of its own for each point."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number, (name, (lat, lon)) in enumerate(points.items()):
        path = folder / f"{name}.png"
        Image.new("RGB", (64, 48), (40 * number, 90, 120)).save(path)
        records.append(Record(name, Truth(lat, lon), partial(open_photo, path), licence="CC0-1.0", attribution="Drawn for tests"))
    return Given(records)


def says(*replies: Reply) -> Policy:
    """A policy that replies so, turn by turn."""
    messages = [
        AIMessage(content=text, tool_calls=[ToolCall(name=name, args=args, id=f"c{i}", type="tool_call") for i, (name, args) in enumerate(calls)])
        for text, calls in replies
    ]  # fmt: skip
    return Policy("scripted", Scripted(replies=messages), sees=False)


def looks_and_answers(lat: float, lon: float) -> Policy:
    """Zooms once, then answers with a point."""
    answer = {"candidates": [{"lat": lat, "lon": lon, "radius_km": 5, "probability": 0.9}]}
    return says(("A look.", [("zoom", {"box": [0.0, 0.0, 0.5, 0.5]})]), ("", [("answer", answer)]))


def record(**changes: Any) -> Record:
    """A record in Porto whose photo is not there."""
    values: dict[str, Any] = {"id": "IMG_20240703.jpg", "truth": PORTO, "open": lambda: open_photo("nowhere.jpg"), **changes}
    return Record(**values)


_TRAJECTORY: dict[str, Any] = {
    "version": 1, "photo": "IMG_20240703.jpg", "path": "photos/IMG_20240703.jpg", "sha256": "ab" * 32, "size": [64, 48], "stop": "answered",
    "answer": {"lat": 41.15, "lon": -8.61, "country": "PT", "country_name": "Portugal", "region": "Porto", "city": "Porto"},
    "reason": "the sign in v1 names the city", "views": {"photo": {"id": "photo", "box": [0, 0, 1, 1], "rotate_deg": 0, "contrast": False},
                                                        "v1": {"id": "v1", "box": [0, 0, 0.5, 0.5], "rotate_deg": 0, "contrast": False}},
    "sources": {"w1": {"id": "w1", "url": "https://example.org", "title": "Porto", "snippet": ""}}, "regions": {},
    "steps": [{"id": "t1c1", "turn": 1, "tool": "zoom", "args": {"region": 1}, "ok": True, "text": "V1 shows …", "claims": []},
              {"id": "t2c1", "turn": 2, "tool": "find_place", "args": {"name": "Porto"}, "ok": True, "text": "…", "claims": ["“Porto” is a place"]},
              {"id": "t3c1", "turn": 3, "tool": "answer", "args": {}, "ok": True, "text": "The answer is noted.", "claims": []}],
    "ledger": [{"call": "t2c1", "claim": "“Porto” is a place", "citations": ["GeoNames", "v1", "w1"]},
               {"call": "answer", "claim": "the policy's judgement: Porto", "citations": []}],
    "messages": [
        {"role": "system", "content": "Find where the photo was taken."},
        {"role": "user", "content": [{"type": "view", "view": "photo"}, {"type": "text", "text": "Where was this photo taken?"}]},
        {"role": "assistant", "content": "I look at the sign.", "tool_calls": [{"id": "t1c1", "name": "zoom", "args": {"region": 1}}]},
        {"role": "tool", "content": [{"type": "text", "text": "V1 shows …"}, {"type": "view", "view": "v1"}], "tool_call_id": "t1c1", "name": "zoom"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "t2c1", "name": "find_place", "args": {"name": "Porto"}}]},
        {"role": "tool", "content": "“Porto” is a place", "tool_call_id": "t2c1", "name": "find_place"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "t3c1", "name": "answer", "args": {}}]},
        {"role": "tool", "content": "The answer is noted.", "tool_call_id": "t3c1", "name": "answer"},
    ],
}  # fmt: skip


def trajectory(**changes: Any) -> dict[str, Any]:
    """A whole trajectory that no filter objects to, with changes to its parts."""
    return {**copy.deepcopy(_TRAJECTORY), **changes}
