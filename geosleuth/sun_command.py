"""`geosleuth sun`: where shadows are possible, and where the sun stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from tools.observation import Observation
    from tools.sun import SunArguments

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
_KEYS = {"altitude": "altitude_deg", "ratio": "length_ratio", "error": "error", "azimuth": "azimuth_deg", "relative": "relative_azimuth_deg",
         "azimuth-error": "azimuth_error_deg", "minutes": "minutes_after", "utc": "utc"}  # fmt: skip
_MOST_POINTS = 1e6


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def sun() -> None:
    """Shadows: the region where they are possible, never a point; and the sun at a place and time."""


@sun.command("where")
@click.option("--altitude", type=float, metavar="DEG", help="How high the sun stands.")
@click.option("--shadow-ratio", type=float, metavar="RATIO", help="Instead: length of a shadow over the height of what casts it.")
@click.option("--error", type=float, help="One standard deviation: degrees (3), or a share of the ratio (0.15).")
@click.option("--azimuth", type=float, metavar="DEG", help="Where the sun stands, clockwise from north.")
@click.option(
    "--relative-azimuth", type=float, metavar="DEG", help="Instead: clockwise from an unknown direction that all shadows share."
)
@click.option("--azimuth-error", type=float, metavar="DEG", help="One standard deviation (8).")
@click.option(
    "--and",
    "others",
    multiple=True,
    metavar="SHADOW",
    help="A later shadow: altitude=35,minutes=60 (ratio, error, azimuth, relative, utc).",
)
@click.option("--utc", default="", metavar="TIME", help="2024-03-05T14:20Z, or 14:20 where the day is not known.")
@click.option("--date", "day", default="", metavar="DAY", help="2024-03-05, or 03-05.")
@click.option("--month", default="", help="3, or 11-2.")
@click.option("--clock", default="", metavar="TIME", help="14:20 by a clock of the place.")
@click.option("--utc-offset", type=float, metavar="HOURS", help="How far that clock is ahead of UTC.")
@click.option("--minutes", type=float, default=5.0, show_default=True, help="How far the time may be off.")
@click.option("--area", metavar="AREA", help="Look only here: country codes (FR,DE) or south,west,north,east.")
@click.option("--prior", is_flag=True, help="In the GeoJSON, count places by how often photos are taken there.")
@click.option("--geojson", type=click.Path(path_type=Path, dir_okay=False), help="Write the 50 % and 90 % regions here.")
@_JSON
@plain_errors
def where_command(altitude: float | None, shadow_ratio: float | None, error: float | None, azimuth: float | None, relative_azimuth: float | None,
                  azimuth_error: float | None, others: tuple[str, ...], utc: str, day: str, month: str, clock: str, utc_offset: float | None,
                  minutes: float, area: str | None, prior: bool, geojson: Path | None, as_json: bool) -> None:  # fmt: skip
    """The region where the sun can have stood so."""
    from tools.sun import Sun

    first = {"altitude_deg": altitude, "length_ratio": shadow_ratio, "error": error, "azimuth_deg": azimuth,
             "relative_azimuth_deg": relative_azimuth, "azimuth_error_deg": azimuth_error}  # fmt: skip
    time = {
        "utc": utc,
        "date": day,
        "month": month,
        "clock": clock,
        "utc_offset_hours": utc_offset,
        "time_error_minutes": minutes,
    }
    arguments = _arguments({"shadows": [first, *(read_shadow(text) for text in others)], "time": time})
    limits = _area(area)
    answer = Sun().ask(arguments, area=limits)
    _show(answer, as_json)
    if geojson is not None:
        geojson.write_text(json.dumps(_regions(answer, prior, limits)), encoding="utf-8")
        click.echo(f"the 50 % and 90 % regions are in {geojson}", err=True)


@sun.command("at", context_settings={"ignore_unknown_options": True})
@click.argument("lat", type=float)
@click.argument("lon", type=float)
@click.argument("time")
@click.option("--height", type=float, default=1.0, show_default=True, help="Height of what casts a shadow, metres.")
@click.option(
    "--relative-azimuth",
    type=float,
    metavar="DEG",
    help="The sun, clockwise from the middle of the picture: tells where the camera looks.",
)
@_JSON
@plain_errors
def at_command(lat: float, lon: float, time: str, height: float, relative_azimuth: float | None, as_json: bool) -> None:
    """The sun at LAT LON at TIME (2024-03-05T14:20Z), and the shadow it casts."""
    from tools.sun import Sun

    shadows = [] if relative_azimuth is None else [{"relative_azimuth_deg": relative_azimuth}]
    _show(Sun().ask(_arguments({"lat": lat, "lon": lon, "height_m": height, "time": {"utc": time}, "shadows": shadows})), as_json)


@sun.command("pixels")
@click.argument("size", metavar="WIDTHxHEIGHT")
@click.option("--base", required=True, metavar="X,Y", help="Foot of something upright, pixels from the top left corner.")
@click.option("--top", required=True, metavar="X,Y", help="Its top.")
@click.option("--tip", required=True, metavar="X,Y", help="The tip of its shadow, on level ground.")
@click.option("--hfov", type=float, metavar="DEG", help="Horizontal field of view (65).")
@click.option("--focal", type=float, metavar="PX", help="Instead: focal length in pixels.")
@click.option("--pitch", type=float, metavar="DEG", help="Upwards; level within 5 degrees where it is not given.")
@click.option("--horizon", type=float, metavar="Y", help="Instead: the row of the horizon, in pixels.")
@click.option("--roll", type=float, default=0.0, metavar="DEG", help="Clockwise, seen from behind.")
@click.option("--heading", type=float, metavar="DEG", help="Where the camera looks, clockwise from north.")
@click.option("--click-error", type=float, metavar="PX", help="Error of a point (0.3 % of the width).")
@_JSON
@plain_errors
def pixels_command(size: str, base: str, top: str, tip: str, hfov: float | None, focal: float | None, pitch: float | None, horizon: float | None,
                   roll: float, heading: float | None, click_error: float | None, as_json: bool) -> None:  # fmt: skip
    """Altitude and azimuth of the sun from three points of a photo of this size."""
    from geo.shadow_pixels import focal_to_hfov, measure
    from tools.sun_arguments import CameraArguments

    width, height = (int(v) for v in _numbers(size.lower().replace("x", ","), "a size is written 4000x3000"))
    if hfov is not None and focal is not None:
        raise ValueError("give the field of view or the focal length, not both")
    if width < 1 or height < 1:
        raise ValueError("a size is written 4000x3000")
    hfov = focal_to_hfov(focal, width) if focal is not None else 65.0 if hfov is None else hfov
    given = {"hfov_deg": hfov, "pitch_deg": pitch, "horizon_y": None if horizon is None else horizon / height, "roll_deg": roll}
    camera = _valid(CameraArguments, given).camera((width, height))
    if focal is not None:
        camera = replace(camera, hfov_error=0.02)
    points = [_numbers(text, "a point is written 2000,1500") for text in (base, top, tip)]
    found = measure(points[0], points[1], points[2], camera, click_error)
    azimuth = None if heading is None else (found.azimuth_deg + heading) % 360.0
    data = {"altitude_deg": round(found.altitude_deg, 3), "altitude_sigma_deg": round(found.altitude_sigma_deg, 3), "relative_azimuth_deg": round(found.azimuth_deg, 3),
            "azimuth_sigma_deg": round(found.azimuth_sigma_deg, 3), "azimuth_deg": None if azimuth is None else round(azimuth, 3)}  # fmt: skip
    if as_json:
        click.echo(json.dumps(data))
        return
    click.echo(f"altitude  {found.altitude_deg:.1f} ± {found.altitude_sigma_deg:.1f}°")
    click.echo(f"azimuth   {found.azimuth_deg:.1f} ± {found.azimuth_sigma_deg:.1f}° clockwise from the middle of the picture")
    if azimuth is not None:
        click.echo(f"          {azimuth:.1f}° clockwise from north")
    click.echo("on level ground, for something upright; a slope of 2° adds up to 2° of error to the altitude")


def read_shadow(text: str) -> dict[str, Any]:
    """`altitude=35,minutes=60` as arguments of a shadow. Raises ValueError with one sentence."""
    shadow: dict[str, Any] = {}
    for part in text[:300].split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or key not in _KEYS:
            raise ValueError(f"a later shadow is written altitude=35,minutes=60; it may have {', '.join(_KEYS)}")
        try:
            shadow[_KEYS[key]] = value if key == "utc" else float(value)
        except ValueError:
            raise ValueError(f"{key} of a later shadow is a number") from None
    return shadow


def _numbers(text: str, otherwise: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text[:60].split(","))
    except ValueError:
        raise ValueError(otherwise) from None
    if not (abs(x) < _MOST_POINTS and abs(y) < _MOST_POINTS):
        raise ValueError(otherwise)
    return x, y


def _arguments(data: Mapping[str, Any]) -> SunArguments:
    from tools.sun import SunArguments

    checked: SunArguments = _valid(SunArguments, data)
    return checked


def _valid(kind: Any, data: Mapping[str, Any]) -> Any:
    """The checked arguments. Raises ValueError with one sentence."""
    from pydantic import ValidationError

    try:
        return kind(**data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{first['loc'][-1]}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None


def _area(text: str | None) -> Any:
    if text is None:
        return None
    from geo.area import parse_area
    from geo.gazetteer import gazetteer

    return parse_area(text, frozenset(gazetteer().country_codes))


def _regions(answer: Observation, prior: bool, area: Any) -> dict[str, Any]:
    """The regions of the evidence taken as right, as GeoJSON."""
    from geo.belief import Belief
    from geo.export import to_geojson

    taken = [replace(item, reliability=0.9999) for item in answer.evidence]
    return to_geojson(Belief.start(prior=prior, area=area).update(*taken))


def _show(answer: Observation, as_json: bool) -> None:
    """The answer, or the reason why there is none. Raises ValueError for that."""
    if not answer.ok:
        raise ValueError(answer.text)
    click.echo(json.dumps(dict(answer.data), ensure_ascii=False) if as_json else answer.text)
