"""What a ranker that looks gains where the pictures tell the place: against the order it is given, the light ranker, and other losses.

    python benchmarks/ranker_looks.py --base tiny --seeds 0 1 --out tiny.json
    python benchmarks/ranker_looks.py --base embedded --losses orders nearest --set lora_layers=8 …

A drawn Earth: each region has its colour of houses; sky, ground, light and where the house stands tell nothing. The photos of a gallery are
asked for those most like them (leave one out, nearly grey 16 × 16 thumbnails, which mistake light and layout for looks), as GeoRanking was made. Rankers
learn on one Earth and are asked on another, where the same colours lie elsewhere: coordinates do not help, they have to compare pictures.
Drawings, not photos: nothing here says how well a ranker does on the real Earth.
"""

from __future__ import annotations

import argparse
import colorsys
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from geo.sphere import destination
from models.encoders.tiny import Tiny
from models.gallery.flat import FlatGallery
from models.gallery.gallery import Row
from models.ranker.accuracy import Chooser, accuracy, at_random, by_belief, by_scores, oracle
from models.ranker.from_gallery import GalleryListSettings, gallery_lists
from models.ranker.lists import RankingData, RankingList
from models.ranker.settings import RankerSettings
from models.ranker.train import train
from models.ranker.vlm_settings import VlmSettings
from models.ranker.vlm_train import train_vlm
from models.settings_text import with_changes

SIDE = 96
COLOUR_SEEN = 0.3
"""Share of the colours that the gallery's encoder sees: it is a poor one, so that there is something left to rank."""
NAMES = {
    "orders": "both orders, K = 1 (published)",
    "orders5": "both orders, K = 5",
    "nearest": "cross-entropy on the nearest",
    "distance": "regression of ln(1 + d/25 km)",
}
LOSSES = {
    "orders": VlmSettings(),
    "orders5": VlmSettings(k=5),
    "nearest": VlmSettings(objective="nearest"),
    "distance": VlmSettings(objective="distance"),
}
Figures = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--losses", nargs="*", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--regions", type=int, default=8)
    parser.add_argument("--photos", type=int, default=40, help="of each region")
    parser.add_argument("--lists", type=int, default=600)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--set", dest="changes", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    runs = []
    for seed in arguments.seeds:
        runs.append(one_earth(seed, arguments))
        if arguments.out:
            arguments.out.write_text(json.dumps(runs, indent=1))
    print(table(runs))


def one_earth(seed: int, arguments: argparse.Namespace) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learn = lists_of(folder / "learn", seed, arguments.regions, arguments.photos, arguments.lists, arguments.k)
        tests = lists_of(folder / "tests", seed + 1000, arguments.regions, arguments.photos, arguments.queries, arguments.k)
        return judged(learn, tests, seed, arguments, folder)


def judged(learn: RankingData, tests: RankingData, seed: int, arguments: argparse.Namespace, folder: Path) -> Figures:
    lists = tests.lists
    likeness = by_scores(lambda one: np.array([c.part("similarity") or 0.0 for c in one.candidates]))
    figures = {"oracle": figures_of(lists, oracle), "chance": figures_of(lists, at_random), "the order given": figures_of(lists, likeness),
               "density of IM2GPS": figures_of(lists, by_belief)}  # fmt: skip
    light = train(learn, RankerSettings(seed=seed), folder / "light")
    figures["the light ranker"] = figures_of(lists, by_scores(lambda one: light.raw_scores(one.features)))
    for loss in arguments.losses:
        began = time.process_time()
        ranker = train_vlm(
            learn, arguments.base, with_changes(LOSSES[loss], [f"seed={seed}", *arguments.changes]), folder / loss, told
        )
        learned = time.process_time() - began
        scores = {id(one): ranker.raw_scores_of(one) for one in lists}
        own = figures_of(lists, by_scores(lambda one, known=scores: known[id(one)]))  # type: ignore[misc]
        figures[NAMES[loss]] = {**own, "cpu_s": round(time.process_time() - began)}
        print(
            f"Earth {seed}, {loss}: {learned:.0f} CPU s to learn, {time.process_time() - began - learned:.0f} to ask",
            file=sys.stderr,
        )
    return figures


