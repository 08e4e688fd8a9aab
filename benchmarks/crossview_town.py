"""Photos of a drawn town against its tiles: `python benchmarks/crossview_town.py FOLDER [SEED ...]`.

Trains one model a seed on two towns, calibrates it on a third, asks for photos of a fourth; no two towns share any ground. Photos and flights
are of other seasons, light and years. Prints a table for each seed and one of the means, in Markdown, and keeps the models in FOLDER. One
that was stopped goes on where it was. Some five minutes of process time a seed on one slow thread.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from evals.drawn_crossview import DrawnTown
from evals.drawn_crossview_pairs import DrawnPhoto, drawn_photos, weather_of, write_town_pairs
from geo.area import Box
from models.aerial.geo_image import ImageGround
from models.aerial.web_mercator import east_north_m, moved
from models.crossview.ground_view import Aim
from models.crossview.index import TileIndex, build_index
from models.crossview.match import Heading, asked, best_likeness
from models.crossview.metrics import RankCounter, chance, recall, within_m
from models.crossview.model import CrossView, load_crossview
from models.crossview.pair_file import read_pairs
from models.crossview.search import locate
from models.crossview.settings import CrossViewSettings
from models.crossview.train import train

LEARN = (DrawnTown(47.0, 8.0, 17, 8, seed=1), DrawnTown(47.0, 8.1, 17, 8, seed=11))
CALIBRATE = DrawnTown(47.1, 8.0, 17, 5, seed=2)
ASK, ELSEWHERE = DrawnTown(47.2, 8.0, 17, 6, seed=3), DrawnTown(47.3, 8.0, 17, 4, seed=4)
PLACES, CALIBRATE_PLACES, PHOTOS, TOLD_PHOTOS = 1500, 350, 80, 40
SPACING_M, HALF_M = 16.0, 480.0
TOLD = {"told 75/20": (75.0, 20.0), "told 180/20": (180.0, 20.0), "told 360/180": (360.0, 180.0)}
FOVS_DEG, ERRORS_DEG = (60.0, 90.0, 180.0, 360.0), (0.0, 20.0, 60.0, 180.0)
SETTINGS: dict[str, Any] = {"epochs": 13}
Rows = dict[str, dict[str, float]]


def main() -> None:
    folder, seeds = Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or [0, 1, 2]
    results: list[Rows] = []
    for seed in seeds:
        model = trained(folder, seed)
        kept = folder / f"seed{seed}" / "town.json"
        if not kept.exists():
            kept.write_text(json.dumps(measured(model)))
        results.append(json.loads(kept.read_text()))
        show(f"seed {seed}", [results[-1]])
    show(f"mean of {len(seeds)} seeds", results)


def trained(folder: Path, seed: int) -> CrossView:
    """The model of a seed, trained where it is not there yet."""
    pairs = []
    parts = [(town, PLACES, "train") for town in LEARN] + [(CALIBRATE, CALIBRATE_PLACES, "validation")]
    for town, places, split in parts:
        file = folder / f"town{town.seed}" / "pairs.jsonl"
        if not file.exists():
            write_town_pairs(town, file.parent, places, town.seed, split)
        pairs += read_pairs(file)
    into = folder / f"seed{seed}"
    if not (into / "model.json").exists():
        began = time.process_time()
        train(
            pairs,
            "two drawn towns (3,000 places)",
            CrossViewSettings(seed=seed, **SETTINGS),
            into,
            lambda event: told(event, began),
        )
    return load_crossview(into)


def told(event: Any, began: float) -> None:
    print(f"{time.process_time() - began:.0f} s", dict(event), file=sys.stderr, flush=True)


def measured(model: CrossView) -> Rows:
    """Recall by field of view and error of the heading, and what is told."""
    ground, box = flown(), asked_box()
    began = time.process_time()
    index = build_index(model, ground, box, SPACING_M)
    rows: Rows = {"index": {"tiles": float(len(index.seen)), "ms_a_tile": 1000 * (time.process_time() - began) / len(index.seen)}}
    for fov in FOVS_DEG:
        photos = inside(box, fov, PHOTOS, 50)
        for error in ERRORS_DEG:
            rows[f"{fov:g}/{error:g}"] = asked_all(model, index, photos, error)
    return rows | told_rows(model, index, ground, box)


def told_rows(model: CrossView, index: TileIndex, ground: ImageGround, box: Box) -> Rows:
    """What is told, with the second look."""
    return {name: answers(model, index, ground, inside(box, fov, TOLD_PHOTOS, 60), error) for name, (fov, error) in TOLD.items()}


def asked_box() -> Box:
    """What is indexed: a square around the middle of the town."""
    lat, lon = (ASK.box[0] + ASK.box[2]) / 2, (ASK.box[1] + ASK.box[3]) / 2
    (south, north), (west, east) = moved(lat, lon, np.array([-HALF_M, HALF_M]), np.array([-HALF_M, HALF_M]))
    return Box(float(south), float(west), float(north), float(east))


def flown() -> ImageGround:
    """What the tiles show: one summer."""
    weather = weather_of(np.random.default_rng(77), ("summer",))
    return ASK.ground(weather.season, weather.light, weather.year)


def inside(box: Box, fov: float, count: int, seed: int) -> list[DrawnPhoto]:
    """Photos whose place is indexed."""
    found = [p for p in drawn_photos(ASK, 4 * count, seed, fov) if box.contains(p.lat, p.lon)]
    return found[:count]


def heading_of(photo: DrawnPhoto, error: float, rng: np.random.Generator) -> Heading:
    return Heading() if error >= 180 else Heading(photo.heading_deg + float(rng.uniform(-error, error)), error)


def aim_of_photo(photo: DrawnPhoto) -> Aim:
    return Aim(photo.fov_deg, panorama=photo.fov_deg >= 360)


def asked_all(model: CrossView, index: TileIndex, photos: list[DrawnPhoto], error: float) -> dict[str, float]:
    """First look alone: ranks of the nearest tile, those beside it neither right nor wrong, and metres to the likest tile."""
    lats, lons = index.points()
    rng, codes, scores, own, beside, metres = np.random.default_rng(5), index.codes.astype(np.float32), [], [], [], []
    for photo in photos:
        looks = asked(model.reader, photo.picture, aim_of_photo(photo), heading_of(photo, error, rng))
        values, _ = best_likeness(codes, looks)
        away = np.hypot(*east_north_m(photo.lat, photo.lon, lats, lons))
        own.append(int(away.argmin()))
        beside.append(np.flatnonzero(away < 1.5 * SPACING_M).tolist())
        scores.append(values)
        metres.append(float(away[int(values.argmax())]))
    table = np.stack(scores)
    counter = RankCounter(table[np.arange(len(own)), own], own, beside)
    counter.add(table)
    found = recall(counter)
    assert found is not None
    near = within_m(np.array(metres), (25.0, 50.0))
    return {"R@1": found.at["1"], "R@5": found.at["5"], "R@10": found.at["10"], "R@1%": found.at["1%"], "hit": found.hit_rate,
            **{key: float(value or 0.0) for key, value in near.items()}}  # fmt: skip


def answers(model: CrossView, index: TileIndex, ground: ImageGround, photos: list[DrawnPhoto], error: float) -> dict[str, float]:
    """With the second look: what is told, how often it is right, and what is told of photos from elsewhere."""
    rng = np.random.default_rng(6)
    errors: list[float] = []
    first: list[float] = []
    sure: list[bool] = []
    for photo in photos:
        heading = heading_of(photo, error, rng)
        for store, into in ((ground, errors), (None, first)):
            found = locate(model, index, photo.picture, [aim_of_photo(photo)], heading, ground=store)
            into.append(float(np.hypot(*east_north_m(photo.lat, photo.lon, found.best.lat, found.best.lon))))
            if store is not None:
                sure.append(found.sure)
    away = list(drawn_photos(ELSEWHERE, TOLD_PHOTOS // 2, 61, photos[0].fov_deg))
    wrong = [locate(model, index, p.picture, [aim_of_photo(p)], heading_of(p, error, rng), ground=ground).sure for p in away]
    right, said = np.array(errors) < 50.0, np.array(sure)
    return {"within_50_m": float(right.mean()), "within_50_m_first_look": float((np.array(first) < 50).mean()), "median_m": float(np.median(errors)),
            "told": float(said.mean()), "right_of_told": float(right[said].mean()) if said.any() else float("nan"), "told_elsewhere": float(np.mean(wrong))}  # fmt: skip


def show(title: str, results: list[Rows]) -> None:
    """Means over seeds, and their standard deviation where there are several."""
    tiles = int(results[0]["index"]["tiles"])
    print(
        f"\n{title}: {tiles:,} tiles every {SPACING_M:g} m, {PHOTOS} photos a row; chance R@1 {100 * chance(tiles)['1']:.2f} %, R@1 % 1.0 %"
    )
    names = ("R@1", "R@5", "R@10", "R@1%", "hit", "within_25_m", "within_50_m", "median_m")
    print("| field of view | heading | " + " | ".join(names) + " |\n|---|---|" + "---|" * len(names))
    for fov in FOVS_DEG:
        for error in ERRORS_DEG:
            heading = "unknown" if error >= 180 else "known" if error == 0 else f"±{error:g}°"
            cells = [
                _cell([row[f"{fov:g}/{error:g}"][name] for row in results], name.endswith("_m") and name.startswith("median"))
                for name in names
            ]
            print(f"| {fov:g}° | {heading} | " + " | ".join(cells) + " |")
    for key, (fov, error) in TOLD.items():
        row = {name: [result[key][name] for result in results] for name in results[0][key]}
        words = ", ".join(f"{name} {_cell(values, name == 'median_m')}" for name, values in row.items())
        print(f"{fov:g}°, heading {'unknown' if error >= 180 else f'±{error:g}°'}: {words}")
    print(f"{np.mean([row['index']['ms_a_tile'] for row in results]):.1f} ms a tile")


def _cell(values: list[float], metres: bool) -> str:
    if np.isnan(values).all():
        return "–"
    scale, mean = (1.0 if metres else 100.0), float(np.nanmean(values))
    spread = f" ± {scale * float(np.nanstd(values)):.0f}" if len(values) > 1 else ""
    return f"{scale * mean:.0f}{spread}" + ("" if metres else " %")


if __name__ == "__main__":
    main()
