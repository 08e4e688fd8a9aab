"""The arguments of `sun`, and what they mean for the likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from geo.moment import When, read_date, read_moment, read_time, read_when
from geo.shadow import MAX_SHADOWS, Shadow
from geo.shadow_pixels import Camera, Measured, Pixel, measure, pitch_of_horizon

UnitPoint = Callable[[list[float]], Pixel]
"""A point as shares of a view, [x, y], to pixels of the photo. Raises ValueError where it is none."""

DEFAULT_ALTITUDE_SIGMA, DEFAULT_RATIO_ERROR, DEFAULT_AZIMUTH_SIGMA = 3.0, 0.15, 8.0
"""Cautious: what a careful eye does on a photo whose ground is not known to be level."""


class ShadowArguments(BaseModel):
    """One shadow, or the sun itself, as it was seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    altitude_deg: float | None = Field(default=None, description="how high the sun stands, degrees above the horizon")
    length_ratio: float | None = Field(
        default=None, description="instead: length of the shadow over the height of what casts it, on level ground", gt=0, le=20
    )
    base: list[float] | None = Field(
        default=None, description="instead, on the photo: foot of something upright, [x, y] as shares 0 to 1 of the view"
    )
    top: list[float] | None = Field(default=None, description="its top, [x, y]")
    tip: list[float] | None = Field(default=None, description="the tip of its shadow on level ground, [x, y]")
    error: float | None = Field(
        default=None, description="one standard deviation: degrees of the altitude, or a share of the ratio (0.15)", gt=0, le=45
    )
    azimuth_deg: float | None = Field(
        default=None, description="where the sun stands, clockwise from north; a shadow points the other way", ge=-360, le=360
    )
    relative_azimuth_deg: float | None = Field(
        default=None,
        description="instead: clockwise from the middle of the picture, when it is not known where the camera looks",
        ge=-360,
        le=360,
    )
    azimuth_error_deg: float | None = Field(default=None, description="one standard deviation, degrees", gt=0, le=180)
    utc: str = Field(default="", description="later shadows: their own time", max_length=40)
    minutes_after: float | None = Field(
        default=None, description="later shadows: instead, minutes after the first", ge=-60_000_000, le=60_000_000
    )


class CameraArguments(BaseModel):
    """What is known of the camera, for shadows that are given as points."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hfov_deg: float = Field(default=65.0, description="horizontal field of view of the whole photo, degrees", ge=5, le=140)
    pitch_deg: float | None = Field(default=None, description="upwards, degrees", ge=-80, le=80)
    horizon_y: float | None = Field(
        default=None, description="instead: where the horizon is, as a share of the photo's height from its top", ge=-2, le=3
    )
    roll_deg: float = Field(default=0.0, description="clockwise, seen from behind", ge=-90, le=90)
    heading_deg: float | None = Field(
        default=None, description="where the middle of the picture looks, clockwise from north, if known", ge=-360, le=360
    )

    def camera(self, size: tuple[int, int]) -> Camera:
        """The camera of a photo of `size`. A pitch that is not known is level within 5 degrees. Raises ValueError."""
        if self.pitch_deg is not None and self.horizon_y is not None:
            raise ValueError("give the pitch or the horizon, not both")
        level = Camera(*size, hfov_deg=self.hfov_deg, roll_deg=self.roll_deg, pitch_sigma_deg=5.0)
        if self.horizon_y is not None:
            return replace(level, pitch_deg=pitch_of_horizon(self.horizon_y * size[1], level), pitch_sigma_deg=1.0)
        return level if self.pitch_deg is None else replace(level, pitch_deg=self.pitch_deg, pitch_sigma_deg=2.0)


class TimeArguments(BaseModel):
    """What is known of the time; all may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    utc: str = Field(default="", description="time in UTC: 2024-03-05T14:20Z, or 14:20 when the day is not known", max_length=40)
    date: str = Field(
        default="", description="the day, if only that is known: 2024-03-05, or 03-05 without a year", max_length=20
    )
    month: str = Field(default="", description="the month or months: 3, or 11-2", max_length=20)
    clock: str = Field(
        default="", description="time by a clock of the place: 14:20; says little unless utc_offset_hours is known", max_length=40
    )
    utc_offset_hours: float | None = Field(default=None, description="how far that clock is ahead of UTC", ge=-12, le=14)
    time_error_minutes: float = Field(default=5.0, description="how far the time may be off", ge=0, le=720)

    def when(self) -> When:
        """The time as the likelihood takes it. Raises ValueError with one sentence."""
        utc, day = self.utc, self.date
        if self.utc_offset_hours is not None:
            if not self.clock or utc:
                raise ValueError("utc_offset_hours belongs to a time by a clock of the place: give clock, and no utc")
            own, minutes = read_time(self.clock, zone=False)
            own = own or (read_date(day) if day else None)
            moment = datetime(2024, 7, 2, tzinfo=UTC) if own is None else datetime(own.year, own.month, own.day, tzinfo=UTC)
            moment += timedelta(minutes=minutes - 60.0 * self.utc_offset_hours)
            utc, day = f"{moment:%Y-%m-%dT%H:%M:%S}" if own else f"{moment:%H:%M:%S}", ""
        return read_when(utc, day, self.month, "" if self.utc_offset_hours is not None else self.clock, self.time_error_minutes)


