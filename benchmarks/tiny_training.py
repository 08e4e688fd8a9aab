"""Does training raise the reward on scenes that were not trained on? `python benchmarks/tiny_training.py [--seeds N] [--ablations]`.

The recipe `tiny-cpu` on one core: a novice's lessons, SFT, GRPO, for each seed; the policy is judged on held-out scenes (other cities) after
each stage, as it draws its words and with the likeliest word each time. With `--ablations` also with one part taken out each. Prints a
table in Markdown with means over seeds and their standard deviation, and draws the curves of GRPO (`--picture FILE`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from agent.beliefs import Beliefs
from evals.benchmarks import make_benchmark
from rl_training.ablations import ABLATIONS, Stage, Trial
from rl_training.config_file import load_settings
from rl_training.curves import draw_curves
from rl_training.teachers import novice

LESSONS = "practice:medium.zoomed_name:3:80:train"
"""What the novice teaches on."""
SHOWN = (("reward", "reward"), ("tool/zoom", "zooms"), ("country", "country"), ("region", "region"), ("city", "city"))

Results = dict[str, list[list[Stage]]]


def main() -> None:
    options = _options()
    beliefs, began, results, curves = Beliefs(32, 200_000), time.process_time(), Results(), {}
    records = make_benchmark(LESSONS).records()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only or (ABLATIONS if options.ablations else ["as it is"]):
            for seed in range(options.seeds):
                settings = load_settings("tiny-cpu", options.set)
                settings = replace(settings, run=replace(settings.run, seed=seed))
                trial = Trial(settings, Path(folder) / f"{name}-{seed}", ABLATIONS[name], beliefs)
                rows: list[dict[str, Any]] = []
                started = time.process_time()
                stages = trial.run(
                    novice, records, lambda stage, row, rows=rows: rows.append(dict(row)) if stage == "grpo" else None
                )
                results.setdefault(name, []).append(stages)
                if name == "as it is":
                    curves[f"seed {seed}"] = rows
                print(
                    f"{name}, seed {seed}: {time.process_time() - started:.0f} CPU s; " + "; ".join(_line(s) for s in stages),
                    flush=True,
                )
    print("\n".join(table(results)))
    print(f"{time.process_time() - began:.0f} CPU s in all")
    if options.picture and curves:
        draw_curves(curves, options.picture, "tiny-cpu: GRPO after SFT")
    if options.json:
        options.json.write_text(json.dumps({k: [[asdict(s) for s in seed] for seed in v] for k, v in results.items()}, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--only", action="append", choices=list(ABLATIONS), help="one of the ways to train; repeatable")
    parser.add_argument("--set", action="append", default=[], metavar="TABLE.FIELD=VALUE")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def table(results: Mapping[str, Sequence[Sequence[Stage]]]) -> list[str]:
    """A row for each way to train and stage."""
    words = [word for _, word in SHOWN]
    lines = ["| trained | after | " + " | ".join(words) + " | likeliest word: reward |", "|" + "---|" * (len(words) + 3)]
    for name, seeds in results.items():
        for stages in zip(*seeds, strict=True):
            drawn = [_spread([s.drawn.get(key, 0.0) for s in stages]) for key, _ in SHOWN]
            greedy = _spread([s.greedy.get("reward", 0.0) for s in stages])
            lines.append(f"| {name} | {stages[0].name} | {' | '.join(drawn)} | {greedy} |")
    return lines


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{deviation}"


def _line(stage: Stage) -> str:
    return f"{stage.name} {stage.drawn.get('reward', 0.0):.3f} (likeliest {stage.greedy.get('reward', 0.0):.3f}, zooms {stage.drawn['tool/zoom']:.2f})"


if __name__ == "__main__":
    main()
