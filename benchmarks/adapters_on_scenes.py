"""Adapters of the embedded policy beside each other on many drawn scenes: `python benchmarks/adapters_on_scenes.py --scenes 40 sft=DIR grpo=DIR`.

All of them answer the same held-out scenes of each difficulty, the likeliest token each time, many at once, and signs are told as OCR reads them
(`world.reader = "known-ocr"`), so that a hundred scenes take minutes. Prints Markdown: means, and differences to the first adapter scene by scene
with their standard errors. What is measured is kept in `--out` and not measured again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evals.benchmarks import make_benchmark
from geo.score import geoscore
from models.model_folder import write_json
from rl_training.config_file import load_settings
from rl_training.episode import Episode
from rl_training.filters import answer_distance_km, verdicts_of
from rl_training.policy_model import load_policy_model
from rl_training.rollout_metrics import facts
from rl_training.run import rollouts_of

LEVELS = ("easy", "medium", "hard")
AT_ONCE = 20
FIGURES = ("reward", "answered", "country", "region", "city", "within_25km", "geoscore", "zoom", "find_place")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("adapters", nargs="+", metavar="NAME=DIR")
    parser.add_argument("--scenes", type=int, default=40, help="of each difficulty")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    measured = {}
    for name, folder in (adapter.split("=", 1) for adapter in options.adapters):
        kept = options.out / f"{name}-{options.seed}-{options.scenes}.json"
        if not kept.is_file():
            write_json(kept, measure(folder, options.scenes, options.seed))
        measured[name] = json.loads(kept.read_text())
    print("\n".join(table(measured)))


def measure(folder: str, scenes: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Figures of each scene, by difficulty."""
    settings = load_settings("embedded", [f"model.adapter={folder}", "model.dtype=float32", f"world.at_once={AT_ONCE}"])
    model, processor = load_policy_model(settings)
    rollouts = rollouts_of(settings, model.eval(), processor).at_temperature(0.0)
    found = {}
    for level in LEVELS:
        began, records = time.perf_counter(), make_benchmark(f"practice:{level}:{seed}:{scenes}:held-out").records()
        found[level] = [figures(episode) for episode in asyncio.run(rollouts.play(records))]
        print(f"{folder} {level}: {len(records)} scenes in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def figures(episode: Episode) -> dict[str, Any]:
    """What one scene adds to the table; one that was not answered is wrong, however near its best guess."""
    assert episode.truth is not None
    verdicts, km, calls = (
        verdicts_of(episode.trajectory, episode.truth),
        answer_distance_km(episode.trajectory, episode.truth),
        facts(episode),
    )
    return {
        "task": episode.task, "reward": calls["reward"] or 0.0, "answered": float(km < np.inf), "within_25km": float(km < 25.0),
        "geoscore": float(geoscore(km)), **{level: float(bool(verdicts[level])) for level in ("country", "region", "city")},
        "zoom": float(calls["tools"].get("zoom", 0) > 0), "find_place": float(calls["tools"].get("find_place", 0) > 0),
    }  # fmt: skip


def table(measured: dict[str, dict[str, list[dict[str, Any]]]]) -> list[str]:
    lines = ["| set | adapter | n | " + " | ".join(FIGURES) + " |", "|---" * (3 + len(FIGURES)) + "|"]
    first = next(iter(measured.values()))
    for level in (*LEVELS, "all"):
        for name, found in measured.items():
            rows = rows_of(found, level)
            lines.append(f"| {level} | {name} | {len(rows)} | " + " | ".join(f"{mean(rows, key):.4g}" for key in FIGURES) + " |")
            if found is not first:
                before = rows_of(first, level)
                assert [row["task"] for row in rows] == [row["task"] for row in before]
                lines.append(
                    f"| {level} | {name}, more | | " + " | ".join(difference(rows, before, key) for key in FIGURES) + " |"
                )
    return lines


def rows_of(found: dict[str, list[dict[str, Any]]], level: str) -> list[dict[str, Any]]:
    return [row for each, rows in found.items() if level in {each, "all"} for row in rows]


def mean(rows: Sequence[dict[str, Any]], key: str) -> float:
    return float(np.mean([row[key] for row in rows]))


def difference(rows: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]], key: str) -> str:
    apart = np.array([row[key] - old[key] for row, old in zip(rows, before, strict=True)])
    return f"{apart.mean():+.3g} ± {apart.std(ddof=1) / np.sqrt(len(apart)):.2g}"


if __name__ == "__main__":
    main()
