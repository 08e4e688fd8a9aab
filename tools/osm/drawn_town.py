"""A town made in code and written as OpenStreetMap data: for trying things out, tests and measurements, with no real place in it.

Streets in a grid of blocks with houses along them, shops, bars and churches, a river with bridges, a railway with a station and level
crossings, a tram route, a park with a lake. The same seed and size draw the same town.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from geo.sphere import destination

BLOCK_M = 120.0
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_HOUSES_A_BLOCK = 10
_SHOPS = ("bakery", "supermarket", "hairdresser", "books", "florist", "clothes", "kiosk", "convenience")
_FOOD = ("restaurant", "cafe", "bar", "pub", "fast_food")
_SYLLABLES = (
    "al",
    "ber",
    "cor",
    "dan",
    "el",
    "fjor",
    "gra",
    "hol",
    "in",
    "kal",
    "lin",
    "mar",
    "nor",
    "ost",
    "pel",
    "rin",
    "sol",
    "tor",
    "ul",
    "ves",
)

Tags = Mapping[str, str]


@dataclass(frozen=True)
class TownSettings:
    """What to draw."""

    elements: int = 3_000
    """About how many elements with tags."""
    lat: float = 60.0
    lon: float = 24.0
    """The middle of the town."""
    seed: int = 0


@dataclass
class _Drawing:
    """The town in metres east and north of its middle."""

    nodes: list[tuple[float, float, Tags]] = field(default_factory=list)
    ways: list[tuple[list[int], Tags]] = field(default_factory=list)
    relations: list[tuple[list[tuple[str, int, str]], Tags]] = field(default_factory=list)

    def node(self, x: float, y: float, **tags: str) -> int:
        self.nodes.append((x, y, {key.replace("__", ":"): value for key, value in tags.items()}))
        return len(self.nodes)

    def way(self, refs: list[int], **tags: str) -> int:
        self.ways.append((refs, {key.replace("__", ":"): value for key, value in tags.items()}))
        return len(self.ways)

    def ring(self, x: float, y: float, wide: float, high: float, turn: float = 0.0, **tags: str) -> int:
        """A rectangle around a point, turned by an angle in radians."""
        corners = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)]) / 2.0
        cos, sin = np.cos(turn), np.sin(turn)
        refs = [self.node(x + float(a * cos - b * sin), y + float(a * sin + b * cos)) for a, b in corners]
        return self.way([*refs, refs[0]], **tags)


def write_town(path: Path, settings: TownSettings | None = None) -> int:
    """Draw a town and write it to `path` (.osm.pbf, .osm, .osm.bz2); gives the number of elements with tags.

    Needs the package osmium. Raises OSError for a file that is there already or a folder that is not.
    """
    import osmium

    settings = settings or TownSettings()
    town = _draw(settings)
    if path.exists():
        raise FileExistsError(17, "the file is there already", str(path))
    header = osmium.io.Header()
    header.set("generator", "geosleuth drawn town")
    header.set("osmosis_replication_timestamp", _AT.strftime("%Y-%m-%dT%H:%M:%SZ"))
    x, y = (np.array([node[i] for node in town.nodes], dtype=np.float64) for i in (0, 1))
    lat, lon = destination(settings.lat, settings.lon, np.degrees(np.arctan2(x, y)), np.hypot(x, y) / 1000.0)
    with osmium.SimpleWriter(str(path), header=header) as writer:
        mutable = osmium.osm.mutable
        for i, ((_, _, tags), at_lat, at_lon) in enumerate(zip(town.nodes, lat.tolist(), lon.tolist(), strict=True), 1):
            writer.add_node(mutable.Node(location=(at_lon, at_lat), **_head(i, tags)))
        for i, (refs, tags) in enumerate(town.ways, 1):
            writer.add_way(mutable.Way(nodes=refs, **_head(i, tags)))
        for i, (members, tags) in enumerate(town.relations, 1):
            writer.add_relation(mutable.Relation(members=members, **_head(i, tags)))
    return sum(bool(item[-1]) for kind in (town.nodes, town.ways, town.relations) for item in kind)


def _head(osm_id: int, tags: Tags) -> dict[str, Any]:
    return {"id": osm_id, "version": 1, "visible": True, "timestamp": _AT, "tags": dict(tags)}


def _draw(settings: TownSettings) -> _Drawing:
    """Blocks enough for the size, and what runs through them."""
    rng = np.random.default_rng(settings.seed)
    town = _Drawing()
    side = max(4, round(float(np.sqrt(settings.elements / (_HOUSES_A_BLOCK + 0.3)))))
    half = side * BLOCK_M / 2.0
    _streets(town, rng, side, half)
    railway_y, river_x = half * 0.3, -half * 0.25
    for row in range(side):
        for column in range(side):
            x, y = (column + 0.5) * BLOCK_M - half, (row + 0.5) * BLOCK_M - half
            if abs(y - railway_y) < BLOCK_M * 0.6 or abs(x - river_x) < BLOCK_M * 0.9:
                continue
            _block(town, rng, x, y)
    _river(town, rng, half, river_x)
    _railway(town, side, half, railway_y, river_x)
    _park(town, half)
    return town


def _streets(town: _Drawing, rng: np.random.Generator, side: int, half: float) -> None:
    """A grid of streets; every fourth is a main street."""
    corners = [
        [town.node(column * BLOCK_M - half, row * BLOCK_M - half) for column in range(side + 1)] for row in range(side + 1)
    ]
    for i in range(side + 1):
        main = i % 4 == 0
        kind = {"highway": "primary" if main else "residential", "maxspeed": "50" if main else ("20 mph" if i % 4 == 1 else "30")}
        lanes = {"lanes": "4", "oneway": "no"} if main else {}
        town.way(corners[i], name=_name(rng, "street"), **kind, **lanes)
        town.way([row[i] for row in corners], name=_name(rng, "road"), **kind, **lanes)


def _block(town: _Drawing, rng: np.random.Generator, x: float, y: float) -> None:
    """Houses around a yard, what is in them, and what stands on the pavement."""
    for i in range(_HOUSES_A_BLOCK):
        angle = 2.0 * np.pi * (i + float(rng.uniform(-0.2, 0.2))) / _HOUSES_A_BLOCK
        at_x, at_y = x + 42.0 * float(np.cos(angle)), y + 42.0 * float(np.sin(angle))
        tags = {"building": str(rng.choice(["yes", "house", "apartments", "commercial"]))}
        if rng.random() < 0.6:
            tags["building__levels"] = str(int(rng.integers(1, 9)))
        if rng.random() < 0.1:
            tags["height"] = f"{rng.integers(6, 40)} m" if rng.random() < 0.7 else f"{rng.integers(20, 130)}'"
        town.ring(at_x, at_y, float(rng.uniform(8, 18)), float(rng.uniform(8, 14)), angle, **tags)
        if rng.random() < 0.12:
            town.node(at_x, at_y, shop=str(rng.choice(_SHOPS)), name=_name(rng, "shop"))
        elif rng.random() < 0.08:
            town.node(at_x, at_y, amenity=str(rng.choice(_FOOD)), name=_name(rng, "corner"))
    if rng.random() < 0.02:
        town.ring(
            x, y, 22.0, 40.0, 0.3, building="church", amenity="place_of_worship", religion="christian", name=_name(rng, "church")
        )
    if rng.random() < 0.06:
        town.node(x + 55.0, y + 55.0, amenity="pharmacy", name=_name(rng, "pharmacy"))
    if rng.random() < 0.3:
        town.node(x - 58.0, y, highway="street_lamp")
    if rng.random() < 0.1:
        town.node(x, y - 57.0, highway="bus_stop", name=_name(rng, "stop"))


def _river(town: _Drawing, rng: np.random.Generator, half: float, at_x: float) -> None:
    """A river through the whole town, and its banks as a multipolygon with an island."""
    y = np.linspace(-half - 300.0, half + 300.0, max(8, int(half / 30.0)))
    x = at_x + 25.0 * np.sin(y / 180.0) + rng.normal(0.0, 2.0, len(y))
    middle = list(zip(x.tolist(), y.tolist(), strict=True))
    town.way([town.node(a, b) for a, b in middle], waterway="river", name=_name(rng, "river"))
    left, right = ([town.node(a + off, b) for a, b in middle] for off in (-18.0, 18.0))
    banks = [town.way(left), town.way(right[::-1]), town.way([left[-1], right[-1]]), town.way([right[0], left[0]])]
    island = town.ring(float(x[len(x) // 2]), float(y[len(y) // 2]), 8.0, 8.0)
    members = [("w", way, "outer") for way in banks] + [("w", island, "inner")]
    town.relations.append((members, {"type": "multipolygon", "natural": "water", "water": "river"}))


def _railway(town: _Drawing, side: int, half: float, at_y: float, river_x: float) -> None:
    """A line across the town with a level crossing at every third street and at a path by the river, a station, and a route along it."""
    path_x = river_x + 60.0
    places = [(column * BLOCK_M - half, column % 3 == 0) for column in range(side + 1)]
    places += [(-half - 300.0, False), (half + 300.0, False), (path_x, True)]
    refs = [town.node(x, at_y, **({"railway": "level_crossing"} if crossing else {})) for x, crossing in sorted(places)]
    line = town.way(refs, railway="rail", electrified="contact_line", voltage="25000")
    station = town.node(40.0, at_y + 12.0, railway="station", name="Central")
    town.ring(30.0, at_y + 25.0, 60.0, 18.0, building="train_station", name="Central")
    # A church by the crossing at the river, so that there is one to be found, and one by a crossing elsewhere.
    for x in (path_x + 20.0, -half + 3 * BLOCK_M + 35.0):
        town.ring(x, at_y + 30.0, 16.0, 28.0, building="church", amenity="place_of_worship", religion="christian")
    members = [("w", line, ""), ("n", station, "stop")]
    town.relations.append((members, {"type": "route", "route": "train", "ref": "1", "name": "Central line"}))


def _park(town: _Drawing, half: float) -> None:
    """A park beyond the last street, with a lake in it and trees."""
    x = half + 260.0
    town.ring(x, 0.0, 400.0, 300.0, leisure="park", name="East Park")
    town.ring(x + 40.0, 20.0, 120.0, 80.0, 0.4, natural="water", water="lake")
    for i in range(20):
        town.node(x - 150.0 + 15.0 * i, -100.0 + 7.0 * (i % 5), natural="tree")


def _name(rng: np.random.Generator, what: str) -> str:
    """`Kalnor street`."""
    return "".join(str(part) for part in rng.choice(_SYLLABLES, 3)).capitalize() + f" {what}"
