"""`search_scene`: places where the things of a photo lie as the photo shows them."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field

from geo.area import Area, parse_area
from geo.evidence import Evidence, Kernels, near
from tools.nearby import element_json, kind_of, source_id
from tools.observation import Arguments, Observation, Source, Tool, ToolContext, refusal
from tools.osm.element import LICENCE, OsmElement
from tools.osm.scene_match import Place, SceneResult, match_scene
from tools.osm.scene_query import Entity, Relation, SceneQuery, parse_scene
from tools.osm.store import OsmStore
from tools.quote import clean, quoted

SCENE_RELIABILITY = 0.3
"""Of the evidence: how often the photo is at one of the places. It is low on purpose. A policy misjudges distances and takes one kind of thing
for another, and what it saw may not be mapped; nothing here has been measured on photos yet."""
MOST_FOR_EVIDENCE = 200
"""A scene that is found at more places than this says nothing about where the photo was taken."""
LEAST_SIGMA_M = 100.0
"""A photo of things is taken from beside them."""
_NAMED_PARTS = 3
_CITED = 5


class SceneArguments(Arguments):
    """Arguments of `search_scene`."""

    entities: list[Entity] = Field(
        description="the things: id, what, and cluster {count, within_m} for several of a kind close together",
        min_length=1,
        max_length=6,
    )
    relations: list[Relation] = Field(
        default_factory=list,
        description='how they lie: {"kind":"within","a":ID,"b":ID,"metres":50}, {"kind":"contains","a":AREA,"b":ID}, '
        '{"kind":"not_near","a":ID,"what":[…],"metres":100}; every thing must be tied to the others',
        max_length=12,
    )
    area: str | None = Field(
        default=None, description="only here: country codes (FR,DE) or south,west,north,east", max_length=200
    )
    limit: int = Field(default=5, description="most places that are listed", ge=1, le=20)
    seen_in_photo: bool = Field(
        default=False,
        description="true only if all of it was seen in the photo, none of it guessed from a place you have in mind",
    )


class SearchScene(Tool):
    """Places of an extract where a described scene is found, the least likely by chance first.

    They are evidence where the scene was seen, few places have it, and the user said that the photo was taken in an area that the extract
    covers: then no place outside could have been meant. Without that the extract would only find itself.
    """

    name = "search_scene"
    description = (
        "Search OpenStreetMap for places where several things lie together as in the photo: a church within 50 m of a level crossing with a "
        "river within 100 m. Give generous distances; name rare things first. Places come ranked by how unlikely they are by chance."
    )
    arguments = SceneArguments
    timeout_s: ClassVar[float] = 60.0

    def __init__(self, store: OsmStore, seconds: float = 20.0) -> None:
        self._store, self._seconds = store, seconds

    def run(self, arguments: SceneArguments, context: ToolContext) -> Observation:
        return self.ask(arguments, context.area)

    def ask(self, arguments: SceneArguments, area: Area | None = None) -> Observation:
        """Where the scene is found; needs no case but its search area, if it has one."""
        asked = arguments.model_dump(include={"entities", "relations", "area"})
        try:
            query = parse_scene(asked)
            result = match_scene(self._store, query, area=area, seconds=self._seconds)
        except ValueError as error:  # OsmError too
            return refusal(clean(str(error), 300))
        about = self._store.about()
        lines = [_head(query, result), *(f"{i}. {_line(place)}" for i, place in enumerate(result.places[: arguments.limit], 1))]
        evidence, why = self._evidence(query, result, arguments, area)
        lines.append(f"evidence: {evidence.claim}" if evidence else f"no evidence: {why}")
        lines.append(
            f"{clean(about.name, 60)}; {LICENCE}, as of {about.snapshot or 'an unknown day'}; what is not mapped may still exist"
        )
        shown = result.places[: arguments.limit]
        return Observation("\n".join(lines), evidence=(evidence,) if evidence else (), sources=_sources(shown),
                           data={**scene_json(result, arguments.limit), "query": asked, "snapshot": about.snapshot, "licence": LICENCE})  # fmt: skip

    def state(self) -> str:
        return self._store.about().sha256

    def _evidence(
        self, query: SceneQuery, result: SceneResult, arguments: SceneArguments, area: Area | None
    ) -> tuple[Evidence | None, str]:
        """The clue, or why there is none."""
        if not arguments.seen_in_photo:
            return None, "the scene was not said to be in the photo"
        if not result.places:
            return None, "no such place is mapped here, and what is not mapped may still exist"
        if result.stopped_early or result.n_total > MOST_FOR_EVIDENCE:
            return None, "the scene fits too many places; describe more of it"
        if not _covered(self._store, area):
            return None, "only where the search area of the case is a box inside this extract can no place outside be meant"
        wanted = area if query.area is None else parse_area(query.area)
        if query.area is not None and wanted != area:
            return None, "it was sought in a part of the search area only"
        found = f"{result.n_total} place{'s' if result.n_total > 1 else ''}"
        claim = f"{scene_text(query)}: {found} in OpenStreetMap"
        cited = tuple(dict.fromkeys(source_id(element) for place in result.places for element in _first_parts(place)))[:_CITED]
        return Evidence(
            scene_kernels(result.places), clean(claim, 200), f"scene:{scene_text(query)}", self.name, SCENE_RELIABILITY, cited
        ), ""


def scene_kernels(places: tuple[Place, ...]) -> Kernels:
    """Kernels around places, as wide as each is and no narrower than `LEAST_SIGMA_M`; each counts alike."""
    sigma_km = [max(place.extent_m, LEAST_SIGMA_M) / 1000.0 for place in places]
    return near([place.lat for place in places], [place.lon for place in places], sigma_km)


def scene_text(query: SceneQuery) -> str:
    """`church within 50 m of level crossing`."""
    what = {entity.id: "/".join(clean(item, 40) for item in entity.what) for entity in query.entities}
    said = []
    for relation in query.relations:
        if relation.kind == "within":
            said.append(f"{what[relation.a]} within {relation.metres:g} m of {what[relation.b]}")
        elif relation.kind == "contains":
            said.append(f"{what[relation.b]} in {what[relation.a]}")
        else:
            said.append(
                f"{what[relation.a]} with no {'/'.join(clean(item, 40) for item in relation.what)} within {relation.metres:g} m"
            )
    clusters = [(entity.cluster, what[entity.id]) for entity in query.entities if entity.cluster is not None]
    said += [f"{cluster.count} {name} within {cluster.within_m:g} m" for cluster, name in clusters]
    return "; ".join(said) or ", ".join(what.values())


def scene_json(result: SceneResult, limit: int) -> dict[str, Any]:
    """The answer in a plain form; texts made safe and cut."""
    places = [
        {"lat": round(place.lat, 6), "lon": round(place.lon, 6), "extent_m": round(place.extent_m, 1), "score": round(place.score, 3),
         "expected_by_chance": place.expected, "cut": place.cut,
         "parts": {name: [element_json(element) for element in elements[:_NAMED_PARTS]] for name, elements in place.parts.items()}}
        for place in result.places[:limit]
    ]  # fmt: skip
    return {"places": places, "n_total": result.n_total, "truncated": result.n_total > len(places), "stopped_early": result.stopped_early,
            "looked_at": result.looked_at, "roots": result.roots, "counts": dict(result.counts)}  # fmt: skip


def _covered(store: OsmStore, area: Area | None) -> bool:
    """Whether an area is a box that lies in the extract's."""
    box = area.box if area is not None else None
    if box is None:
        return False
    return all(store.covers(lat, lon) for lat in (box.south, box.north) for lon in (box.west, box.east)) and _no_wider(
        store, box.west, box.east
    )


