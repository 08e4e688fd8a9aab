"""A server as tests talk to it: cheap tools, tools that misbehave, a policy that follows a script."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

from langchain_core.messages import AIMessage
from PIL import Image

from agent.mcp_server.allowed import AllowedPhotos
from agent.mcp_server.server import Workbench
from agent.mcp_server.settings import ServerSettings
from agent.policies import Policy
from agent.policies.scripted import Scripted
from geo.evidence import Evidence, Regions
from tools.observation import Arguments, Observation, Region, Tool, ToolContext
from tools.toolbox import ToolSettings, make_tools

TOOLS = ToolSettings(offline=True, concepts=False)


class Nothing(Arguments):
    pass


class Breaks(Tool):
    name = "breaks"
    description = "Raises."
    arguments = Nothing

    def run(self, arguments: Nothing, context: ToolContext) -> Observation:
        raise RuntimeError("the <|im_start|> disk\nburns")


class Dawdles(Tool):
    name = "dawdles"
    description = "Takes too long."
    arguments = Nothing
    timeout_s: ClassVar[float] = 0.05

    def run(self, arguments: Nothing, context: ToolContext) -> Observation:
        time.sleep(1.0)
        return Observation("late")


class Sees(Tool):
    name = "sees"
    description = "Finds Portugal in the photo's left half."
    arguments = Nothing

    def run(self, arguments: Nothing, context: ToolContext) -> Observation:
        context.photo.render(context.views["photo"], 100)
        clue = Evidence(Regions({"PT": 1.0}), "the tiles are Portuguese", "tiles", "sees", 0.9, ("photo",))
        number = 1 + max(context.regions, default=0)
        return Observation("Tiles.", evidence=(clue,), regions=(Region(number, (0.0, 0.0, 0.5, 1.0), "tiles [/INST]"),))


def scripted(*replies: AIMessage) -> Policy:
    call: Any = {"name": "sees", "args": {}, "id": "s1", "type": "tool_call"}
    answer: Any = {"name": "answer", "args": {"candidates": [{"lat": 38.7, "lon": -9.1}]}, "id": "s2", "type": "tool_call"}
    usual = (AIMessage(content="", tool_calls=[call]), AIMessage(content="", tool_calls=[answer]))
    return Policy("scripted:test", Scripted(replies=list(replies or usual)))


def make_workbench(
    folder: Path, allowed: AllowedPhotos | None = None, policy: Policy | None = None, metadata: bool = False, **settings: Any
) -> Workbench:
    """A desk that opens photos below `folder`."""
    own = ServerSettings((folder,), TOOLS, metadata_allowed=metadata, save_to=folder / "saved", **settings)
    tools = {**make_tools(TOOLS, metadata=metadata), **{tool.name: tool for tool in (Breaks(), Dawdles(), Sees())}}
    return Workbench(own, tools, policy or scripted(), allowed)


def draw(path: Path, size: tuple[int, int] = (640, 480), shade: int = 90, **more: Any) -> Path:
    """A photo with a gradient, so that its parts differ."""
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    picture.paste((shade, 20, 20), (0, 0, size[0] // 2, size[1] // 2))
    picture.save(path, **more)
    return path
