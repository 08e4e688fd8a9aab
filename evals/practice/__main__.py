"""`python -m evals.practice --level hard --n 20 --seed 0 --out DIR` writes pictures, labels.csv and clues.jsonl."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from evals.practice import LEVELS, Practice, write
from evals.record import BenchmarkError


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None or min(int(match[1]), int(match[2])) < 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 448x336")
    return int(match[1]), int(match[2])


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m evals.practice", description="Draw street scenes whose place is known.")
    parser.add_argument("--level", choices=LEVELS, required=True)
    parser.add_argument("--n", type=int, default=20, help="how many scenes (20)")
    parser.add_argument("--seed", type=int, default=0, help="which scenes (0)")
    parser.add_argument("--size", type=_size, help="pixels of every picture, such as 448x336 (each scene's own)")
    parser.add_argument("--out", type=Path, required=True, help="folder for images, labels.csv and clues.jsonl")
    chosen = parser.parse_args(arguments)
    try:
        count = write(Practice(chosen.level, chosen.seed, chosen.n, chosen.size), chosen.out)
    except (BenchmarkError, RuntimeError, ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(f"{count} scenes in {chosen.out}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
