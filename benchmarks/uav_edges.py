"""Frames of drawn ground in other seasons, found by edges and by raw pixels: `python benchmarks/uav_edges.py`.

The index shows one summer. Frames are cut at random places from other seasons, years and light, with errors of heading and altitude; the
frames from elsewhere come from ground of another seed. Prints the share within one spacing with a 95 % interval (Wilson), the
median error, the confidence curve, and frames a second of process time.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from evals.drawn_ground import DrawnGround, Light
from geo.area import Box
from models.aerial.calibrate import CURVE, calibrate
from models.aerial.ground import Ground, image_at
from models.aerial.index import AerialIndex, build_index
from models.aerial.match import Located, Search, locate
from models.aerial.track import Motion, Track
from models.aerial.web_mercator import east_north_m, moved

DRAWN, ELSEWHERE = DrawnGround(45.0, 5.0, 16, 8, seed=11), DrawnGround(45.0, 5.0, 16, 8, seed=12)
HALF_M, SPACING, FRAMES = 1200.0, 50.0, 40
CHANGES = {
    "summer, other light and year": ("summer", Light(230.0, 14.0, 0.8, 0.15), 1),
    "autumn": ("autumn", Light(220.0, 12.0, 0.85, 0.1), 1),
    "winter, haze": ("winter", Light(200.0, 18.0, 0.8, 0.3), 1),
    "spring": ("spring", Light(120.0, 8.0, 1.1, 0.0), 1),
}
HEADED = Search(heading_error_deg=10.0)
ERRORS = {
    "heading ±10°": HEADED,
    "heading ±10°, altitude ±10 %": Search(heading_error_deg=10.0, scale_error=0.1),
    "heading unknown": Search(heading_error_deg=180.0),
}
SOUTH, WEST, NORTH, EAST = DRAWN.box
MIDDLE = ((SOUTH + NORTH) / 2, (WEST + EAST) / 2)


def main() -> None:
    began = time.process_time()
    lat, lon = moved(*MIDDLE, [-HALF_M, HALF_M], [-HALF_M, HALF_M])
    box, summer = Box(float(lat[0]), float(lon[0]), float(lat[1]), float(lon[1])), DRAWN.ground()
    grounds = {name: DRAWN.ground(season, light, year) for name, (season, light, year) in CHANGES.items()}
    elsewhere = ELSEWHERE.ground("autumn", CHANGES["autumn"][1], 1)
    print(f"{2 * HALF_M / 1000:g} km square, patches every {SPACING:g} m, {FRAMES} frames a row")
    for metres in (200.0, 300.0):
        indexes = {kind: build_index(summer, box, metres, SPACING, kind) for kind in ("orientation", "canny", "pixels")}
        for name, ground in grounds.items():
            for kind, index in indexes.items():
                report(f"{metres:g} m, {name}, {kind}", *located(index, ground, HEADED))
        edges = indexes["orientation"]
        for name, search in list(ERRORS.items())[1:]:
            report(f"{metres:g} m, autumn, orientation, {name}", *located(edges, grounds["autumn"], search, FRAMES // 2))
        curve(edges, grounds, elsewhere, summer)
    flight(edges, grounds["autumn"], summer)
    print(f"{time.process_time() - began:.0f} s of process time")


def located(
    index: AerialIndex, ground: Ground, search: Search, count: int = FRAMES, seed: int = 5
) -> tuple[list[Located], np.ndarray, float]:
    """Answers, errors in metres, and seconds a frame."""
    rng, found, errors, took = np.random.default_rng(seed), [], [], 0.0
    covered = float(index.card["metres"]) * 1.3
    for _ in range(count):
        lat, lon = (float(v) for v in moved(*MIDDLE, *rng.uniform(-HALF_M, HALF_M, 2)))
        heading, scale = rng.uniform(-1, 1) * search.heading_error_deg, float(np.exp(rng.uniform(-1, 1) * search.scale_error))
        frame = image_at(ground, lat, lon, covered * scale, 256, heading).rgb
        start = time.process_time()
        found.append(locate(frame, covered, index, search))
        took += time.process_time() - start
        errors.append(float(np.hypot(*east_north_m(lat, lon, found[-1].lat, found[-1].lon))))
    return found, np.array(errors), took / count


def report(name: str, found: list[Located], errors: np.ndarray, seconds: float) -> None:
    right, n = int((errors <= SPACING).sum()), len(errors)
    low, high = wilson(right, n)
    print(
        f"{name}: {right / n:.0%} ({low:.0%} to {high:.0%}) within {SPACING:g} m, median {np.median(errors):.0f} m, {1 / seconds:.0f} frames/s"
    )


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    middle, wide = right / n + z * z / (2 * n), z * math.sqrt(right / n * (1 - right / n) / n + z * z / (4 * n * n))
    return (middle - wide) / (1 + z * z / n), (middle + wide) / (1 + z * z / n)


def curve(index: AerialIndex, grounds: dict[str, Ground], elsewhere: Ground, summer: Ground) -> None:
    """What the confidence keeps, over all seasons; the map's own calibration saw only recoloured summer."""
    rows = [located(index, ground, HEADED, FRAMES, seed=6) for ground in grounds.values()]
    present = np.array([f.confidence for found, _, _ in rows for f in found])
    right = np.concatenate([errors <= SPACING for _, errors, _ in rows])
    absent = np.array([f.confidence for f in located(index, elsewhere, HEADED, 60, seed=7)[0]])
    limit = calibrate(index, summer, HEADED, 60)["threshold"]
    for threshold in (*CURVE, limit):
        kept = present > threshold
        of_kept = f"{right[kept].mean():.0%}" if kept.any() else "-"
        mark = " (calibrated on the map)" if threshold == limit else ""
        print(
            f"  told above {threshold:.2f}{mark}: {kept.mean():.0%} of frames, {of_kept} of them right; {(absent > threshold).mean():.0%} from elsewhere"
        )


def flight(index: AerialIndex, ground: Ground, summer: Ground) -> None:
    """40 frames of 3 s at 20 m/s, ten of them lost; heading of the camera known, course and place not."""
    index = index.with_calibration(calibrate(index, summer, HEADED, 60))
    course = np.radians(45 + 30 * np.sin(np.arange(40) / 6))
    lats, lons = moved(*MIDDLE, np.cumsum(np.sin(course)) * 60 - 900, np.cumsum(np.cos(course)) * 60 - 900)
    track, errors, sizes = Track(index, Motion(20.0, 2.0)), [], []
    single = []
    for n, (lat, lon) in enumerate(zip(lats.tolist(), lons.tolist(), strict=True)):
        found = locate(image_at(ground, lat, lon, 390.0, 256, 4.0).rgb, 390.0, index, replace(HEADED))
        single.append(float(np.hypot(*east_north_m(lat, lon, found.lat, found.lon))))
        fix = track.step(3.0 if n else 0.0, None if 20 <= n < 30 else found)
        errors.append(float(np.hypot(*east_north_m(lat, lon, fix.lat, fix.lon))))
        sizes.append(math.sqrt(fix.covariance_m2[0] + fix.covariance_m2[2]))
    print(f"flight in autumn: median {np.median(errors[10:20]):.0f} m after ten frames, {errors[29]:.0f} m (± {sizes[29]:.0f}) at the end of a gap of 30 s, "
          f"median {np.median(errors[32:]):.0f} m after it; frames alone: {np.mean(np.array(single) <= SPACING):.0%} within {SPACING:g} m")  # fmt: skip


if __name__ == "__main__":
    main()