def read_shadows(
    shadows: list[ShadowArguments], time: TimeArguments, camera: CameraArguments, size: tuple[int, int] | None, point: UnitPoint
) -> tuple[tuple[Shadow, ...], When, list[Measured | None]]:
    """The shadows, the time, and what was measured on the photo for each shadow. Raises ValueError with one sentence."""
    if not 1 <= len(shadows) <= MAX_SHADOWS:
        raise ValueError(f"give 1 to {MAX_SHADOWS} shadows")
    when = time.when()
    measured = [_measured(given, camera, size, point) for given in shadows]
    taken = tuple(
        _shadow(given, camera, measured[number], _after(given, number, time, when)) for number, given in enumerate(shadows)
    )
    return taken, when, measured


def _after(given: ShadowArguments, number: int, time: TimeArguments, when: When) -> float | None:
    """Minutes after the first shadow, None where only the day is the same."""
    if number == 0:
        if given.minutes_after or given.utc:
            raise ValueError("the time of the first shadow is given for all of them: use utc, date, month or clock")
        return 0.0
    if not given.utc:
        return given.minutes_after
    if given.minutes_after is not None or when.utc_minutes is None:
        raise ValueError("a later shadow has its own time in UTC where the first has one, or minutes_after")
    day, minutes = read_time(given.utc)
    if day is None or not time.utc or read_time(time.utc)[0] is None:
        return minutes - when.utc_minutes
    return (read_moment(given.utc) - read_moment(time.utc)) / timedelta(minutes=1)


def _measured(given: ShadowArguments, camera: CameraArguments, size: tuple[int, int] | None, point: UnitPoint) -> Measured | None:
    ways = [
        given.altitude_deg is not None,
        given.length_ratio is not None,
        given.base is not None or given.top is not None or given.tip is not None,
    ]
    if sum(ways) > 1:
        raise ValueError("give one of altitude_deg, length_ratio, or base, top and tip")
    if given.azimuth_deg is not None and given.relative_azimuth_deg is not None:
        raise ValueError("give the azimuth from north or from the middle of the picture, not both")
    if not ways[2]:
        return None
    if given.base is None or given.top is None or given.tip is None:
        raise ValueError("a shadow on the photo needs base, top and tip")
    if size is None:
        raise ValueError("there is no photo to measure on; give altitude_deg or length_ratio")
    return measure(point(given.base), point(given.top), point(given.tip), camera.camera(size))


def _shadow(given: ShadowArguments, camera: CameraArguments, measured: Measured | None, after: float | None) -> Shadow:
    """The measurement with its errors; the ground is taken to be level within 2 degrees where it was measured on the photo."""
    if measured is not None:
        taken = measured.shadow(camera.heading_deg, 5.0 if camera.heading_deg is not None else 0.0, after)
        slope = 2.0 * math.cos(math.radians(measured.altitude_deg)) ** 2
        return replace(taken, altitude_sigma_deg=given.error or min(math.hypot(taken.altitude_sigma_deg, slope), 45.0))
    told = given.relative_azimuth_deg if given.azimuth_deg is None else given.azimuth_deg
    relative = given.azimuth_deg is None
    if relative and told is not None and camera.heading_deg is not None:
        told, relative = (told + camera.heading_deg) % 360.0, False
    azimuth = {"azimuth_deg": told, "azimuth_sigma_deg": given.azimuth_error_deg or DEFAULT_AZIMUTH_SIGMA,
               "relative": relative and told is not None, "after_minutes": after}  # fmt: skip
    if given.length_ratio is not None:
        return Shadow.of_ratio(given.length_ratio, given.error or DEFAULT_RATIO_ERROR, **azimuth)
    return Shadow(given.altitude_deg, given.error or DEFAULT_ALTITUDE_SIGMA, **azimuth)  # type: ignore[arg-type]
