"""One tool as clients see it: a schema, and work that answers every wrong call with one sentence."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import PrivateAttr, ValidationError

from agent.mcp_server.content import text_content
from agent.mcp_server.settings import Refused
from tools.observation import Arguments, parameters_of
from tools.quote import clean

Work = Callable[[dict[str, Any]], Awaitable[ToolResult]]
A = TypeVar("A", bound=Arguments)

_log = logging.getLogger(__name__)


class ServedTool(Tool):
    """A tool whose arguments are checked by the work itself, so that what is wrong is said in the project's words."""

    _work: Work = PrivateAttr()

    @classmethod
    def of(cls, name: str, description: str, parameters: dict[str, Any], work: Work) -> ServedTool:
        """Every tool only reads, as its annotations say."""
        tool = cls(name=name, description=description, parameters=parameters, annotations=ToolAnnotations(read_only_hint=True))
        tool._work = work
        return tool

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        try:
            return await self._work(arguments)
        except Refused as refused:
            return error(str(refused))
        except Exception as fault:  # ours; the log has it whole, the client one sentence
            _log.exception("%s failed", self.name)
            return error(f"{self.name} failed: {clean(str(fault) or type(fault).__name__, 200)}")


def error(sentence: str) -> ToolResult:
    """The answer to a call that was not carried out."""
    return ToolResult([text_content(sentence)], is_error=True)


def checked(model: type[A], tool: str, arguments: dict[str, Any]) -> A:
    """The arguments as their model. Raises Refused with the first problem."""
    try:
        return model.model_validate(arguments)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "arguments"
        raise Refused(f"{tool} was not called: {clean(where, 60)}: {clean(first['msg'], 160)}") from None


def with_photo_id(parameters: dict[str, Any], needed: bool) -> dict[str, Any]:
    """A tool's schema with `photo_id` in front: needed, or optional."""
    words = "The id that open_photo gave."
    if needed:
        own: dict[str, Any] = {"type": "string", "description": words}
    else:
        own = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None,
               "description": f"{words} With it, what is found counts for this photo, and its regions and search results can be named."}  # fmt: skip
    required = [*(["photo_id"] if needed else []), *parameters.get("required", [])]
    merged = {**parameters, "properties": {"photo_id": own, **parameters.get("properties", {})}}
    return {**merged, "required": required} if required else merged


def parameters_for(model: type[Arguments]) -> dict[str, Any]:
    """The JSON schema of a model's arguments."""
    return parameters_of(model)
