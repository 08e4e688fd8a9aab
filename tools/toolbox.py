"""The tools of a case, made from settings."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from tools.observation import Tool

_ADDRESS = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class ToolSettings:
    search: str = "offline"
    """Search backend: `offline`, `ddgs`, `searxng:URL`, `tavily`, `brave`, `replay:FILE`, `record:FILE:BACKEND`."""
    geocoder: str = "gazetteer"
    """`gazetteer`, or `nominatim` for OpenStreetMap's public server."""
    offline: bool = False
    """Whether the network is out of bounds, whatever the other settings say."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def make_tools(settings: ToolSettings, metadata: bool = False, said: str = "") -> dict[str, Tool]:
    """The tools by name. `read_metadata` is among them only where metadata may be used; addresses that the user `said` may be read.

    Raises ValueError when the settings contradict each other or name what does not exist.
    """
    from tools.find_place import FindPlace
    from tools.nominatim import Nominatim
    from tools.read_metadata import ReadMetadata
    from tools.read_page import ReadPage
    from tools.read_text import ReadText
    from tools.reverse_geocode import ReverseGeocode
    from tools.search_web import SearchWeb
    from tools.web.backends import make_backend
    from tools.zoom import Zoom

    if settings.geocoder not in {"gazetteer", "nominatim"}:
        raise ValueError(f"no geocoder is called {settings.geocoder!r}; use gazetteer or nominatim")
    online = Nominatim() if settings.geocoder == "nominatim" and not settings.offline else None
    tools: list[Tool] = [
        Zoom(),
        ReadText(),
        FindPlace(nominatim=online),
        ReverseGeocode(nominatim=online),
        SearchWeb(make_backend(settings.search, offline=settings.offline)),
        ReadPage(allowed_urls=_ADDRESS.findall(said), offline=settings.offline),
    ]
    if metadata:
        tools.append(ReadMetadata())
    return {tool.name: tool for tool in tools}
