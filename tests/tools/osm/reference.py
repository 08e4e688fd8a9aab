"""Brute force over a file of OpenStreetMap data: every element read straight from it, every distance taken, shapely for the geometry.

Nothing of the store, its index, its boxes or its distances is used. Distances are those of an azimuthal equidistant plane around the point,
or around the middle of two shapes; over a few kilometres it is exact to a millimetre (`test_distance.py`).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon

from tools.osm.area_tags import is_area
from tools.osm.filters import any_holds, parse_filters

R = 6_371_008.8


@dataclass(frozen=True)
class Thing:
    """An element, its lines or rings in degrees, and whether they are an area."""

    kind: str
    osm_id: int
    tags: dict[str, str]
    parts: tuple[tuple[tuple[float, float], ...], ...]
    """(lat, lon)."""
    area: Any
    """False, True for a ring, or for a multipolygon a list of (outer, inners)."""

    @property
    def key(self) -> tuple[str, int]:
        return self.kind, self.osm_id


def read_things(path: Path) -> dict[tuple[str, int], Thing]:
    """Every tagged element with a place."""
    import osmium

    found: dict[tuple[str, int], Thing] = {}
    areas: dict[int, list[Any]] = {}
    relations: list[tuple[int, dict[str, str], list[tuple[str, int]]]] = []
    for item in osmium.FileProcessor(str(path)).with_locations().with_areas():
        kind, tags = item.type_str(), dict(item.tags)
        if kind == "a":
            if not item.from_way():
                areas[item.orig_id()] = [(_points(o), [_points(i) for i in item.inner_rings(o)]) for o in item.outer_rings()]
        elif kind == "n" and tags:
            found["node", item.id] = Thing("node", item.id, tags, (((item.lat, item.lon),),), False)
        elif kind == "w" and tags:
            line = _points(item.nodes)
            ring = len(line) >= 4 and line[0] == line[-1] and is_area(tags)
            if line:
                found["way", item.id] = Thing("way", item.id, tags, (line,), ring)
        elif kind == "r" and tags:
            relations.append((item.id, tags, [(m.type, m.ref) for m in item.members]))
    for osm_id, tags, members in relations:
        if osm_id in areas:
            rings = tuple(ring for outer, inner in areas[osm_id] for ring in (outer, *inner))
            found["relation", osm_id] = Thing("relation", osm_id, tags, rings, areas[osm_id])
            continue
        keys = dict.fromkeys(({"n": "node", "w": "way"}.get(kind, "none"), ref) for kind, ref in members)
        parts = tuple(part for key in keys if key in found for part in found[key].parts)
        if parts:
            found["relation", osm_id] = Thing("relation", osm_id, tags, parts, False)
    return found


def _points(nodes: Any) -> tuple[tuple[float, float], ...]:
    return tuple((n.location.lat, n.location.lon) for n in nodes if n.location.valid())


def planar(points: Any, lat0: float, lon0: float) -> np.ndarray:
    """Degrees [n, 2] as metres east and north [n, 2] in the azimuthal equidistant plane around a point."""
    lat, lon = np.radians(np.asarray(points, dtype=np.float64)).T
    lat0, lon0 = math.radians(lat0), math.radians(lon0)
    # Half-angle forms, so that small distances keep their digits.
    h = np.sin((lat - lat0) / 2) ** 2 + np.cos(lat) * math.cos(lat0) * np.sin((lon - lon0) / 2) ** 2
    distance = 2 * R * np.arcsin(np.sqrt(np.minimum(h, 1.0)))
    east = np.cos(lat) * np.sin(lon - lon0)
    north = np.sin(lat - lat0) + 2 * math.sin(lat0) * np.cos(lat) * np.sin((lon - lon0) / 2) ** 2
    size = np.maximum(np.hypot(east, north), 1e-300)
    return np.stack([distance * east / size, distance * north / size], axis=1)


def drawn(thing: Thing, lat0: float, lon0: float) -> Any:
    """The thing as a shapely geometry around a point."""
    if isinstance(thing.area, list):
        return MultiPolygon([Polygon(planar(o, lat0, lon0), [planar(i, lat0, lon0) for i in inner]) for o, inner in thing.area])
    parts = [planar(part, lat0, lon0) for part in thing.parts]
    if thing.area:
        return Polygon(parts[0])
    lines = [part for part in parts if len(part) > 1]
    single = [part[0] for part in parts if len(part) == 1]
    pieces = ([MultiLineString([LineString(line) for line in lines])] if lines else []) + ([MultiPoint(single)] if single else [])
    return pieces[0] if len(pieces) == 1 else shapely.GeometryCollection(pieces)


def distance_to(thing: Thing, lat: float, lon: float) -> float:
    return float(drawn(thing, lat, lon).distance(Point(0.0, 0.0)))


def nearby(things: dict[tuple[str, int], Thing], lat: float, lon: float, radius_m: float, what: list[str]) -> dict[Any, float]:
    """Keys and distances of all that lies within the radius; every element that fits is measured."""
    filters = parse_filters(what)
    fit = (thing for thing in things.values() if any_holds(filters, thing.tags) and _could_be(thing, lat, lon, radius_m))
    measured = {thing.key: distance_to(thing, lat, lon) for thing in fit}
    return {key: distance for key, distance in measured.items() if distance <= radius_m}


def _could_be(thing: Thing, lat: float, lon: float, radius_m: float) -> bool:
    """Whether a vertex, or the reach of its longest side, comes near: shapely need not draw what is kilometres away."""
    flat = [planar(part, lat, lon) for part in thing.parts]
    side = max(float(np.hypot(*np.diff(part, axis=0).T).max(initial=0.0)) for part in flat)
    nearest = min(float(np.hypot(*part.T).min()) for part in flat)
    return bool(thing.area) or nearest <= radius_m + side


def apart(a: Thing, b: Thing) -> float:
    """Metres between two things."""
    lat0, lon0 = min((a, b), key=lambda t: sum(map(len, t.parts))).parts[0][0]
    return float(drawn(a, lat0, lon0).distance(drawn(b, lat0, lon0)))


def scene(
    things: dict[tuple[str, int], Thing], middles: dict[Any, tuple[float, float]], query: dict[str, Any]
) -> list[dict[str, Any]]:
    """Every way to give out the parts of a scene (without clusters and not_near: see `fits`), by trying them all."""
    names = [entity["id"] for entity in query["entities"]]
    fit = {entity["id"]: fits(things, entity, query) for entity in query["entities"]}
    hold = {}
    for number, relation in enumerate(query["relations"]):
        if relation["kind"] == "not_near":
            continue
        hold[number] = {
            (a.key, b.key)
            for a in fit[relation["a"]]
            for b in fit[relation["b"]]
            if a is not b and _holds(relation, a, b, middles)
        }
    found = []
    for chosen in itertools.product(*(fit[name] for name in names)):
        parts = {name: thing.key for name, thing in zip(names, chosen, strict=True)}
        if len(set(parts.values())) < len(parts):
            continue
        if all((parts[query["relations"][n]["a"]], parts[query["relations"][n]["b"]]) in pairs for n, pairs in hold.items()):
            found.append(parts)
    return found


def fits(things: dict[tuple[str, int], Thing], entity: dict[str, Any], query: dict[str, Any]) -> list[Thing]:
    """What an entity can be by itself: its filters, its cluster, and what must not be near."""
    kind = [thing for thing in things.values() if any_holds(parse_filters(entity["what"]), thing.tags)]
    kept = kind
    if cluster := entity.get("cluster"):
        kept = [a for a in kept if sum(apart(a, b) <= cluster["within_m"] for b in kind if b is not a) >= cluster["count"] - 1]
    for relation in query["relations"]:
        if relation["kind"] == "not_near" and relation["a"] == entity["id"]:
            others = [thing for thing in things.values() if any_holds(parse_filters(relation["what"]), thing.tags)]
            kept = [a for a in kept if not any(apart(a, b) <= relation["metres"] for b in others if b is not a)]
    return kept


def _holds(relation: dict[str, Any], a: Thing, b: Thing, middles: dict[Any, tuple[float, float]]) -> bool:
    if relation["kind"] == "within":
        return apart(a, b) <= relation["metres"]
    lat, lon = middles[b.key]
    return bool(a.area) and bool(drawn(a, lat, lon).covers(Point(0.0, 0.0)))
