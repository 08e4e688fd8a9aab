"""Learned geolocators on a synthetic Earth, where the truth and what can be known of it are known (`evals/synthetic_earth.py`).

    python benchmarks/learned_geolocators.py --photos 20000 --queries 400 --seeds 3 --out table.json

Every method sees the same photos. Distances are those of the point that the method answers with; "in the belief" is the point of highest
expected geoscore under the photo prior and the method's evidence, and only there bits and coverage mean something.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evals.synthetic_earth import EarthSettings, SyntheticEarth
from geo.evidence import Evidence
from geo.score import THRESHOLDS_KM, geoscore
from geo.sphere import Floats, haversine_km
from models.alignment.settings import AlignmentSettings
from models.alignment.train import train as train_alignment
from models.gallery.catalogue import GalleryCard, NamedGallery, write_card
from models.gallery.flat import FlatGallery
from models.gallery.gallery import Hit, Row
from models.gallery.own_density import own_density
from models.geocells.settings import GeocellSettings
from models.geocells.train import train as train_geocells
from models.knn_calibration import calibrate
from models.knn_density import NeighbourDensity
from models.knn_evidence import neighbour_evidence
from models.training_data import TrainingData
from models.validation import validate

Figures = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    runs = [one_earth(seed, arguments.photos, arguments.queries) for seed in range(arguments.seeds)]
    print(table(runs))
    if arguments.out:
        arguments.out.write_text(json.dumps(runs, indent=1))


def one_earth(seed: int, photos: int, queries: int) -> Figures:
    """All methods on one Earth."""
    earth = SyntheticEarth(EarthSettings(seed=seed))
    known, asked = earth.photos(photos, 1), earth.photos(queries, 2)
    with tempfile.TemporaryDirectory() as folder:
        gallery = gallery_of(known, Path(folder) / "gallery")
        found = gallery.store.search(asked.vectors, 120)
        figures: Figures = {}
        evidence = neighbours(figures, gallery, found, asked)
        cells, aligned = trained(figures, known, asked, Path(folder), seed)
        shared = {"neighbours": evidence, "geocells": cells, "alignment": aligned}
        together(figures, shared, asked)
    return figures


def neighbours(figures: Figures, gallery: NamedGallery, found: list[list[Hit]], asked: TrainingData) -> list[Evidence]:
    """The likest photo, the published density, and the calibrated one in the belief with and without the gallery's own density."""
    figures["top-1 neighbour"] = scored([(hits[0].row.lat, hits[0].row.lon) for hits in found], asked)
    figures["density, published (IM2GPS)"] = scored([NeighbourDensity.of(hits).guess() for hits in found], asked)
    best: list[Evidence] = []
    for divided in (False, True):
        calibration = calibrate(gallery, divide_density=divided)
        own = own_density(gallery) if divided else None
        evidence = [neighbour_evidence(hits, calibration, own, "synthetic", "neighbours") for hits in found]
        best = [item for item in evidence if item is not None]
        name = "gallery density divided out" if divided else "gallery density left in"
        figures[f"density in the belief, {name}"] = believed([[item] for item in best], asked)
    return best


def trained(
    figures: Figures, known: TrainingData, asked: TrainingData, folder: Path, seed: int
) -> tuple[list[Evidence], list[Evidence]]:
    """Geocells with their ablations, and alignment."""
    settings = GeocellSettings(seed=seed)
    for name, changes in (
        ("one-hot labels", {"one_hot": True}),
        ("haversine smoothing", {}),
        ("smoothing, normalised", {"normalised": True}),
    ):
        began = time.monotonic()
        cells = train_geocells(known, replace(settings, **changes), folder / name.replace(" ", "-"), progress(name))
        plain = replace_refine(cells)
        figures[f"geocells, {name}: cell centre"] = scored([plain(vector) for vector in asked.vectors], asked)
        figures[f"geocells, {name}: refined"] = scored([cells.guess(vector) for vector in asked.vectors], asked)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        if name == "haversine smoothing":
            of_cells = [cells.evidence(vector) for vector in asked.vectors]
    figures["geocells in the belief"] = believed([[item] for item in of_cells], asked)
    began = time.monotonic()
    alignment = train_alignment(known, AlignmentSettings(seed=seed), folder / "alignment", progress("alignment"))
    print(f"alignment: {time.monotonic() - began:.0f} s", file=sys.stderr)
    likeliest = [int(np.argmax(alignment.log_likelihoods(vector))) for vector in asked.vectors]
    best = [(float(alignment.candidates.lat[row]), float(alignment.candidates.lon[row])) for row in likeliest]
    figures["alignment: likeliest photo place"] = scored(best, asked)
    of_alignment = [alignment.evidence(vector) for vector in asked.vectors]
    figures["alignment in the belief"] = believed([[item] for item in of_alignment], asked)
    return of_cells, of_alignment


