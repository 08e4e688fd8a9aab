"""The page: an overview where there are several photos, then one section for each."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from agent.report.answer import answer_header, headline
from agent.report.belief import belief_of, bounds, heat
from agent.report.evidence import evidence_section, prior_section
from agent.report.markup import Html, join, json_block, tag
from agent.report.picture import Picture, photo_figure, picture_of, preview
from agent.report.steps import timeline_section
from agent.report.words import area_name, counted, ending, km, percent

_OPEN_TIMELINES = 3
"""With more photos than this, timelines start folded."""


def report_html(trajectories: Sequence[Mapping[str, Any]]) -> str:
    """One self-contained page for these investigations: no network, no other files.

    Reads each photo from the path that its trajectory names and shows a placeholder where that is gone. Every text is shown as text.
    """
    pictures = [picture_of(trajectory) for trajectory in trajectories]
    sections = [_photo(*each, len(trajectories)) for each in zip(trajectories, pictures, range(1, len(pictures) + 1), strict=True)]
    several = len(trajectories) > 1
    overview = _overview(trajectories, pictures) if several else None
    title = counted(len(trajectories), "photo") if several or not trajectories else headline(trajectories[0])[0]
    body = join(overview, sections) if trajectories else tag("p", "No photo was investigated.", class_="none")
    script = _file("page.js")
    return _filled(_file("page.html"), {
        "title": tag("title", f"{title} · Geosleuth"), "policy": _content_policy(script), "style": _file("page.css"), "body": body,
        "outlines": _file("outlines.json").strip(), "script": script,
    })  # fmt: skip


def _file(name: str) -> str:
    return files("agent.report").joinpath(name).read_text(encoding="utf-8")


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """Every `{{name}}` once, in one pass, so that nothing inside a part is taken for a place of another."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _content_policy(script: str) -> Html:
    """Nothing from anywhere, pictures from the page itself, and no script beside this very one."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return tag("meta", http_equiv="Content-Security-Policy", content=rules)


def _photo(trajectory: Mapping[str, Any], picture: Picture, number: int, count: int) -> Html:
    """Everything about one photo."""
    map_, without = _map_and_prior(trajectory, number)
    alternatives = [place for place in trajectory.get("alternatives") or [] if isinstance(place, Mapping)]
    return tag(
        "article",
        answer_header(trajectory, number if count > 1 else None),
        tag("div", photo_figure(trajectory, picture, number), map_, class_="pair"),
        prior_section(alternatives, without) if alternatives else None,
        evidence_section(trajectory, number),
        timeline_section(trajectory, picture, open_=count <= _OPEN_TIMELINES),
        _settings(trajectory),
        id=f"photo-{number}",
    )


def _map_and_prior(trajectory: Mapping[str, Any], number: int) -> tuple[Html, list[dict[str, Any]] | None]:
    """The map of the belief, and the top places of the evidence alone."""
    if not trajectory.get("best_guess"):
        return tag("figure", tag("div", tag("b", "No map"), tag("span", "The photo was not investigated."), class_="missing"), class_="map"), None
    from geo.naming import top_places

    try:
        belief = belief_of(trajectory)
    except (ValueError, KeyError, TypeError) as error:
        why = f"The belief cannot be rebuilt from this trajectory: {error}"
        return tag("figure", tag("div", tag("b", "No map"), tag("span", why[:300]), class_="missing"), class_="map"), None
    data = {"heat": heat(belief), "bounds": bounds(belief), "points": _points(trajectory)}
    alone = [place.to_json() for place in top_places(belief.without_prior(), 6)] if belief.evidence else []
    return _map(data, f"map-{number}", "map of the belief"), alone


def _points(trajectory: Mapping[str, Any]) -> list[dict[str, Any]]:
    points = []
    for rank, place in enumerate(trajectory.get("alternatives") or [], 1):
        points.append({"lat": float(place["lat"]), "lon": float(place["lon"]), "label": area_name(place), "mark": str(rank),
                       "share": percent(float(place.get("probability") or 0))})  # fmt: skip
    if answer := trajectory.get("answer"):
        points.append({"lat": float(answer["lat"]), "lon": float(answer["lon"]), "label": headline(trajectory)[0], "answer": True})
    return points


def _map(data: Mapping[str, Any], identifier: str, label: str, legend: bool = True) -> Html:
    buttons = [tag("button", sign, type="button", data_do=do, title=words, aria_label=words)
               for sign, do, words in (("+", "in", "zoom in"), ("−", "out", "zoom out"))]  # fmt: skip
    views = [tag("button", "World", type="button", data_do="world", title="the whole world"),
             tag("button", "90 % region" if legend else "All photos", type="button", data_do="fit", title="zoom to what matters")]  # fmt: skip
    words = f"{label}; arrow keys move, plus and minus zoom, 0 shows the world, R the region"
    canvas = tag("canvas", tabindex="0", role="application", aria_label=words)
    keys = tag("span", tag("i", class_="k50"), "50 %", tag("i", class_="k90"), "90 %", tag("i", class_="heat"), "denser is likelier", class_="legend")
    hint = tag("div", "Click the map, then scroll to zoom", class_="hint", aria_hidden="true")
    stage = tag("div", canvas, tag("div", buttons, class_="zoom"), tag("div", views, class_="views"), tag("div", class_="where"), hint, class_="stage")
    caption = tag("figcaption", keys if legend else tag("span", "one point a photo"), tag("span", "Outlines: Natural Earth"))
    missing = tag("noscript", tag("div", tag("b", "No map"), tag("span", "The map is drawn by a script, and scripts are off."), class_="missing"))
    return tag("figure", stage, caption, missing, json_block(identifier, data), class_="map", data_map=identifier)


def _settings(trajectory: Mapping[str, Any]) -> Html:
    """How the run was made, for whoever wants to make it again."""
    names = (("photo", "Photo"), ("sha256", "SHA-256"), ("path", "File"), ("policy", "Policy"), ("started", "Started"), ("context", "User said"),
             ("area", "Area"), ("metadata_allowed", "Metadata allowed"), ("limits", "Limits"), ("tools", "Tools"), ("usage", "Tokens"))  # fmt: skip
    rows = [join(tag("dt", words), tag("dd", _plain(trajectory[key]))) for key, words in names if trajectory.get(key) not in (None, "", {})]
    return tag("details", tag("summary", tag("h3", "Settings of the run")), tag("dl", rows), class_="settings")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return {"True": "yes", "False": "no"}.get(str(value), str(value))[:2000]


def _overview(trajectories: Sequence[Mapping[str, Any]], pictures: Sequence[Picture]) -> Html:
    """A table with a line for each photo, and all of them on one map."""
    lines, points = [], []
    for number, (trajectory, picture) in enumerate(zip(trajectories, pictures, strict=True), 1):
        place, answer = headline(trajectory)[0], trajectory.get("answer")
        link = tag("a", tag("b", place if answer else headline(trajectory)[0]), tag("span", str(trajectory.get("photo") or "")), href=f"#photo-{number}")
        cells = (percent(float(answer["probability"])), km(float(answer["radius90_km"]))) if answer else ("–", "–")
        lines.append(tag("tr", tag("td", str(number), class_="rank"), tag("td", preview(picture), class_="thumb"), tag("td", link, class_="place"),
                         tag("td", cells[0], class_="number", data_label="within 50 km"), tag("td", cells[1], class_="number", data_label="90 % within"),
                         tag("td", ending(trajectory.get("stop")), class_="stop")))  # fmt: skip
        if answer:
            points.append({"lat": float(answer["lat"]), "lon": float(answer["lon"]), "label": place, "mark": str(number), "href": f"#photo-{number}"})
    told = sum(bool(t.get("answer")) for t in trajectories)
    head = tag("tr", [tag("th", words, scope="col", class_=kind) for words, kind in
                      (("", "rank"), ("", "thumb"), ("Photo", "place"), ("Within 50 km", "number"), ("90 % within", "number"), ("Ended", "stop"))])  # fmt: skip
    table = tag("table", tag("thead", head), tag("tbody", lines), class_="overview")
    map_ = _map({"heat": [], "bounds": None, "points": points}, "map-all", "map of all photos", legend=False) if points else None
    return tag("header", tag("h1", counted(len(trajectories), "photo")), tag("p", f"{told} placed, {len(trajectories) - told} not", class_="lead"),
               map_, table, class_="summary", id="top")  # fmt: skip
