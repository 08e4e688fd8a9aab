"""Which loss makes the better ranker of candidates: both Plackett–Luce orders, cross-entropy on the nearest, or regression of distance.

    python benchmarks/ranker_losses.py --photos 8000 --lists 2000 --queries 800 --seeds 3

On a synthetic Earth (`evals/synthetic_earth.py`) a gallery's photos are asked for the 20 others most like them (leave one out), as GeoRanking was made;
rankers of the same network, data, steps and seeds learn from these lists, and are asked about photos that are in no gallery. Beside them: the best that
any ranking could do, the likest photo, the density of IM2GPS (the belief of retrieval alone), and chance. Means over seeds, the least and the most in
brackets. Each seed is another Earth with other photos and other first weights.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from evals.synthetic_earth import EarthSettings, SyntheticEarth
from geo.sphere import Floats
from models.gallery.flat import FlatGallery
from models.gallery.gallery import Row
from models.ranker.accuracy import accuracy, at_random, by_belief, by_scores, oracle
from models.ranker.from_gallery import GalleryListSettings, gallery_lists, list_of_hits
from models.ranker.lists import RankingData, RankingList
from models.ranker.settings import RankerSettings
from models.ranker.train import train
from models.training_data import TrainingData

LOSSES: dict[str, dict[str, Any]] = {
    "regression of ln(1 + d/25 km)": {"objective": "distance"},
    "cross-entropy on the nearest": {"objective": "nearest"},
    "both orders, K = 1 (published)": {"objective": "orders"},
    "both orders, K = 5": {"objective": "orders", "k": 5},
}
Figures = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=8000)
    parser.add_argument("--lists", type=int, default=2000)
    parser.add_argument("--queries", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    runs = [one_earth(seed, arguments) for seed in range(arguments.seeds)]
    print(table(runs))
    print(differences(runs))
    if arguments.out:
        arguments.out.write_text(json.dumps(runs, indent=1))


def one_earth(seed: int, arguments: argparse.Namespace) -> Figures:
    """All losses on one Earth."""
    earth = SyntheticEarth(EarthSettings(seed=seed))
    known, asked = earth.photos(arguments.photos, 1), earth.photos(arguments.queries, 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = FlatGallery(folder / "store", dim=known.vectors.shape[1], encoder_digest=known.encoder_digest, create=True)
        store.add([Row(str(i), float(known.lat[i]), float(known.lon[i])) for i in range(len(known))], known.vectors)
        store.flush()
        learn = gallery_lists(store, f"synthetic {seed}", GalleryListSettings(arguments.lists, 20, seed))
        tests = lists_about(store, asked)
        return judged(learn, tests, seed, arguments.hidden, folder)


def lists_about(store: FlatGallery, asked: TrainingData) -> list[RankingList]:
    """The gallery's candidates for photos that are not in it."""
    found = store.search(asked.vectors, 20)
    return [list_of_hits(f"query {i}", float(asked.lat[i]), float(asked.lon[i]), hits) for i, hits in enumerate(found)]


def judged(learn: RankingData, tests: list[RankingList], seed: int, hidden: int, folder: Path) -> Figures:
    figures = {
        "oracle": accuracy(tests, oracle),
        "chance": accuracy(tests, at_random),
        "the likest photo": accuracy(tests, by_scores(likeness)),
        "density of IM2GPS": accuracy(tests, by_belief),
    }
    for name, changes in LOSSES.items():
        began = time.process_time()
        ranker = train(learn, RankerSettings(hidden=hidden, seed=seed, **changes), folder / "ranker")
        figures[name] = accuracy(tests, by_scores(lambda one, model=ranker: model.raw_scores(one.features)))  # type: ignore[misc]
        print(f"Earth {seed}, {name}: {time.process_time() - began:.1f} CPU s", file=sys.stderr)
    return figures


def likeness(one: RankingList) -> Floats:
    return np.array([candidate.part("similarity") or 0.0 for candidate in one.candidates])


def table(runs: list[Figures]) -> str:
    """Means over the Earths, with the least and the most."""
    lines = ["| first candidate by | <25 km | <200 km | <750 km | mean km |", "|---|---|---|---|---|"]
    for name in runs[0]:
        cells = [spread([100 * run[name][f"accuracy@{km}"] for run in runs], " %", 1) for km in (25, 200, 750)]
        lines.append(f"| {name} | {' | '.join(cells)} | {spread([run[name]['mean_km'] for run in runs], '', 0)} |")
    return "\n".join(lines)


def differences(runs: list[Figures]) -> str:
    """Each loss less cross-entropy on the nearest, Earth by Earth: mean and one standard error."""
    base = "cross-entropy on the nearest"
    lines = ["", "| less cross-entropy, on the same Earths | <200 km, points | mean km |", "|---|---|---|"]
    for name in LOSSES:
        if name == base or len(runs) < 2:
            continue
        points = [100 * (run[name]["accuracy@200"] - run[base]["accuracy@200"]) for run in runs]
        km = [run[name]["mean_km"] - run[base]["mean_km"] for run in runs]
        cells = [f"{np.mean(part):+.1f} ± {np.std(part, ddof=1) / np.sqrt(len(part)):.1f}" for part in (points, km)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: list[float], unit: str, digits: int) -> str:
    return f"{np.mean(values):.{digits}f}{unit} ({min(values):.{digits}f}–{max(values):.{digits}f})"


if __name__ == "__main__":
    main()
