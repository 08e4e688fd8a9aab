"""`geosleuth uav`: where a downward-looking aircraft is, without satellites, from tiles of the ground on this disk."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from models.aerial.match import Located, Search
    from models.aerial.track import Fix

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"}
_MOST_FRAMES = 100_000
_FRAME_PIXELS = 50_000_000


def _search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How a frame may lie against the map."""
    for option in (
        click.option("--scale-error", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="How far that factor may be off, as a share."),
        click.option("--altitude-scale", type=click.FloatRange(0.1, 10), default=1.0, show_default=True, help="Altitude over the one that --frame-metres was said for."),
        click.option("--heading-error", type=click.FloatRange(0, 180), help="How far the heading may be off, degrees (10; 180 without --heading)."),
        click.option("--heading", type=float, metavar="DEG", help="Where the top of the frame looks, clockwise from north."),
        click.option("--frame-metres", type=click.FloatRange(1, 20_000), metavar="M", help="Ground that the frame's shorter side covers (a patch of the index)."),
        click.option("--index", "index_file", required=True, type=click.Path(path_type=Path), help="What `uav index` wrote."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def uav() -> None:
    """Aircraft without satellites: index tiles of the ground, locate frames that look down, follow a flight."""


@uav.command("index")
@click.argument("tiles", type=click.Path(path_type=Path))
@click.option("--area", required=True, metavar="S,W,N,E", help="Box in degrees.")
@click.option("--metres", type=click.FloatRange(10, 20_000), default=200.0, show_default=True, help="How wide a patch is.")
@click.option("--spacing", type=click.FloatRange(1, 10_000), default=50.0, show_default=True, help="Metres between patches.")
@click.option(
    "--descriptor", "kind", type=click.Choice(["orientation", "canny", "pixels"]), default="orientation", show_default=True
)
@click.option(
    "--calibrate",
    "frames",
    type=click.IntRange(0, 10_000),
    default=40,
    show_default=True,
    help="Frames to set the threshold with; 0 for the published 1.13.",
)
@click.option(
    "--heading-error",
    type=click.FloatRange(0, 180),
    default=180.0,
    show_default=True,
    help="Of those frames: as wide as frames will be searched.",
)
@click.option("--into", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@plain_errors
def index_command(tiles: Path, area: str, metres: float, spacing: float, kind: str, frames: int, heading_error: float, into: Path) -> None:  # fmt: skip
    """Index TILES: a folder z/x/y.png, an MBTiles file, or one picture with a world file or GeoTIFF tags."""
    from geo.area import parse_area
    from models.aerial.calibrate import calibrate
    from models.aerial.index import build_index
    from models.aerial.match import Search
    from models.aerial.open_ground import open_ground

    limits = parse_area(area)
    if limits.box is None or limits.countries:
        raise ValueError("the area is a box: south,west,north,east")
    if not into.parent.is_dir():
        raise ValueError(f"{into.parent}: is no folder")
    ground = open_ground(tiles)
    index = build_index(ground, limits.box, metres, spacing, kind, _progress("patches"))
    if frames:
        index = index.with_calibration(
            calibrate(index, ground, Search(heading_error_deg=heading_error), frames, progress=_progress("calibration frames"))
        )
    index.save(into)
    known, read = index.card["calibration"], len(index.seen) - index.card["missing"]
    missing = len(getattr(ground, "missing", ()))
    click.echo(
        f"{read} patches of {metres:g} m every {spacing:g} m, {index.card['missing']} without a picture, {missing} tiles missing; {into}"
    )
    if known:
        click.echo(
            f"calibration: {known['right']:.0%} of {known['frames']} recoloured frames within {spacing:g} m; confidence above {known['threshold']:.2f} is told"
        )


@uav.command("locate")
@click.argument("frame", type=click.Path(path_type=Path))
@_search_options
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@click.option("--geojson", type=click.Path(path_type=Path, dir_okay=False), help="Write the best places here.")
@plain_errors
def locate_command(frame: Path, index_file: Path, frame_metres: float | None, heading: float | None, heading_error: float | None,
                   altitude_scale: float, scale_error: float, as_json: bool, geojson: Path | None) -> None:  # fmt: skip
    """Where FRAME, which looks straight down, was taken; or that this cannot be told."""
    from models.aerial.index import load_index
    from models.aerial.match import locate
    from models.aerial.pictures import read_picture

    index = load_index(index_file)
    search = _search(heading, heading_error, altitude_scale, scale_error)
    found = locate(read_picture(frame, _FRAME_PIXELS), frame_metres or float(index.card["metres"]), index, search)
    data = _as_json(found)
    click.echo(json.dumps(data) if as_json else _in_words(found))
    if geojson is not None:
        place = {"type": "Feature", "geometry": _point(found.lon, found.lat), "properties": data}
        geojson.write_text(json.dumps({"type": "FeatureCollection", "features": [place]}), encoding="utf-8")


@uav.command("track")
@click.argument("frames", type=click.Path(path_type=Path, file_okay=False))
@_search_options
@click.option("--speed", required=True, type=click.FloatRange(0, 1000), help="Metres a second.")
@click.option("--speed-error", type=click.FloatRange(0, 1000), default=3.0, show_default=True, help="One standard deviation.")
@click.option("--course", type=float, metavar="DEG", help="Where it flies at the start, clockwise from north, where known.")
@click.option("--every", type=click.FloatRange(0.001, 86_400), default=1.0, show_default=True, help="Seconds between frames.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a line a frame here instead of stdout."
)
@click.option("--geojson", type=click.Path(path_type=Path, dir_okay=False), help="Write the flight here.")
@plain_errors
def track_command(frames: Path, index_file: Path, frame_metres: float | None, heading: float | None, heading_error: float | None,
                  altitude_scale: float, scale_error: float, speed: float, speed_error: float, course: float | None, every: float,
                  csv_file: Path | None, geojson: Path | None) -> None:  # fmt: skip
    """Follow a flight over the pictures in FRAMES, by name. One that cannot be read is a gap."""
    from models.aerial.index import load_index
    from models.aerial.track import Motion, Track

    index = load_index(index_file)
    paths = _frames(frames)
    track = Track(index, Motion(speed, speed_error, course))
    search, metres = _search(heading, heading_error, altitude_scale, scale_error), frame_metres or float(index.card["metres"])
    report, rows, unread = _progress("frames"), [], 0
    for n, path in enumerate(paths):
        found = _located(path, metres, index, search)
        unread += found is None
        rows.append((path.name, track.step(every if n else 0.0, found), found))
        report(n + 1, len(paths))
    if unread:
        click.echo(f"{unread} of {len(paths)} frames cannot be read and were flown over", err=True)
    if csv_file is not None or geojson is None:
        _write_csv(csv_file, rows)
    if geojson is not None:
        geojson.write_text(json.dumps(_flight(rows)), encoding="utf-8")


def _located(path: Path, metres: float, index: Any, search: Search) -> Located | None:
    from models.aerial.match import locate
    from models.aerial.pictures import read_picture

    try:
        frame = read_picture(path, _FRAME_PIXELS)
    except (ValueError, OSError):
        return None
    return locate(frame, metres, index, search) if min(frame.shape[:2]) >= 16 else None


def _frames(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"{folder}: is no folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    if not 0 < len(paths) <= _MOST_FRAMES:
        raise ValueError(f"{folder}: has {len(paths)} pictures; 1 to {_MOST_FRAMES} are followed")
    return paths


def _search(heading: float | None, error: float | None, scale: float, scale_error: float) -> Search:
    from models.aerial.match import Search

    wide = 180.0 if heading is None else 10.0
    return Search(heading or 0.0, wide if error is None else error, scale=scale, scale_error=scale_error)


def _as_json(found: Located) -> dict[str, Any]:
    ratio = None if found.confidence is None else round(found.confidence, 4)
    return {"sure": found.sure, "lat": round(found.lat, 7), "lon": round(found.lon, 7), "heading_deg": round(found.heading_deg, 2), "scale": round(found.scale, 3),
            "likeness": round(found.likeness, 4), "confidence": ratio, "threshold": round(found.threshold, 4)}  # fmt: skip


def _in_words(found: Located) -> str:
    ratio = (
        "no second place to compare with"
        if found.confidence is None
        else f"confidence {found.confidence:.2f}, told above {found.threshold:.2f}"
    )
    place = f"{found.lat:.6f}, {found.lon:.6f}, heading {found.heading_deg:.0f}°, scale {found.scale:.2f}"
    return f"{place} ({ratio})" if found.sure else f"I do not know ({ratio}); the likeliest place is {place}"


def _write_csv(path: Path | None, rows: list[tuple[str, Fix, Located | None]]) -> None:
    out = sys.stdout if path is None else path.open("w", encoding="utf-8", newline="")
    try:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            ("frame", "lat", "lon", "east_east_m2", "east_north_m2", "north_north_m2", "confidence", "seen", "frame_confidence")
        )
        for name, fix, found in rows:
            ratio = "" if found is None or found.confidence is None else f"{found.confidence:.3f}"
            spread = (f"{v:.1f}" for v in fix.covariance_m2)
            writer.writerow((name, f"{fix.lat:.7f}", f"{fix.lon:.7f}", *spread, f"{fix.confidence:.3f}", int(fix.seen), ratio))
    finally:
        if path is not None:
            out.close()


def _flight(rows: list[tuple[str, Fix, Located | None]]) -> dict[str, Any]:
    points = [{"type": "Feature", "geometry": _point(fix.lon, fix.lat),
               "properties": {"frame": name, "covariance_m2": fix.covariance_m2, "confidence": fix.confidence, "seen": fix.seen}}
              for name, fix, _ in rows]  # fmt: skip
    return {"type": "FeatureCollection", "features": points}


def _point(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [round(lon, 7), round(lat, 7)]}


def _progress(noun: str) -> Callable[[int, int], None]:
    """A line on stderr every two seconds, and at the end with how many a second."""
    began = said = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if done == total or now - said > 2:
            said = now
            click.echo(f"{done} of {total} {noun}, {done / max(now - began, 1e-3):.1f} a second", err=True)

    return report
