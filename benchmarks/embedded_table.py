"""What each stage of the embedded policy does beside the checklist: `python benchmarks/embedded_table.py --out runs/table [--stage NAME=DIR]`.

Stages are `checklist`, `base` (assembled, projector at random, nothing trained) and adapters by folder (`models/data/embedded_policy`). Every stage
answers the same held-out drawn scenes of three difficulties and, with `--photos`, a folder of labelled photos. Runs go on where they stopped. Prints
Markdown: shares right, geoscore when forced to guess, reward and its parts, tools used, tokens, seconds and the peak of memory; then every other
stage beside the first, photo by photo.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.limits import Limits
from agent.policies import Policy, make_policy
from evals.benchmarks import make_benchmark
from evals.rows import rows_of
from evals.run import RunSettings, prepare, run, standing
from evals.run_folder import RunFolder
from geo.score import geoscore
from rl_training.reward import score
from tools.toolbox import ToolSettings

SCENES = 12
PARTS = ("levels", "distance", "calibration", "evidence", "format")


def main() -> None:
    options = _options()
    stages = dict(
        stage.partition("=")[::2] for stage in options.stage or ["checklist", "base", "embedded=models/data/embedded_policy"]
    )
    sets = {level: f"practice:{level}:{options.seed}:{options.scenes}:held-out" for level in ("easy", "medium", "hard")}
    if options.photos:
        sets["photos"] = f"folder:{options.photos}"
    if options.only:  # one stage in a process of its own, so that the peak of memory is its own
        _play(options.only, stages[options.only], sets, options)
        return
    for name in stages:
        passed = [argument for argument in sys.argv[1:] if not argument.startswith("--only")]
        subprocess.run([sys.executable, __file__, *passed, "--only", name], check=True)
    print("\n".join(table({name: _figures(name, sets, options.out) for name in stages})))
    first, *others = stages
    print("\n".join(line for name in others for line in apart(options.out / first, options.out / name, list(sets))))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stage", action="append", metavar="NAME[=DIR]")
    parser.add_argument("--scenes", type=int, default=SCENES, help="of each difficulty")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--photos", type=Path, help="a folder with labels.csv")
    parser.add_argument("--most", type=int, default=24, help="photos, the first of a fixed draw")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    return parser.parse_args()


def policy_of(name: str, folder: str) -> Policy:
    """The policy of a stage."""
    if name == "checklist":
        return make_policy("checklist")
    from agent.policies import embedded
    from agent.policies.policy_card import read_card
    from agent.policies.transformers_vl import around
    from models.vision_language.adapter import fold_adapter
    from models.vision_language.embedded import assemble

    card = read_card(embedded.folder())
    model, processor = assemble(max_pixels=card.max_pixels)
    if folder:
        model = fold_adapter(model, Path(folder))
    return around(f"embedded-{name}", model.eval(), processor, card)


def _play(name: str, folder: str, sets: dict[str, str], options: argparse.Namespace) -> None:
    policy = policy_of(name, folder)
    for title, bench in sets.items():
        photos = title == "photos"
        settings = RunSettings(limits=Limits(8, 16), tools=ToolSettings(offline=True, leave_out_copies=True), workers=1, attempts=1,
                               thumbnails=False, limit=options.most if photos else None, seed=0 if photos else None)  # fmt: skip
        kept = RunFolder(options.out / name / title)
        records = prepare(make_benchmark(bench), policy.name, settings, kept)
        asyncio.run(_through(records, policy, settings, kept))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (options.out / name / "peak_mb.json").write_text(json.dumps(round(peak)))


async def _through(records: Sequence[Any], policy: Policy, settings: RunSettings, folder: RunFolder) -> None:
    progress = standing(records, settings, folder)
    async for trajectory in run(records, policy, settings, folder, progress):
        print(
            f"{folder.path.parent.name} {folder.path.name}: {trajectory['photo']} {trajectory.get('label', '')}",
            file=sys.stderr,
            flush=True,
        )


def _figures(name: str, sets: dict[str, str], out: Path) -> dict[str, dict[str, float]]:
    """What a stage did on each set."""
    peak = float(json.loads((out / name / "peak_mb.json").read_text()))
    return {title: {**_of_run(RunFolder(out / name / title)), "peak_mb": peak} for title in sets}


def _of_run(folder: RunFolder) -> dict[str, float]:
    told, forced, kept = rows_of(folder), rows_of(folder, forced=True), folder.trajectories()
    rewards = [score(kept[row.id], row.truth) for row in told if row.id in kept]
    total = [reward.total for reward in rewards if reward.total is not None]
    km = [row.distance_km if row.distance_km is not None else np.inf for row in forced]
    parts = {
        f"reward/{part}": _mean([value for reward in rewards if (value := reward.parts.get(part)) is not None]) for part in PARTS
    }
    tools = {
        f"calls/{tool}": _mean([sum(call.tool == tool for call in row.calls) for row in told])
        for tool in ("read_text", "zoom", "find_place", "estimate")
    }
    return {
        "n": len(told), **{level: _mean([bool(row.levels.get(level)) for row in told]) for level in ("country", "region", "city")},
        "within_25_km": _mean([distance < 25 for distance in km]), "geoscore": _mean([geoscore(distance) for distance in km]),
        "reward": _mean(total), **parts, **tools,
        "tokens_in": _mean([row.tokens_in for row in told]), "tokens_out": _mean([row.tokens_out for row in told]), "seconds": _mean([row.seconds for row in told]),
    }  # fmt: skip


def apart(first: Path, other: Path, titles: Sequence[str]) -> list[str]:
    """How much more `other` has than `first`, photo by photo, with standard errors; photos that only one of them saw are left out."""
    lines = ["", f"| set | n | {other.name} beside {first.name}: reward | city | <25 km | geoscore |", "|---" * 6 + "|"]
    for title in titles:
        before, after = (_photo_by_photo(RunFolder(stage / title)) for stage in (first, other))
        found = np.array([after[name] - before[name] for name in sorted(before.keys() & after.keys())])
        if len(found) > 1:
            errors = found.std(axis=0, ddof=1) / np.sqrt(len(found))
            cells = [f"{mean:+.3g} ± {error:.2g}" for mean, error in zip(found.mean(axis=0), errors, strict=True)]
            lines.append(f"| {title} | {len(found)} | " + " | ".join(cells) + " |")
    return lines


def _photo_by_photo(folder: RunFolder) -> dict[str, np.ndarray]:
    """Reward, city (told), within 25 km and geoscore (when forced to guess) of each photo."""
    kept = folder.trajectories()
    km = {row.id: np.inf if row.distance_km is None else row.distance_km for row in rows_of(folder, forced=True)}
    found = {}
    for row in rows_of(folder):
        if row.id in kept:
            away = km.get(row.id, np.inf)
            reward = score(kept[row.id], row.truth).total or 0.0
            found[row.id] = np.array([reward, bool(row.levels.get("city")), away < 25, geoscore(away)], float)
    return found


def _mean(values: Sequence[Any]) -> float:
    return float(np.mean([float(value) for value in values])) if values else float("nan")


def table(figures: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """A row for each set and stage."""
    heads = (
        "n",
        "country",
        "region",
        "city",
        "<25 km",
        "geoscore",
        "reward",
        *PARTS,
        "zooms",
        "names looked up",
        "tokens read",
        "written",
        "s",
        "peak MB",
    )
    lines = ["| set | stage | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 2)]
    for title in next(iter(figures.values())):
        for stage, of in figures.items():
            f = of[title]
            shares = [f"{100 * f[key]:.0f} %" for key in ("country", "region", "city", "within_25_km")]
            parts = [f"{f[f'reward/{part}']:.2f}" for part in PARTS]
            used = [
                f"{f['calls/zoom']:.1f}",
                f"{f['calls/find_place']:.1f}",
                f"{f['tokens_in']:,.0f}",
                f"{f['tokens_out']:,.0f}",
                f"{f['seconds']:.0f}",
                f"{f['peak_mb']:,.0f}",
            ]
            lines.append(
                "| "
                + " | ".join(
                    [title, stage, f"{f['n']:.0f}", *shares, f"{f['geoscore']:,.0f}", f"{f['reward']:.2f}", *parts, *used]
                )
                + " |"
            )
    return lines


if __name__ == "__main__":
    main()
