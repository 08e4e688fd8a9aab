"""Does training raise the reward on scenes that were not trained on? `python benchmarks/tiny_training.py [--seeds N] [--ablations]`.

The recipe `tiny-cpu` on one core: a novice's lessons, SFT, GRPO, for each seed; the policy is judged on held-out scenes (other cities) after
each stage, as it draws its words and with the likeliest word each time. With `--ablations` also with one part taken out each. Prints a
table in Markdown with means over seeds and their standard deviation, and draws the curves of GRPO (`--picture FILE`). `--check` makes it a test.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
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

AS_IT_IS = "as it is"
LEAST_ZOOMS = 0.8
"""Of the cases, after GRPO."""

Results = dict[str, list[list[Stage]]]
Trained = tuple[list[Stage], list[dict[str, Any]], float]


def main() -> None:
    options = _options()
    asked = [
        (name, seed) for name in options.only or (ABLATIONS if options.ablations else [AS_IT_IS]) for seed in range(options.seeds)
    ]
    results, curves, spent = Results(), {}, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for (name, seed), (stages, rows, seconds) in zip(asked, _trained(asked, options, Path(folder)), strict=True):
            results.setdefault(name, []).append(stages)
            spent += seconds
            if name == AS_IT_IS:
                curves[f"seed {seed}"] = rows
            print(f"{name}, seed {seed}: {seconds:.0f} CPU s; " + "; ".join(_line(s) for s in stages), flush=True)
    print("\n".join(table(results)))
    print(f"{spent:.0f} CPU s in all")
    if options.picture and curves:
        draw_curves(curves, options.picture, "tiny-cpu: GRPO after SFT")
    if options.json:
        options.json.write_text(json.dumps({k: [[asdict(s) for s in seed] for seed in v] for k, v in results.items()}, indent=1))
    if options.check and (wrong := what_is_wrong(results[AS_IT_IS])):
        sys.exit(f"training does not do what it should: {wrong}")


def _trained(asked: Sequence[tuple[str, int]], options: argparse.Namespace, folder: Path) -> Iterator[Trained]:
    """Each training in order; in several processes at once where `--jobs` says so."""
    if options.jobs == 1:
        beliefs = Beliefs(32, 200_000)
        yield from (train(name, seed, options.set, folder, beliefs) for name, seed in asked)
        return
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(train, name, seed, options.set, folder) for name, seed in asked]
        yield from (one.result() for one in waiting)


def train(name: str, seed: int, changes: Sequence[str], folder: Path, beliefs: Beliefs | None = None) -> Trained:
    """One training: its stages, the rows of its GRPO, and the CPU seconds it took."""
    began = time.process_time()
    settings = load_settings("tiny-cpu", changes)
    settings = replace(settings, run=replace(settings.run, seed=seed))
    trial = Trial(settings, folder / f"{name}-{seed}", ABLATIONS[name], beliefs or Beliefs(32, 200_000))
    rows: list[dict[str, Any]] = []
    stages = trial.run(
        novice, make_benchmark(LESSONS).records(), lambda stage, row: rows.append(dict(row)) if stage == "grpo" else None
    )
    return stages, rows, time.process_time() - began


def what_is_wrong(seeds: Sequence[Sequence[Stage]]) -> str:
    """Why these trainings do not show that SFT and GRPO raise the reward on other scenes by more than seeds differ; "" where they do."""
    reward = np.array([[stage.drawn.get("reward", 0.0) for stage in stages] for stages in seeds])
    for stage, gain in zip(("SFT", "GRPO"), np.diff(reward, axis=1).T, strict=True):
        noise = float(np.std(gain, ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else 0.0
        if not gain.mean() > 2.0 * noise:
            return f"{stage} gains {gain.mean():.3f} in the mean, with a standard error of {noise:.3f}"
    zooms = min(stages[-1].drawn.get("tool/zoom", 0.0) for stages in seeds)
    return f"the policy zooms in {zooms:.2f} of the cases alone" if zooms < LEAST_ZOOMS else ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--only", action="append", choices=list(ABLATIONS), help="one of the ways to train; repeatable")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, in processes of their own")
    parser.add_argument(
        "--check",
        action="store_true",
        help="fail unless SFT and GRPO raise the reward by more than seeds differ, and it goes on zooming",
    )
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
