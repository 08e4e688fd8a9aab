"""What a tool is given and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from geo.area import Area
from geo.evidence import Evidence

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool
    from PIL import Image

UnitBox = tuple[float, float, float, float]
"""left, top, right, bottom as shares of the width and height, 0 to 1."""

WHOLE: UnitBox = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class View:
    """The photo or a crop of it (`box` is on the photo itself, so a crop of a crop is a view like any other), or a sheet of other pictures."""

    id: str
    """`photo`, then `v1`, `v2`, …"""
    box: UnitBox = WHOLE
    rotate_deg: int = 0
    """Clockwise quarter turns applied after cropping: 0, 90, 180 or 270."""
    contrast: bool = False
    """Whether the picture's contrast is stretched."""
    sheet: str = ""
    """Set where another picture is shown than the photo: a handle of `tools/sheets.py`."""

    def to_json(self) -> dict[str, Any]:
        data = {"id": self.id, "box": list(self.box), "rotate_deg": self.rotate_deg, "contrast": self.contrast}
        return {**data, "sheet": self.sheet} if self.sheet else data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> View:
        left, top, right, bottom = (float(v) for v in data["box"])
        return cls(str(data["id"]), (left, top, right, bottom), int(data["rotate_deg"]), bool(data["contrast"]),
                   str(data.get("sheet", "")))  # fmt: skip


class Photo(Protocol):
    """The original photo, opened safely and kept at full resolution."""

    path: Path
    sha256: str
    size: tuple[int, int]
    metadata: Mapping[str, Any]
    """Tags as the file claims them; never shown to a policy unless the user asked for it."""

    def render(self, view: View, max_pixels: int | None = None) -> Image.Image:
        """The view as an RGB picture, at full resolution or scaled down to at most `max_pixels`."""
        ...


@dataclass(frozen=True)
class Source:
    """Something that can be cited: a page, a search hit, a data set."""

    id: str
    """`w1`, `w2`, …"""
    url: str
    title: str = ""
    snippet: str = ""

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "url": self.url, "title": self.title, "snippet": self.snippet}


@dataclass(frozen=True)
class Region:
    """A numbered part of a view that an observation proposes for a closer look."""

    number: int
    box: UnitBox
    """On the photo itself."""
    label: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"number": self.number, "box": list(self.box), "label": self.label}


@dataclass(frozen=True)
class ToolContext:
    """What a tool may know of the case: a snapshot; tools return changes and never make them."""

    photo: Photo
    views: Mapping[str, View]
    regions: Mapping[int, Region] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    area: Area | None = None
    metadata_allowed: bool = False


@dataclass(frozen=True)
class Observation:
    """A tool's answer: words for the policy, evidence for the belief."""

    text: str
    """For the policy. World text inside it went through `tools.quote`."""
    ok: bool = True
    evidence: tuple[Evidence, ...] = ()
    views: tuple[View, ...] = ()
    """New views, shown to the policy as pictures."""
    regions: tuple[Region, ...] = ()
    sources: tuple[Source, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    """The same in a plain JSON form, for the trajectory and for policies that do not read."""


def refusal(sentence: str) -> Observation:
    """The answer to a call that cannot be carried out: one plain sentence that says what to do instead."""
    return Observation(sentence, ok=False)


class Arguments(BaseModel):
    """Base of every tool's argument model: unknown arguments are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parameters_of(arguments: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a call's arguments."""
    return deepcopy(_parameters(arguments))


@cache
def _parameters(arguments: type[BaseModel]) -> dict[str, Any]:
    """Made once: pydantic takes milliseconds for it, and every turn of every case asks for all tools."""
    parameters = arguments.model_json_schema()
    parameters.pop("title", None)
    parameters.pop("description", None)
    return parameters


class Tool:
    """Base of every tool. A subclass sets the four class variables and `run`."""

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: ClassVar[type[Arguments]]
    timeout_s: ClassVar[float] = 60.0

    def run(self, arguments: Any, context: ToolContext) -> Observation:
        """Carry the call out. Runs in a thread; may raise for faults of the world, which end the call and not the run."""
        raise NotImplementedError

    def state(self) -> str:
        """What the tool's answers depend on beside its settings: a run that is resumed must find the same."""
        return ""

    def schema(self) -> dict[str, Any]:
        """The tool in the OpenAI function-calling form."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters_of(self.arguments)},
        }

    def as_langchain(self, context: ToolContext) -> StructuredTool:
        """The tool for anyone's LangChain agent, bound to one photo. Answers the text; the artifact is the Observation."""
        from langchain_core.tools import StructuredTool

        def call(**arguments: Any) -> tuple[str, Observation]:
            observation = self.run(self.arguments(**arguments), context)
            return observation.text, observation

        return StructuredTool.from_function(
            call, name=self.name, description=self.description, args_schema=self.arguments, response_format="content_and_artifact"
        )
