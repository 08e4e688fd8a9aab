"""`geosleuth locate`: photos in, answers out."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.policy_options import limit_options, limits, policy_options, tool_settings

if TYPE_CHECKING:
    from agent.find_photos import FoundPhoto
    from agent.locate import Settings


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@policy_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout; everything else on stderr.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained HTML page.")
@click.option("--geojson", type=click.Path(dir_okay=False, path_type=Path), help="Write regions and candidates as GeoJSON.")
@click.option("--area", help="Where to look: country codes (FR,DE), a box (south,west,north,east), or both joined by ';'.")
@click.option("--context", default="", help="What you know about the photo, in words.")
@click.option("--use-metadata", is_flag=True, help="Let the policy read EXIF tags, the place among them.")
@click.option(
    "--ranker", default="", metavar="NAME", help="Order the pooled candidates by this trained ranker (geosleuth ranker train)."
)
@limit_options
@click.option(
    "--samples",
    type=click.IntRange(0, 500),
    default=0,
    show_default=True,
    metavar="N",
    help="Show N points drawn from the belief, and from each model that can draw, in the report's map and the GeoJSON.",
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Photos at once.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for trajectories; photos finished there are skipped."
)
@click.option("-q", "--quiet", is_flag=True, help="Answers only, no steps.")
def locate(photos: Sequence[str], **options: Any) -> None:
    """Find where photos were taken: files, folders, patterns or http(s) addresses.

    Exit code 0: every photo was answered, or honestly not. 1: some could not be opened or their policy failed. 2: bad usage.
    """
    from agent.find_photos import find_photos
    from agent.policies import PolicyError, make_policy
    from geosleuth.screen import Screen

    screen = Screen(as_json=options["as_json"], quiet=options["quiet"])
    found = []
    for item in find_photos(photos):
        if item.kind == "skipped":
            screen.note(f"skipped {item.name}: {item.reason}")
        else:
            found.append(item)
    if not found:
        raise click.UsageError("no photo was found")
    try:
        settings = _settings(options)
        policy = make_policy(options["policy"], base_url=options["base_url"], box_space=options["box_space"])
        trajectories = asyncio.run(_run(found, policy, settings, screen))
    except (PolicyError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    failed = _write_files(trajectories, options, screen)
    if screen.gone:
        raise BrokenPipeError
    screen.close(trajectories)
    if failed or any(_is_failed(t) for t in trajectories):
        sys.exit(1)


def _settings(options: Mapping[str, Any]) -> Settings:
    from agent.locate import Settings
    from geo.area import parse_area

    known = None
    if options["area"]:
        from geo.gazetteer import gazetteer

        known = frozenset(gazetteer().country_codes)
    return Settings(
        limits=limits(options),
        area=parse_area(options["area"], known) if options["area"] else None,
        context=options["context"],
        metadata_allowed=options["use_metadata"],
        tools=tool_settings(options),
        ranker=options["ranker"],
        out=options["out"],
        jobs=options["jobs"],
    )


async def _run(found: list[FoundPhoto], policy: Any, settings: Settings, screen: Any) -> list[dict[str, Any]]:
    from agent.locate import locate_all

    trajectories = []
    with screen.progress(len(found)):
        # When nobody reads any more, no further photo is begun; what is under way ends and is saved.
        wanted = itertools.takewhile(lambda _: not screen.gone, found)
        async for trajectory in locate_all(wanted, policy, settings, screen.event):
            screen.answer(trajectory)
            trajectories.append(trajectory)
    return trajectories


def _write_files(trajectories: Sequence[Mapping[str, Any]], options: Mapping[str, Any], screen: Any) -> bool:
    """Write the report and the GeoJSON; says so and answers True when one could not be written."""
    failed = False
    opened = [t for t in trajectories if t["best_guess"]]
    for name, path in (("report", options["report"]), ("geojson", options["geojson"])):
        if path is None:
            continue
        try:
            text = _report(opened) if name == "report" else json.dumps(_geojson(opened), ensure_ascii=False)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            screen.note(f"wrote {path}")
        except OSError as error:
            screen.note(f"error: cannot write {path}: {error.strerror or error}")
            failed = True
    return failed


def _report(trajectories: Sequence[Mapping[str, Any]]) -> str:
    from agent.report import report_html

    return report_html(trajectories)


def _geojson(trajectories: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    from agent.report import belief_of
    from agent.report.samples import samples_of
    from geo.draw import sample_feature
    from geo.export import to_geojson

    features: list[Any] = []
    for trajectory in trajectories:
        belief = belief_of(trajectory)
        mine = to_geojson(belief, trajectory["alternatives"], trajectory["answer"])["features"]
        mine += [sample_feature(drawn.source, drawn.lat, drawn.lon) for drawn in samples_of(trajectory, belief)]
        for feature in mine:
            feature["properties"]["photo"] = trajectory["photo"]
        features += mine
    return {"type": "FeatureCollection", "features": features}


def _is_failed(trajectory: Mapping[str, Any]) -> bool:
    from agent.trajectory import StopReason

    return StopReason(trajectory["stop"]).failed or bool(trajectory.get("save_error"))
