"""How far errors of a shadow move the place, how often regions hold the truth, and the ring of ShadowFinder: `python benchmarks/sun_sensitivity.py`.

Three tables. (1) One shadow, altitude and azimuth, UTC known: distance from the truth to the nearer of the two places of the closed form. (2) The
share of random places that lie in the 90 % region of `geo.shadow`. (3) An altitude and a time on ShadowFinder's grid of 0.5° (latitudes −60 to 85),
with the formula of suncalc that it uses, written here anew from the published constants: the distance of the true place from the ring, and the time.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from geo.cells import Cells, base_cells
from geo.evidence import clue_on
from geo.moment import When, read_moment, read_when
from geo.refraction import apparent_altitude
from geo.shadow import Shadow, SunSeen
from geo.sphere import haversine_km
from geo.sun import days_since_j2000, sun_at, sun_position
from geo.sun_inverse import KM_PER_DEG, places_of

SPA = Path(__file__).parents[1] / "tests" / "geo" / "spa_positions.csv"
START = datetime(2024, 1, 1, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=2000, help="random places of each table of distances")
    parser.add_argument(
        "--trials",
        type=int,
        default=10_000,
        help="random places of the coverage with UTC known, half of them with an azimuth; a fiftieth of it where less is known",
    )
    options = parser.parse_args()
    print("errors (azimuth, length)     median km   90 % km   no root")
    for azimuth, length in ((1.0, 0.02), (2.0, 0.05), (5.0, 0.10)):
        away, lost = distances(azimuth, length, options.places)
        print(
            f"±{azimuth:g}° and ±{100 * length:g} %            {np.median(away):8.0f} {np.quantile(away, 0.9):9.0f} {100 * lost:8.1f} %"
        )
    print("\nwhat is known                90 % regions hold the truth   trials   median share of the Earth")
    for told in ("utc", "utc and azimuth", "two shadows", "time of day", "month", "day"):
        count = options.trials // 2 if told.startswith("utc") else max(options.trials // 50, 20)
        held, area = coverage(told, count)
        print(f"{told:28} {100 * held:20.1f} % {count:12,} {100 * area:14.2g} %")
    beside_shadow_finder()


# -- distances


def truths(
    count: int, rng: np.random.Generator, low: float = 10.0, high: float = 75.0
) -> Iterator[tuple[float, float, datetime, float, float]]:
    """Places uniform over the sphere and times of the year at which the sun stands between two altitudes, with its true altitude and azimuth."""
    while count:
        lat, lon = float(np.degrees(np.arcsin(rng.uniform(-1, 1)))), float(rng.uniform(-180, 180))
        when = START + timedelta(minutes=float(rng.uniform(0, 366 * 1440)))
        here = sun_position(when, lat, lon)
        if low <= float(here.altitude_deg) <= high:
            count -= 1
            yield lat, lon, when, float(here.altitude_deg), float(here.azimuth_deg)


def distances(azimuth_error: float, length_error: float, count: int) -> tuple[np.ndarray, float]:
    """Kilometres [n] to the nearer root where there is one, and the share where there is none; errors have their full size and random signs."""
    rng = np.random.default_rng(3)
    away = []
    for lat, lon, when, altitude, azimuth in truths(count, rng):
        signs = rng.choice([-1.0, 1.0], 2)
        ratio = (1.0 + length_error * signs[0]) / np.tan(np.radians(altitude))
        found = places_of(float(np.degrees(np.arctan2(1.0, ratio))), azimuth + azimuth_error * signs[1], when)
        if found:
            away.append(min(float(haversine_km(lat, lon, *place)) for place in found))
    return np.array(away), 1.0 - len(away) / count


# -- coverage


def coverage(told: str, count: int) -> tuple[float, float]:
    """How often the 90 % region holds the truth, and the median share of the Earth of that region, on cells of 408 km."""
    rng = np.random.default_rng(11)
    cells = Cells.of(np.full(3072, 4), np.arange(3072))
    held, areas = [], []
    while len(held) < count:
        case = one_case(told, rng)
        if case is None:
            continue
        lat, lon, seen = case
        values = clue_on(seen, cells)
        mass, row = values / values.sum(), int(cells.rows_at([lat], [lon])[0])
        before = mass[values > values[row]].sum()
        held.append(float(np.clip((0.9 - before) / max(mass[row], 1e-300), 0.0, 1.0)))
        areas.append(float((np.cumsum(np.sort(mass)[::-1]) < 0.9).mean()))
    return float(np.mean(held)), float(np.median(areas))


def one_case(told: str, rng: np.random.Generator) -> tuple[float, float, SunSeen] | None:
    """A random place and what is measured there, or None where the sun is not seen."""
    lat, lon = float(np.degrees(np.arcsin(rng.uniform(-1, 1)))), float(rng.uniform(-180, 180))
    first, days = (datetime(2024, 3, 1, tzinfo=UTC), 31) if told == "month" else (START, 366)
    when = first + timedelta(minutes=float(rng.uniform(0, days * 1440)))
    gaps = (0.0, 90.0) if told == "two shadows" else (0.0,)
    sigma, spread = float(rng.uniform(1, 4)), float(rng.choice([0.0, 5.0, 30.0]))
    here = [sun_position(when + timedelta(minutes=gap), lat, lon) for gap in gaps]
    measured = [float(apparent_altitude(one.altitude_deg)) + rng.normal(0, sigma) for one in here]
    if any(float(one.altitude_deg) < -0.8 for one in here) or not all(5.0 < value <= 90.0 for value in measured):
        return None
    angles = [float((one.azimuth_deg + rng.normal(0, 10)) % 360) for one in here]
    with_azimuth = told in {"utc and azimuth", "two shadows"}
    shadows = tuple(Shadow(value, sigma, angle if with_azimuth else None, 10.0, told == "two shadows", gap)
                    for value, angle, gap in zip(measured, angles, gaps, strict=True))  # fmt: skip
    said = when + timedelta(minutes=float(rng.uniform(-spread, spread)))
    if told == "month":
        return lat, lon, SunSeen(shadows, read_when(month="3"))
    if told == "day":
        return lat, lon, SunSeen(shadows, read_when(day=f"{when + timedelta(hours=lon / 15):%Y-%m-%d}"))
    midnight = said.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = (said - midnight).total_seconds() / 60.0
    if told == "time of day":
        return lat, lon, SunSeen(shadows, When(utc_minutes=minutes, spread_minutes=spread))
    return lat, lon, SunSeen(shadows, When(midnight.date(), midnight.date(), minutes, None, spread))


# -- ShadowFinder's question


def suncalc_altitude(days: float | np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Altitude in degrees by the formulas of suncalc (M, C, L, sidereal time as published), without refraction."""
    anomaly = np.radians(357.5291 + 0.98560028 * days)
    centre = np.radians(1.9148 * np.sin(anomaly) + 0.02 * np.sin(2 * anomaly) + 0.0003 * np.sin(3 * anomaly))
    ecliptic = anomaly + centre + np.radians(102.9372) + np.pi
    tilt = np.radians(23.4397)
    declination, ascension = (
        np.arcsin(np.sin(ecliptic) * np.sin(tilt)),
        np.arctan2(np.sin(ecliptic) * np.cos(tilt), np.cos(ecliptic)),
    )
    hour = np.radians(280.16 + 360.9856235 * days + lon) - ascension
    phi = np.radians(lat)
    return np.asarray(np.degrees(np.arcsin(np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour))))


