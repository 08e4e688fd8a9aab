"""Learned descriptors beside the others on drawn ground: `python benchmarks/uav_learned.py train FOLDER [SECONDS SECONDS DATES SMALL]`, then `table FOLDER`.

`train` trains the contrastive encoder and the published auto-encoder at its published size on ground of seed 101, each in so much process time;
`table` measures all descriptors on ground of three other seeds, with the same frames for each: another season, light and year, altitude
off, heading unknown. The palettes of the seasons are the same in training and test; ground, light and years are not. Rows go to
FOLDER/rows.jsonl as they are made.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from uav_edges import CHANGES, wilson

from evals.drawn_ground import DrawnGround, Light
from geo.area import Box
from models.aerial.descriptors import DESCRIPTORS
from models.aerial.encoder_file import open_encoder
from models.aerial.encoder_training import train_autoencoder, train_contrastive
from models.aerial.ground import Ground, image_at
from models.aerial.index import AerialIndex, build_index
from models.aerial.match import Search, locate
from models.aerial.web_mercator import east_north_m, moved

METRES, SPACING, HALF_M = 200.0, 50.0, 1000.0
TRAINED_ON = DrawnGround(45.0, 5.0, 16, 12, seed=101)
TEST_SEEDS = (11, 12, 13)
YEARS = {
    "summer": ("summer", Light(), 0),
    "summer again": ("summer", Light(210.0, 10.0, 0.9, 0.1), 5),
    "autumn": ("autumn", Light(190.0, 9.0, 0.95, 0.05), 6),
    "winter": ("winter", Light(170.0, 15.0, 0.85, 0.2), 7),
    "spring": ("spring", Light(140.0, 6.0, 1.05, 0.05), 8),
}
HEADED = Search(heading_error_deg=10.0)
HIGHER = Search(heading_error_deg=10.0, scale_error=0.1)
LOST = Search(heading_error_deg=180.0)


def train(folder: Path, contrastive_s: float = 600.0, autoencoder_s: float = 600.0, dates: float = 5, small: float = 0) -> None:
    """Both encoders on so many dates, each in so many seconds of process time, none for 0; `small`: the small auto-encoder."""
    layers = [TRAINED_ON.ground(season, light, year) for season, light, year in list(YEARS.values())[: int(dates)]]
    south, west, north, east = TRAINED_ON.box
    box = Box(south + 0.0015, west + 0.0015, north - 0.0015, east - 0.0015)

    def say(step: int, loss: float) -> None:
        print(f"step {step}, loss {loss:.5f}, {time.process_time():.0f} s", flush=True)

    if contrastive_s:
        print(train_contrastive(folder / "contrastive.npz", layers, box, METRES, 100_000, contrastive_s, say=say), flush=True)
    if autoencoder_s:
        each_s = 0.12 if small else 2.5  # of one core: no more patches are drawn than are seen
        steps = max(round(autoencoder_s / each_s), 1)
        print(
            train_autoencoder(folder / "autoencoder.npz", layers, box, METRES, steps, autoencoder_s, small=bool(small), say=say),
            flush=True,
        )


def table(folder: Path, frames: int = 12) -> None:
    """Rows by test ground, those that FOLDER does not hold yet; then all grounds together."""
    learned = [open_encoder(path)[0] for path in (folder / "autoencoder.npz", folder / "contrastive.npz") if path.is_file()]
    rows = kept(folder)
    for seed in TEST_SEEDS:
        drawn = DrawnGround(45.0, 5.0, 16, 8, seed=seed)
        south, west, north, east = drawn.box
        middle = ((south + north) / 2, (west + east) / 2)
        lat, lon = moved(*middle, [-HALF_M, HALF_M], [-HALF_M, HALF_M])
        box = Box(float(lat[0]), float(lon[0]), float(lat[1]), float(lon[1]))
        grounds = {name: drawn.ground(season, light, year) for name, (season, light, year) in CHANGES.items()}
        cases = [(name, ground, HEADED, frames) for name, ground in grounds.items()]
        cases += [
            ("autumn, altitude ±10 %", grounds["autumn"], HIGHER, frames),
            ("autumn, heading unknown", grounds["autumn"], LOST, frames // 2),
        ]
        for made in [*DESCRIPTORS.values(), *learned]:
            done = {row["case"] for row in rows if (row["seed"], row["descriptor"]) == (seed, made.name)}
            todo = [case for case in cases if case[0] not in done]
            index = build_index(drawn.ground(), box, METRES, SPACING, made) if todo else None
            for name, ground, search, count in todo:
                assert index is not None
                errors, seconds = located(index, ground, middle, search, count, seed)
                rows.append(
                    {
                        "seed": seed,
                        "case": name,
                        "descriptor": made.name,
                        "errors_m": [round(e, 1) for e in errors],
                        "s_a_frame": round(seconds, 4),
                    }
                )
                with (folder / "rows.jsonl").open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
                print(seed, name, made.name, told(np.array(errors)), f"{1 / seconds:.1f} frames/s", flush=True)
    summary(rows)


def kept(folder: Path) -> list[dict[str, Any]]:
    path = folder / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def located(
    index: AerialIndex, ground: Ground, middle: tuple[float, float], search: Search, count: int, seed: int
) -> tuple[list[float], float]:
    """Errors in metres, and seconds of process time a frame; the same places and errors for the same seed."""
    rng, errors, took = np.random.default_rng(seed), [], 0.0
    covered = METRES * 1.3
    for _ in range(count):
        lat, lon = (float(v) for v in moved(*middle, *rng.uniform(-HALF_M, HALF_M, 2)))
        heading, scale = rng.uniform(-1, 1) * search.heading_error_deg, float(np.exp(rng.uniform(-1, 1) * search.scale_error))
        frame = image_at(ground, lat, lon, covered * scale, 256, heading).rgb
        start = time.process_time()
        found = locate(frame, covered, index, search)
        took += time.process_time() - start
        errors.append(float(np.hypot(*east_north_m(lat, lon, found.lat, found.lon))))
    return errors, took / count


def told(errors: np.ndarray) -> str:
    right = int((errors <= SPACING).sum())
    low, high = wilson(right, len(errors))
    return f"{right / len(errors):.0%} ({low:.0%} to {high:.0%}) of {len(errors)}, median {np.median(errors):.0f} m"


def summary(rows: list[dict[str, Any]]) -> None:
    """All test grounds together, and the share on each."""
    for case in dict.fromkeys(row["case"] for row in rows):
        for name in dict.fromkeys(row["descriptor"] for row in rows):
            some = [np.array(row["errors_m"]) for row in rows if (row["case"], row["descriptor"]) == (case, name)]
            each = ", ".join(f"{(errors <= SPACING).mean():.0%}" for errors in some)
            print(f"{case} | {name} | {told(np.concatenate(some))} | by ground {each}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(Path(sys.argv[2]), *(float(text) for text in sys.argv[3:]))
    elif sys.argv[1] == "summary":
        summary(kept(Path(sys.argv[2])))
    else:
        table(Path(sys.argv[2]))