def _no_wider(store: OsmStore, west: float, east: float) -> bool:
    whole = store.about().box
    return whole is not None and (east - west) % 360.0 <= ((whole.east - whole.west) % 360.0 or 360.0)


def _head(query: SceneQuery, result: SceneResult) -> str:
    early = ""
    if result.stopped_early:
        early = f"; stopped early: the time was over after {result.looked_at:,} of {result.roots:,} starting points"
    if not result.n_total:
        return f"{scene_text(query)}: no such place is mapped ({result.roots:,} of the rarest part are in this extract and area){early}"
    return f"{scene_text(query)}: {result.n_total:,} place{'s' if result.n_total > 1 else ''}{early}"


def _line(place: Place) -> str:
    """`60.16987, 24.94686, 140 m across; by chance 0.02 such places; c: “Vanha kirkko” building=church (way/123); …`."""
    parts = [f"{name}: {_part(elements)}" for name, elements in place.parts.items()]
    chance = f"by chance {place.expected:.2g} such places" if place.expected < 1000 else "by chance very many such places"
    return f"{place.lat:.5f}, {place.lon:.5f}, within {math.ceil(place.extent_m):,} m; {chance}; {'; '.join(parts)}"


def _part(elements: tuple[OsmElement, ...]) -> str:
    named = [
        f"{quoted(one.name, 60) + ' ' if one.name else ''}{kind_of(one)} ({one.kind}/{one.osm_id})"
        for one in elements[:_NAMED_PARTS]
    ]
    more = len(elements) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _first_parts(place: Place) -> list[OsmElement]:
    return [elements[0] for elements in place.parts.values()]


def _sources(places: tuple[Place, ...]) -> tuple[Source, ...]:
    found = {source_id(element): element for place in places for element in _first_parts(place)}
    return tuple(Source(key, element.url, clean(element.name, 80) or kind_of(element), f"OpenStreetMap, {LICENCE}")
                 for key, element in list(found.items())[:_CITED])  # fmt: skip
