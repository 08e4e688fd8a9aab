"""The page: an overview where there are several photos, then one section for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.report.answer import answer_header, headline
from agent.report.belief import belief_of
from agent.report.document import document, resource
from agent.report.evidence import evidence_section, prior_section
from agent.report.map import belief_map, no_map
from agent.report.markup import Html, join, tag
from agent.report.overview import overview
from agent.report.picture import Picture, photo_figure, picture_of
from agent.report.steps import timeline_section
from agent.report.words import counted

_OPEN_TIMELINES = 3
"""With more photos than this, timelines start folded."""
_SETTINGS = {
    "photo": "Photo", "path": "File", "sha256": "SHA-256", "policy": "Policy", "started": "Started", "context": "The user said",
    "area": "Area", "metadata_allowed": "Metadata allowed", "limits": "Limits", "tools": "Tools", "usage": "Tokens",
}  # fmt: skip


def report_html(trajectories: Sequence[Mapping[str, Any]], files: Sequence[Path | None] = ()) -> str:
    """One self-contained page for these investigations: no network, no other files.

    Reads each photo from the path that its trajectory names, or from `files` where trajectories name none that people should see, and shows a
    placeholder where that is gone. Text stays text.
    """
    at = [*files, *[None] * (len(trajectories) - len(files))]
    pictures = [picture_of(trajectory, path) for trajectory, path in zip(trajectories, at, strict=True)]
    count = len(trajectories)
    sections = [_photo(trajectories[row], pictures[row], row + 1, count) for row in range(count)]
    top = overview(trajectories, pictures) if count > 1 else None
    body = join(top, sections) if count else tag("p", "No photo was investigated.", class_="none")
    title = f"{headline(trajectories[0])[0] if count == 1 else counted(count, 'photo')} · Geosleuth"
    return document(title, body, style=resource("page.css"), script=resource("map.js") + resource("page.js"))


def _photo(trajectory: Mapping[str, Any], picture: Picture, number: int, count: int) -> Html:
    """Everything about one photo."""
    map_, without = _map_and_prior(trajectory, number)
    alternatives = [place for place in trajectory.get("alternatives") or [] if isinstance(place, Mapping)]
    pair = tag("div", photo_figure(trajectory, picture, number), map_, class_="pair", style=f"--stage:{picture.ratio:.3f}")
    return tag(
        "article",
        answer_header(trajectory, number if count > 1 else None),
        pair if trajectory.get("best_guess") or picture.photo else None,
        prior_section(alternatives, without) if alternatives else None,
        evidence_section(trajectory, number) if trajectory.get("best_guess") else None,
        timeline_section(trajectory, picture, open_=count <= _OPEN_TIMELINES),
        _settings(trajectory),
        id=f"photo-{number}",
    )


def _map_and_prior(trajectory: Mapping[str, Any], number: int) -> tuple[Html, list[dict[str, Any]] | None]:
    """The map of the belief, and the top places of the evidence alone."""
    if not trajectory.get("best_guess"):
        return no_map("The photo was not investigated."), None
    from geo.naming import top_places

    try:
        belief = belief_of(trajectory)
    except (ValueError, KeyError, TypeError) as error:
        return no_map(f"The belief cannot be rebuilt from this trajectory: {error}"[:300]), None
    alone = [place.to_json() for place in top_places(belief.without_prior(), 6)] if belief.evidence else []
    return belief_map(trajectory, belief, f"map-{number}"), alone


def _settings(trajectory: Mapping[str, Any]) -> Html:
    """How the run was made, for whoever wants to make it again."""
    given = {key: words for key, words in _SETTINGS.items() if trajectory.get(key) not in (None, "", {})}
    rows = [join(tag("dt", words), tag("dd", _plain(trajectory[key]))) for key, words in given.items()]
    return tag("details", tag("summary", tag("h3", "Settings of the run")), tag("dl", rows), class_="settings")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return {"True": "yes", "False": "no"}.get(str(value), str(value))[:2000]
