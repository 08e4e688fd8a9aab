"""Elements of OpenStreetMap as they are found, and the protocol of what they are found in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from geo.area import Box
from tools.osm.filters import Filter

LICENCE = "© OpenStreetMap contributors, ODbL 1.0"
KINDS = ("node", "way", "relation")
SHAPES = ("point", "line", "area")

Id = tuple[str, int]
"""Type and id of an element: `("way", 4209)`."""


class OsmError(ValueError):
    """A question, an extract or a file that cannot be used. Its message is one plain sentence."""


@dataclass(frozen=True)
class OsmElement:
    """A tagged element. Its texts are world text, and go through `tools.quote` before anyone reads them."""

    kind: str
    """`node`, `way` or `relation`."""
    osm_id: int
    version: int
    timestamp: str
    """ISO 8601 of its last change; empty where the file has none."""
    name: str
    tags: Mapping[str, str]
    shape: str
    """`point`, `line` or `area`."""
    lat: float
    lon: float
    """A point of it: halfway along a line, inside an area where that is easily found."""

    @property
    def key(self) -> Id:
        return self.kind, self.osm_id

    @property
    def url(self) -> str:
        return f"https://www.openstreetmap.org/{self.kind}/{self.osm_id}"


@dataclass(frozen=True)
class Near:
    """An element and how far away it is."""

    element: OsmElement
    distance_m: float
    """To the nearest point of it; 0 inside an area."""
    bearing_deg: float | None
    """To that point, clockwise from north; None where the distance is 0."""


@dataclass(frozen=True)
class Found:
    """The answer to one `around`."""

    near: tuple[Near, ...]
    """The nearest first."""
    n_total: int
    """How many there are in the circle, those left out included; as far as the source tells."""
    truncated: bool
    snapshot: str | None
    """The day of the data, ISO 8601; None where nobody knows."""


@dataclass(frozen=True)
class About:
    """What a source says of itself."""

    name: str
    snapshot: str | None
    box: Box | None
    """What it covers; None for the whole Earth."""
    licence: str = LICENCE
    source: str = ""
    """The file or address it comes from."""
    sha256: str = ""
    elements: int | None = None

    def to_json(self) -> dict[str, Any]:
        box = self.box and [self.box.south, self.box.west, self.box.north, self.box.east]
        return {"name": self.name, "snapshot": self.snapshot, "box": box, "licence": self.licence, "source": self.source,
                "sha256": self.sha256, "elements": self.elements}  # fmt: skip


class OsmSource(Protocol):
    """Where elements are looked up: an extract (`tools.osm.store`) or a server (`tools.osm.overpass`)."""

    def around(self, lat: float, lon: float, radius_m: float, filters: Sequence[Filter], limit: int) -> Found:
        """Elements that any of the filters holds for (all, where there is none) within a distance of a point."""
        ...

    def covers(self, lat: float, lon: float) -> bool:
        """Whether the source would know of what is at a point."""
        ...

    def about(self) -> About: ...
