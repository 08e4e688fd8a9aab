"""Finished investigations for tests of the reward: made by the real graph with a scripted policy and tools that need nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from PIL import Image
from pydantic import Field

from agent.answer import Candidate, PolicyAnswer, evidence_of
from agent.case import Case
from agent.graph import build_graph
from agent.limits import Limits
from agent.locate import run_case, trajectory_of
from agent.policies import Policy
from agent.policies.scripted import Scripted
from evals.record import Truth
from geo.belief import Belief
from geo.evidence import Evidence, Regions
from tools.find_place import FindPlace
from tools.observation import Arguments, Observation, Tool, ToolContext, View
from tools.toolbox import ToolSettings

LISBON = Truth(38.7223, -9.1393, "PT", "Lisbon", "Lisbon")
TOKYO = (35.6895, 139.6917)


@dataclass
class StillPhoto:
    """A photo that holds nothing."""

    path: Path = Path("still.png")
    sha256: str = "0" * 64
    size: tuple[int, int] = (64, 48)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def render(self, view: View, max_pixels: int | None = None) -> Image.Image:
        return Image.new("RGB", self.size)


class Reads(Tool):
    """`read_text` that reads what it was given, with a clue for Portugal when asked for the photo."""

    name = "read_text"
    description = "reads"
    arguments = type("ReadArguments", (Arguments,), {"__annotations__": {"view": str}, "view": Field("photo")})

    def __init__(self, *lines: str, clue: bool = True) -> None:
        self.lines, self.clue = lines, clue

    def run(self, arguments: Any, context: ToolContext) -> Observation:
        found = Evidence(Regions({"PT": 1.0}), "a telephone number of Portugal", "text:tel", "read_text", 0.9, (arguments.view,))
        lines = [{"number": i, "text": text} for i, text in enumerate(self.lines)]
        return Observation("; ".join(self.lines), evidence=(found,) if self.clue else (), data={"lines": lines})


class Broken(Tool):
    """A tool whose world is out of order."""

    name = "estimate"
    description = "fails"
    arguments = Arguments

    def run(self, arguments: Any, context: ToolContext) -> Observation:
        raise OSError("the disk is gone")


def call(tool: str, /, **args: Any) -> dict[str, Any]:
    return {"name": tool, "args": args, "id": tool, "type": "tool_call"}


def reply(*calls: dict[str, Any], text: str = "") -> AIMessage:
    return AIMessage(text, tool_calls=list(calls))


def answers(lat: float, lon: float, radius_km: float = 10.0, probability: float = 0.8) -> dict[str, Any]:
    """A call of `answer` with one candidate."""
    return call("answer", candidates=[{"lat": lat, "lon": lon, "radius_km": radius_km, "probability": probability}])


def investigate(
    *replies: AIMessage | str, tools: Sequence[Tool] = (), limits: Limits | None = None, context: str = ""
) -> dict[str, Any]:
    """The trajectory of a scripted policy, through the loop that answers users and through JSON."""
    said = [AIMessage(item) if isinstance(item, str) else item for item in replies]
    offered = {tool.name: tool for tool in (*tools, FindPlace())}
    policy = Policy("scripted", Scripted(replies=said), sees=False)
    case = Case(StillPhoto(), policy, offered, limits or Limits(), context=context)
    state = asyncio.run(run_case(case, build_graph(), "still", lambda event: None))
    made = trajectory_of("still.png", case, ToolSettings(), state, datetime.now(UTC))
    data: dict[str, Any] = json.loads(json.dumps(made))
    return data


def stated(lat: float, lon: float, radius_km: float, probability: float) -> dict[str, Any]:
    """What an answer at once with one candidate leaves behind, its point taken as it is and without the loop: for many of them."""
    candidate = Candidate(lat=lat, lon=lon, radius_km=radius_km, probability=probability)
    clues = evidence_of(PolicyAnswer(candidates=[candidate]))
    belief = Belief.start().update(*clues)
    ledger = [
        {**clue.to_json(), "call": "answer", "mean": mean, "bits": 1.0, "for_answer_bits": 1.0}
        for clue, mean in zip(clues, belief.clues.means, strict=True)
    ]
    return placed((lat, lon), ledger=ledger, normalisers=[["answer", belief.log_normaliser()]])


def placed(point: tuple[float, float] | None, stop: str = "", **more: Any) -> dict[str, Any]:
    """A trajectory that ended at a point, or with "cannot tell"."""
    answer = point and {"lat": point[0], "lon": point[1], "country": None, "country_name": None, "region": None, "city": None}
    guess = answer or {"lat": 0.0, "lon": 0.0, "country": None, "country_name": None, "region": None, "city": None}
    return {"version": 1, "photo": "p", "stop": stop or ("answered" if point else "cannot_tell"), "error": None, "answer": answer,
            "best_guess": guess, "alternatives": [], "ledger": [], "normalisers": [], "area": None, "belief": {"gain_bits": 0.0},
            "turns": 1, "calls": 0, "limits": Limits().to_json(), "steps": [], "context": "",
            "messages": [{"role": "assistant", "content": "", "tool_calls": []}], **more}  # fmt: skip
