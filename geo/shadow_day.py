"""Shadows whose time is not known in UTC: they tell the latitude, as the day turns every longitude under the same sun."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from geo.moment import When
from geo.shadow_density import log_density
from geo.sphere import Floats, unit_vectors
from geo.sun import days_since_j2000, subsolar

if TYPE_CHECKING:
    from geo.shadow import Shadow

CLOCK_AHEAD_MIN, CLOCK_SPREAD_MIN = 39.0, 39.0
"""Clocks run ahead of mean solar time by this, mean and standard deviation: at the 234,908 places of GeoNames over the months of 2024 half
lie between 9 and 67 minutes, 95 % between −26 and 120."""
_EQUATION_OF_TIME_MIN = 10.0
_MANY_DAYS = 62
_LON_NODES = np.array([-180.0, -90.0, 0.0, 90.0, 180.0])


@dataclass(frozen=True, eq=False)
class LatitudeTable:
    """Likelihood on latitudes [m], for some longitudes [k]: with one day known, the sun is a little further on in the west."""

    lat: Floats
    lon: Floats
    values: Floats
    """[k, m]"""
    agreement: float
    """The best of log density over that of perfect agreement."""

    def mean(self, lat: Floats, lon: Floats, side_deg: Floats) -> Floats:
        """Mean likelihood [n] over cells of `side_deg` at points [n]."""
        if len(self.lon) == 1:
            return self._along(0, lat, side_deg)
        place = np.clip(np.searchsorted(self.lon, lon, side="right") - 1, 0, len(self.lon) - 2)
        share = (lon - self.lon[place]) / (self.lon[place + 1] - self.lon[place])
        columns = np.stack([self._along(k, lat, side_deg) for k in range(len(self.lon))])
        rows = np.arange(len(lat))
        return np.asarray((1.0 - share) * columns[place, rows] + share * columns[place + 1, rows])

    def _along(self, k: int, lat: Floats, side_deg: Floats) -> Floats:
        """From the integral of the table, so that a band narrower than a cell keeps its mass."""
        step = self.lat[1] - self.lat[0]
        summed = np.concatenate([[0.0], np.cumsum((self.values[k, 1:] + self.values[k, :-1]) * step / 2.0)])
        south, north = np.maximum(lat - side_deg / 2.0, -90.0), np.minimum(lat + side_deg / 2.0, 90.0)
        wide = (np.interp(north, self.lat, summed) - np.interp(south, self.lat, summed)) / np.maximum(north - south, 1e-9)
        return np.asarray(np.where(side_deg > 2.0 * step, wide, np.interp(lat, self.lat, self.values[k])))


def latitude_table(shadows: Sequence[Shadow], when: When) -> LatitudeTable:
    """The likelihood of shadows on latitudes: the mean over the days, of the product over what shares a time, of the mean over that time."""
    finest = min(shadow.least_sigma_deg for shadow in shadows)
    many = when.days > _MANY_DAYS  # so many days smooth the likelihood by themselves
    step = min(max(finest / 4.0, 0.25 if many else 0.1), 0.5)
    lat = np.linspace(-90.0, 90.0, round(180.0 / step) + 1)
    longitudes = _LON_NODES if when.days == 1 else np.zeros(1)
    groups = _groups(shadows)
    values, best = np.zeros((len(longitudes), len(lat))), -math.inf
    for node, lon in enumerate(longitudes):
        for noon, weight in _noons(when, float(lon), finest):
            density, worst = np.ones(len(lat)), 0.0
            for number, group in enumerate(groups):
                hour, share, stands_for = _hours(when, finest, clock=number == 0)
                suns = _suns(group, noon, hour, when.days == 1)
                logs = log_density(group, suns, lat, np.zeros(len(lat)), np.zeros(len(lat)), stands_for)
                density *= np.exp(logs) @ share
                worst += _agreement(group, suns, lat, stands_for) if not node else 0.0
            values[node] += weight * density
            best = max(best, worst) if not node else best
    return LatitudeTable(lat, longitudes, values, best)


def _agreement(group: Sequence[Shadow], suns: Floats, lat: Floats, stands_for: float) -> float:
    coarse = lat[:: max(1, len(lat) // 181)]
    some = suns[:: max(1, len(suns) // 360)]
    zero = np.zeros(len(coarse))
    # What lies between these points and suns is reached from them: both are about a degree apart.
    return float(log_density(group, some, coarse, zero, zero, stands_for + 0.5, shape=True).max())


def _groups(shadows: Sequence[Shadow]) -> list[list[Shadow]]:
    """What shares a time with the first, and each shadow whose time of the day is its own."""
    return [[s for s in shadows if s.after_minutes is not None], *([s] for s in shadows if s.after_minutes is None)]


def _noons(when: When, lon: float, finest: float) -> list[tuple[float, float]]:
    """Days after J2000 of the solar noons that stand for all that are possible, and the share of each.

    Many days are taken together by declination, as nothing else of them counts here.
    """
    first = days_since_j2000(datetime(when.first.year, when.first.month, when.first.day, 12, tzinfo=UTC)) - lon / 360.0
    days = first + np.arange(when.days)
    if when.days == 1:
        return [(float(days[0]), 1.0)]
    declination, _ = subsolar(days)
    width = _declination_width(when, finest)
    bins, where, counts = np.unique(np.floor(declination / width), return_inverse=True, return_counts=True)
    middle = [days[where == k][np.argsort(declination[where == k])[counts[k] // 2]] for k in range(len(bins))]
    return [(float(day), float(count) / when.days) for day, count in zip(middle, counts, strict=True)]


def _declination_width(when: When, finest: float) -> float:
    """Degrees of declination that one noon stands for; 0 where there is but one day."""
    return 0.0 if when.days == 1 else max(0.5 * finest, 0.6 if when.days > _MANY_DAYS else 0.3)


def _hours(when: When, finest: float, clock: bool) -> tuple[Floats, Floats, float]:
    """Hour angles [m] in degrees, the share of each, and the variance in degrees² that a moment stands for.

    With `clock` the time of the clock counts, where there is one.
    """
    count = max(math.ceil(360.0 / (0.5 * finest)), 180)
    fewer = min(count, 1440 if when.days == 1 else 360 if when.days > _MANY_DAYS else 720)
    stands_for = ((360.0 / fewer) ** 2 if fewer < count else 0.0) / 12.0 + _declination_width(when, finest) ** 2 / 12.0
    hour = (np.arange(fewer) + 0.5) * 360.0 / fewer - 180.0
    if when.clock_minutes is None or not clock:
        return hour, np.full(fewer, 1.0 / fewer), stands_for
    spread = math.sqrt(CLOCK_SPREAD_MIN**2 + _EQUATION_OF_TIME_MIN**2 + when.spread_minutes**2 / 3.0) / 4.0
    middle = (when.clock_minutes - CLOCK_AHEAD_MIN - 720.0) / 4.0
    off = (hour - middle + 180.0) % 360.0 - 180.0
    near = np.abs(off) < 4.0 * spread
    share = np.exp(-0.5 * (off[near] / spread) ** 2)
    return hour[near], share / share.sum(), stands_for


def _suns(group: Sequence[Shadow], noon: float, hour: Floats, one_day: bool) -> Floats:
    """Suns [m, shadows, 3] over a place at longitude 0, at hour angles [m] of the first shadow."""
    angle = np.stack([hour + (shadow.after_minutes or 0.0) / 4.0 for shadow in group], axis=-1)
    declination = subsolar(noon + angle / 360.0 if one_day else np.full_like(angle, noon))[0]
    return unit_vectors(declination, -angle)
