"""The map of the page: what the script draws, and the buttons around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agent.report.answer import headline
from agent.report.belief import bounds, heat
from agent.report.markup import Html, json_block, tag
from agent.report.samples import BELIEF, samples_of
from agent.report.words import area_name, percent
from geo.belief import Belief
from geo.sphere import wrap_lon

MAX_TOWNS = 60


def belief_map(trajectory: Mapping[str, Any], belief: Belief, identifier: str) -> Html:
    """The belief with its regions, the candidates and the answer."""
    data = map_data(trajectory, belief)
    legend = [
        *(tag("span", tag("i", class_=f"k{share}"), f"smallest region with {share}\u00a0%") for share in (50, 90)),
        tag("span", tag("i", class_="heat"), "likelier"),
        *(tag("span", tag("i", class_=drawn["kind"]), f"drawn from {drawn['label']}") for drawn in data.get("samples", ())),
    ]
    return map_figure(data, identifier, "map of the belief", "90 % region", legend)


def map_data(result: Mapping[str, Any], belief: Belief) -> dict[str, Any]:
    """What `map.js` draws of a belief and its `best_guess`, `alternatives` and `answer`."""
    guess = result["best_guess"]
    box = bounds(belief, float(guess["lat"]), float(guess["lon"]))
    drawn = _samples(result, belief)
    return {
        "heat": heat(belief), "bounds": box, "points": _points(result), "towns": towns(box), **({"samples": drawn} if drawn else {}),
    }  # fmt: skip


def overview_map(points: Sequence[Mapping[str, Any]]) -> Html:
    """All photos that were placed, as numbered points that lead to them."""
    data = {"heat": [], "bounds": None, "points": list(points), "towns": []}
    return map_figure(
        data, "map-all", "map of all photos", "All photos", [tag("span", "one point for each photo that was placed")]
    )


def no_map(why: str) -> Html:
    """A placeholder that says why there is no map."""
    return tag("figure", tag("div", tag("b", "No map"), tag("span", why), class_="missing"), class_="map")


def _points(trajectory: Mapping[str, Any]) -> list[dict[str, Any]]:
    points = []
    for rank, place in enumerate(trajectory.get("alternatives") or [], 1):
        share = percent(float(place.get("probability") or 0.0))
        points.append({**_at(place), "label": area_name(place), "mark": str(rank), "share": share})
    if answer := trajectory.get("answer"):
        points.append({**_at(answer), "label": headline(trajectory)[0], "answer": True})
    return points


def _samples(result: Mapping[str, Any], belief: Belief) -> list[dict[str, Any]]:
    """Drawn points as `map.js` takes them, about 10 m apart at the least."""
    return [
        {
            "label": "the belief" if drawn.source == BELIEF else drawn.source,
            "kind": "drawn" if drawn.source == BELIEF else "modelled",
            "at": np.round(np.stack([drawn.lat, drawn.lon], axis=-1), 4).ravel().tolist(),
        }
        for drawn in samples_of(result, belief)
    ]


def _at(place: Mapping[str, Any]) -> dict[str, float]:
    return {"lat": float(place["lat"]), "lon": float(place["lon"])}


def towns(box: Sequence[float]) -> list[dict[str, Any]]:
    """The largest places in and around a box, so that a close map has names."""
    from geo.gazetteer import gazetteer

    places = gazetteer()
    west, south, east, north = box
    wide, high = max(0.4, 0.5 * (east - west)), max(0.3, 0.5 * (north - south))
    off = wrap_lon(places.place_lon - (west + east) / 2)
    inside = (np.abs(off) < (east - west) / 2 + wide) & (places.place_lat > south - high) & (places.place_lat < north + high)
    rows = np.flatnonzero(inside)
    largest = rows[np.argsort(-places.population[rows].astype(np.int64), kind="stable")][:MAX_TOWNS]
    found = [places.place(int(row)) for row in largest]
    return [{"lat": round(p.lat, 4), "lon": round(p.lon, 4), "label": p.name} for p in found]


def map_figure(data: Mapping[str, Any] | None, identifier: str, label: str, fit: str, legend: Sequence[Html]) -> Html:
    """A stage for `map.js` with its buttons and legend; without data where a script brings them."""
    words = f"{label}; arrow keys move, plus and minus zoom, 0 shows the world, R goes back"
    stage = tag(
        "div",
        tag("canvas", tabindex="0", role="application", aria_label=words),
        tag("div", _button("+", "in", "zoom in"), _button("−", "out", "zoom out"), class_="zoom"),
        tag("div", _button("World", "world", "the whole world"), _button(fit, "fit", "zoom to what matters"), class_="views"),
        tag("div", class_="where"),
        tag("div", "Click the map, then scroll to zoom", class_="hint", aria_hidden="true"),
        class_="stage",
    )
    why = tag("div", tag("b", "No map"), tag("span", "A script draws the map, and scripts are off."), class_="missing")
    caption = tag("figcaption", tag("span", legend, class_="legend"))
    block = json_block(identifier, data) if data is not None else None
    return tag("figure", stage, tag("noscript", why), caption, block, class_="map", data_map=identifier)


def _button(sign: str, action: str, words: str) -> Html:
    return tag("button", sign, type="button", data_do=action, title=words, aria_label=words)
