"""What a shadow, or the sun itself, tells of the place: a likelihood over the Earth that integrates over all that is not known.

For every cell it is the mean, over the times that are possible, of the probability density of what was measured. Measured altitudes are
Gaussian, azimuths von Mises. Several shadows of one scene share the error of the clock, the day and the heading of the camera. A time that
is not known leaves latitude alone (`geo/shadow_day.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np

from geo.cells import Cells, base_cells
from geo.evidence import on_cells_at
from geo.moment import When
from geo.refraction import true_altitude
from geo.shadow_day import LatitudeTable, latitude_table
from geo.shadow_density import log_density
from geo.sphere import Floats
from geo.sun import days_since_j2000, sun_vectors
from geo.sun_inverse import KM_PER_DEG, altitude_of_ratio

MAX_SHADOWS = 6
_MOST_MOMENTS = 600
_SMOOTH = 40
_AT_ONCE = 1_000_000
_DEG_PER_MINUTE = 0.25
_DECLINATION_DEG_A_DAY = 0.4


@dataclass(frozen=True)
class Shadow:
    """One measurement: the altitude of the sun, its azimuth, or both. Degrees; errors are standard deviations."""

    altitude_deg: float | None = None
    """As seen, refraction included: what a shadow on level ground gives."""
    altitude_sigma_deg: float = 2.0
    azimuth_deg: float | None = None
    """Of the sun, clockwise from north; a shadow points the other way."""
    azimuth_sigma_deg: float = 5.0
    relative: bool = False
    """The azimuth counts from an unknown direction that all relative azimuths share: that in which the camera looks."""
    after_minutes: float | None = 0.0
    """Minutes after the first shadow; None where only the day is the same."""

    def __post_init__(self) -> None:
        if self.altitude_deg is None and self.azimuth_deg is None:
            raise ValueError("a shadow needs an altitude of the sun, a ratio of lengths or an azimuth")
        if self.altitude_deg is not None and not 0.0 < self.altitude_deg <= 90.0:
            raise ValueError("the altitude of the sun lies above 0 and up to 90 degrees")
        if not (0.05 <= self.altitude_sigma_deg <= 45.0 and 0.05 <= self.azimuth_sigma_deg <= 180.0):
            raise ValueError("the error of an altitude lies between 0.05 and 45 degrees, that of an azimuth between 0.05 and 180")
        if self.azimuth_deg is not None and not abs(self.azimuth_deg) <= 360.0:
            raise ValueError("an azimuth lies between 0 and 360 degrees")
        if self.after_minutes is not None and not abs(self.after_minutes) <= 60_000_000:
            raise ValueError("the minutes between shadows make no sense")

    @classmethod
    def of_ratio(cls, length_ratio: float, error: float = 0.1, **others: Any) -> Shadow:
        """From the length of the shadow over the height of what casts it; `error` is the share by which that ratio may be off (one sigma).

        d altitude = ½ sin(2 altitude) · d ln(ratio).
        """
        altitude = altitude_of_ratio(length_ratio)
        if not 0.0 < error <= 1.0:
            raise ValueError("the error of a ratio is a share of it, above 0 and up to 1")
        sigma = math.degrees(0.5 * math.sin(2 * math.radians(altitude)) * error)
        return cls(altitude, max(sigma, 0.1), **others)

    @property
    def true_altitude_deg(self) -> float | None:
        """The altitude without refraction, or None."""
        return None if self.altitude_deg is None else float(true_altitude(self.altitude_deg))

    @property
    def least_sigma_deg(self) -> float:
        """The smallest error of what was measured."""
        sigmas = [self.altitude_sigma_deg] * (self.altitude_deg is not None) + [self.azimuth_sigma_deg] * (
            self.azimuth_deg is not None
        )
        return min(sigmas)

    def to_json(self) -> dict[str, Any]:
        return {"altitude_deg": self.altitude_deg, "altitude_sigma_deg": self.altitude_sigma_deg, "azimuth_deg": self.azimuth_deg,
                "azimuth_sigma_deg": self.azimuth_sigma_deg, "relative": self.relative, "after_minutes": self.after_minutes}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shadow:
        """The inverse of `to_json`. Raises KeyError, TypeError and ValueError for anything else."""
        maybe = {key: None if data[key] is None else float(data[key]) for key in ("altitude_deg", "azimuth_deg", "after_minutes")}
        return cls(relative=bool(data["relative"]), altitude_sigma_deg=float(data["altitude_sigma_deg"]),
                   azimuth_sigma_deg=float(data["azimuth_sigma_deg"]), **maybe)  # fmt: skip


@dataclass(frozen=True)
class SunSeen:
    """The likelihood of shadows of one place (registered as `sun`). Raises ValueError where they cannot be put together."""

    shadows: tuple[Shadow, ...]
    when: When = field(default_factory=When)

    def __post_init__(self) -> None:
        if not 1 <= len(self.shadows) <= MAX_SHADOWS:
            raise ValueError(f"give 1 to {MAX_SHADOWS} shadows")
        after = [shadow.after_minutes for shadow in self.shadows]
        if after[0] != 0.0:
            raise ValueError("the minutes of later shadows count from the first, which has 0")
        if self.when.utc_minutes is not None and None in after:
            raise ValueError("the time of the first shadow is known: say how many minutes later the others were, or their times")
        if not (self.when.utc_minutes is not None and self.when.days == 1) and any(abs(a or 0.0) > 24 * 60 for a in after):
            raise ValueError("shadows more than a day apart need their days and times in UTC")
        if all(shadow.altitude_deg is None and shadow.relative for shadow in self.shadows) and len(self.shadows) < 2:
            raise ValueError("a single azimuth that counts from an unknown direction tells nothing")

    # -- the likelihood

    def on(self, cells: Cells) -> Floats:
        """Relative likelihood [n]: the mean over each cell; a cell that is coarse for the measurement is asked in its parts."""
        if self._table is not None:
            return self._table.mean(cells.lat, cells.lon, cells.side_km / KM_PER_DEG)
        values = self._mean(cells)
        if len(self._moments[0]) > _SMOOTH:  # what many moments give is wide and smooth
            return values
        fine_km = 1.25 * min(shadow.least_sigma_deg for shadow in self.shadows) * KM_PER_DEG
        coarse = np.flatnonzero((cells.side_km > fine_km) & (values > 1e-9 * values.max(initial=0.0)))
        if len(coarse):
            parts = Cells.of(np.repeat(cells.order[coarse] + 2, 16), (cells.ipix[coarse, None] * 16 + np.arange(16)).ravel())
            values[coarse] = self._mean(parts).reshape(-1, 16).mean(axis=1)
        return values

    def at(self, lat: Floats, lon: Floats, cell_km: Floats) -> Floats:
        return on_cells_at(self.on, lat, lon, cell_km)

    def agreement(self) -> float:
        """How well the best place and time on Earth agree with everything that was measured: 0 perfectly, −8 as a miss by four sigma."""
        if self._table is not None:
            return self._table.agreement
        cells = base_cells() if len(self._moments[0]) <= _SMOOTH else Cells.of(np.full(3072, 4), np.arange(3072))
        best = -math.inf
        for rows in self._blocks(len(cells)):
            best = max(best, float(self._logs(cells.lat[rows], cells.lon[rows], cells.side_km[rows], shape=True).max()))
        return best

    # -- how it is found

    @cached_property
    def _table(self) -> LatitudeTable | None:
        """Latitudes, where the time is not known in UTC."""
        return None if self.when.utc_minutes is not None else latitude_table(self.shadows, self.when)

    @cached_property
    def _moments(self) -> tuple[Floats, float]:
        """Suns [moments, shadows, 3] of times that are equally likely, and the variance in degrees² that each stands for."""
        when, finest = self.when, min(shadow.least_sigma_deg for shadow in self.shadows)
        stride = min(max(1, int(0.8 * finest / _DECLINATION_DEG_A_DAY)), 8)
        days = np.arange(0, when.days, stride, dtype=np.float64)
        span_deg = 2.0 * when.spread_minutes * _DEG_PER_MINUTE
        # Many days smooth the errors of the clock too, so that longer stretches may stand for one moment.
        step_deg = finest * (3.0 if len(days) > _SMOOTH else 0.5)
        fewer = min(max(1, math.ceil(span_deg / step_deg)), max(1, _MOST_MOMENTS // len(days)))
        errors = when.spread_minutes * (2.0 * (np.arange(fewer) + 0.5) / fewer - 1.0)
        first = days_since_j2000(datetime(when.first.year, when.first.month, when.first.day, tzinfo=UTC))
        after = np.array([shadow.after_minutes for shadow in self.shadows], dtype=np.float64)
        minutes = (when.utc_minutes or 0.0) + errors[None, :, None] + after
        moments = first + days[:, None, None] + minutes / 1440.0
        # Where moments lie closer than the measurement is sharp, their sum is the integral already.
        stands_for = 0.0 if span_deg / fewer <= 0.5 * finest and fewer > 1 else (span_deg / fewer) ** 2 / 12.0
        return sun_vectors(moments.reshape(-1, len(after))), stands_for

    def _blocks(self, count: int) -> list[slice]:
        step = max(1, _AT_ONCE // len(self._moments[0]))
        return [slice(start, start + step) for start in range(0, count, step)]

    def _mean(self, cells: Cells) -> Floats:
        """Mean over the moments [n], cells wholly smoothed by their own size."""
        values = np.empty(len(cells))
        for rows in self._blocks(len(cells)):
            values[rows] = np.exp(self._logs(cells.lat[rows], cells.lon[rows], cells.side_km[rows])).mean(axis=1)
        return values

    def _logs(self, lat: Floats, lon: Floats, cell_km: Floats, shape: bool = False) -> Floats:
        suns, stands_for = self._moments
        return log_density(self.shadows, suns, lat, lon, cell_km / KM_PER_DEG, stands_for, shape)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "sun", "shadows": [shadow.to_json() for shadow in self.shadows], "when": self.when.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SunSeen:
        """The inverse of `to_json`. Raises KeyError, TypeError and ValueError for anything else."""
        return cls(tuple(Shadow.from_json(one) for one in data["shadows"][: MAX_SHADOWS + 1]), When.from_json(data["when"]))