def beside_shadow_finder() -> None:
    """How far from the true place the ring of the altitude that is seen there runs, by the SPA; then the time for one question."""
    lines = SPA.read_text(encoding="utf-8").splitlines()[1:]
    rows = [row for row in csv.DictReader(lines) if float(row["altitude_deg"]) > 3.0]
    days = np.array([days_since_j2000(read_moment(row["time"])) for row in rows])
    lat, lon, seen = (np.array([float(row[key]) for row in rows]) for key in ("lat", "lon", "apparent_altitude_deg"))
    found = {
        "suncalc, no refraction": suncalc_altitude(days, lat, lon),
        "geo.sun and refraction": apparent_altitude(sun_at(days, lat, lon).altitude_deg),
    }
    print(f"\nring of an altitude ({len(rows)} of the SPA)   median km off   largest km off")
    for name, altitude in found.items():
        off = np.abs(altitude - seen) * KM_PER_DEG
        print(f"{name:36} {np.median(off):15.2f} {off.max():16.1f}")
    lat, lon = np.meshgrid(np.arange(-60.0, 85.0, 0.5), np.arange(-180.0, 180.0, 0.5), indexing="ij")
    day = days_since_j2000(datetime(2024, 3, 5, 14, 20, tzinfo=UTC))
    seen_by = SunSeen((Shadow(30.0, 2.0),), read_when("2024-03-05T14:20Z"))
    base_cells()
    their_s = best_of(lambda: np.abs((1 / np.tan(np.radians(suncalc_altitude(day, lat, lon))) - 1.7) / 1.7))
    our_s = best_of(lambda: clue_on(seen_by, base_cells()))
    print(f"one question: grid of {lat.size:,} points {1000 * their_s:.1f} ms, likelihood with all errors on 49,152 cells {1000 * our_s:.1f} ms"
          f" (ratio {our_s / their_s:.2f})")  # fmt: skip


def best_of(call: object, times: int = 7) -> float:
    assert callable(call)
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


if __name__ == "__main__":
    main()
