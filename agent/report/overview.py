"""The top of a page with several photos: all of them on one map and in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.report.answer import headline
from agent.report.map import overview_map
from agent.report.markup import Html, tag
from agent.report.picture import Picture, preview
from agent.report.words import counted, ending, km, percent

_COLUMNS = (
    ("", "rank"),
    ("", "thumb"),
    ("Photo", "place"),
    ("Within 50 km", "number"),
    ("90 % within", "number"),
    ("Ended", "stop"),
)


def overview(trajectories: Sequence[Mapping[str, Any]], pictures: Sequence[Picture]) -> Html:
    """A line for each photo with a link to its section, and a map of those that were placed."""
    numbered = list(zip(range(1, len(trajectories) + 1), trajectories, pictures, strict=True))
    points = [_point(number, trajectory) for number, trajectory, _ in numbered if trajectory.get("answer")]
    head = tag("tr", [tag("th", words, scope="col", class_=kind) for words, kind in _COLUMNS])
    table = tag("table", tag("thead", head), tag("tbody", [_line(*each) for each in numbered]), class_="overview")
    lead = tag("p", f"{len(points)} placed, {len(trajectories) - len(points)} not", class_="lead")
    map_ = overview_map(points) if points else None
    return tag("header", tag("h1", counted(len(trajectories), "photo")), lead, map_, table, class_="summary", id="top")


def _point(number: int, trajectory: Mapping[str, Any]) -> dict[str, Any]:
    answer = trajectory["answer"]
    return {"lat": float(answer["lat"]), "lon": float(answer["lon"]), "label": headline(trajectory)[0], "mark": str(number),
            "href": f"#photo-{number}"}  # fmt: skip


def _line(number: int, trajectory: Mapping[str, Any], picture: Picture) -> Html:
    answer = trajectory.get("answer")
    share, radius = (percent(float(answer["probability"])), km(float(answer["radius90_km"]))) if answer else ("–", "–")
    kind = "number" if answer else "number unknown"
    names = tag("b", headline(trajectory)[0]), tag("span", str(trajectory.get("photo") or ""))
    return tag(
        "tr",
        tag("td", str(number), class_="rank"),
        tag("td", preview(picture), class_="thumb"),
        tag("td", tag("a", names, href=f"#photo-{number}"), class_="place"),
        tag("td", share, class_=kind, data_label="within 50 km"),
        tag("td", radius, class_=kind, data_label="90 % within"),
        tag("td", ending(trajectory.get("stop")), class_="stop"),
    )
