"""Score a folder of trajectories against a `labels.csv` (columns path, lat, lon, and country where known).

    python -m evals.labelled_folder RUN LABELS.csv

Two tables come out: what was answered (with "cannot tell" counting as wrong), and the best guess of every photo had it been
forced, which shows how honest the radii are.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.trajectory import load
from evals.metrics import Metrics, distance_metrics
from geo.sphere import haversine_km


def score(trajectories: Iterable[Mapping[str, Any]], labels: Mapping[str, Mapping[str, str]], forced: bool) -> Metrics:
    """Metrics of the trajectories whose photo has coordinates in `labels` (by file name)."""
    distance, radii, country = [], [], []
    for trajectory in trajectories:
        label = labels.get(Path(trajectory["photo"]).name)
        if label is None or not label["lat"]:
            continue
        place = trajectory["best_guess"] if forced else trajectory["answer"]
        truth = float(label["lat"]), float(label["lon"])
        distance.append(float(haversine_km(*truth, place["lat"], place["lon"])) if place else np.nan)
        radii.append((place["radius50_km"], place["radius90_km"]) if place else (np.nan, np.nan))
        country.append(bool(place) and place["country"] == label["country"] if label.get("country") else None)
    stated = np.array(radii, dtype=np.float64).reshape(-1, 2)
    return distance_metrics(np.array(distance), {0.5: stated[:, 0], 0.9: stated[:, 1]}, country)


def read_labels(path: Path) -> dict[str, dict[str, str]]:
    """Rows by file name."""
    with path.open(encoding="utf-8", newline="") as file:
        return {Path(row["path"]).name: row for row in csv.DictReader(file)}


def table(rows: Sequence[tuple[str, Metrics]]) -> str:
    """The metrics as a Markdown table."""
    head = "| | photos | answered | <1 km | <25 km | <200 km | <750 km | <2500 km | median km | geoscore | country | in 50 % radius | in 90 % radius |"
    lines = [head, "|" + "---|" * 13]
    for name, m in rows:
        shares = " | ".join(f"{100 * share:.1f} %" for share in m.within.values())
        median = f"{m.median_km:,.0f}" if m.median_km is not None else "none"
        country = f"{100 * m.country:.0f} %" if m.country is not None else "-"
        covered = " | ".join(f"{100 * m.coverage[q]:.0f} %" for q in (0.5, 0.9))
        lines.append(
            f"| {name} | {m.count} | {m.answered} | {shares} | {median} | {m.mean_geoscore:.0f} | {country} | {covered} |"
        )
    return "\n".join(lines)


def main(run: str, labels: str) -> None:
    trajectories = [t for file in sorted(Path(run).glob("*.json")) for t in load(file)]
    known = read_labels(Path(labels))
    read = [t for t in trajectories if t["ledger"]]
    rows = [
        ("answers", score(trajectories, known, forced=False)),
        ("best guess of all", score(trajectories, known, forced=True)),
        ("best guess where evidence was found", score(read, known, forced=True)),
    ]
    seconds = sorted(t["seconds"] for t in trajectories)
    print(table(rows))
    print(
        f"\n{len(read)} of {len(trajectories)} photos gave evidence; median {seconds[len(seconds) // 2]:.1f} s a photo, longest {seconds[-1]:.1f} s"
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])