def together(figures: Figures, parts: Mapping[str, list[Evidence]], asked: TrainingData) -> None:
    """All three, sharing a source (their mean, as `estimate` does it) or as if they were independent (their product)."""
    for name, source in (("mean", lambda part: "picture"), ("product", lambda part: part)):
        clues = [[replace(part[row], source=source(key)) for key, part in parts.items()] for row in range(len(asked))]
        figures[f"all three in the belief, {name}"] = believed(clues, asked)


def replace_refine(cells: Any) -> Callable[[Any], tuple[float, float]]:
    """The guess without refinement: the centre of the likeliest cell."""

    def guess(vector: Any) -> tuple[float, float]:
        top = cells.top_cells(vector, 1)[0]
        return top.lat, top.lon

    return guess


def scored(points: list[tuple[float, float]], asked: TrainingData) -> dict[str, Any]:
    lat, lon = np.array(points, dtype=np.float64).T
    return figures_of(haversine_km(lat, lon, asked.lat, asked.lon))


def figures_of(distance: Floats) -> dict[str, Any]:
    hits = {f"hit@{km:g}": float((distance < km).mean()) for km in THRESHOLDS_KM}
    return {"median_km": float(np.median(distance)), "geoscore": float(geoscore(distance).mean()), **hits}


def believed(clues: list[list[Evidence]], asked: TrainingData) -> dict[str, Any]:
    done = validate(clues, asked.lat, asked.lon)
    return {**figures_of(done.distance_km), "bits": float(done.bits.mean()), "held90": done.held90}


def gallery_of(data: TrainingData, folder: Path) -> NamedGallery:
    store = FlatGallery(folder / "store", dim=data.vectors.shape[1], encoder_digest=data.encoder_digest, create=True)
    store.add([Row(str(i), float(data.lat[i]), float(data.lon[i])) for i in range(len(data))], data.vectors)
    store.flush()
    card = GalleryCard(data.encoder, data.encoder_digest, data.vectors.shape[1], "flat:store")
    write_card(folder, card)
    return NamedGallery("synthetic", folder, card, store)


def progress(what: str) -> Callable[[Mapping[str, Any]], None]:
    def told(event: Mapping[str, Any]) -> None:
        if "epoch" in event or "reliability" in event:
            print(what, dict(event), file=sys.stderr)

    return told


def table(runs: list[Figures]) -> str:
    """Means over the Earths, with the least and the most in brackets for the median."""
    lines = [
        "| method | median km | geoscore | <25 km | <200 km | <750 km | bits | in 90 % region |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method in runs[0]:
        rows = [run[method] for run in runs]
        median = [row["median_km"] for row in rows]
        cells = [f"{np.mean(median):.0f} ({min(median):.0f}–{max(median):.0f})", f"{np.mean([r['geoscore'] for r in rows]):.0f}"]
        cells += [f"{100 * np.mean([r[f'hit@{km}'] for r in rows]):.0f} %" for km in (25, 200, 750)]
        cells += [f"{np.mean([r['bits'] for r in rows]):.2f}" if "bits" in rows[0] else ""]
        cells += [f"{100 * np.mean([r['held90'] for r in rows]):.0f} %" if "held90" in rows[0] else ""]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