def figures_of(lists: Sequence[RankingList], choose: Chooser) -> dict[str, Any]:
    """With the share of hits within 200 km of every list, so that rankings can be compared photo by photo."""
    hits = [float(choose(one)[one.distance_km < 200.0].sum()) for one in lists]
    return {**accuracy(lists, choose), "hits": hits}


def told(event: Any) -> None:
    if "loss" in event and event["step"] % 25 == 0:
        print(f"step {event['step']}/{event['of']} loss {event['loss']:.3f} after {event['seconds']:.0f} s", file=sys.stderr)


# -- the Earth


def lists_of(folder: Path, seed: int, regions: int, photos: int, most: int, k: int) -> RankingData:
    """Pictures in `folder`, and lists that name them. Regions lie elsewhere for another seed; their looks are the same wheel of colours."""
    (folder / "pictures").mkdir(parents=True)
    rng = np.random.default_rng([seed, 7])
    rows, vectors = [], []
    for region in range(regions):
        middle = math.degrees(math.asin(rng.uniform(-0.7, 0.9))), float(rng.uniform(-180, 180))
        for number in range(photos):
            lat, lon = (float(v) for v in destination(*middle, rng.uniform(0, 360), rng.uniform(0, 120)))
            path = folder / "pictures" / f"{region}-{number}.jpg"
            picture = drawn(region / regions, rng)
            picture.save(path, quality=90)
            rows.append(Row(f"{seed}-{path.stem}", lat, lon, city="a town", picture=str(path)))
            vectors.append(Tiny().encode([ImageEnhance.Color(picture).enhance(COLOUR_SEEN)])[0])
    store = FlatGallery(folder / "store", dim=Tiny.dim, encoder_digest=Tiny.digest, create=True)
    store.add(rows, np.stack(vectors))
    store.flush()
    return gallery_lists(
        store, f"drawn Earth {seed}", GalleryListSettings(most, k, seed), pictures=lambda some: [row.picture for row in some]
    )


def drawn(hue: float, rng: np.random.Generator) -> Image.Image:
    """A house in the colour of its region before a grey sky on grey ground; where it stands, how large it is and the light tell nothing."""
    sky, ground = (int(v) for v in rng.integers(110, 235, 2))
    picture = Image.new("RGB", (SIDE, SIDE), (sky, sky, sky))
    pen = ImageDraw.Draw(picture)
    line = int(rng.integers(60, 80))
    pen.rectangle((0, line, SIDE, SIDE), (ground, ground, ground))
    w, h = int(rng.integers(34, 60)), int(rng.integers(30, 54))
    x = int(rng.integers(0, SIDE - w))
    red, green, blue = (int(255 * v) for v in colorsys.hsv_to_rgb(hue, 0.75, float(rng.uniform(0.6, 0.95))))
    pen.rectangle((x, line - h + 14, x + w, line + 14), (red, green, blue))
    pen.polygon([(x - 3, line - h + 14), (x + w // 2, line - h - 4), (x + w + 3, line - h + 14)], (60, 55, 50))
    light = np.asarray(picture, dtype=np.float64) * rng.uniform(0.8, 1.1) + rng.normal(0, 4, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))


def table(runs: list[Figures]) -> str:
    """Means over the Earths with the least and the most; of one Earth, within 200 km, ± one standard error over its photos."""
    lines = ["| first candidate by | <25 km | <200 km | <750 km | mean km |", "|---|---|---|---|---|"]
    for name in runs[0]:
        cells = [spread([100 * run[name][f"accuracy@{km}"] for run in runs], " %", 1) for km in (25, 200, 750)]
        if len(runs) == 1:
            hits = np.array(runs[0][name]["hits"])
            cells[1] += f" ± {100 * hits.std(ddof=1) / math.sqrt(len(hits)):.1f}"
        lines.append(f"| {name} | {' | '.join(cells)} | {spread([run[name]['mean_km'] for run in runs], '', 0)} |")
    return "\n".join(lines)


def spread(values: list[float], unit: str, digits: int) -> str:
    mean = f"{np.mean(values):,.{digits}f}{unit}"
    return mean if len(values) == 1 else f"{mean} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


if __name__ == "__main__":
    main()
