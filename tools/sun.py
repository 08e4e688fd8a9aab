"""`sun`: what shadows tell of where the photo was taken, and where the sun stands at a place and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from geo.area import Area
from geo.evidence import Evidence
from geo.moment import When, read_moment
from geo.refraction import apparent_altitude
from geo.shadow import MAX_SHADOWS, Shadow, SunSeen
from geo.shadow_pixels import Measured, Pixel
from geo.sun import Day, day_of_sun, sun_position
from geo.sun_inverse import heading_of, shadow_of
from geo.sun_region import SunRegion, region_of
from geo.time_zones import regions_of_offset
from tools.boxes import to_photo
from tools.observation import Arguments, Observation, Tool, ToolContext, refusal
from tools.quote import clean
from tools.reverse_geocode import what_is_wrong
from tools.sun_arguments import CameraArguments, ShadowArguments, TimeArguments, read_shadows

RELIABILITY = 0.5
"""A cautious guess that was not measured on photos: ground slopes, poles lean, times are wrong."""
_WORST_AGREEMENT = -8.0
_CAUTION = (
    "a region, never a point; it holds only if the ground is level, what casts the shadow is upright and the time is right; "
    f"its reliability ({RELIABILITY:g}) was not measured on photos"
)


class SunArguments(Arguments):
    """Arguments of `sun`."""

    shadows: list[ShadowArguments] = Field(
        default_factory=list,
        description="all shadows of the scene in one call: they share the day, the clock and the camera",
        max_length=MAX_SHADOWS,
    )
    time: TimeArguments = Field(
        default_factory=TimeArguments, description="what is known of when: read in the photo or told by the user"
    )
    camera: CameraArguments = Field(default_factory=CameraArguments, description="for shadows given as points of the photo")
    view: str = Field(default="photo", description="the view that points refer to: `photo` or the id of a crop")
    lat: float | None = Field(
        default=None, description="the reverse: latitude of a place you consider, with lon and a full time in UTC"
    )
    lon: float | None = Field(default=None, description="longitude of that place")
    height_m: float = Field(default=1.0, description="the reverse: height of what casts a shadow, metres", gt=0, le=1000)


class Sun(Tool):
    """Evidence from shadows. One source for all calls: the same sun is not counted twice."""

    name = "sun"
    description = (
        "Use shadows: give how high the sun stands (altitude, ratio of shadow to height, or foot, top and shadow tip of something upright on the photo) "
        "and what is known of the time; the answer is the region of the Earth where that fits, as evidence. The time in UTC narrows it most; without it only "
        "latitudes are told. With lat, lon and a time instead: where the sun stands there, how long shadows are, where the camera looks."
    )
    arguments = SunArguments
    timeout_s: ClassVar[float] = 60.0

    def run(self, arguments: SunArguments, context: ToolContext) -> Observation:
        return self.ask(arguments, context)

    def ask(self, arguments: SunArguments, context: ToolContext | None = None, area: Area | None = None) -> Observation:
        """The answer; without a case there is no photo to measure on."""
        area = context.area if context is not None else area
        try:
            if arguments.lat is not None or arguments.lon is not None:
                return _at_place(arguments, context)
            if not arguments.shadows:
                return refusal("Give at least one shadow, or lat, lon and a time in UTC.")
            shadows, when, measured = _shadows(arguments, context)
            seen = SunSeen(shadows, when)
            if seen.agreement() < _WORST_AGREEMENT:
                return refusal(
                    "At no place and time can the sun have stood so: check the measurements, their errors and the time."
                )
            zone = _zone_evidence(arguments.time, seen)
            region = region_of(seen, area)
        except ValueError as error:
            return refusal(_sentence(error))
        return _found(seen, measured, region, zone)


def _shadows(arguments: SunArguments, context: ToolContext | None) -> tuple[tuple[Shadow, ...], When, list[Measured | None]]:
    """What was measured. Raises ValueError with one sentence."""
    size = context.photo.size if context is not None else None

    def point(share: list[float]) -> Pixel:
        if context is None or size is None or len(share) != 2:
            raise ValueError("a point is two numbers, [x, y], as shares of the view")
        from tools.views import view_of_photo

        x, y, *_ = to_photo((share[0], share[1], share[0], share[1]), view_of_photo(arguments.view, context))
        if not (-0.5 <= x <= 1.5 and -0.5 <= y <= 1.5):
            raise ValueError("points are shares between 0 and 1 of the view, from its top left corner")
        return x * size[0], y * size[1]

    return read_shadows(arguments.shadows, arguments.time, arguments.camera, size, point)


def _found(seen: SunSeen, measured: Sequence[Measured | None], region: SunRegion, zone: Evidence | None) -> Observation:
    what = "; ".join(_say_shadow(shadow) for shadow in seen.shadows)
    claim = f"sun {what}; {seen.when.words()}"
    lines = [f"{claim}: {region.words()}"]
    lines += [f"measured on the photo: {_say_measured(one)}" for one in measured if one is not None]
    if seen.when.utc_minutes is None:
        lines.append("the time in UTC is not known, so this tells latitudes alone")
    elif seen.when.days > 1:
        lines.append("the day is not known: the region holds all the days that are possible")
    if zone is not None:
        lines.append(f"a second piece of evidence: {zone.claim}")
    evidence = Evidence(seen, claim, "sun", Sun.name, RELIABILITY)
    data = {"region": region.to_json(), "shadows": [shadow.to_json() for shadow in seen.shadows], "when": seen.when.to_json(),
            "agreement": round(seen.agreement(), 3), "reliability": RELIABILITY}  # fmt: skip
    return Observation("\n".join([*lines, _CAUTION]), evidence=(evidence, *((zone,) if zone else ())), data=data)


def _zone_evidence(time: TimeArguments, seen: SunSeen) -> Evidence | None:
    """Where clocks are so far ahead of UTC. Raises ValueError where that is nowhere."""
    if time.utc_offset_hours is None:
        return None
    regions = regions_of_offset(time.utc_offset_hours, seen.when.first if seen.when.days == 1 else None)
    return Evidence(regions, f"clocks are at UTC{time.utc_offset_hours:+g} h", "clock zone", Sun.name, RELIABILITY)


def _at_place(arguments: SunArguments, context: ToolContext | None) -> Observation:
    """The sun at a place and time, in words and data; no evidence, as a place you consider tells nothing of the photo."""
    if arguments.lat is None or arguments.lon is None:
        raise ValueError("give both lat and lon")
    if wrong := what_is_wrong(arguments.lat, arguments.lon):
        raise ValueError(wrong)
    if not arguments.time.utc:
        raise ValueError("give the time in UTC, with its day: 2024-03-05T14:20Z")
    moment = read_moment(arguments.time.utc)
    here = sun_position(moment, arguments.lat, arguments.lon)
    altitude, azimuth = float(apparent_altitude(here.altitude_deg)), float(here.azimuth_deg)
    cast = shadow_of(moment, arguments.lat, arguments.lon, arguments.height_m)
    day = day_of_sun(moment.date(), arguments.lat, arguments.lon)
    data: dict[str, Any] = {"lat": arguments.lat, "lon": arguments.lon, "utc": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "altitude_deg": round(altitude, 3),
                            "azimuth_deg": round(azimuth, 3), "shadow_m": round(cast[0], 3) if cast else None,
                            "shadow_azimuth_deg": round(cast[1], 3) if cast else None, "noon_altitude_deg": round(day.noon_altitude_deg, 2)}  # fmt: skip
    lines = [
        f"{arguments.lat:.4f}, {arguments.lon:.4f} at {moment:%Y-%m-%d %H:%M} UTC: the sun stands {altitude:.2f}° high at azimuth {azimuth:.2f}°"
    ]
    lines.append(
        f"a height of {arguments.height_m:g} m casts {cast[0]:.2f} m of shadow towards {cast[1]:.1f}°"
        if cast
        else "the sun is not up: no shadow"
    )
    lines.append(_say_day(day))
    if arguments.shadows:
        compared = _compared(arguments, context, altitude, azimuth)
        lines += [text for text, _ in compared]
        data["compared"] = [row for _, row in compared]
    return Observation("\n".join(lines), data=data)


def _compared(
    arguments: SunArguments, context: ToolContext | None, altitude: float, azimuth: float
) -> list[tuple[str, dict[str, Any]]]:
    """The first shadow against the sun of a place: how many sigma it is off, and where the camera would look."""
    shadow = _shadows(arguments, context)[0][0]
    found: list[tuple[str, dict[str, Any]]] = []
    if shadow.altitude_deg is not None:
        off = (shadow.altitude_deg - altitude) / shadow.altitude_sigma_deg
        found.append((f"the shadow says {shadow.altitude_deg:.1f} ± {shadow.altitude_sigma_deg:.1f}°, {abs(off):.1f} sigma from that",
                      {"of": "altitude", "sigmas": round(off, 2)}))  # fmt: skip
    if shadow.azimuth_deg is not None and shadow.relative:
        heading = heading_of(azimuth, shadow.azimuth_deg)
        found.append(
            (
                f"the camera would look towards {heading:.0f}° ± {shadow.azimuth_sigma_deg:.0f}°",
                {"of": "heading", "deg": round(heading, 2)},
            )
        )
    elif shadow.azimuth_deg is not None:
        off = ((shadow.azimuth_deg - azimuth + 180.0) % 360.0 - 180.0) / shadow.azimuth_sigma_deg
        found.append((f"the azimuth is {abs(off):.1f} sigma from that", {"of": "azimuth", "sigmas": round(off, 2)}))
    return found


def _say_shadow(shadow: Shadow) -> str:
    parts = []
    if shadow.altitude_deg is not None:
        parts.append(f"{shadow.altitude_deg:.1f} ± {shadow.altitude_sigma_deg:.1f}° high")
    if shadow.azimuth_deg is not None:
        of = "the camera's direction" if shadow.relative else "north"
        parts.append(f"azimuth {shadow.azimuth_deg % 360:.1f} ± {shadow.azimuth_sigma_deg:.1f}° from {of}")
    later = (
        ""
        if shadow.after_minutes == 0.0
        else " at another time"
        if shadow.after_minutes is None
        else f" {shadow.after_minutes:g} min later"
    )
    return " and ".join(parts) + later


def _say_measured(one: Measured) -> str:
    return (f"altitude {one.altitude_deg:.1f} ± {one.altitude_sigma_deg:.1f}°, azimuth {one.azimuth_deg:.1f} ± {one.azimuth_sigma_deg:.1f}° "
            "clockwise from the middle of the picture")  # fmt: skip


def _say_day(day: Day) -> str:
    if day.rise is None or day.set is None:
        return f"it does not {'set' if day.noon_altitude_deg > 0 else 'rise'} that day; at noon it stands {day.noon_altitude_deg:.1f}° high"
    return f"it rises {day.rise:%H:%M}, stands {day.noon_altitude_deg:.1f}° high at noon ({day.noon:%H:%M}) and sets {day.set:%H:%M} UTC"


def _sentence(error: ValueError) -> str:
    text = clean(str(error), 240)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")
