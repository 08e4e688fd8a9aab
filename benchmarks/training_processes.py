"""Is a step of training shared by two processes (gloo, on this machine) the step of one? `python benchmarks/training_processes.py`.

One step of SFT and one of GRPO of the tiny model on the accelerate backend, alone and shared; rows and groups do not divide evenly, so
that one process has fewer micro-batches. Prints the largest relative difference of loss and gradient norm; fails where one is above 1e-4.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from rl_training.episode import Episode
from tests.rl_training import made

COMPARED = ("loss", "grad_norm", "tokens_trained")


def rollouts(model: Any, step: int, groups: int, salt: int) -> list[list[Episode]]:
    """Three groups are a step's, however many processes share them: here the salt is the process."""
    return made.groups(3, 3, seed=1)[salt :: int(os.environ.get("WORLD_SIZE", "1"))][:groups]


def stages(out: Path) -> dict[str, dict[str, Any]]:
    """The last row that each stage tells; none where this is not the first process."""
    settings = made.settings(steps=1, tasks=3, scale="batch", beta=0.1, filter_groups=False)
    settings = dataclasses.replace(settings, sft=dataclasses.replace(settings.sft, batch=6))
    told = {stage: made.run(stage, settings, out / stage, made.model(), rollouts=rollouts) for stage in ("sft", "grpo")}
    return {stage: rows[-1] for stage, rows in told.items() if rows}


def shared(out: Path) -> dict[str, dict[str, Any]]:
    """What the first of two processes tells."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
    }
    children = [
        subprocess.Popen([sys.executable, __file__, str(out)], env={**os.environ, **group, "RANK": rank, "LOCAL_RANK": rank})
        for rank in "01"
    ]
    if any(child.wait(timeout=600) for child in children):
        sys.exit("a process failed")
    return dict(json.loads((out / "told.json").read_text(encoding="utf-8")))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, two = stages(Path(folder) / "alone"), shared(Path(folder))
    worst = {stage: max(abs(one[stage][name] - two[stage][name]) / abs(one[stage][name]) for name in COMPARED) for stage in one}
    print(json.dumps(worst))
    if max(worst.values()) > 1e-4:
        sys.exit("two processes make another step than one")


if __name__ == "__main__":
    if "RANK" in os.environ:
        told = stages(Path(sys.argv[1]))
        if os.environ["RANK"] == "0":
            (Path(sys.argv[1]) / "told.json").write_text(json.dumps(told), encoding="utf-8")
    else:
        main()
