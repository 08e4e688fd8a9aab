"""`geosleuth uav`: where a downward-looking aircraft is, without satellites, from tiles of the ground on this disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors
from geosleuth.uav_answers import Row, as_json, flight_geojson, in_words, place_geojson, write_csv
from geosleuth.uav_map_commands import index_command, train_command
from geosleuth.uav_options import layers_of, opened, progress, search_of, search_options

if TYPE_CHECKING:
    from models.aerial.match import Located, Search

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"}
_MOST_FRAMES = 100_000
_FRAME_PIXELS = 50_000_000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def uav() -> None:
    """Aircraft without satellites: index tiles of the ground, locate frames that look down, follow a flight."""


uav.add_command(index_command)
uav.add_command(train_command)


@uav.command("locate")
@click.argument("frame", type=click.Path(path_type=Path))
@search_options
@click.option("--json", "json_out", is_flag=True, help="JSON on stdout.")
@click.option("--geojson", type=click.Path(path_type=Path, dir_okay=False), help="Write the best place here.")
@plain_errors
def locate_command(frame: Path, index_file: Path, encoder: Path | None, frame_metres: float | None, heading: float | None, heading_error: float | None,
                   altitude_scale: float, scale_error: float, season: str | None, taken: str | None, json_out: bool, geojson: Path | None) -> None:  # fmt: skip
    """Where FRAME, which looks straight down, was taken; or that this cannot be told."""
    from models.aerial.match import locate
    from models.aerial.pictures import read_picture

    index = opened(index_file, encoder)
    search, layers = search_of(heading, heading_error, altitude_scale, scale_error), layers_of(index, season, taken)
    picture, report = read_picture(frame, _FRAME_PIXELS), progress("frames")
    found = locate(picture, frame_metres or float(index.card["metres"]), index, search, layers)
    report(1, 1)
    data = as_json(found, index)
    click.echo(json.dumps(data) if json_out else in_words(found))
    if geojson is not None:
        geojson.write_text(json.dumps(place_geojson(found, data)), encoding="utf-8")


@uav.command("track")
@click.argument("frames", type=click.Path(path_type=Path, file_okay=False))
@search_options
@click.option("--speed", required=True, type=click.FloatRange(0, 1000), help="Metres a second.")
@click.option("--speed-error", type=click.FloatRange(0, 1000), default=3.0, show_default=True, help="One standard deviation.")
@click.option("--course", type=float, metavar="DEG", help="Where it flies at the start, clockwise from north, where known.")
@click.option("--every", type=click.FloatRange(0.001, 86_400), default=1.0, show_default=True, help="Seconds between frames.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a line a frame here instead of stdout."
)
@click.option("--geojson", type=click.Path(path_type=Path, dir_okay=False), help="Write the flight here.")
@plain_errors
def track_command(frames: Path, index_file: Path, encoder: Path | None, frame_metres: float | None, heading: float | None, heading_error: float | None,
                  altitude_scale: float, scale_error: float, season: str | None, taken: str | None, speed: float, speed_error: float,
                  course: float | None, every: float, csv_file: Path | None, geojson: Path | None) -> None:  # fmt: skip
    """Follow a flight over the pictures in FRAMES, by name. One that cannot be read is a gap."""
    from models.aerial.track import Motion, Track

    index = opened(index_file, encoder)
    paths = _frames(frames)
    track, layers = Track(index, Motion(speed, speed_error, course)), layers_of(index, season, taken)
    search, metres = search_of(heading, heading_error, altitude_scale, scale_error), frame_metres or float(index.card["metres"])
    report = progress("frames")
    rows: list[Row] = []
    for n, path in enumerate(paths):
        found = _located(path, metres, index, search, layers)
        rows.append((path.name, track.step(every if n else 0.0, found), found))
        report(n + 1, len(paths))
    unread = sum(found is None for _, _, found in rows)
    if unread:
        click.echo(f"{unread} of {len(paths)} frames cannot be read and were flown over", err=True)
    if csv_file is not None or geojson is None:
        write_csv(csv_file, rows)
    if geojson is not None:
        geojson.write_text(json.dumps(flight_geojson(rows, str(index.card.get("attribution") or ""))), encoding="utf-8")


def _located(path: Path, metres: float, index: Any, search: Search, layers: list[int] | None) -> Located | None:
    from models.aerial.match import locate
    from models.aerial.pictures import read_picture

    try:
        frame = read_picture(path, _FRAME_PIXELS)
    except (ValueError, OSError):
        return None
    return locate(frame, metres, index, search, layers) if min(frame.shape[:2]) >= 16 else None


def _frames(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"{folder}: is no folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    if not 0 < len(paths) <= _MOST_FRAMES:
        raise ValueError(f"{folder}: has {len(paths)} pictures; 1 to {_MOST_FRAMES} are followed")
    return paths
