"""`nearby`: what OpenStreetMap has around a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from numpy.typing import ArrayLike
from pydantic import Field

from tools.observation import Arguments, Observation, Source, Tool, ToolContext, refusal
from tools.osm.element import LICENCE, Found, Near, OsmElement, OsmError, OsmSource
from tools.osm.filters import LONGEST_TEXT, Filter, FilterError, parse_filters
from tools.osm.overpass import OverpassError
from tools.osm.probability import covers_circle, nearby_probability, say_probability
from tools.osm.shape import boxes_around, point
from tools.osm.store import OsmStore
from tools.quote import clean, quoted
from tools.reverse_geocode import what_is_wrong

MOST_SHOWN = 40
_MOST_TAGS, _TAG_LENGTH = 12, 80
_CITED = 5
_FILTERS = 8
_NOTHING_MAPPED_M = 5_000.0
"""With not one element of any kind this near, the point is rather outside of what was cut out than empty."""
_POINTS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
_NOT_THERE = "what is not in OpenStreetMap may still exist"

BeliefPoints = Callable[[ToolContext], tuple[ArrayLike, ArrayLike] | None]
"""Points [n, 2] and weights [n] of what is believed about a case, or None where nothing is yet."""


class NearbyArguments(Arguments):
    """Arguments of `nearby`."""

    lat: float | None = Field(default=None, description="latitude in degrees, -90 to 90; leave both out to ask about the belief")
    lon: float | None = Field(default=None, description="longitude in degrees, -180 to 180")
    radius_m: float = Field(default=300.0, description="metres around the point", ge=1.0, le=5000.0)
    what: list[str] = Field(
        default_factory=list,
        description="what to look for, one of them is enough: pharmacy, church, amenity=restaurant, shop, name=Stockmann, "
        "building:levels>=6, maxspeed>=40 mph, shop=bakery & name=Paul; empty: everything",
        max_length=_FILTERS,
    )
    limit: int = Field(default=15, description="most elements that are listed", ge=1, le=MOST_SHOWN)


class Nearby(Tool):
    """Words and data, no evidence: what lies at a point says nothing about where the photo was taken."""

    name = "nearby"
    description = (
        "Ask OpenStreetMap what is around coordinates: shops, churches, roads, buildings with names, distance, bearing and link. Use it to "
        "check whether a place you consider has what the photo shows. It counts as no evidence by itself; what is not mapped may still exist."
    )
    arguments = NearbyArguments
    timeout_s: ClassVar[float] = 60.0

    def __init__(self, source: OsmSource, belief_points: BeliefPoints | None = None) -> None:
        self.source, self._belief_points = source, belief_points

    def run(self, arguments: NearbyArguments, context: ToolContext) -> Observation:
        if arguments.lat is None and arguments.lon is None:
            return self._of_belief(arguments, context)
        return self.ask(arguments)

    def ask(self, arguments: NearbyArguments) -> Observation:
        """What is around a point; needs no case."""
        if arguments.lat is None or arguments.lon is None:
            return refusal("Give both lat and lon.")
        try:
            filters = parse_filters(arguments.what)
        except FilterError as error:
            return refusal(str(error))
        if wrong := what_is_wrong(arguments.lat, arguments.lon):
            return refusal(wrong)
        try:
            return self._at(arguments.lat, arguments.lon, arguments, filters)
        except (OsmError, OverpassError) as error:
            return refusal(f"OpenStreetMap could not be asked: {clean(str(error), 240)}.")

    def state(self) -> str:
        about = self.source.about()
        return about.sha256 or about.source

    def _at(self, lat: float, lon: float, arguments: NearbyArguments, filters: Sequence[Filter]) -> Observation:
        about = self.source.about()
        data: dict[str, Any] = {"lat": lat, "lon": lon, "radius_m": arguments.radius_m, "what": [one.text() for one in filters],
                                "licence": LICENCE, "covered": True}  # fmt: skip
        if not self.source.covers(lat, lon):
            text = f"{_asked(lat, lon, arguments)}: this extract does not cover that point ({clean(about.name, 60)})."
            return Observation(text, data={**data, "covered": False, "snapshot": about.snapshot, "n_total": None, "elements": []})
        found = self.source.around(lat, lon, arguments.radius_m, filters, arguments.limit)
        lines = [_head(lat, lon, arguments, found), *(f"{i}. {_line(near)}" for i, near in enumerate(found.near, 1))]
        lines += self._notes(lat, lon, arguments, found)
        data |= {"n_total": found.n_total, "truncated": found.truncated, "snapshot": found.snapshot,
                 "elements": [near_json(near) for near in found.near]}  # fmt: skip
        return Observation("\n".join(lines), sources=_sources(found.near), data=data)

    def _notes(self, lat: float, lon: float, arguments: NearbyArguments, found: Found) -> list[str]:
        """What must be said so that nobody takes silence for absence."""
        notes = []
        if isinstance(self.source, OsmStore):
            if not found.n_total and not self.source.anything_in(boxes_around(point(lat, lon).box(), _NOTHING_MAPPED_M)):
                notes.append(
                    f"nothing of any kind is in this extract within {_NOTHING_MAPPED_M / 1000:.0f} km: it may not reach that point"
                )
            elif not covers_circle(self.source, lat, lon, arguments.radius_m):
                notes.append("the circle reaches beyond the edge of the extract; what lies there is not counted")
        return [*notes, f"{_NOT_THERE}. {LICENCE}, as of {found.snapshot or 'an unknown day'}"]

    def _of_belief(self, arguments: NearbyArguments, context: ToolContext) -> Observation:
        points = self._belief_points(context) if self._belief_points is not None else None
        return refusal("Give lat and lon.") if points is None else self.of_points(arguments, *points)

    def of_points(self, arguments: NearbyArguments, where: ArrayLike, weight: ArrayLike) -> Observation:
        """How likely something is near, the place being one of the points [n, 2] with their weights [n]."""
        if not isinstance(self.source, OsmStore):
            return refusal("Give lat and lon.")
        try:
            filters = parse_filters(arguments.what)
        except FilterError as error:
            return refusal(str(error))
        if not filters:
            return refusal("Say what to look for: without a point, the answer is how likely it is to be near.")
        try:
            found = nearby_probability(self.source, where, weight, arguments.radius_m, filters)
        except OsmError as error:
            return refusal(f"OpenStreetMap could not be asked: {clean(str(error), 240)}.")
        snapshot = self.source.about().snapshot
        text = f"{say_probability(' or '.join(arguments.what), found)}. {_NOT_THERE}. {LICENCE}, as of {snapshot or 'an unknown day'}"
        known = found.can_say
        return Observation(text, data={
            "radius_m": arguments.radius_m, "what": [one.text() for one in filters], "share": found.share if known else None,
            "uncovered": found.uncovered if known else None, "radius_90_m": round(found.radius_90_m, 1) if math.isfinite(found.radius_90_m) else None, "snapshot": snapshot, "licence": LICENCE,
        })  # fmt: skip


def compass(bearing_deg: float) -> str:
    """`north-east` for 45 and what lies within 22.5 degrees of it."""
    return _POINTS[round(bearing_deg / 45.0) % 8]


def near_json(near: Near) -> dict[str, Any]:
    """An element and its distance in a plain form; texts made safe and cut."""
    bearing = near.bearing_deg
    return {**element_json(near.element), "distance_m": round(near.distance_m, 1),
            "bearing_deg": None if bearing is None else round(bearing, 1), "compass": None if bearing is None else compass(bearing)}  # fmt: skip


def element_json(element: OsmElement) -> dict[str, Any]:
    """An element in a plain form; texts made safe and cut."""
    return {"type": element.kind, "id": element.osm_id, "name": clean(element.name, _TAG_LENGTH), "tags": shown_tags(element),
            "lat": round(element.lat, 7), "lon": round(element.lon, 7), "url": element.url, "version": element.version,
            "timestamp": clean(element.timestamp, 30)}  # fmt: skip


def shown_tags(element: OsmElement) -> dict[str, str]:
    """The first tags of an element, keys and values made safe and cut; addresses and names in other languages go last."""
    order = sorted(element.tags, key=lambda key: (key.startswith(("addr:", "name:", "source", "ref:", "wiki")), key))
    return {clean(key, 60): clean(element.tags[key], _TAG_LENGTH) for key in order[:_MOST_TAGS]}


def kind_of(element: OsmElement) -> str:
    """The tag that says best what an element is: `amenity=pharmacy`."""
    key = next((key for key in _KIND_KEYS if key in element.tags), next(iter(element.tags), ""))
    return clean(f"{key}={element.tags.get(key, '')}", 80)


def source_id(element: OsmElement) -> str:
    """What an element is cited as: `osm:node/4727972444`."""
    return f"osm:{element.kind}/{element.osm_id}"


_KIND_KEYS = ("amenity", "shop", "tourism", "railway", "public_transport", "historic", "leisure", "office", "craft", "man_made", "aeroway",
              "power", "natural", "waterway", "highway", "landuse", "building", "building:part", "barrier", "place", "boundary", "route")  # fmt: skip


def _asked(lat: float, lon: float, arguments: NearbyArguments) -> str:
    what = " or ".join(clean(item, LONGEST_TEXT) for item in arguments.what) or "everything"
    return f"{clean(what, 160)} within {arguments.radius_m:,.0f} m of {lat:.5f}, {lon:.5f}"


def _head(lat: float, lon: float, arguments: NearbyArguments, found: Found) -> str:
    asked = _asked(lat, lon, arguments)
    if not found.n_total:
        return f"{asked}: nothing is mapped there."
    shown = f", the nearest {len(found.near)}" if len(found.near) < found.n_total else ""
    return f"{asked}: {found.n_total:,} in OpenStreetMap{shown}"


def _line(near: Near) -> str:
    """`“Kluuvin Apteekki” amenity=pharmacy, 45 m south, node/4727972444`."""
    element = near.element
    name = f"{quoted(element.name, _TAG_LENGTH)} " if element.name else ""
    away = "here" if near.bearing_deg is None else f"{near.distance_m:,.0f} m {compass(near.bearing_deg)}"
    return f"{name}{kind_of(element)}, {away}, {element.kind}/{element.osm_id}"


def _sources(near: Sequence[Near]) -> tuple[Source, ...]:
    return tuple(Source(source_id(item.element), item.element.url, clean(item.element.name, 80) or kind_of(item.element), f"OpenStreetMap, {LICENCE}")
                 for item in near[:_CITED])  # fmt: skip
